//! Stale answers: sent while they are renewed, or instead of a failure.

use std::sync::{Arc, Mutex};

use super::{World, answer, ask, counting, fresh, get, until_word, word};
use crate::framing::gateway;
use crate::harness::{Service, until};

/// Stale at once, and to be renewed behind its clients' backs for a minute.
const BEHIND: &str = "Cache-Control: max-age=0, stale-while-revalidate=60\r\nETag: \"e\"\r\n";

#[test]
fn a_stale_answer_is_sent_at_once_and_renewed_once() {
    let world = World::start("");
    let mut client = world.ask("/");
    world.last(answer(BEHIND, "1"));
    client.answer();
    let stale = until_word(&world.gateway, &get("/", ""), "STALE");
    assert_eq!(stale.text(), "1");
    let line = world.gateway.wait_log_of(&stale);
    assert_eq!(line["cacheReason"], "stale-while-revalidate");
    // The service does not answer that renewal yet, and nobody else asks.
    for _ in 0..20 {
        let answer = ask(&world.gateway, &get("/", ""));
        assert_eq!((word(&answer), answer.text().as_str()), ("STALE", "1"));
    }
    let seen = world.service.wait_seen(2);
    assert_eq!(seen.len(), 2, "one at a time");
    assert_eq!(seen[1].header("if-none-match"), Some("\"e\""), "it asks whether it has changed");
    // No client waits for it, so that it is no request under way.
    world.gateway.wait_metric("http_server_active_requests", &[], 0.0);
    world.last(fresh("2"));
    assert_eq!(until_word(&world.gateway, &get("/", ""), "HIT").text(), "2");
    world.gateway.wait_metric("gateway_cache_renewals_total", &[], 1.0);
}

#[test]
fn a_renewal_goes_through_the_policies_behind_the_cache_and_a_304_makes_it_fresh() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let service = counting(move |times, request| {
        notes.lock().unwrap().push((request.target.clone(), request.header("x-told").map(str::to_owned)));
        match times {
            1 => answer(BEHIND, "1"),
            _ => {
                b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nETag: \"e\"\r\nX-Inner: 1\r\n\r\n"
                    .to_vec()
            }
        }
    });
    let policies = ", policies: { cache: {}, rewrite: { add_prefix: /v1 }, \
                    headers: { request: { set: { X-Told: yes } }, response: { set: { X-Seen: behind }, remove: [X-Inner] } } }";
    let gateway = gateway(&service, policies, "");
    let request = get("/a?b=c", "");
    assert_eq!(word(&ask(&gateway, &request)), "MISS");
    until_word(&gateway, &request, "STALE");
    let hit = until_word(&gateway, &request, "HIT");
    assert_eq!(
        (hit.text().as_str(), hit.headers_all("x-seen"), hit.header("x-inner")),
        ("1", vec!["behind"], None)
    );
    let seen = seen.lock().unwrap();
    let want = ("/v1/a?b=c".to_owned(), Some("yes".to_owned()));
    assert_eq!(*seen, [want.clone(), want]);
}

#[test]
fn a_renewal_that_fails_leaves_the_stale_answer_where_it_is() {
    let service = counting(|times, _| match times {
        1 => answer(BEHIND, "1"),
        2 | 3 => b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => fresh("4"),
    });
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    assert_eq!(word(&ask(&gateway, &get("/", ""))), "MISS");
    let answer = until("the fourth answer", || {
        let answer = ask(&gateway, &get("/", ""));
        assert_eq!(answer.status, 200);
        Some(answer).filter(|answer| answer.text() == "4")
    });
    assert_eq!(word(&answer), "HIT");
}

#[test]
fn a_stale_answer_stands_in_for_a_service_that_fails_or_is_gone() {
    let service = counting(|times, _| match times {
        1 => answer("Cache-Control: max-age=0, stale-if-error=60\r\nETag: \"e\"\r\n", "good"),
        2 => b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy".to_vec(),
        _ => b"HTTP/1.1 404 Gone\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\ngone".to_vec(),
    });
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    assert_eq!(word(&ask(&gateway, &get("/", ""))), "MISS");
    let answer = until_word(&gateway, &get("/", ""), "STALE");
    assert_eq!((answer.status, answer.text().as_str()), (200, "good"));
    assert_eq!(
        answer.header("cache-status").unwrap().split("; ttl").next(),
        Some("sekisho; fwd=stale; fwd-status=503")
    );
    let line = gateway.wait_log_of(&answer);
    assert_eq!((&line["decided_by"], &line["reason"]), (&"cache".into(), &"stale-if-error".into()));
    assert_eq!(ask(&gateway, &get("/", "")).status, 404, "that is no failure");
    service.stop();
    let answer = ask(&gateway, &get("/", ""));
    assert_eq!((answer.status, answer.text().as_str(), word(&answer)), (200, "good", "STALE"));
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "stale-if-error");
}

#[test]
fn where_nobody_allows_it_a_failure_is_told() {
    let service = counting(|times, _| match times {
        1 => answer("Cache-Control: max-age=0\r\nETag: \"e\"\r\n", "good"),
        _ => b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec(),
    });
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    assert_eq!(ask(&gateway, &get("/", "")).status, 200);
    until("the failure", || Some(ask(&gateway, &get("/", ""))).filter(|answer| answer.status == 503));
    service.stop();
    assert_eq!(ask(&gateway, &get("/", "")).status, 503);
}

#[test]
fn a_304_that_speaks_of_another_answer_lets_the_whole_be_asked_for() {
    let service = counting(|times, request| match times {
        1 => answer("Cache-Control: no-cache\r\nETag: \"1\"\r\n", "one"),
        2 => {
            assert_eq!(request.header("if-none-match"), Some("\"1\""));
            b"HTTP/1.1 304 Not Modified\r\nETag: \"2\"\r\n\r\n".to_vec()
        }
        _ => {
            assert_eq!(request.header("if-none-match"), None);
            assert_eq!(
                request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("via")).count(),
                1
            );
            answer("Cache-Control: max-age=60\r\nETag: \"2\"\r\n", "two")
        }
    });
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    assert_eq!(ask(&gateway, &get("/", "")).text(), "one");
    let answer =
        until("the second", || Some(ask(&gateway, &get("/", ""))).filter(|answer| answer.text() == "two"));
    assert_eq!(answer.status, 200);
    until_word(&gateway, &get("/", ""), "HIT");
}

#[test]
fn only_if_cached_never_asks() {
    let service = Service::fixed(fresh("x"));
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    let request = get("/", "Cache-Control: only-if-cached\r\n");
    let refused = ask(&gateway, &request);
    assert_eq!((refused.status, refused.code().as_str(), word(&refused)), (504, "NOT_CACHED", "MISS"));
    assert_eq!(service.requests(), 0);
    ask(&gateway, &get("/", ""));
    assert_eq!(until_word(&gateway, &request, "HIT").text(), "x");
}
