//! Who passes, and what is refused of a configuration.

use serde_json::json;

use super::*;
use crate::fixture::{Fixture, answer, compile, compile_reading, through};

fn verdict(policy: &IpFilter, ip: &str) -> Option<(u16, &'static str, String)> {
    let mut fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    fixture.client.ip = ip.parse().unwrap();
    let reply = through(policy, &mut fixture.exchange(), &answer("HTTP/1.1 200 OK\n"))?;
    Some((reply.status, reply.code, reply.reason.into_owned()))
}

#[test]
fn deny_counts_more_than_allow_and_allow_shuts_out_the_rest() {
    let denied = || Some((403, "IP_FORBIDDEN", "denied".to_owned()));
    let unknown = || Some((403, "IP_FORBIDDEN", "not_allowed".to_owned()));
    for (settings, ip, want) in [
        (json!({"deny": ["192.0.2.0/24"]}), "192.0.2.7", denied()),
        (json!({"deny": ["192.0.2.0/24"]}), "192.0.3.7", None),
        (json!({"allow": ["192.0.2.0/24"]}), "192.0.2.7", None),
        (json!({"allow": ["192.0.2.0/24"]}), "192.0.3.7", unknown()),
        (json!({"allow": ["192.0.2.0/24"]}), "2001:db8::1", unknown()),
        (json!({"allow": ["192.0.2.0/24"], "deny": ["192.0.2.7"]}), "192.0.2.7", denied()),
        (json!({"allow": ["192.0.2.0/24"], "deny": ["192.0.2.7"]}), "192.0.2.8", None),
        (json!({"allow": ["2001:db8::/32"]}), "2001:db8::1", None),
    ] {
        let policy = compile::<Config>(settings.clone()).unwrap();
        assert_eq!(verdict(&policy, ip), want, "{settings} {ip}");
    }
}

#[test]
fn a_file_adds_to_the_list() {
    let text = "# those who attack\n\n 192.0.2.0/24  # all\n2001:db8::7\r\n";
    let policy =
        compile_reading::<Config>(json!({"deny": ["198.51.100.1"], "deny_file": "bad.txt"}), "bad.txt", text)
            .unwrap();
    for (ip, refused) in
        [("192.0.2.9", true), ("2001:db8::7", true), ("198.51.100.1", true), ("198.51.100.2", false)]
    {
        assert_eq!(verdict(&policy, ip).is_some(), refused, "{ip}");
    }
}

#[test]
fn refuses_what_cannot_be_meant() {
    for (settings, want) in [
        (json!({}), "policies.it: it lists nobody; write `allow` or `deny`"),
        (json!({"allow": []}), "policies.it.allow: the list is empty"),
        (json!({"deny": ["10.1.2.3/8"]}), "bits set beyond its prefix"),
        (json!({"deny_file": "none.txt"}), "policies.it.deny_file: the file `none.txt` cannot be read"),
    ] {
        let error = compile::<Config>(settings).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
    let error =
        compile_reading::<Config>(json!({"allow_file": "a.txt"}), "a.txt", "10.0.0.1\n\nhost\n10.0.0.1/8\n")
            .map(|_| ())
            .unwrap_err();
    assert_eq!(error.lines().count(), 2, "{error}");
    assert!(error.contains("a.txt:3:1: error: policies.it.allow_file: `host` is not an address"), "{error}");
    assert!(error.contains("a.txt:4:1: error: policies.it.allow_file: `10.0.0.1/8` has bits set"), "{error}");
}
