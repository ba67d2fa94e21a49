//! What cannot be meant is refused where it stands.

use super::config;
use crate::harness::said_of;

fn check(service: &str) -> String {
    said_of(&config(service), &["check"]).0
}

#[test]
fn a_mistake_is_told_at_its_place_with_what_to_write() {
    for (service, place, want) in [
        (
            "discover: {}",
            "2:19",
            "services.up.discover: there is no source; write one of `file`, `dns` and `etcd`",
        ),
        ("discover: { file: a, dns: a.b }", "2:19", "services.up.discover: there is more than one source"),
        ("discover: { file: a }", "2:27", "services.up.discover.file: the file cannot be read"),
        ("discover: { dns: 10.0.0.1:80 }", "2:26", "`10.0.0.1` is an address; list it in `endpoints`"),
        ("discover: { etcd: { endpoints: [], prefix: /s/ } }", "2:19", "there is nobody to ask"),
        ("discover: { etcd: { endpoints: [etcd:2379], prefix: /s/ } }", "2:41", "`etcd:2379` has no scheme"),
        (
            "discover: { etcd: { endpoints: [http://e:2379], prefix: '' } }",
            "2:65",
            "all keys would be endpoints",
        ),
        (
            "discover: { etcd: { endpoints: [http://e:2379], prefix: /s/, user: a } }",
            "2:19",
            "there is no `password`",
        ),
        (
            "discover: { etcd: { endpoints: [http://e:2379], prefix: /s/, timeout: 0s } }",
            "2:79",
            "nobody can answer in no time",
        ),
    ] {
        let said = check(service);
        let place = format!("sekisho.yaml:{place}: ");
        assert!(said.contains(want) && said.contains(&place), "{service}\n{place}{want}\n{said}");
    }
}

#[test]
fn a_source_is_enough_and_endpoints_can_stand_beside_it() {
    for service in ["discover: { dns: a.b }", "endpoints: [http://a], discover: { dns: a.b }"] {
        let said = check(service);
        assert!(said.contains("0 errors"), "{said}");
    }
    assert!(check("timeouts: {}").contains("there is no endpoint"));
}
