//! What passes, what is counted together, and what clients are told.

use std::time::Duration;

use sekisho_exchange::{Exchange, Identity, Policy, Reply, Verdict};
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, answer, compile, lines};

/// What a policy answers, if it does.
pub(crate) fn refused(policy: &impl Policy<Pass = ()>, exchange: &mut Exchange<'_>) -> Option<Reply> {
    match policy.enter(exchange) {
        Verdict::Proceed(()) => None,
        Verdict::Answer(reply) => Some(*reply),
        Verdict::Serve(..) | Verdict::Wait(_) => panic!("a store in memory lets nobody wait"),
    }
}

fn limit(settings: Value) -> RateLimit {
    compile::<Config>(settings).unwrap()
}

/// What the policy adds to an answer of a service that tells of limits itself.
fn told(exchange: &Exchange<'_>) -> String {
    let theirs = "HTTP/1.1 200 OK\nRateLimit-Limit: 7\nRateLimit: theirs\nRateLimit-Policy: theirs\nX: y";
    lines(&exchange.to_client, answer(theirs).view())
}

#[test]
fn so_many_pass_and_one_more_is_told_to_the_second_when_it_may_come_again() {
    let policy = limit(json!({"rate": "2/15m", "algorithm": "fixed_window"}));
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    let mut first = fixture.exchange();
    assert_eq!(refused(&policy, &mut first), None);
    let want = "X: y\nRateLimit-Limit: 2\nRateLimit-Remaining: 1\nRateLimit-Reset: 900\n\
                RateLimit-Policy: \"rate_limit\";q=2;w=900\nRateLimit: \"rate_limit\";r=1;t=900\n";
    assert_eq!(told(&first), want);
    fixture.clock.advance(Duration::from_millis(100_001));
    assert_eq!(refused(&policy, &mut fixture.exchange()), None);
    let mut third = fixture.exchange();
    let reply = refused(&policy, &mut third).unwrap();
    assert_eq!(
        (reply.status, reply.code, &*reply.error),
        (429, "RATE_LIMITED", "Too many requests from this IP")
    );
    assert_eq!(reply.members, [("retryAfter", "15 minutes".into())]);
    assert_eq!(reply.headers, [("Retry-After".into(), "800".into())], "799.999 seconds");
    let told = told(&third);
    assert!(told.contains("RateLimit-Remaining: 0\nRateLimit-Reset: 800\n"), "{told}");
    assert!(told.contains("RateLimit: \"rate_limit\";r=0;t=800\n"), "{told}");
    for (millis, passes) in [(799_998, false), (1, true)] {
        fixture.clock.advance(Duration::from_millis(millis));
        assert_eq!(refused(&policy, &mut fixture.exchange()).is_none(), passes, "{millis} ms later");
    }
}

#[test]
fn each_algorithm_counts_in_its_own_way() {
    // A request at each time, and whether it passes. The clock begins with a window.
    for (settings, want) in [
        (
            json!({"algorithm": "fixed_window"}),
            [(600, 1), (600, 1), (900, 0), (1_599, 0), (1_600, 1), (1_600, 1)],
        ),
        (
            json!({"algorithm": "sliding_window"}),
            [(600, 1), (600, 1), (900, 0), (1_499, 0), (1_500, 1), (1_999, 0)],
        ),
        (json!({}), [(600, 1), (600, 1), (900, 0), (1_499, 0), (1_500, 1), (1_999, 0)]),
        (
            json!({"algorithm": "token_bucket"}),
            [(600, 1), (600, 1), (600, 0), (1_099, 0), (1_100, 1), (1_599, 0)],
        ),
        (
            json!({"algorithm": "token_bucket", "burst": 3}),
            [(600, 1), (600, 1), (600, 1), (600, 0), (1_100, 1), (1_599, 0)],
        ),
    ] {
        let mut settings = settings;
        settings["rate"] = "2/s".into();
        let (policy, fixture) = (limit(settings.clone()), Fixture::new("GET / HTTP/1.1\nHost: a\n"));
        let start = fixture.clock.now();
        assert_eq!(start.as_nanos() % 1_000_000_000, 0, "the clock begins with a window");
        for (at, passes) in want {
            let now = fixture.clock.now().since(start);
            fixture.clock.advance(Duration::from_millis(at) - now);
            let got = refused(&policy, &mut fixture.exchange()).is_none();
            assert_eq!(got, passes == 1, "{settings} at {at} ms");
        }
    }
}

