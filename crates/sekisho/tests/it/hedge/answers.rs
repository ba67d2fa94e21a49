//! Who answers, and that nobody does twice.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Held, gateway, quick, wait_done, wait_outcome};
use crate::harness::{Service, ok, until};

const SOON: &str = "hedge: { after: 20ms }";

#[test]
fn an_answer_that_is_long_in_coming_is_had_from_another_endpoint_and_the_first_is_let_go_of() {
    let (slow, good) = (Held::answering("slow"), quick("good"));
    let gateway = gateway(&slow.service, &good, SOON);
    let answer = gateway.get("/");
    assert_eq!((answer.status, answer.text().as_str()), (200, "good"));
    let line = gateway.wait_log_of(&answer);
    assert_eq!((&line["attempts"], &line["endpoint"]), (&2.into(), &good.addr.to_string().into()));
    slow.wait_left(1);
    wait_outcome(&gateway, "won", 1);
    wait_done(&gateway, &slow.service);
    wait_done(&gateway, &good);
}

#[test]
fn the_first_endpoint_still_wins_if_its_head_is_first() {
    let (slow, other) = (Held::answering("slow"), Held::answering("other"));
    let gateway = gateway(&slow.service, &other.service, SOON);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    other.service.wait_seen(1);
    slow.let_go();
    let answer = client.answer();
    assert_eq!(answer.text(), "slow");
    other.wait_left(1);
    wait_outcome(&gateway, "lost", 1);
    let line = gateway.wait_log_of(&answer);
    assert_eq!((&line["attempts"], &line["endpoint"]), (&2.into(), &slow.service.addr.to_string().into()));
    // Its connection is as good as any: the next answer is of the next request.
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    other.service.wait_seen(2);
    other.let_go();
    assert!(["slow", "other"].contains(&client.answer().text().as_str()));
}

#[test]
fn an_answer_in_time_is_not_hedged() {
    let (good, other) = (quick("good"), quick("other"));
    let gateway = gateway(&good, &other, "hedge: { after: 30s }");
    for _ in 0..10 {
        assert_eq!(gateway.get("/").status, 200);
    }
    assert_eq!(good.requests() + other.requests(), 10);
    assert_eq!(gateway.metric("gateway_hedges_total{"), 0.0);
}

#[test]
fn a_first_try_that_fails_leaves_the_second_to_answer() {
    let (bad, other) = (Held::failing(), Held::answering("other"));
    let gateway = gateway(&bad.service, &other.service, SOON);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    other.service.wait_seen(1);
    bad.let_go();
    wait_done(&gateway, &bad.service);
    other.let_go();
    assert_eq!(client.answer().text(), "other");
    wait_outcome(&gateway, "won", 1);
}

#[test]
fn a_second_try_that_fails_leaves_the_first_to_answer() {
    let (slow, bad) = (Held::answering("slow"), Held::failing());
    let gateway = gateway(&slow.service, &bad.service, SOON);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    bad.service.wait_seen(1);
    bad.let_go();
    wait_done(&gateway, &bad.service);
    slow.let_go();
    assert_eq!(client.answer().text(), "slow");
    wait_outcome(&gateway, "lost", 1);
}

#[test]
fn an_answer_for_which_requests_are_tried_again_leaves_the_second_to_answer() {
    let bad = Held::new("", |conn, _| conn.write("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"));
    let other = Held::answering("other");
    let gateway = gateway(&bad.service, &other.service, "retry: { on: [503] }, hedge: { after: 20ms }");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    other.service.wait_seen(1);
    bad.let_go();
    // Its answer is taken for a failure before the other one may say anything.
    wait_done(&gateway, &bad.service);
    other.let_go();
    assert_eq!(client.answer().text(), "other");
    wait_outcome(&gateway, "won", 1);
}

#[test]
fn both_failing_is_one_failure() {
    let (one, other) = (Held::failing(), Held::failing());
    let gateway = gateway(&one.service, &other.service, SOON);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    other.service.wait_seen(1);
    one.let_go();
    other.let_go();
    let answer = client.answer();
    assert_eq!((answer.status, answer.code().as_str()), (502, "BAD_GATEWAY"));
    wait_outcome(&gateway, "failed", 1);
    assert_eq!(gateway.wait_log_of(&answer)["attempts"], 2);
}

#[test]
fn interim_answers_are_the_first_endpoints_and_never_those_of_both() {
    fn hinting(conn: &mut crate::harness::Conn, name: &'static str) -> bool {
        conn.write(format!("HTTP/1.1 103 Early Hints\r\nLink: </{name}>\r\n\r\n"));
        conn.write(ok("text/plain", name))
    }
    let (slow, other) = (Held::new("slow", hinting), Held::new("other", hinting));
    let gateway = gateway(&slow.service, &other.service, SOON);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    other.service.wait_seen(1);
    other.let_go();
    let answer = client.answer();
    assert_eq!((answer.text().as_str(), answer.interim.len()), ("other", 0));
    slow.wait_left(1);
    slow.let_go();
    let own = until("the turn of the first, in time", || {
        let answer = gateway.get("/");
        (answer.text() == "slow").then_some(answer)
    });
    assert!(own.interim.iter().all(|(_, lines)| lines[0].1 == "</slow>"), "{own:?}");
}

/// A service whose every answer is the path it was asked for, each about as late as another one's.
fn late(paths: &Arc<Mutex<Vec<String>>>) -> Service {
    let (turn, paths) = (AtomicUsize::new(0), Arc::clone(paths));
    Service::answering(move |request| {
        let path = request.target.clone();
        paths.lock().unwrap().push(path.clone());
        // Around the time at which the other one is asked, so that sometimes this one is first and sometimes that.
        let pause = [1, 8, 15, 22, 30, 45][turn.fetch_add(1, SeqCst) % 6];
        std::thread::park_timeout(Duration::from_millis(pause));
        ok("text/plain", path)
    })
}

#[test]
fn whoever_is_first_each_request_gets_its_own_answer_and_only_one() {
    let paths = Arc::default();
    let (one, other) = (late(&paths), late(&paths));
    let gateway = gateway(&one, &other, "hedge: { after: 10ms, budget: 100% }");
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|number| {
                let gateway = &gateway;
                scope.spawn(move || {
                    let mut client = gateway.connect();
                    for turn in 0..40 {
                        let path = format!("/{number}/{turn}");
                        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
                        let answer = client.answer();
                        assert_eq!((answer.status, answer.text()), (200, path));
                        assert_eq!(client.unread(), "", "one answer each");
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
    assert!(gateway.metric("gateway_hedges_total{") > 0.0);
    let asked = paths.lock().unwrap().len();
    assert!((161..=320).contains(&asked), "{asked}: some were with both");
}
