//! Properties of the registry: whatever is told, it is what a table of keys and values would be.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn header(revision: i64) -> Value {
    json!({ "cluster_id": "14841639068965178418", "member_id": "1", "revision": revision.to_string(), "raft_term": "2" })
}

fn pair(key: &str, value: &str) -> Value {
    json!({ "key": encoded(key.as_bytes()), "value": encoded(value.as_bytes()), "create_revision": "5" })
}

fn listed(revision: i64, pairs: &[(&str, &str)]) -> EtcdRegistry {
    let mut registry = EtcdRegistry::default();
    let kvs: Vec<_> = pairs.iter().map(|(key, value)| pair(key, value)).collect();
    let answer = json!({ "header": header(revision), "kvs": kvs, "count": pairs.len().to_string() });
    registry.list(answer.to_string().as_bytes()).unwrap();
    registry
}

fn tell(registry: &mut EtcdRegistry, result: &Value) -> Result<Told, String> {
    registry.line(json!({ "result": result }).to_string().as_bytes())
}

fn urls(registry: &EtcdRegistry) -> Vec<String> {
    registry.answer().found.into_iter().map(|endpoint| endpoint.url).collect()
}

#[test]
fn a_range_and_what_changes_after_it_are_one_picture() {
    let mut registry = listed(7, &[("/s/b", "http://b"), ("/s/a", r#"{"url":"http://a","weight":3}"#)]);
    assert_eq!(
        (urls(&registry), registry.next_revision()),
        (vec!["http://a".into(), "http://b".into()], Some(8))
    );
    assert_eq!(tell(&mut registry, &json!({ "header": header(7), "created": true })), Ok(Told::Begun));
    let events =
        json!([{ "kv": pair("/s/c", "http://c") }, { "type": "DELETE", "kv": { "key": encoded(b"/s/a") } }]);
    assert_eq!(tell(&mut registry, &json!({ "header": header(9), "events": events })), Ok(Told::Changed));
    assert_eq!(
        (urls(&registry), registry.next_revision()),
        (vec!["http://b".into(), "http://c".into()], Some(10))
    );
    assert_eq!(tell(&mut registry, &json!({ "header": header(40) })), Ok(Told::Nothing));
    assert_eq!(registry.next_revision(), Some(41), "a report of progress");
}

#[test]
fn a_key_that_names_nothing_keeps_nobody_out() {
    let registry = listed(1, &[("/s/a", "http://a"), ("/s/x\n", "nonsense")]);
    let answer = registry.answer();
    assert_eq!(answer.found.len(), 1);
    assert_eq!(
        answer.odd,
        ["key `/s/x`: `nonsense` has no scheme; write `http://host:port` or `https://host:port`"]
    );
}

#[test]
fn an_etcd_that_is_another_or_older_must_be_asked_anew() {
    let mut registry = listed(7, &[]);
    let compacted = json!({ "header": header(20), "canceled": true, "compact_revision": "15" });
    assert_eq!(tell(&mut registry, &compacted), Ok(Told::Outdated));
    assert_eq!(tell(&mut registry, &json!({ "header": header(6), "created": true })), Ok(Told::Outdated));
    let other = json!({ "header": { "cluster_id": "5", "revision": "9" }, "created": true });
    assert_eq!(tell(&mut registry, &other), Ok(Told::Outdated));
    let canceled = json!({ "header": header(9), "canceled": true, "cancel_reason": "etcdserver: no leader" });
    assert_eq!(tell(&mut registry, &canceled), Err("etcdserver: no leader".into()));
    let refused = br#"{"error":{"grpc_code":16,"http_code":401,"message":"etcdserver: invalid auth token"}}"#;
    assert_eq!(registry.line(refused), Err("etcdserver: invalid auth token".into()));
}

#[test]
fn there_are_never_more_keys_than_are_bearable() {
    let kvs: Vec<_> = (0..=MOST).map(|index| pair(&format!("/s/{index}"), "http://a")).collect();
    let mut registry = listed(3, &[("/s/a", "http://a")]);
    let many = json!({ "header": header(7), "kvs": kvs }).to_string();
    assert!(registry.list(many.as_bytes()).unwrap_err().contains("more than 10000 keys"));
    assert_eq!((registry.len(), registry.next_revision()), (1, Some(4)), "what was known stays");
    let events: Vec<_> =
        (0..=MOST).map(|index| json!({ "kv": pair(&format!("/s/{index}"), "http://a") })).collect();
    assert!(tell(&mut registry, &json!({ "header": header(8), "events": events })).is_err());
    assert_eq!(registry.len(), MOST);
}

#[test]
fn the_end_of_a_range_is_the_first_key_behind_it() {
    for (prefix, want) in
        [(&b"/s/"[..], &b"/s0"[..]), (b"a\xff", b"b"), (b"a\xff\xff", b"b"), (b"\xff", b"\0")]
    {
        assert_eq!(behind(prefix), want, "{prefix:?}");
    }
}

/// A put or a deletion of one of few keys, several at a revision.
fn steps() -> impl Strategy<Value = Vec<Vec<(u8, Option<u16>)>>> {
    let step = (0_u8..8, prop::option::weighted(0.7, 1_u16..));
    prop::collection::vec(prop::collection::vec(step, 1..4), 0..20)
}

proptest! {
    #[test]
    fn it_is_what_a_table_would_be(steps in steps(), start in 1_i64..1_000_000) {
        let mut registry = listed(start, &[]);
        let mut table = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            let events: Vec<_> = step.iter().map(|(key, port)| {
                let name = format!("/s/{key}");
                match port {
                    Some(port) => {
                        let url = format!("http://h:{port}");
                        table.insert(name.clone(), url.clone());
                        json!({ "kv": pair(&name, &url) })
                    }
                    None => {
                        table.remove(&name);
                        json!({ "type": "DELETE", "kv": { "key": encoded(name.as_bytes()) } })
                    }
                }
            }).collect();
            let revision = start + 1 + index as i64;
            prop_assert_eq!(tell(&mut registry, &json!({ "header": header(revision), "events": events })), Ok(Told::Changed));
            prop_assert_eq!(registry.next_revision(), Some(revision + 1));
        }
        prop_assert_eq!(urls(&registry), table.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_are_too_much_for_it(bytes: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9]{0,200}") {
        let mut registry = listed(3, &[("/s/a", "http://a")]);
        for bytes in [&bytes[..], text.as_bytes()] {
            let _ = registry.list(bytes);
            let _ = registry.line(bytes);
        }
        prop_assert!(registry.len() <= MOST);
    }
}
