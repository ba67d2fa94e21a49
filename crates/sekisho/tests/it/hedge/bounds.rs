//! What is hedged, and how much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::{Held, gateway, quick, wait_outcome};
use crate::harness::{Service, ok, until};

/// Waits until a service has been asked for a path so often.
fn wait_asked(service: &Service, path: &str, count: usize) {
    until(&format!("{path} to be asked for"), || {
        let seen = service.seen();
        (seen.iter().filter(|request| request.target == path).count() == count).then_some(())
    });
}

#[test]
fn what_must_not_be_done_twice_is_never_hedged() {
    let (slow, good) = (Held::answering("slow"), quick("good"));
    let gateway = gateway(&slow.service, &good, "hedge: { after: 20ms, budget: 100% }");
    let requests = [
        "POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        "POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "GET /once HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        "OPTIONS /once HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let mut clients: Vec<_> = requests
        .iter()
        .enumerate()
        .map(|(number, request)| {
            let mut client = gateway.connect();
            client.send(request);
            wait_asked(&slow.service, "/once", number + 1);
            // By then its time has passed as well: of three that come later the second is hedged.
            for _ in 0..3 {
                assert_eq!(gateway.get("/").text(), "good");
            }
            wait_outcome(&gateway, "won", number + 1);
            client
        })
        .collect();
    assert!(good.seen().iter().all(|request| request.target == "/"));
    slow.let_go();
    for client in &mut clients {
        assert_eq!(client.answer().text(), "slow");
    }
}

#[test]
fn a_slow_service_is_not_asked_twice_as_much() {
    const REQUESTS: usize = 60;
    let (one, other) = (Held::answering("one"), Held::answering("other"));
    let gateway = gateway(&one.service, &other.service, "hedge: { after: 20ms, budget: 10% }");
    let mut clients: Vec<_> = (0..REQUESTS).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let over_budget = || {
        gateway.metric_where("gateway_hedges_total", &[("service", "s"), ("outcome", "over_budget")]) as usize
    };
    let asked = || one.service.requests() + other.service.requests();
    until("every request to be long in coming", || (asked() + over_budget() >= 2 * REQUESTS).then_some(()));
    // Ten are free; ten seconds later some more would be.
    assert!((REQUESTS + 10..=REQUESTS * 3 / 2).contains(&asked()), "{}", asked());
    one.let_go();
    other.let_go();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_service_at_its_limit_is_not_asked_beside() {
    let (slow, other) = (Held::answering("slow"), quick("other"));
    let gateway = gateway(&slow.service, &other, "limit: 1, hedge: { after: 20ms }");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_outcome(&gateway, "over_budget", 1);
    slow.let_go();
    assert_eq!(client.answer().text(), "slow");
    assert_eq!(other.requests(), 0);
}

#[test]
fn nobody_is_asked_whose_breaker_is_open() {
    let (slow, other) = (Held::answering("slow"), quick("other"));
    let gateway = gateway(&slow.service, &other, "breaker: { per: endpoint }, hedge: { after: 20ms }");
    let opened = gateway.admin_post(&format!("/api/breakers/s/{}/open", other.addr));
    assert_eq!(opened.status, 200);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_outcome(&gateway, "nobody_else", 1);
    slow.let_go();
    assert_eq!(client.answer().text(), "slow");
    assert_eq!(other.requests(), 0);
}

#[test]
fn being_slower_is_no_failure() {
    let (slow, good) = (Held::answering("slow"), quick("good"));
    let words =
        "breaker: { per: endpoint, volume: 1, error_percentage: 0 }, hedge: { after: 20ms, budget: 100% }";
    let gateway = gateway(&slow.service, &good, words);
    until("the slow one to be let go of some times", || {
        assert_eq!(gateway.get("/").text(), "good");
        (slow.service.requests() >= 5).then_some(())
    });
    let slow_one = slow.service.addr.to_string();
    let window = |result: &str| {
        let labels = [("service", "s"), ("endpoint", slow_one.as_str()), ("result", result)];
        gateway.metric_where("gateway_circuit_breaker_window", &labels)
    };
    assert_eq!((window("success"), window("failure")), (0.0, 0.0));
}

#[test]
fn a_client_that_comes_back_to_its_endpoint_waits_for_it() {
    let (slow, good) = (Held::answering("slow"), quick("good"));
    let gateway = gateway(&slow.service, &good, "sticky: { cookie: at }, hedge: { after: 20ms }");
    slow.let_go();
    let cookie = until("the cookie of the slow one", || {
        let answer = gateway.get("/");
        let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
        (answer.text() == "slow").then(|| cookie.unwrap().to_owned())
    });
    slow.lets_go.store(false, SeqCst);
    let won = || gateway.metric_where("gateway_hedges_total", &[("outcome", "won")]);
    let before = won();
    let mut client = gateway.connect();
    client.send(format!("GET /back HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n"));
    wait_asked(&slow.service, "/back", 1);
    // By then its time has passed as well: of two that come later one is hedged.
    for _ in 0..2 {
        assert_eq!(gateway.get("/").text(), "good");
    }
    assert_eq!(won(), before + 1.0);
    slow.let_go();
    assert_eq!(client.answer().text(), "slow");
}

/// A service that answers at once until it is told to be silent.
fn falling_silent(silent: &Arc<AtomicBool>) -> Service {
    let silent = Arc::clone(silent);
    Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            if silent.load(SeqCst) {
                conn.wait_closed();
                return;
            }
            conn.write(ok("text/plain", "quick"));
        }
    })
}

#[test]
fn how_long_the_first_has_can_be_what_answers_take() {
    let silent = Arc::default();
    let (first, good) = (falling_silent(&silent), quick("good"));
    let gateway = gateway(&first, &good, "hedge: { budget: 100% }");
    let mut client = gateway.connect();
    let mut get = || {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.answer()
    };
    for _ in 0..200 {
        assert_eq!(get().status, 200);
    }
    silent.store(true, SeqCst);
    for _ in 0..4 {
        assert_eq!(get().text(), "good");
    }
    let hedged = gateway.metric_where("gateway_hedges_total", &[("outcome", "won")]);
    assert!(hedged >= 2.0, "{hedged}");
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    let dir = crate::harness::temp_dir();
    let file = dir.join("sekisho.yaml");
    let text = "services:\n  up:\n    endpoints: [http://127.0.0.1:1]\n    hedge: { after: 0s, methods: [GET, POST], budget: 0% }\n\
                routes: [{ path: /*, service: up }]\n";
    std::fs::write(&file, text).unwrap();
    let output = crate::harness::binary().arg("check").arg("-c").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for field in ["after", "methods", "budget"] {
        assert!(said.contains(&format!("services.up.hedge.{field}: ")), "{field}: {said}");
    }
    assert!(said.contains("sekisho.yaml:4:"), "{said}");
}
