//! What is counted together, and for how long.

use serde_json::json;

use super::*;
use crate::fixture::{Fixture, compile};

fn passes(policy: &Concurrency, exchange: &mut Exchange<'_>) -> Option<Reply> {
    match policy.enter(exchange) {
        Verdict::Proceed(()) => None,
        Verdict::Answer(reply) => Some(*reply),
        Verdict::Serve(..) | Verdict::Wait(_) => panic!("nobody waits here"),
    }
}

#[test]
fn a_place_is_held_until_the_exchange_is_over() {
    let policy = compile::<Config>(json!({"max": 1})).unwrap();
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    let mut first = fixture.exchange();
    assert_eq!(passes(&policy, &mut first), None);
    let mut second = fixture.exchange();
    second.service = "orders";
    let reply = passes(&policy, &mut second).unwrap();
    assert_eq!((reply.status, reply.code, &*reply.reason), (503, "OVERLOADED", "concurrency"));
    assert_eq!(reply.members, [("service", "orders".into())]);
    assert_eq!(reply.headers, [("Retry-After".into(), "1".into())]);
    let nowhere = passes(&policy, &mut fixture.exchange()).unwrap();
    assert_eq!(nowhere.members, [], "a route without a service names none");
    drop(first);
    assert_eq!(passes(&policy, &mut fixture.exchange()), None);
}

#[test]
fn requests_are_told_apart_by_the_key() {
    let at = |ip: &str, route: &'static str, tenant: &str| {
        let mut fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a\nX-Tenant: {tenant}\n"));
        fixture.client.ip = ip.parse().unwrap();
        (fixture, route)
    };
    let long = "x".repeat(100);
    for (key, same, other) in [
        ("ip", at("192.0.2.1", "/b", "2"), at("192.0.2.2", "/a", "1")),
        ("ip", at("::ffff:192.0.2.1", "/a", "1"), at("2001:db8::1", "/a", "1")),
        ("route", at("192.0.2.2", "/a", "2"), at("192.0.2.1", "/b", "1")),
        ("header.x-tenant", at("192.0.2.2", "/b", "1"), at("192.0.2.1", "/a", "2")),
        ("header.X-Tenant", at("192.0.2.2", "/b", "1"), at("192.0.2.1", "/a", &long)),
    ] {
        let policy = compile::<Config>(json!({"max": 1, "key": key})).unwrap();
        let first = at("192.0.2.1", "/a", "1");
        let mut held = first.0.exchange();
        held.route = first.1;
        assert_eq!(passes(&policy, &mut held), None);
        for ((fixture, route), refused) in [(&same, true), (&other, false)] {
            let mut exchange = fixture.exchange();
            exchange.route = route;
            assert_eq!(passes(&policy, &mut exchange).is_some(), refused, "{key}");
        }
    }
    let policy = compile::<Config>(json!({"max": 1, "key": "header.X-Nobodys"})).unwrap();
    let (one, other) = (at("192.0.2.1", "/", ""), at("192.0.2.2", "/", ""));
    let (mut held, mut elsewhere) = (one.0.exchange(), other.0.exchange());
    assert_eq!((passes(&policy, &mut held), passes(&policy, &mut elsewhere)), (None, None), "by address");
    assert!(passes(&policy, &mut one.0.exchange()).is_some());
    let policy = compile::<Config>(json!({"max": 1, "key": "ip"})).unwrap();
    let (one, neighbour) = (at("2001:db8::1", "/", ""), at("2001:db8::ffff:2", "/", ""));
    let mut held = one.0.exchange();
    assert_eq!(passes(&policy, &mut held), None);
    assert!(passes(&policy, &mut neighbour.0.exchange()).is_some(), "one network of IPv6 is one client");
}

#[test]
fn refuses_what_cannot_be_meant() {
    for (settings, want) in [
        (json!({"max": 0}), "policies.it.max: no request could pass; write 1 or more"),
        (json!({}), "missing field `max`"),
        (json!({"max": 1, "key": "user"}), "policies.it.key: who the user is"),
        (json!({"max": 1, "key": "cookie.a"}), "policies.it.key: `cookie.a` is no key"),
        (json!({"max": 1, "key": "header.a b"}), "`a b` is no header's name"),
    ] {
        let error = compile::<Config>(settings).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}
