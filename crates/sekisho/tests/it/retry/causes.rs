//! Which failures are a reason to try again.

use super::{gateway, good, hanging, mute};
use crate::front::{assert_problem, logged};
use crate::harness::{Service, ok};

#[test]
fn a_dead_endpoint_costs_no_client_an_answer() {
    let (dead, good) = (good(), good());
    let gateway = gateway(&dead, &good, "");
    dead.stop();
    for index in 0..6 {
        assert_eq!(gateway.get(&format!("/{index}")).text(), "good");
    }
    let line = logged(&gateway, "/0");
    assert_eq!(
        (&line["attempts"], &line["endpoint"], &line["decided_by"]),
        (&2.into(), &good.addr.to_string().into(), &"service".into())
    );
    assert!(gateway.metric("gateway_upstream_retries_total{") >= 1.0);
}

#[test]
fn a_request_that_was_never_sent_is_tried_elsewhere_whatever_its_method() {
    let (dead, good) = (good(), Service::echo());
    let gateway = gateway(&dead, &good, "");
    dead.stop();
    let mut client = gateway.connect();
    for _ in 0..4 {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        assert_eq!(client.answer().json()["body"], "hi");
    }
}

#[test]
fn a_connection_that_ends_before_the_answer_is_tried_elsewhere_if_the_method_is_safe() {
    let (mute, good) = (mute(), good());
    let gateway = gateway(&mute, &good, "");
    assert_eq!(gateway.get("/safe").text(), "good");
    assert_eq!((mute.requests(), good.requests()), (1, 1));
    // The retry took nobody's turn.
    assert_eq!(gateway.get("/the-others-turn").text(), "good");
    assert_eq!((mute.requests(), good.requests()), (1, 2));
    let mut client = gateway.connect();
    client.send("POST /unsafe HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert_problem(&client.answer(), 502, "BAD_GATEWAY");
    assert_eq!((mute.requests(), logged(&gateway, "/unsafe")["attempts"].as_u64()), (2, Some(1)));
}

#[test]
fn half_a_head_is_never_tried_again() {
    let half = Service::raw(|mut conn| {
        conn.next_head();
        conn.write("HTTP/1.1 200");
    });
    let good = good();
    let gateway = gateway(&half, &good, "retry: { on: [connect, reset, timeout, 5xx] }");
    assert_problem(&gateway.get("/a"), 502, "BAD_GATEWAY");
    assert_eq!(good.requests(), 0);
}

#[test]
fn a_try_that_takes_too_long_is_given_up_where_that_is_said() {
    let (slow, good) = (hanging(), good());
    let words = "retry: { on: [timeout], per_try: 1s }, timeouts: { first_byte: 1h }";
    let gateway = gateway(&slow, &good, words);
    assert_eq!(gateway.get("/a").text(), "good");
    assert_eq!(logged(&gateway, "/a")["attempts"], 2);
    // Without that cause the same is the end of it.
    let patient = super::gateway(&slow, &good, "retry: { per_try: 100ms }, timeouts: { first_byte: 1h }");
    assert_problem(&patient.get("/a"), 504, "UPSTREAM_TIMEOUT");
    assert_eq!(logged(&patient, "/a")["reason"], "per_try_timeout");
}

#[test]
fn an_answer_that_tells_of_a_failure_is_tried_elsewhere_where_that_is_said() {
    let busy = || {
        Service::answering(|_| {
            b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy".to_vec()
        })
    };
    let (first, good) = (busy(), good());
    let gateway = gateway(&first, &good, "retry: { on: [503] }");
    for _ in 0..4 {
        assert_eq!(gateway.get("/a").text(), "good");
    }
    assert!(first.requests() >= 2);
    assert_eq!(first.connections(), 1, "an answer that was read to its end frees its connection");
    // The last answer is passed on as it is.
    let second = busy();
    let gateway =
        super::gateway(&first, &second, "retry: { on: [5xx], attempts: 3, backoff: { base: 1ms } }");
    let answer = gateway.get("/b");
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.header("retry-after")),
        (503, "busy", Some("7"))
    );
    let line = logged(&gateway, "/b");
    assert_eq!((&line["attempts"], &line["decided_by"]), (&4.into(), &"service".into()));
    // And without a word it is an answer like any other.
    let gateway = super::gateway(&first, &good, "");
    let statuses: Vec<u16> = (0..4).map(|_| gateway.get("/c").status).collect();
    assert_eq!(statuses, [503, 200, 503, 200]);
}

#[test]
fn a_large_answer_that_tells_of_a_failure_is_not_waited_for() {
    let large = Service::raw(|mut conn| {
        conn.next_head();
        conn.write("HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\nsome");
        conn.wait_closed();
    });
    let good = Service::answering(|_| ok("text/plain", "good"));
    let gateway = gateway(&large, &good, "retry: { on: [500] }");
    assert_eq!(gateway.get("/a").text(), "good");
}
