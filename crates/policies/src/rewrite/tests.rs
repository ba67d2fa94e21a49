//! Which path the service is asked for.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, answer, compile, through};

/// The target that the service is asked for, or the status of the refusal.
fn asked(settings: &Value, target: &str) -> Result<String, u16> {
    let policy = compile::<Config>(settings.clone()).unwrap();
    let fixture = Fixture::new(&format!("GET {target} HTTP/1.1\nHost: a.example\n"));
    let mut exchange = fixture.exchange();
    match through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n")) {
        Some(reply) => Err(reply.status),
        None => Ok(match &exchange.to_ask.query {
            Some(query) => format!("{}?{query}", exchange.to_ask.path),
            None => exchange.to_ask.path.clone().into_owned(),
        }),
    }
}

#[test]
fn prefixes_go_and_come_by_segment() {
    let strip = json!({"strip_prefix": "/api/users"});
    let add = json!({"add_prefix": "/v1/"});
    let both = json!({"strip_prefix": "/api/users/", "add_prefix": "/v1"});
    for (settings, target, want) in [
        (&strip, "/api/users", "/"),
        (&strip, "/api/users/", "/"),
        (&strip, "/api/users/7?a=b", "/7?a=b"),
        (&strip, "/api/usersX", "/api/usersX"),
        (&strip, "/api/user", "/api/user"),
        (&strip, "/x/api/users", "/x/api/users"),
        (&strip, "/%61pi/users/7", "/7"),
        (&add, "/", "/v1/"),
        (&add, "/a?b", "/v1/a?b"),
        (&both, "/api/users/7", "/v1/7"),
        (&both, "/other", "/v1/other"),
    ] {
        assert_eq!(asked(settings, target).as_deref(), Ok(want), "{settings} {target}");
    }
}

#[test]
fn stripping_keeps_a_borrowed_path_borrowed_and_never_begins_with_two_slashes() {
    let policy = compile::<Config>(json!({"strip_prefix": "/api"})).unwrap();
    let fixture = Fixture::new("GET /api/7 HTTP/1.1\nHost: a.example\n");
    let mut exchange = fixture.exchange();
    through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n"));
    assert!(matches!(exchange.to_ask.path, Cow::Borrowed("/7")));
    assert_eq!(strip("/api//evil.test/x", "/api"), Some("/evil.test/x"));
}

#[test]
fn a_match_becomes_what_to_says() {
    for (expression, to, target, want) in [
        ("^/old/(.*)$", "/new/$1", "/old/a/b?q=1", Ok("/new/a/b?q=1")),
        ("^/old/(.*)$", "/new/$1", "/other", Ok("/other")),
        ("^/old", "/new", "/old/a", Ok("/new/a")),
        ("^/u/(?<id>[0-9]+)$", "/users?id=${id}&by=path", "/u/7?q=1", Ok("/users?id=7&by=path")),
        ("^/u/(?<id>.*)$", "/users?id=$id", "/u/7&admin=1", Ok("/users?id=7%26admin%3D1")),
        ("^/([a-z]+)/([a-z]+)$", "/$2/$1$$", "/a/b", Ok("/b/a$")),
        ("/a/(.*)/x$", "/b/$1/../c", "/a/1/x", Ok("/b/c")),
        // What would not begin with one slash, leaves the root, or breaks an encoding, is not sent.
        ("^/a(.*)$", "$1", "/a", Err(400)),
        ("^/a(.*)$", "$1", "/ab", Err(400)),
        ("^/a", "/", "/a/b", Err(400)),
        ("^/a/(.)x/(.)$", "/.$1/$2", "/a/.x/c", Err(400)),
        ("^/a(%2)(.)$", "/$1", "/a%20", Err(400)),
        // An encoding put together from parts counts as the byte that it becomes.
        ("^/a(%)x(5c)$", "/$1$2", "/a%25x5c", Ok("/a%25x5c")),
        ("^/(.*)x(.*)$", "/$1$2", "/%20x", Ok("/%20")),
        ("^/a(%2)0(.)$", "/$1$2", "/a%20f", Err(400)),
    ] {
        let settings = json!({"match": expression, "to": to});
        assert_eq!(
            asked(&settings, target).as_deref().map_err(|&status| status),
            want,
            "{expression} {to} {target}"
        );
    }
}

#[test]
fn refuses_settings_that_cannot_work() {
    for (settings, want) in [
        (json!({}), "policies.it: nothing is rewritten"),
        (json!({"strip_prefix": "api"}), "`api` is no path prefix"),
        (json!({"strip_prefix": "/"}), "`/` is no path prefix"),
        (json!({"strip_prefix": "/a/../b"}), "not a path in its normal form; write `/b`"),
        (json!({"add_prefix": "/a?b"}), "write `/a`"),
        (json!({"add_prefix": "/a b"}), "is no path prefix"),
        (json!({"match": "^/a"}), "`to` is missing"),
        (json!({"to": "/a"}), "`match` is missing"),
        (json!({"match": "^/a", "to": "/b", "add_prefix": "/c"}), "exclude each other"),
        (json!({"match": "(", "to": "/b"}), "policies.it.match: no regular expression: unclosed group"),
        (json!({"match": "(?=a)", "to": "/b"}), "look-around"),
        (json!({"match": "^/a$", "to": "/b$1"}), "`match` has no group `1`"),
        (json!({"match": "^/a$", "to": "/b$"}), "`$` stands before no group"),
        (json!({"match": "^/a", "to": "/b?c=d"}), "end `match` with `$`"),
        (json!({"match": "^/a$", "to": "/b c"}), "percent-encoded"),
        (json!({"match": "a{9}{999}{999}", "to": "/b"}), "no regular expression"),
    ] {
        let error = compile::<Config>(settings.clone()).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{settings}: {error}");
    }
}

proptest! {
    #[test]
    fn a_replaced_path_is_normal_or_refused(target in "/[a-c/.%x25]{0,12}") {
        let policy = compile::<Config>(json!({"match": "^/(.*)x(.*)$", "to": "/$1.$2"})).unwrap();
        let mut scratch = String::new();
        let Ok(normal) = normalise(target.as_bytes(), PathRules::default(), &mut scratch) else { return Ok(()) };
        let fixture = Fixture::new(&format!("GET {} HTTP/1.1\nHost: a.example\n", normal.path));
        let mut exchange = fixture.exchange();
        if through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n")).is_none() {
            let path = exchange.to_ask.path.as_ref();
            let mut again = String::new();
            let rules = PathRules { merge_slashes: false };
            prop_assert_eq!(normalise(path.as_bytes(), rules, &mut again).unwrap().path, path);
        }
    }
}
