//! How often it is tried again, and when not.

use super::{gateway, good, hanging, mute};
use crate::front::{assert_problem, logged};
use crate::harness::{Gateway, until};

#[test]
fn a_service_that_fails_altogether_is_asked_a_fifth_more_often() {
    let (first, second) = (mute(), mute());
    let gateway = gateway(&first, &second, "");
    let (requests, began) = (400, std::time::Instant::now());
    for _ in 0..requests {
        assert_eq!(gateway.get("/a").status, 502);
    }
    let tries = first.requests() + second.requests();
    assert!(tries > requests, "it was tried again");
    // Every ten seconds half is forgotten, and of what is left ten are free.
    let free = 10 * (began.elapsed().as_secs() as usize / 9);
    assert!(tries <= requests + requests / 5 + free, "{tries} tries for {requests} requests");
    assert!(
        gateway.metric_where("gateway_upstream_retries_total", &[("result", "over_budget")]) >= 300.0,
        "what the budget did not allow is counted"
    );
}

#[test]
fn there_are_no_more_tries_than_are_said() {
    let (first, second) = (mute(), mute());
    let gateway = gateway(&first, &second, "retry: { attempts: 4, backoff: { base: 1ms } }");
    assert_problem(&gateway.get("/a"), 502, "BAD_GATEWAY");
    assert_eq!(
        (first.requests() + second.requests(), logged(&gateway, "/a")["attempts"].as_u64()),
        (5, Some(5))
    );
    // Each is asked before one is asked twice.
    assert!(first.requests() >= 2 && second.requests() >= 1);
}

#[test]
fn retry_off_is_one_try() {
    let (first, second) = (mute(), good());
    let gateway = gateway(&first, &second, "retry: off");
    assert_problem(&gateway.get("/a"), 502, "BAD_GATEWAY");
    assert_eq!((first.requests(), second.requests()), (1, 0));
}

#[test]
fn the_time_for_the_whole_request_bounds_all_tries() {
    let (first, second) = (hanging(), hanging());
    let words = "retry: { attempts: 10, on: [timeout], per_try: 100ms, backoff: { base: 0s } }, timeouts: { total: 250ms }";
    let gateway = gateway(&first, &second, words);
    let began = std::time::Instant::now();
    assert_problem(&gateway.get("/a"), 504, "UPSTREAM_TIMEOUT");
    assert!(began.elapsed().as_millis() >= 250);
    assert_eq!(logged(&gateway, "/a")["reason"], "total_timeout");
    assert!(first.requests() + second.requests() <= 3);
}

#[test]
fn a_client_that_leaves_between_two_tries_ends_it() {
    let only = mute();
    let gateway = Gateway::start(&format!(
        "services:\n  s: {{ endpoints: [{}], retry: {{ backoff: {{ base: 1h, max: 1h }} }} }}\n\
         routes: [{{ path: /*, service: s, public: true }}]",
        only.url()
    ));
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    only.wait_seen(1);
    until("the connection to the service has ended", || (only.open() == 0).then_some(()));
    drop(client);
    let line = logged(&gateway, "/a");
    assert_eq!((&line["statusCode"], &line["decided_by"]), (&499.into(), &"client".into()));
    assert_eq!(only.requests(), 1);
}

#[test]
fn a_breaker_that_opens_between_two_tries_leaves_the_first_failure() {
    let (first, second) = (mute(), mute());
    let gateway = gateway(&first, &second, "breaker: { volume: 1, error_percentage: 0, reset: 1h }");
    assert_problem(&gateway.get("/a"), 502, "BAD_GATEWAY");
    assert_eq!(first.requests() + second.requests(), 1);
    assert_problem(&gateway.get("/a"), 503, "CIRCUIT_OPEN");
}

/// What `check` says of a service with these retries.
fn said_of(retry: &str) -> String {
    let config = format!(
        "services:\n  s:\n    endpoints: ['http://127.0.0.1:1']\n    retry: {retry}\nroutes: [{{ path: /*, service: s }}]"
    );
    crate::harness::said_of(&config, &["check"]).0
}

#[test]
fn what_cannot_be_is_reported_at_its_place_with_a_remedy() {
    let words = said_of("{ on: [conect, 200], budget: 120% }");
    let settings = said_of("{ attempts: 0, methods: [get], idempotency_key: a b, per_try: 0s }");
    for (said, want) in [
        (&words, ":4:19: error: services.s.retry.on[0]: unknown cause `conect`; did you mean `connect`?"),
        (&words, "`200` is no status that tells of a failure; write one from 400 to 599"),
        (&words, "services.s.retry.budget: `120%` is more than `100%`"),
        (
            &settings,
            ":4:24: error: services.s.retry.attempts: a request is tried again 1 to 10 times; write 1, or \
             `retry: off` for none",
        ),
        (
            &settings,
            "`get` is no method that can be listed here; write methods in capitals, such as `[GET, PUT]`",
        ),
        (&settings, "`a b` is no name of a header; write `Idempotency-Key`"),
        (&settings, "services.s.retry.per_try: no answer would be in time; write a time such as `1s`"),
    ] {
        assert!(said.contains(want), "{want}\nin\n{said}");
    }
}

#[test]
fn what_the_breaker_refuses_is_no_retry() {
    let (first, second) = (mute(), mute());
    let gateway = gateway(&first, &second, "breaker: { volume: 1, reset: 1h }");
    assert_problem(&gateway.get("/a"), 502, "BAD_GATEWAY");
    assert_eq!(first.requests() + second.requests(), 1, "one failure opens it");
    let counted = |result| gateway.metric_where("gateway_upstream_retries_total", &[("result", result)]);
    assert_eq!((counted("made"), counted("over_budget")), (0.0, 0.0));
    assert_eq!(logged(&gateway, "/a")["attempts"], 1);
}
