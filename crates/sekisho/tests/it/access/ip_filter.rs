//! `ip_filter`: 403 for addresses that may not pass.

use super::{assert_problem, config, decided, gateway, gateway_with};
use crate::harness::{Client, Gateway, Service};

const REFUSED: (u16, &str, &str) = (403, "IP_FORBIDDEN", "Address not allowed");
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[track_caller]
fn from(gateway: &Gateway, ip: &str) -> crate::harness::Answer {
    let mut client = Client::connect_from(ip, gateway.addr);
    client.send(GET);
    client.answer()
}

#[test]
fn an_address_that_is_denied_or_not_allowed_gets_403_with_security_headers() {
    let service = Service::echo();
    let gateway = gateway(&service, "ip_filter: { allow: [127.0.0.0/28], deny: [127.0.0.2] }");
    assert_eq!(from(&gateway, "127.0.0.1").status, 200);
    for (ip, reason) in [("127.0.0.2", "denied"), ("127.0.0.77", "not_allowed")] {
        let answer = from(&gateway, ip);
        assert_problem(&answer, REFUSED, &[]);
        assert_eq!(decided(&gateway, &answer), ("ip_filter".to_owned(), reason.to_owned()));
    }
    assert_eq!(service.requests(), 1);
}

#[test]
fn the_address_is_what_a_trusted_proxy_says_and_nobody_else() {
    let service = Service::echo();
    let config = config(&service, "ip_filter: { deny: [198.51.100.7, '2001:db8::/32'] }");
    let gateway = Gateway::start(&format!("{config}trusted_proxies: [127.0.0.1]\n"));
    for (proxy, said, status) in [
        ("127.0.0.1", "198.51.100.7", 403),
        ("127.0.0.1", "198.51.100.8", 200),
        ("127.0.0.1", "2001:db8:1::1", 403),
        ("127.0.0.1", "::ffff:198.51.100.7", 403),
        ("127.0.0.1", "198.51.100.8, 198.51.100.7", 403),
        ("127.0.0.3", "198.51.100.7", 200),
    ] {
        let mut client = Client::connect_from(proxy, gateway.addr);
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {said}\r\n\r\n"));
        assert_eq!(client.answer().status, status, "{proxy} says {said}");
    }
}

#[test]
fn a_file_is_read_again_at_a_reload_and_a_bad_one_changes_nothing() {
    let service = Service::echo();
    let files = [("bad.txt", "# attackers\n127.0.0.2\n")];
    let gateway = gateway_with(&service, "ip_filter: { deny_file: bad.txt }", &files);
    assert_eq!(from(&gateway, "127.0.0.2").status, 403);
    assert_eq!(from(&gateway, "127.0.0.3").status, 200);
    let write = |text: &str| {
        let new = gateway.dir.join("new.txt");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, gateway.dir.join("bad.txt")).unwrap();
    };
    write("127.0.0.3\nnonsense\n");
    assert_eq!(gateway.reload().0, 422);
    assert_eq!(from(&gateway, "127.0.0.2").status, 403, "the lists in force stay");
    write("127.0.0.3\n");
    gateway.reload();
    assert_eq!((from(&gateway, "127.0.0.2").status, from(&gateway, "127.0.0.3").status), (200, 403));
}

#[test]
fn in_shadow_everybody_passes() {
    let service = Service::echo();
    let gateway = gateway(&service, "ip_filter: { mode: shadow, allow: [192.0.2.1] }");
    let answer = from(&gateway, "127.0.0.1");
    assert_eq!(answer.status, 200);
    let want = serde_json::json!([{ "policy": "ip_filter", "status": 403, "code": "IP_FORBIDDEN" }]);
    assert_eq!(gateway.wait_log_of(&answer)["shadow"], want);
}
