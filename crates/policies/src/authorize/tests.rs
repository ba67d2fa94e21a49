//! Who may do what, what a refusal tells, and what is refused of a configuration.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixture::{Fixture, answer, compile, through};

fn ada() -> Identity {
    let ada = Identity::of("jwt", "ada", 0).unwrap().roles(["admin", "support"]);
    let claims =
        json!({"tenant": "acme", "level": 2, "beta": true, "groups": ["a", "b"], "plan": {"name": "pro"}});
    ada.permissions(["order:read", "order:write", "user:*"])
        .claims(claims.to_string().into_bytes().into())
        .done()
}

fn asked(settings: &Value, method: &str, who: Option<Identity>) -> Option<Reply> {
    let policy = compile::<Config>(settings.clone()).unwrap_or_else(|error| panic!("{settings}: {error}"));
    let fixture = Fixture::new(&format!("{method} / HTTP/1.1\nHost: a\n"));
    let mut exchange = fixture.exchange();
    exchange.identity = who.map(Arc::new);
    through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n"))
}

#[test]
fn everything_that_is_written_must_hold() {
    for (settings, lacks) in [
        (json!({}), None),
        (json!({"any": ["order:read", "x"]}), None),
        (json!({"any": ["x", "y"]}), Some("lacks_permission")),
        (json!({"any": ["order:rea", "order:readx", "ORDER:READ", "order"]}), Some("lacks_permission")),
        (json!({"all": ["order:read", "order:write"]}), None),
        (json!({"all": ["order:read", "x"]}), Some("lacks_permission")),
        (json!({"any": ["order:read"], "all": ["x"]}), Some("lacks_permission")),
        (json!({"roles": ["x", "admin"]}), None),
        (json!({"roles": ["x"]}), Some("lacks_role")),
        (json!({"roles": {"all": ["admin", "support"]}}), None),
        (json!({"roles": {"any": ["admin"], "all": ["x"]}}), Some("lacks_role")),
        (json!({"roles": ["order:read"]}), Some("lacks_role")),
        (json!({"any": ["admin"]}), Some("lacks_permission")),
        (json!({"claims": {"tenant": "acme", "level": [1, 2], "beta": true, "plan.name": "pro"}}), None),
        (json!({"claims": {"level": 2.0}}), None),
        (json!({"claims": {"groups": ["b", "c"]}}), None),
        (json!({"claims": {"groups": "c"}}), Some("lacks_claim groups")),
        (json!({"claims": {"level": "2"}}), Some("lacks_claim level")),
        (json!({"claims": {"beta": "true"}}), Some("lacks_claim beta")),
        (json!({"claims": {"tenant": "acme", "none": "x"}}), Some("lacks_claim none")),
        (json!({"claims": {"plan": "pro"}}), Some("lacks_claim plan")),
    ] {
        let reply = asked(&settings, "GET", Some(ada()));
        assert_eq!(reply.as_ref().map(|reply| &*reply.reason), lacks, "{settings}");
        assert!(reply.is_none_or(|reply| (reply.status, reply.code) == (403, "AUTH_FORBIDDEN")));
    }
}

#[test]
fn reading_and_writing_are_asked_apart() {
    let settings =
        json!({"read": {"any": ["order:read"]}, "write": {"all": ["order:write", "x"]}, "roles": ["admin"]});
    for (method, passes) in [
        ("GET", true),
        ("HEAD", true),
        ("OPTIONS", true),
        ("POST", false),
        ("DELETE", false),
        ("PURGE", false),
        ("get", false),
    ] {
        assert_eq!(asked(&settings, method, Some(ada())).is_none(), passes, "{method}");
    }
}

#[test]
fn a_star_grants_only_where_it_is_said() {
    for (needed, wildcards, passes) in [
        ("user:read", false, false),
        ("user:read", true, true),
        ("user:", true, true),
        ("user:a:b", true, true),
        ("user", true, false),
        ("users:read", true, false),
        ("user:*", false, true),
        ("order:*", true, false),
        ("x", true, false),
    ] {
        let settings = json!({"any": [needed], "wildcards": wildcards});
        assert_eq!(asked(&settings, "GET", Some(ada())).is_none(), passes, "{needed} {wildcards}");
    }
    let held = |permission| Identity::of("jwt", "u", 0).unwrap().permissions([permission]).done();
    let settings = json!({"any": ["order:read"], "wildcards": true});
    for (permission, passes) in
        [("*", true), ("order:*", true), ("order*", false), ("o*", false), ("order:re*", false), ("", false)]
    {
        assert_eq!(asked(&settings, "GET", Some(held(permission))).is_none(), passes, "{permission}");
    }
}

#[test]
fn nobody_is_asked_to_authenticate() {
    for settings in [json!({}), json!({"any": ["x"]})] {
        let reply = asked(&settings, "GET", None).unwrap();
        assert_eq!(
            (reply.status, reply.code, &*reply.error),
            (401, "AUTH_REQUIRED", "Authentication required")
        );
    }
}

#[test]
fn a_refusal_tells_what_is_needed_unless_that_is_hidden() {
    let held = json!(["order:read", "order:write", "user:*"]);
    for (settings, members) in [
        (json!({"any": ["x", "y"]}), vec![("required", json!(["x", "y"])), ("current", held.clone())]),
        (
            json!({"all": ["x", "order:read"]}),
            vec![("required", json!(["x", "order:read"])), ("current", held.clone())],
        ),
        (json!({"roles": ["x"]}), vec![("required", json!(["x"])), ("current", json!(["admin", "support"]))]),
        (json!({"claims": {"tenant": "x"}}), vec![]),
        (json!({"any": ["x"], "disclose": false}), vec![]),
        (json!({"roles": ["x"], "disclose": false}), vec![]),
    ] {
        assert_eq!(asked(&settings, "GET", Some(ada())).unwrap().members, members, "{settings}");
    }
}

#[test]
fn refuses_what_cannot_be_meant() {
    for (settings, want) in [
        (json!({"any": []}), "policies.it.any: the list is empty"),
        (json!({"read": {"all": []}}), "policies.it.read.all: the list is empty"),
        (json!({"roles": []}), "policies.it.roles: the list is empty"),
        (json!({"write": {"roles": {"all": []}}}), "policies.it.write.roles.all: the list is empty"),
        (json!({"any": [" "]}), "policies.it.any: a name is empty"),
        (json!({"claims": {"a": null}}), "policies.it.claims.a: this is no single value"),
        (json!({"claims": {"a": {"b": 1}}}), "policies.it.claims.a: this is no single value"),
        (json!({"claims": {"a": []}}), "policies.it.claims.a: nothing can be it"),
        (json!({"read": {"disclose": true}}), "unknown field"),
        (json!({"anyy": ["x"]}), "unknown field"),
    ] {
        let error = compile::<Config>(settings.clone()).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{settings}: {error}");
    }
}

proptest! {
    #[test]
    fn agrees_with_looking_at_sets(
        held in prop::collection::btree_set("[ab]{1,3}", 0..6),
        any in prop::collection::btree_set("[ab]{1,3}", 1..4),
        all in prop::collection::btree_set("[ab]{1,3}", 1..4),
    ) {
        let who = Identity::of("jwt", "u", 0).unwrap().permissions(held.iter().map(String::as_str)).done();
        let passes = any.iter().any(|one| held.contains(one)) && all.is_subset(&held);
        prop_assert_eq!(asked(&json!({"any": any, "all": all}), "GET", Some(who)).is_none(), passes);
    }
}