#[test]
fn a_bucket_tells_of_what_it_holds_and_of_the_time_in_which_it_fills() {
    let policy =
        limit(json!({"rate": "10/s", "algorithm": "token_bucket", "burst": 55, "headers": "current"}));
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    let mut exchange = fixture.exchange();
    assert_eq!(refused(&policy, &mut exchange), None);
    let told = told(&exchange);
    assert!(told.contains("RateLimit-Policy: \"rate_limit\";q=55;w=6\n"), "{told}");
    assert!(told.contains("RateLimit: \"rate_limit\";r=54;t=1\n"), "{told}");
}

#[test]
fn numbers_fit_a_structured_field() {
    let policy = limit(json!({"rate": "2000000000000000/1ms"}));
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    let mut exchange = fixture.exchange();
    assert_eq!(refused(&policy, &mut exchange), None);
    let told = told(&exchange);
    assert!(told.contains("RateLimit-Policy: \"rate_limit\";q=999999999999999;w=1\n"), "{told}");
    assert!(told.contains("RateLimit: \"rate_limit\";r=999999999999999;t=1\n"), "{told}");
}

#[test]
fn clients_are_told_in_the_words_of_the_chosen_drafts() {
    let draft6 = "RateLimit: theirs\nRateLimit-Policy: theirs\nX: y\nRateLimit-Limit: 2\nRateLimit-Remaining: 1\nRateLimit-Reset: 60\n";
    let current = "RateLimit-Limit: 7\nX: y\nRateLimit-Policy: \"rate_limit\";q=2;w=60\nRateLimit: \"rate_limit\";r=1;t=60\n";
    let theirs = "RateLimit-Limit: 7\nRateLimit: theirs\nRateLimit-Policy: theirs\nX: y\n";
    for (shown, want) in [("draft6", draft6), ("current", current), ("off", theirs)] {
        let policy = limit(json!({"rate": "2/m", "headers": shown}));
        let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
        let mut exchange = fixture.exchange();
        assert_eq!(refused(&policy, &mut exchange), None);
        assert_eq!(told(&exchange), want, "{shown}");
    }
}

#[test]
fn of_two_limits_the_older_draft_tells_of_that_of_which_less_is_left() {
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    for (one, other, want) in [
        ("9/m", "5/h", "RateLimit-Limit: 5\nRateLimit-Remaining: 4\nRateLimit-Reset: 3600\n"),
        ("5/m", "9/h", "RateLimit-Limit: 5\nRateLimit-Remaining: 4\nRateLimit-Reset: 60\n"),
    ] {
        let first = limit(json!({"rate": one, "algorithm": "fixed_window"}));
        let second = json!({"rate": other, "algorithm": "fixed_window"});
        let second = compile::<crate::quota::Config>(second).unwrap();
        let mut exchange = fixture.exchange();
        assert_eq!(refused(&first, &mut exchange), None);
        assert_eq!(refused(&second, &mut exchange), None);
        let told = told(&exchange);
        let draft6: String = told
            .lines()
            .filter(|line| line.starts_with("RateLimit-") && !line.contains('"'))
            .map(|l| format!("{l}\n"))
            .collect();
        assert_eq!(draft6, want);
        for line in [
            format!("RateLimit-Policy: \"rate_limit\";q={};w=60\n", &one[..1]),
            format!("RateLimit-Policy: \"quota\";q={};w=3600\n", &other[..1]),
        ] {
            assert!(told.contains(&line), "{line} in {told}");
        }
        assert_eq!(told.matches("\nRateLimit: ").count(), 2, "{told}");
        assert!(!told.contains("theirs"), "{told}");
    }
    // Both have nothing left, and one of them refuses: it is the one to be told of.
    let first = limit(json!({"rate": "1/m", "algorithm": "fixed_window", "headers": "draft6"}));
    let second =
        compile::<crate::quota::Config>(json!({"rate": "1/h", "algorithm": "fixed_window"})).unwrap();
    let mut exchange = fixture.exchange();
    assert_eq!(refused(&second, &mut exchange), None);
    let mut exchange = fixture.exchange();
    assert_eq!(refused(&first, &mut exchange), None);
    assert_eq!(refused(&second, &mut exchange).unwrap().headers, [("Retry-After".into(), "3600".into())]);
    let told = told(&exchange);
    assert!(told.contains("RateLimit-Limit: 1\nRateLimit-Remaining: 0\nRateLimit-Reset: 3600\n"), "{told}");
    assert!(told.contains("RateLimit: \"quota\";r=0;t=3600\n") && !told.contains("theirs"), "{told}");
}

