//! Checks and what they have found over reloads.

use std::time::{Duration, Instant};

use crate::harness::{Gateway, until};
use crate::health::{Moody, config, told, who};

const FAST: &str =
    "health: { interval: 200ms, jitter: 0%, timeout: 2s, healthy: 1, unhealthy: 1 }, outlier: off";

#[test]
fn checks_go_on_over_a_reload_and_are_not_doubled() {
    let (a, b) = (Moody::new("a"), Moody::new("b"));
    let text = config(&[&a.service, &b.service], FAST);
    let gateway = Gateway::start(&text);
    a.turns(500);
    told(&gateway, "endpoint_down", &a.service.addr.to_string());
    for index in 0..5 {
        gateway.reconfigure(&format!("{text}\nmerge_slashes: {}", index % 2 == 0));
        assert_eq!(who(&gateway), "b", "what was found counts at once");
    }
    // First the time: a stall between the two must not make it shorter.
    let (began, before) = (Instant::now(), b.checks());
    until("ten more checks", || (b.checks() >= before + 10).then_some(()));
    // Whatever holds the machine up makes it longer, never shorter.
    assert!(began.elapsed() > Duration::from_millis(1_600), "ten in {:?}", began.elapsed());
    a.turns(200);
    told(&gateway, "endpoint_up", &a.service.addr.to_string());
    assert_eq!(who(&gateway), "ab", "what an old configuration's checks found would not count any more");
    assert_eq!(gateway.stderr.all().iter().filter(|line| line.contains("endpoint_down: ")).count(), 1);
}

#[test]
fn checks_of_endpoints_that_are_gone_end_and_new_ones_begin_at_once() {
    let (a, b) = (Moody::new("a"), Moody::new("b"));
    let gateway = Gateway::start(&config(&[&a.service], FAST));
    until("a check", || (a.checks() > 0).then_some(()));
    assert_eq!(b.checks(), 0);
    let slow = "health: { interval: 1h, healthy: 1, unhealthy: 1 }";
    gateway.reconfigure(&config(&[&b.service], slow));
    until("a check of the new one", || (b.checks() == 1).then_some(()));
    let checks = a.checks();
    gateway.reconfigure(&config(&[&b.service], FAST));
    until("several of those", || (b.checks() > 6).then_some(()));
    assert_eq!(a.checks(), checks, "nobody asks for the old one");
}

#[test]
fn without_checks_what_they_found_counts_no_more() {
    let (a, b) = (Moody::new("a"), Moody::new("b"));
    let gateway = Gateway::start(&config(&[&a.service, &b.service], FAST));
    a.turns(500);
    told(&gateway, "endpoint_down", &a.service.addr.to_string());
    let defaults = format!("service_defaults: {{ {FAST} }}\n");
    gateway.reconfigure(&(defaults + &config(&[&a.service, &b.service], "health: off")));
    told(&gateway, "endpoint_up", &a.service.addr.to_string());
    let checks = a.checks() + b.checks();
    assert_eq!(who(&gateway), "ab");
    assert_eq!(a.checks() + b.checks(), checks, "`off` takes the defaults away");
    assert_eq!(gateway.metric("gateway_health_checks_total"), 0.0);
}
