//! What of settings is refused, and what stands in memory.

use std::sync::Arc;

use bytes::Bytes;
use sekisho_caching::{Key, KeyParts, Policy, Sharing, Stored, Times, admit};
use sekisho_units::{Pattern, Wall};
use sekisho_wire::{Edits, HeadBuf};
use serde_json::json;

use super::Config;
use super::entry::{Entry, Target, tags};
use super::memory::Memory;
use super::purge::Purge;
use crate::fixture;

fn facts(answer: &HeadBuf) -> Stored {
    let mut request = HeadBuf::default();
    request.request(b"GET", b"/").unwrap();
    let now = Wall::from_secs(1_000_000);
    let times = Times { asked: now, received: now };
    admit(request.view(), &Edits::default(), answer.view(), times, Sharing::Everyone, &Policy::default())
        .unwrap()
}

fn entry(host: &str, path: &str, lines: &[(&str, &str)], body: usize) -> Arc<Entry> {
    let mut head = HeadBuf::default();
    head.response(200);
    head.push("Cache-Control", b"max-age=60").unwrap();
    lines.iter().for_each(|(name, value)| head.push(name, value.as_bytes()).unwrap());
    let (facts, tags) = (facts(&head), tags(head.view()));
    let target = Target { host: host.into(), path: path.into() };
    Arc::new(Entry { head, facts, body: Bytes::from(vec![b'x'; body]), target, tags })
}

fn key(path: &str) -> Key {
    Key::of(&KeyParts { path, ..KeyParts::default() })
}

fn memory() -> Memory {
    Memory::new(1 << 20, 1 << 16)
}

/// Stores an answer of 100 bytes.
fn put(memory: &Memory, host: &str, path: &str, lines: &[(&str, &str)]) {
    let entry = entry(host, path, lines, 100);
    let stand = memory.marks().stand(host, path, None);
    let stand = memory.marks().tagged(&stand, &entry.tags);
    assert!(memory.put(key(path), entry, stand));
}

fn has(memory: &Memory, path: &str) -> bool {
    memory.get(&key(path)).is_some_and(|variants| memory.good(&variants).next().is_some())
}

#[test]
fn settings_that_cannot_be_meant_are_refused_with_a_remedy() {
    let rows: serde_json::Map<String, serde_json::Value> =
        (400..417).map(|status| (status.to_string(), json!("1m"))).collect();
    for (settings, want) in [
        (json!({ "max_body": "0B" }), "max_body: nothing could be stored; write a size such as `8MiB`"),
        (json!({ "max": "1MiB" }), "let `max` be four times `max_body` at least"),
        (json!({ "except": ["api"] }), "except[0]: `api` is no beginning of a path; write whole segments"),
        (json!({ "except": ["/a", "/b/*"] }), "except[1]: `/b/*` is no beginning of a path"),
        (json!({ "ignore_query": ["a*b"] }), "ignore_query[0]: `a*b` is no name of a query parameter"),
        (json!({ "vary_by": ["a b"] }), "vary_by[0]: `a b` is no name of a header field"),
        (json!({ "ttl": "1 fortnight" }), "is not a duration"),
        (
            json!({ "ttl_of": { "99": "1m" } }),
            "ttl_of.99: `99` is no status that can be stored; write one from 200 to 599",
        ),
        (json!({ "ttl_of": { "304": "1m" } }), "ttl_of.304: `304` is no status that can be stored"),
        (json!({ "ttl_of": { "308-301": "1m" } }), "ttl_of.308-301: `308-301` is no status"),
        (json!({ "ttl_of": rows }), "ttl_of: there are more than 16 rows; write ranges such as `400-499`"),
        (json!({ "heuristic": "110%" }), "is more than `100%`"),
        (json!({ "request_cookies": "eaten" }), "expected `heeded` or `ignored`"),
        (json!({ "store": "disk" }), "unknown variant `disk`, expected `memory` or `redis`"),
        (
            json!({ "store": "redis" }),
            "store: no store is shared: there is none at the top; write `store: redis:",
        ),
    ] {
        let said = fixture::compile::<Config>(settings.clone()).map(|_| ()).unwrap_err();
        assert!(said.contains(want), "{settings}: {said}");
    }
    assert!(fixture::compile::<Config>(json!({})).is_ok());
}

#[test]
fn purges_take_what_they_mean_and_nothing_else() {
    let fill = |memory: &Memory| {
        put(memory, "a.test", "/p/1", &[("Cache-Tag", "red, round")]);
        put(memory, "a.test", "/p/2", &[("Surrogate-Key", "red")]);
        put(memory, "b.test", "/p/3", &[]);
        put(memory, "b.test", "/q", &[]);
    };
    let path = |host: Option<&str>, pattern: &str| Purge::Path {
        host: host.map(Into::into),
        pattern: pattern.parse::<Pattern>().unwrap(),
    };
    for (purge, gone) in [
        (Purge::Key(key("/p/1")), &["/p/1"][..]),
        (Purge::Tag("red".into()), &["/p/1", "/p/2"]),
        (Purge::Tag("round".into()), &["/p/1"]),
        (Purge::Tag("blue".into()), &[]),
        (path(None, "/p/*"), &["/p/1", "/p/2", "/p/3"]),
        (path(Some("b.test"), "/p/*"), &["/p/3"]),
        (path(None, "/p"), &[]),
        (Purge::All, &["/p/1", "/p/2", "/p/3", "/q"]),
    ] {
        let memory = memory();
        fill(&memory);
        assert_eq!(memory.purge(&purge), gone.len() as u64, "{purge:?}");
        for path in ["/p/1", "/p/2", "/p/3", "/q"] {
            assert_eq!(has(&memory, path), !gone.contains(&path), "{purge:?} {path}");
        }
        fill(&memory);
        assert!(has(&memory, "/p/1"), "it can be stored again");
    }
}

#[test]
fn what_was_asked_for_before_a_purge_or_an_invalidation_is_not_stored_after_it() {
    let memory = memory();
    let stand = || memory.marks().tagged(&memory.marks().stand("a.test", "/1", None), &["red".into()]);
    let store = |stand| memory.put(key("/1"), entry("a.test", "/1", &[("Cache-Tag", "red")], 1), stand);
    for purge in [Purge::Key(key("/2")), Purge::Tag("blue".into()), Purge::All] {
        let before = stand();
        memory.purge(&purge);
        assert!(!store(before) && !has(&memory, "/1"), "{purge:?}");
    }
    let before = stand();
    memory.marks().forget("a.test", "/1", None);
    assert!(!store(before));
    assert!(store(stand()) && has(&memory, "/1"));
    memory.marks().forget("a.test", "/1", None);
    assert!(!has(&memory, "/1"), "what is stored already is as good as gone");
}

#[test]
fn memory_stays_within_its_bound_whatever_comes() {
    let memory = memory();
    for number in 0..20_000_usize {
        let path = format!("/{number}");
        let entry = entry("a.test", &path, &[], number * 7 % 9_000);
        memory.put(key(&path), entry, memory.marks().stand("a.test", &path, None));
        let filled = memory.filled();
        assert!(filled.bytes <= filled.most, "{filled:?}");
    }
    let filled = memory.filled();
    assert!(filled.most <= (1 << 20) + 64 && filled.bytes > filled.most / 2, "{filled:?}");
}

#[test]
fn ages_are_of_the_answer_and_not_of_its_place() {
    let answer = entry("a.test", "/", &[("Age", "5")], 1);
    let now = Wall::from_secs(1_000_000);
    assert_eq!((answer.facts.age(now), answer.facts.age(Wall::from_secs(1_000_003))), (5, 8));
}