#[test]
fn requests_are_told_apart_by_the_key() {
    let at = |ip: &str, route: &'static str, tenant: &str| {
        let mut fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a\nX-Tenant: {tenant}\n"));
        fixture.client.ip = ip.parse().unwrap();
        (fixture, route)
    };
    let (long, longer) = ("x".repeat(64), "x".repeat(65));
    for (key, first, same, other) in [
        (json!("ip"), at("192.0.2.1", "/a", "1"), at("192.0.2.1", "/b", "2"), at("192.0.2.2", "/a", "1")),
        (json!("ip"), at("192.0.2.1", "/", ""), at("::ffff:192.0.2.1", "/", ""), at("2001:db8::1", "/", "")),
        (
            json!("ip"),
            at("2001:db8::1", "/", ""),
            at("2001:db8::ffff:1", "/", ""),
            at("2001:db8:0:1::1", "/", ""),
        ),
        (json!("route"), at("192.0.2.1", "/a", "1"), at("192.0.2.2", "/a", "2"), at("192.0.2.1", "/b", "1")),
        (
            json!("header.x-TENANT"),
            at("192.0.2.1", "/a", "1"),
            at("192.0.2.2", "/b", "1"),
            at("192.0.2.1", "/a", "2"),
        ),
        (
            json!(["header.x-tenant"]),
            at("192.0.2.1", "/", &long),
            at("192.0.2.1", "/", &long),
            at("192.0.2.1", "/", &longer),
        ),
        (
            json!(["ip", "route"]),
            at("192.0.2.1", "/a", "1"),
            at("192.0.2.1", "/a", "2"),
            at("192.0.2.1", "/b", "1"),
        ),
        (
            json!(["route", "header.X-Tenant"]),
            at("192.0.2.1", "/a", "bc"),
            at("192.0.2.2", "/a", "bc"),
            at("192.0.2.1", "/ab", "c"),
        ),
    ] {
        let policy = limit(json!({"rate": "1/h", "key": key}));
        for ((fixture, route), passes) in [(&first, true), (&same, false), (&other, true)] {
            let mut exchange = fixture.exchange();
            exchange.route = route;
            assert_eq!(
                refused(&policy, &mut exchange).is_none(),
                passes,
                "{key}: {} {route}",
                fixture.client.ip
            );
        }
    }
}

#[test]
fn as_many_bits_of_an_address_count_as_are_written() {
    for (settings, one, same, other) in [
        (json!({"ipv4_prefix": 24}), "192.0.2.1", "192.0.2.255", "192.0.3.1"),
        (json!({"ipv4_prefix": 8}), "10.0.0.1", "10.255.255.255", "11.0.0.1"),
        (json!({"ipv6_prefix": 56}), "2001:db8:0:ff::1", "2001:db8::1", "2001:db8:0:100::1"),
        (json!({"ipv6_prefix": 128}), "2001:db8::1", "2001:db8::1", "2001:db8::2"),
        (json!({"ipv6_prefix": 16}), "2001:db8::1", "2001:ffff::1", "2002:db8::1"),
    ] {
        let mut settings = settings;
        settings["rate"] = "1/h".into();
        let policy = limit(settings.clone());
        for (ip, passes) in [(one, true), (same, false), (other, true)] {
            let mut fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
            fixture.client.ip = ip.parse().unwrap();
            assert_eq!(refused(&policy, &mut fixture.exchange()).is_none(), passes, "{settings}: {ip}");
        }
    }
}

