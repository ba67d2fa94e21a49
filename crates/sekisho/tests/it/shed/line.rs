//! The line of those who wait for a place: who is next, how many there are, and what ends the wait.

use super::{held, shed, wait_in_flight, wait_queued};
use crate::front::{assert_problem, config, gateway, logged};
use crate::harness::{Client, Gateway, until};
use crate::pool::ask;

/// So long that no test sees the end of it.
const LONG: &str = "limit: { in_flight: 1, queue: 3, wait: 1h }, timeouts: { first_byte: 1m }";

/// One request in flight, and these in the line, in this order.
fn lined_up(gateway: &Gateway, paths: &[&str]) -> (Client, Vec<Client>) {
    let first = ask(gateway, "/first");
    wait_in_flight(gateway, 1);
    let mut waiting = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        waiting.push(ask(gateway, path));
        wait_queued(gateway, index + 1);
    }
    (first, waiting)
}

#[test]
fn who_came_first_goes_first_whichever_worker_has_it() {
    let (service, go) = held();
    let gateway = gateway(service.addr, LONG, "workers: 2");
    let paths = ["/0", "/1", "/2"];
    let (mut first, mut waiting) = lined_up(&gateway, &paths);
    service.wait_seen(1);
    for (index, client) in [&mut first].into_iter().chain(&mut waiting).enumerate() {
        go.send(()).unwrap();
        assert_eq!(client.answer().status, 200);
        let seen = service.wait_seen((index + 2).min(4));
        assert_eq!(seen.len(), (index + 2).min(4), "one at a time");
    }
    let order: Vec<_> = service.seen().into_iter().map(|request| request.target).collect();
    assert_eq!(order, ["/first", "/0", "/1", "/2"]);
    wait_in_flight(&gateway, 0);
}

#[test]
fn one_more_than_may_wait_is_turned_away_at_once() {
    let (service, go) = held();
    let gateway = gateway(service.addr, LONG, "workers: 2");
    let (mut first, mut waiting) = lined_up(&gateway, &["/0", "/1", "/2"]);
    assert_problem(&gateway.get("/beyond"), 503, "OVERLOADED");
    assert_eq!(logged(&gateway, "/beyond")["reason"], "limit_queue");
    assert_eq!((shed(&gateway, "queue"), shed(&gateway, "wait")), (1.0, 0.0));
    for client in [&mut first].into_iter().chain(&mut waiting) {
        go.send(()).unwrap();
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_wait_that_is_too_long_ends_with_503() {
    let (service, go) = held();
    let gateway = gateway(service.addr, "limit: { in_flight: 1, queue: 9, wait: 150ms }", "workers: 2");
    let mut first = ask(&gateway, "/first");
    service.wait_seen(1);
    let answer = gateway.get("/second");
    assert_problem(&answer, 503, "OVERLOADED");
    assert_eq!(answer.headers_all("retry-after"), ["1"]);
    let line = logged(&gateway, "/second");
    assert_eq!((&line["reason"], &line["attempts"]), (&"limit_wait".into(), &0.into()));
    assert!(line["duration"].as_f64().unwrap() >= 150.0, "{line:#}");
    wait_queued(&gateway, 0);
    assert_eq!((shed(&gateway, "queue"), shed(&gateway, "wait")), (0.0, 1.0));
    go.send(()).unwrap();
    assert_eq!(first.answer().status, 200);
    assert_eq!(service.requests(), 1);
}

#[test]
fn a_client_that_leaves_makes_room_in_the_line() {
    let (service, go) = held();
    let gateway = gateway(service.addr, LONG, "workers: 2");
    let (mut first, mut waiting) = lined_up(&gateway, &["/0", "/1", "/2"]);
    drop(waiting.remove(1));
    wait_queued(&gateway, 2);
    waiting.push(ask(&gateway, "/3"));
    wait_queued(&gateway, 3);
    for client in [&mut first].into_iter().chain(&mut waiting) {
        go.send(()).unwrap();
        assert_eq!(client.answer().status, 200);
    }
    let order: Vec<_> = service.seen().into_iter().map(|request| request.target).collect();
    assert_eq!(order, ["/first", "/0", "/2", "/3"]);
    assert_eq!(logged(&gateway, "/1")["decided_by"], "client");
}

#[test]
fn the_end_of_a_requests_time_ends_its_wait() {
    let (service, go) = held();
    let gateway = Gateway::start(&format!(
        "services:\n  s: {{ endpoints: ['{}'], {LONG} }}\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n  \
         - {{ path: /timed, service: s, public: true, timeout: 200ms }}\n",
        service.url()
    ));
    let mut first = ask(&gateway, "/first");
    service.wait_seen(1);
    assert_problem(&gateway.get("/timed"), 504, "UPSTREAM_TIMEOUT");
    assert_eq!(logged(&gateway, "/timed")["reason"], "total_timeout");
    wait_queued(&gateway, 0);
    go.send(()).unwrap();
    assert_eq!(first.answer().status, 200);
    assert_eq!(service.requests(), 1);
}

#[test]
fn nobody_waits_for_a_service_that_is_not_to_be_asked() {
    let (service, go) = held();
    let gateway = gateway(service.addr, &format!("{LONG}, breaker: {{ timeout: 1m }}"), "workers: 2");
    let (mut first, mut waiting) = lined_up(&gateway, &["/0"]);
    assert_eq!(gateway.admin_post("/api/breakers/s/open").status, 200);
    assert_problem(&gateway.get("/late"), 503, "CIRCUIT_OPEN");
    go.send(()).unwrap();
    assert_eq!(first.answer().status, 200);
    assert_problem(&waiting[0].answer(), 503, "CIRCUIT_OPEN");
    assert_eq!(service.requests(), 1);
    wait_in_flight(&gateway, 0);
}

#[test]
fn those_who_wait_are_served_while_the_gateway_drains() {
    let (service, go) = held();
    let mut gateway = gateway(service.addr, LONG, "workers: 2");
    let (mut first, mut waiting) = lined_up(&gateway, &["/0", "/1"]);
    gateway.signal("TERM");
    until("/readyz to say so", || (gateway.admin_get("/readyz").status == 503).then_some(()));
    for client in [&mut first].into_iter().chain(&mut waiting) {
        go.send(()).unwrap();
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn the_end_of_a_drain_ends_the_wait() {
    let (service, _go) = held();
    let gateway = Gateway::start(&config(service.addr, LONG, "workers: 1\ndrain: { grace: 300ms }"));
    let (_first, mut waiting) = lined_up(&gateway, &["/0", "/1"]);
    gateway.signal("TERM");
    for client in &mut waiting {
        assert_problem(&client.answer(), 503, "UPSTREAM_UNAVAILABLE");
        assert!(client.closed());
    }
    assert_eq!(service.requests(), 1);
}
