//! What is set, added and removed, and which names are refused.

use serde_json::json;

use super::*;
use crate::fixture::{Fixture, answer, compile, lines, through};

#[test]
fn sets_adds_and_removes_on_both_sides() {
    let policy = compile::<Config>(json!({
        "request": {
            "set": {"X-Team": "shop", "X-Host": "{request.host}", "X-None": "{param.id}", "X-Empty": ""},
            "add": {"X-Many": "two", "X-From": "ip {client.ip}"},
            "remove": ["Cookie", "x-odd"],
        },
        "response": {"set": {"Cache-Control": "no-store"}, "remove": ["X-Internal"]},
    }))
    .unwrap();
    let fixture = Fixture::new(
        "GET / HTTP/1.1\nHost: a.example\nCookie: a=b\nX-Odd: 1\nx-team: theirs\nX-None: theirs\nX-Empty: theirs\nX-Many: one\n",
    );
    let mut exchange = fixture.exchange();
    let response = answer("HTTP/1.1 200 OK\nX-Internal: 1\ncache-control: public\nX-Kept: 1\n");
    assert_eq!(through(&policy, &mut exchange, &response), None);
    let want =
        "Host: a.example\nX-Many: one\nX-Team: shop\nX-Host: a.example\nX-From: ip 192.0.2.7\nX-Many: two\n";
    assert_eq!(lines(&exchange.to_service, exchange.head), want);
    assert_eq!(lines(&exchange.to_client, response.view()), "X-Kept: 1\nCache-Control: no-store\n");
}

#[test]
fn refuses_what_the_gateway_owns() {
    for (settings, want) in [
        (
            json!({"request": {"set": {"Host": "b"}}}),
            "policies.it.request.set.Host: `Host` belongs to the gateway; use `preserve_host`",
        ),
        (
            json!({"request": {"remove": ["content_length"]}}),
            "policies.it.request.remove: `content_length` belongs",
        ),
        (json!({"request": {"add": {"X-User-ID": "7"}}}), "who the user is"),
        (json!({"request": {"set": {"X-Forwarded-For": "7"}}}), "`trusted_proxies`"),
        (
            json!({"response": {"set": {"Transfer-Encoding": "chunked"}}}),
            "policies.it.response.set.Transfer-Encoding:",
        ),
        (json!({"response": {"remove": ["X-Request-ID"]}}), "use the policy `request_id`"),
        (json!({"request": {"set": {"a b": "7"}}}), "`a b` is no header's name"),
        (json!({"request": {"set": {"X-A": "a\nb"}}}), "line break"),
        (json!({"request": {"set": {"X-A": "{nobody}"}}}), "unknown value `{nobody}`"),
        (json!({"request": {"sets": {}}}), "unknown field"),
    ] {
        let error = compile::<Config>(settings).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn reports_every_problem_at_once() {
    let error = compile::<Config>(json!({
        "request": {"set": {"Host": "b", "TE": "c"}}, "response": {"remove": ["Upgrade"]},
    }))
    .map(|_| ())
    .unwrap_err();
    assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn a_clients_value_cannot_split_a_header() {
    let policy = compile::<Config>(json!({"request": {"set": {"X-A": "{request.header.x-b}"}}})).unwrap();
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\nX-B: a\tb\n");
    let mut exchange = fixture.exchange();
    through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n"));
    assert_eq!(lines(&exchange.to_service, exchange.head), "Host: a\nX-B: a\tb\nX-A: ab\n");
}
