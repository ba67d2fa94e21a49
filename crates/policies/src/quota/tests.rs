//! Users and their tiers.

use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, compile, lines};
use crate::rate_limit::tests::{refused, user};

fn quota(settings: Value) -> Quota {
    compile::<Config>(settings).unwrap()
}

#[test]
fn users_are_counted_apart_wherever_they_are() {
    let policy = quota(json!({"rate": "1/h"}));
    let (here, mut there) =
        (Fixture::new("GET / HTTP/1.1\nHost: a\n"), Fixture::new("GET / HTTP/1.1\nHost: a\n"));
    there.client.ip = "192.0.2.99".parse().unwrap();
    for (fixture, name, passes) in [(&here, "u-1", true), (&there, "u-1", false), (&here, "u-2", true)] {
        let mut exchange = fixture.exchange();
        exchange.identity = Some(user(name, ""));
        let reply = refused(&policy, &mut exchange);
        assert_eq!(reply.is_none(), passes, "{name}");
        if let Some(reply) = reply {
            assert_eq!((reply.status, &*reply.error), (429, "Too many requests for this user"));
            assert_eq!(reply.members, [("retryAfter", "1 hour".into())]);
        }
    }
}

#[test]
fn who_is_nobody_counts_for_the_address() {
    let policy = quota(json!({"rate": "1/h"}));
    let mut fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    fixture.client.ip = "65.66.67.68".parse().unwrap();
    assert_eq!(refused(&policy, &mut fixture.exchange()), None);
    assert_eq!(&*refused(&policy, &mut fixture.exchange()).unwrap().error, "Too many requests from this IP");
    let mut known = fixture.exchange();
    // A name of the same bytes as the address.
    known.identity = Some(user("ABCD", ""));
    assert_eq!(refused(&policy, &mut known), None);
}

#[test]
fn a_tier_has_a_rate_of_its_own_and_what_was_counted_stays_when_it_changes() {
    let policy = quota(
        json!({"rate": "2/h", "tiers": {"premium": "4/h", "free": "1/h"}, "algorithm": "fixed_window"}),
    );
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    for (id, tier, many) in [("u-1", "", 2), ("u-2", "premium", 4), ("u-3", "free", 1), ("u-4", "other", 2)] {
        for count in 0..=many {
            let mut exchange = fixture.exchange();
            exchange.identity = Some(user(id, tier));
            assert_eq!(refused(&policy, &mut exchange).is_none(), count < many, "{tier} {count}");
            let told = lines(&exchange.to_client, crate::fixture::answer("HTTP/1.1 200 OK").view());
            assert!(told.contains(&format!("RateLimit-Limit: {many}\n")), "{told}");
            assert!(told.contains(&format!("\"quota\";q={many};w=3600\n")), "{told}");
        }
    }
    let mut raised = fixture.exchange();
    raised.identity = Some(user("u-1", "premium"));
    assert_eq!(refused(&policy, &mut raised), None, "two of four are used");
    let told = lines(&raised.to_client, crate::fixture::answer("HTTP/1.1 200 OK").view());
    assert!(told.contains("RateLimit-Remaining: 1\n"), "{told}");
}

#[test]
fn a_user_counts_beside_other_keys() {
    let policy = quota(json!({"rate": "1/h", "key": ["user", "route"]}));
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    for (name, route, passes) in
        [("u-1", "/a", true), ("u-1", "/b", true), ("u-1", "/a", false), ("u-2", "/a", true)]
    {
        let mut exchange = fixture.exchange();
        (exchange.identity, exchange.route) = (Some(user(name, "")), route);
        let reply = refused(&policy, &mut exchange);
        assert_eq!(reply.is_none(), passes, "{name} {route}");
        assert!(reply.is_none_or(|reply| reply.error == "Too many requests for this user"));
    }
}

#[test]
fn a_tier_is_refused_where_it_stands() {
    let error =
        compile::<Config>(json!({"rate": "5/s", "cost": 3, "tiers": {"a": "2/s"}})).map(|_| ()).unwrap_err();
    assert!(error.contains("policies.it.cost: a request that costs 3 can never pass where 2 may"), "{error}");
    let error = compile::<Config>(json!({"rate": "5/s", "tiers": {"a": "99999999999999999/d"}}))
        .map(|_| ())
        .unwrap_err();
    assert!(error.contains("policies.it.tiers.a: so many in so long a period"), "{error}");
}
