//! What is refused in a configuration. What the policy does shows in the integration tests, with real services.

use serde_json::json;

use super::*;
use crate::fixture::{Somebody, compile_asking};

#[test]
fn what_cannot_be_meant_is_refused() {
    for (settings, want) in [
        (json!({}), "missing field `service`"),
        (json!({"service": "users", "path": "/users"}), "policies.it.path: the path does not say"),
        (json!({"service": "users", "entries": 0}), "policies.it.entries: nobody would"),
        (json!({"service": "users", "timeout": "0s"}), "policies.it.timeout: no answer"),
        (json!({"service": "users", "fields": {"id": ""}}), "policies.it.fields.id: without it"),
        (json!({"service": "nobody"}), "policies.it.service: unknown service `nobody`"),
        (json!({"service": "users", "on_failure": "allow"}), "unknown variant `allow`"),
    ] {
        let error = compile_asking::<Config>(settings, &Somebody).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
    assert!(compile_asking::<Config>(json!({"service": "users"}), &Somebody).is_ok());
}

#[test]
fn without_a_known_user_there_is_nobody_to_ask_for() {
    let policy = compile_asking::<Config>(json!({"service": "users"}), &Somebody).unwrap();
    let fixture = crate::fixture::Fixture::new("GET / HTTP/1.1\nHost: a\n");
    assert!(matches!(policy.enter(&mut fixture.exchange()), Verdict::Proceed(())));
}