#[test]
fn a_request_without_the_header_counts_for_its_address() {
    let policy = limit(json!({"rate": "1/h", "key": "header.X-Tenant"}));
    let at = |ip: &str, lines: &str| {
        let mut fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a\n{lines}"));
        fixture.client.ip = ip.parse().unwrap();
        fixture
    };
    let (ip, error) = ("Too many requests from this IP", "Too many requests");
    for (fixture, want) in [
        (at("65.66.67.68", ""), None),
        (at("65.66.67.68", ""), Some(ip)),
        (at("192.0.2.99", ""), None),
        // The bytes of the address, in a header.
        (at("192.0.2.99", "X-Tenant: ABCD\n"), None),
        (at("192.0.2.7", "X-Tenant: ABCD\n"), Some(error)),
        (at("192.0.2.7", "X-Tenant:\n"), None),
        (at("192.0.2.8", "X-Tenant:\n"), Some(error)),
    ] {
        let told = refused(&policy, &mut fixture.exchange()).map(|reply| reply.error);
        assert_eq!(told.as_deref(), want, "{}", fixture.client.ip);
    }
}

#[test]
fn each_request_counts_for_its_cost() {
    let policy = limit(json!({"rate": "10/h", "cost": 4}));
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    for (passes, left) in [(true, 6), (true, 2), (false, 2)] {
        let mut exchange = fixture.exchange();
        assert_eq!(refused(&policy, &mut exchange).is_none(), passes);
        assert!(told(&exchange).contains(&format!("RateLimit-Remaining: {left}\n")));
    }
}

#[test]
fn a_request_whose_head_came_slowly_does_not_begin_the_window_anew() {
    let policy = limit(json!({"rate": "1/s", "algorithm": "fixed_window"}));
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\n");
    let mut slow = fixture.exchange();
    fixture.clock.advance(Duration::from_secs(5));
    assert_eq!(refused(&policy, &mut fixture.exchange()), None);
    assert!(refused(&policy, &mut slow).is_some());
    fixture.clock.advance(Duration::from_millis(900));
    assert!(refused(&policy, &mut fixture.exchange()).is_some());
}

#[test]
fn refuses_what_cannot_be_meant() {
    for (settings, want) in [
        (json!({}), "missing field `rate`"),
        (json!({"rate": "5"}), "rate `5` has no period"),
        (
            json!({"rate": "5/s", "key": "user"}),
            "policies.it.key: who the user is, is not known yet where addresses are limited; write this limit as `quota`",
        ),
        (
            json!({"rate": "5/s", "tiers": {"a": "9/s"}}),
            "policies.it.tiers: no tier is known yet where addresses are limited; write them in `quota`",
        ),
        (
            json!({"rate": "5/s", "key": "cookie.a"}),
            "policies.it.key: `cookie.a` is no key; use `ip`, `user`, `route` or `header.NAME`",
        ),
        (json!({"rate": "5/s", "key": "header.a b"}), "`a b` is no header's name"),
        (json!({"rate": "5/s", "key": ["ip", "ip"]}), "`ip` is there twice; remove one"),
        (json!({"rate": "5/s", "key": []}), "0 keys cannot be one; write one to 4 of them"),
        (
            json!({"rate": "5/s", "key": ["ip", "route", "header.a", "header.b", "header.c"]}),
            "5 keys cannot be one",
        ),
        (
            json!({"rate": "5/s", "ipv6_prefix": 129}),
            "policies.it.ipv6_prefix: 129 is no number of bits that can count; write 16 to 128",
        ),
        (json!({"rate": "5/s", "ipv4_prefix": 0}), "policies.it.ipv4_prefix: 0 is no"),
        (
            json!({"rate": "5/s", "cost": 0}),
            "policies.it.cost: nothing would ever be counted; write 1 or more",
        ),
        (
            json!({"rate": "5/s", "cost": 6}),
            "policies.it.cost: a request that costs 6 can never pass where 5 may; write 5 or less",
        ),
        (json!({"rate": "5/s", "burst": 9}), "policies.it.burst: only `token_bucket` has a burst"),
        (
            json!({"rate": "5/s", "algorithm": "token_bucket", "burst": 0}),
            "policies.it.burst: a burst must be at least 1",
        ),
        (
            json!({"rate": "9007199254740993/d"}),
            "policies.it.rate: so many in so long a period cannot be counted exactly",
        ),
        (json!({"rate": "5/s", "headers": "draft7"}), "unknown variant `draft7`"),
    ] {
        let error = compile::<Config>(settings).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}

/// A user of a tier.
pub(crate) fn user(id: &str, tier: &str) -> Arc<Identity> {
    Arc::new(Identity::of("jwt", id, 0).unwrap().tier(tier).done())
}
