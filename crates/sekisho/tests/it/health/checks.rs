//! Checks: who fails leaves, who is well returns.

use std::sync::atomic::Ordering::SeqCst;

use crate::harness::{Gateway, Service, until};
use crate::health::{Moody, config, told, who};

const FAST: &str = "health: { interval: 100ms, timeout: 2s, healthy: 2, unhealthy: 3 }, outlier: off";

#[test]
fn an_endpoint_that_fails_its_checks_leaves_and_returns() {
    let (a, b) = (Moody::new("a"), Moody::new("b"));
    let gateway = Gateway::start(&config(&[&a.service, &b.service], FAST));
    until("the first checks", || (a.checks() > 0 && b.checks() > 0).then_some(()));
    assert_eq!(who(&gateway), "ab");
    let checks = a.checks();
    a.turns(503);
    let line = told(&gateway, "endpoint_down", &a.service.addr.to_string());
    assert!(line.contains("of `up`") && line.contains("(health_check_status_503)"), "{line}");
    assert!(a.checks() >= checks + 3, "three in a row");
    assert_eq!(who(&gateway), "b");
    let endpoint = a.service.addr.to_string();
    let labels = [("service", "up"), ("endpoint", endpoint.as_str())];
    gateway.wait_metric("gateway_endpoint_health", &labels, 0.0);
    assert!(
        gateway.metric_where("gateway_health_checks_total", &[("service", "up"), ("result", "failure")])
            >= 3.0
    );
    a.turns(204);
    let line = told(&gateway, "endpoint_up", &a.service.addr.to_string());
    assert!(line.contains("(health_check)"), "{line}");
    assert_eq!(who(&gateway), "ab");
    gateway.wait_metric("gateway_endpoint_health", &labels, 1.0);
}

#[test]
fn fewer_failures_in_a_row_than_said_change_nothing() {
    let b = Moody::new("b");
    let turn = std::sync::atomic::AtomicUsize::new(0);
    // Of three checks two fail.
    let service = Service::answering(move |request| {
        let status = match request.target.as_str() {
            "/health" if turn.fetch_add(1, SeqCst) % 3 != 2 => 500,
            _ => 200,
        };
        format!("HTTP/1.1 {status} Said\r\nContent-Length: 1\r\n\r\na").into_bytes()
    });
    let gateway = Gateway::start(&config(&[&service, &b.service], FAST));
    service.wait_seen(10);
    assert_eq!(who(&gateway), "ab");
    assert!(!gateway.stderr.all().iter().any(|line| line.contains("endpoint_down")));
}

#[test]
fn a_check_that_hangs_has_failed_after_its_time() {
    let (a, b) = (Moody::new("a"), Moody::new("b"));
    a.turns(0);
    let words = "health: { interval: 100ms, timeout: 1s, unhealthy: 2, healthy: 1 }";
    let gateway = Gateway::start(&config(&[&a.service, &b.service], words));
    let line = told(&gateway, "endpoint_down", &a.service.addr.to_string());
    assert!(line.contains("(timeout)"), "{line}");
    assert_eq!(who(&gateway), "b");
    until("connections of checks to be closed", || (a.service.open() <= 1).then_some(()));
    a.turns(200);
    told(&gateway, "endpoint_up", &a.service.addr.to_string());
}

#[test]
fn an_endpoint_that_is_gone_leaves_without_a_request_and_all_are_asked_when_nobody_is_left() {
    let (a, b) = (Moody::new("a"), Moody::new("b"));
    let gateway = Gateway::start(&config(&[&a.service, &b.service], FAST));
    b.service.stop();
    let line = told(&gateway, "endpoint_down", &b.service.addr.to_string());
    assert!(line.contains("(connection_refused)"), "{line}");
    assert_eq!(who(&gateway), "a");
    a.turns(500);
    told(&gateway, "endpoint_down", &a.service.addr.to_string());
    let line = told(&gateway, "no_healthy_endpoint", "`up`");
    assert!(line.ends_with("no endpoint of `up` is healthy"), "{line}");
    // Requests go to all again: `a` answers them, and what `b` cannot take is tried again there.
    assert_eq!(who(&gateway), "a");
}

#[test]
fn with_a_panic_threshold_of_zero_nobody_is_asked_when_nobody_is_healthy() {
    let a = Moody::new("a");
    a.turns(500);
    let gateway = Gateway::start(&config(&[&a.service], &format!("{FAST}, panic_threshold: 0")));
    told(&gateway, "no_healthy_endpoint", "`up`");
    let answer = gateway.get("/");
    assert_eq!((answer.status, answer.code().as_str()), (503, "NO_HEALTHY_ENDPOINT"));
}

#[test]
fn checks_neither_ask_the_breaker_nor_count_in_it() {
    let a = Moody::new("a");
    a.turns(0);
    let words =
        "health: { interval: 100ms, timeout: 50ms }, breaker: { volume: 1, reset: 1h, error_percentage: 0 }";
    let gateway = Gateway::start(&config(&[&a.service], words));
    told(&gateway, "endpoint_down", "`up`");
    assert_eq!(gateway.get("/").status, 200);
    gateway.admin_post("/api/breakers/up/open");
    assert_eq!(gateway.get("/").code(), "CIRCUIT_OPEN");
    a.turns(200);
    told(&gateway, "endpoint_up", "`up`");
}
