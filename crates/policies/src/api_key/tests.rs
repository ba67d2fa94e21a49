//! Which keys are good, what is taken off, and what is refused of a configuration.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::fixture::{Fixture, answer, compile, compile_reading, lines, through};

const KEY: &str = "sk_0123456789abcdef";

fn hash(key: &str) -> String {
    let hex: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// The reason of the refusal, or the id of whom it is taken for.
fn asked(policy: &ApiKey, head: &str) -> Result<Option<String>, String> {
    let fixture = Fixture::new(head);
    let mut exchange = fixture.exchange();
    exchange.papers = sekisho_exchange::Papers::expecting(1);
    match through(policy, &mut exchange, &answer("HTTP/1.1 200 OK\n")) {
        Some(reply) => Err(format!("{} {} {}", reply.status, reply.code, reply.reason)),
        None => Ok(exchange.identity.map(|who| who.subject().to_owned())),
    }
}

fn with(key: &str) -> String {
    format!("GET / HTTP/1.1\nHost: a\nX-API-Key: {key}\n")
}

#[test]
fn a_key_names_its_holder_and_any_other_is_refused() {
    let keys = json!([
        {"id": "u-1", "hash": hash(KEY), "name": "Ada", "email": "ada@a.test", "tier": "premium",
         "roles": ["admin"], "permissions": ["order:read", "order:write"]},
        {"id": "u-2", "key": "sk_another-key-of-somebody"},
    ]);
    let policy = compile::<Config>(json!({"keys": keys})).unwrap();
    assert_eq!(asked(&policy, &with("sk_another-key-of-somebody")), Ok(Some("u-2".to_owned())));
    for wrong in
        ["sk_0123456789abcdeF", "sk_0123456789abcde", &format!("{KEY}x"), "x", &"x".repeat(2000), &hash(KEY)]
    {
        assert_eq!(asked(&policy, &with(wrong)), Err("401 AUTH_FAILED unknown_key".to_owned()), "{wrong}");
    }
    for missing in
        ["GET / HTTP/1.1\nHost: a\n", "GET /?api_key=sk_0123456789abcdef HTTP/1.1\nHost: a\n", &with("")]
    {
        assert_eq!(
            asked(&policy, missing),
            Err("401 AUTH_MISSING_TOKEN no_credential".to_owned()),
            "{missing}"
        );
    }
    let twice = format!("{}X-Api-Key: {KEY}\n", with(KEY));
    assert_eq!(asked(&policy, &twice), Err("401 AUTH_FAILED duplicate".to_owned()));

    let request = with(KEY);
    let fixture = Fixture::new(&request);
    let mut exchange = fixture.exchange();
    assert_eq!(through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n")), None);
    let who = exchange.identity.clone().unwrap();
    assert_eq!((who.by, who.subject(), who.email(), who.tier()), ("api_key", "u-1", "ada@a.test", "premium"));
    assert_eq!(
        (who.roles().joined(), who.permissions().joined()),
        ("admin".into(), "order:read,order:write".into())
    );
    assert_eq!(who.claim("name"), Some("Ada".into()));
    assert_eq!(lines(&exchange.to_service, exchange.head), "Host: a\n", "the key is for the gateway alone");
}

#[test]
fn the_challenge_names_the_realm() {
    let settings = json!({"keys": [{"id": "a", "hash": hash(KEY)}], "realm": "the shop"});
    let policy = compile::<Config>(settings).unwrap();
    for head in [with("wrong-but-long-enough"), "GET / HTTP/1.1\nHost: a\n".to_owned()] {
        let fixture = Fixture::new(&head);
        let mut exchange = fixture.exchange();
        exchange.papers = sekisho_exchange::Papers::expecting(1);
        let reply = through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n")).unwrap();
        assert_eq!(reply.headers, [("WWW-Authenticate".into(), "ApiKey realm=\"the shop\"".into())]);
    }
}

#[test]
fn a_key_is_good_until_it_expires() {
    let policy =
        compile::<Config>(json!({"keys": [{"id": "a", "hash": hash(KEY), "expires": "2026-01-01"}]}))
            .unwrap();
    let request = with(KEY);
    for (after, want) in [(0, None), (86_399, None), (86_400, Some("expired")), (1_000_000, Some("expired"))]
    {
        let fixture = Fixture::new(&request);
        fixture.clock.advance(Duration::from_secs(after));
        let mut exchange = fixture.exchange();
        exchange.papers = sekisho_exchange::Papers::expecting(1);
        let reply = through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n"));
        assert_eq!(reply.as_ref().map(|reply| &*reply.reason), want, "{after} s");
    }
}

#[test]
fn a_query_may_have_the_key_and_then_services_do_not_see_it() {
    let keys = json!([{"id": "a", "hash": hash(KEY)}]);
    let policy = compile::<Config>(json!({"keys": keys, "query": "api_key", "hide": false})).unwrap();
    for (query, asks) in
        [(format!("?api_key={KEY}"), None), (format!("?a=1&api%5Fkey={KEY}&b=%20"), Some("a=1&b=%20"))]
    {
        let fixture = Fixture::new(&format!("GET /{query} HTTP/1.1\nHost: a\n"));
        let mut exchange = fixture.exchange();
        assert_eq!(through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n")), None, "{query}");
        assert_eq!(exchange.identity.as_ref().map(|who| who.subject()), Some("a"));
        assert_eq!(exchange.to_ask.query.as_deref(), asks);
    }
    let fixture = Fixture::new(&with(KEY));
    let mut exchange = fixture.exchange();
    through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n"));
    assert!(lines(&exchange.to_service, exchange.head).contains(KEY), "`hide: false` lets the header pass");
    let both = format!("GET /?api_key={KEY} HTTP/1.1\nHost: a\nX-API-Key: {KEY}\n");
    for several in [both, format!("GET /?api_key={KEY}&api_key={KEY} HTTP/1.1\nHost: a\n")] {
        assert_eq!(asked(&policy, &several), Err("401 AUTH_FAILED duplicate".to_owned()), "{several}");
    }
}

#[test]
fn without_required_nobody_may_pass_but_a_wrong_key_may_not() {
    let policy =
        compile::<Config>(json!({"keys": [{"id": "a", "hash": hash(KEY)}], "required": false})).unwrap();
    assert_eq!(asked(&policy, "GET / HTTP/1.1\nHost: a\n"), Ok(None));
    assert_eq!(asked(&policy, &with("wrong")), Err("401 AUTH_FAILED unknown_key".to_owned()));
    assert_eq!(asked(&policy, &with(KEY)), Ok(Some("a".to_owned())));
}

#[test]
fn a_file_has_more_keys_and_its_own_places() {
    let inline = json!([{"id": "a", "hash": hash(KEY)}]);
    let settings = json!({"keys": inline, "file": "keys.yaml"});
    let text = format!("- {{ id: b, hash: {}, roles: [x] }}\n", hash("sk_the-key-of-b"));
    let policy = compile_reading::<Config>(settings.clone(), "keys.yaml", &text).unwrap();
    for (key, id) in [(KEY, "a"), ("sk_the-key-of-b", "b")] {
        assert_eq!(asked(&policy, &with(key)), Ok(Some(id.to_owned())));
    }
    for (text, want) in [
        (
            format!("- {{ id: a, hash: {} }}\n", hash("other")),
            "keys.yaml:1:9: error: policies.it.file[0].id: the id `a` is taken",
        ),
        (
            format!("- {{ id: b, hash: {} }}\n", hash(KEY)),
            "keys.yaml:1:18: error: policies.it.file[0]: the same key is there already",
        ),
        (
            "- { id: b, key: '${API_KEY_OF_THE_SHOP}' }\n".to_owned(),
            "keys.yaml:1:17: error: policies.it.file[0].key: variables",
        ),
        (
            "- { id: b, hash: sha256:12 }\n".to_owned(),
            "keys.yaml:1:18: error: policies.it.file[0].hash: this is no digest",
        ),
        ("- { idd: b }\n".to_owned(), "keys.yaml:1:5: error: policies.it.file[0].idd: unknown"),
        ("keys: [\n".to_owned(), "keys.yaml:"),
        ("a: b\n".to_owned(), "keys.yaml:1:1: error: policies.it.file"),
    ] {
        let error = compile_reading::<Config>(settings.clone(), "keys.yaml", &text).map(|_| ()).unwrap_err();
        assert!(error.starts_with(want), "{text}{error}");
    }
}

#[test]
fn refuses_what_cannot_be_meant_and_never_prints_a_key() {
    let one = |more: Value| {
        let mut holder = json!({"id": "a", "hash": hash(KEY)});
        holder.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"keys": [holder]})
    };
    for (settings, want) in [
        (json!({}), "policies.it: there are no keys"),
        (json!({"keys": []}), "there are no keys"),
        (json!({"keys": [{"id": "a"}]}), "policies.it.keys[0]: the key is missing"),
        (one(json!({"key": KEY})), "policies.it.keys[0]: `hash` and `key` exclude each other"),
        (one(json!({"hash": "md5:12"})), "policies.it.keys[0].hash: this is no digest"),
        (one(json!({"hash": hash(KEY).replace(':', ":\u{e4}")})), "this is no digest"),
        (json!({"keys": [{"id": "a", "key": "tooshort"}]}), "policies.it.keys[0].key: a key has 16 to 512"),
        (
            json!({"keys": [{"id": "a", "key": "a key with blanks in it"}]}),
            "policies.it.keys[0].key: a key has",
        ),
        (
            json!({"keys": [{"id": "a", "hash": hash("1")}, {"id": "a", "hash": hash("2")}]}),
            "policies.it.keys[1].id: the id `a`",
        ),
        (
            json!({"keys": [{"id": "a", "hash": hash(KEY)}, {"id": "b", "key": KEY}]}),
            "policies.it.keys[1]: the same key",
        ),
        (one(json!({"id": ""})), "policies.it.keys[0].id: the subject is empty"),
        (one(json!({"roles": ["a\nb"]})), "policies.it.keys[0].roles: \"a\\nb\" is no name"),
        (one(json!({"email": "a\nb"})), "policies.it.keys[0].email"),
        (one(json!({"expires": "soon"})), "`soon` is no date"),
        (
            json!({"keys": [{"id": "a", "hash": hash(KEY)}], "header": "a b"}),
            "policies.it.header: `a b` is no header's name",
        ),
        (json!({"keys": [{"id": "a", "hash": hash(KEY)}], "header": "X-User-ID"}), "belongs to the gateway"),
        (
            json!({"keys": [{"id": "a", "hash": hash(KEY)}], "query": "k"}),
            "policies.it.query: the access log would show",
        ),
        (
            json!({"keys": [{"id": "a", "hash": hash(KEY)}], "realm": "a\"b"}),
            "policies.it.realm: it cannot stand",
        ),
        (json!({"keys": [{"id": "a", "hash": hash(KEY)}], "requird": true}), "unknown field"),
        (json!({"file": "none.yaml"}), "policies.it.file: the file `none.yaml` cannot be read"),
    ] {
        let error = compile::<Config>(settings.clone()).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{settings}: {error}");
        assert!(!error.contains(KEY) && !error.contains("tooshort"), "{error}");
    }
}
