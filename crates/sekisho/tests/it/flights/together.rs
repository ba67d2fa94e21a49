//! Those who want the same at once.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use super::{Deed, World, answer, counting_conns, fresh, get, until_word, word};
use crate::framing::gateway;
use crate::harness::{Answer, pattern, until};

#[test]
fn many_who_ask_for_one_cold_key_make_one_request() {
    let world = World::start("");
    let mut clients: Vec<_> = (0..200).map(|_| world.ask("/one?a=1")).collect();
    world.wait_under_way(200);
    let body = pattern(100_000);
    world.last(fresh(&body));
    let answers: Vec<Answer> = clients.iter_mut().map(|client| client.answer()).collect();
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.complete && answer.body == body));
    let collapsed = |answer: &&Answer| answer.header("cache-status").unwrap().ends_with("; collapsed");
    assert_eq!(answers.iter().filter(collapsed).count(), 199, "one of them asked for all");
    assert!(answers.iter().all(|answer| word(answer) == "MISS"));
    assert_eq!(world.service.requests(), 1);
    for client in &mut clients {
        client.send(get("/one?a=1", ""));
        assert_eq!(word(&client.answer()), "HIT", "connections go on, and the answer is stored");
    }
    assert_eq!(world.service.requests(), 1);
    let line = world.gateway.wait_log(|line| line["reason"] == "collapsed");
    assert_eq!((&line["decided_by"], &line["cache"]), (&"cache".into(), &"MISS".into()));
    world.gateway.wait_metric("gateway_cache_requests_total", &[("result", "hit")], 200.0);
    world.gateway.wait_metric("gateway_cache_requests_total", &[("result", "miss")], 200.0);
    world.gateway.wait_metric("gateway_cache_hit_ratio", &[], 0.5);
    world.gateway.wait_metric("gateway_cache_fills_total", &[("result", "stored")], 1.0);
}

#[test]
fn an_answer_for_one_alone_lets_the_others_ask_and_the_next_ones_do_not_wait() {
    let world = World::start("");
    let mut clients: Vec<_> = (0..3).map(|_| world.ask("/")).collect();
    world.wait_under_way(3);
    assert_eq!(world.service.wait_seen(1).len(), 1, "the others wait");
    world.last(answer("Cache-Control: private\r\n", "1"));
    world.service.wait_seen(3);
    for body in ["2", "3"] {
        world.last(answer("Cache-Control: private\r\n", body));
    }
    let mut bodies: Vec<String> = clients.iter_mut().map(|client| client.answer().text()).collect();
    bodies.sort();
    assert_eq!(bodies, ["1", "2", "3"], "each has an answer of its own");
    // From now on it is known.
    let mut clients: Vec<_> = (0..3).map(|_| world.ask("/")).collect();
    world.service.wait_seen(6);
    for _ in 0..3 {
        world.last(answer("Cache-Control: private\r\n", "x"));
    }
    for client in &mut clients {
        let answer = client.answer();
        assert_eq!(
            answer.header("cache-status").unwrap(),
            "sekisho; fwd=uri-miss; fwd-status=200; detail=private"
        );
        assert_eq!(world.gateway.wait_log_of(&answer)["notStored"], "private");
    }
    // Until it is for all again.
    let mut client = world.ask("/");
    world.last(fresh("all"));
    assert_eq!(client.answer().text(), "all");
    until_word(&world.gateway, &get("/", ""), "HIT");
}

#[test]
fn those_who_want_another_variant_ask_for_it_together() {
    const LANGUAGES: [&str; 3] = ["en", "ja", "de"];
    let (opens, gate) = sync_channel::<()>(0);
    let gate = Mutex::new(gate);
    let service = counting_conns(move |times, conn| {
        if times == 1 {
            gate.lock().unwrap().recv().unwrap();
        }
        let language = conn.seen().header("accept-language").unwrap().to_owned();
        conn.write(answer("Cache-Control: max-age=60\r\nVary: Accept-Language\r\n", language));
    });
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    let mut clients: Vec<_> = (0..30)
        .map(|number| {
            let mut client = gateway.connect();
            client.send(get("/", &format!("Accept-Language: {}\r\n", LANGUAGES[number % 3])));
            client
        })
        .collect();
    gateway.wait_metric("http_server_active_requests", &[], 30.0);
    gateway.each_worker_answers();
    assert_eq!(service.wait_seen(1).len(), 1);
    opens.send(()).unwrap();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.answer().text(), LANGUAGES[number % 3]);
    }
    assert_eq!(service.requests(), 3, "one for each");
}

#[test]
fn those_who_wait_for_a_validation_have_what_it_brings() {
    let world = World::start("");
    let mut first = world.ask("/");
    world.last(answer("Cache-Control: max-age=0\r\nETag: \"e\"\r\n", "kept"));
    first.answer();
    world.gateway.wait_metric("gateway_cache_fills_total", &[("result", "stored")], 1.0);
    let mut clients: Vec<_> = (0..10).map(|_| world.ask("/")).collect();
    world.wait_under_way(10);
    assert_eq!(world.service.wait_seen(2)[1].header("if-none-match"), Some("\"e\""));
    world.last("HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nETag: \"e\"\r\n\r\n");
    let answers: Vec<Answer> = clients.iter_mut().map(|client| client.answer()).collect();
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.text() == "kept"));
    let count = |wanted: &str| answers.iter().filter(|answer| word(answer) == wanted).count();
    assert_eq!((count("REVALIDATED"), count("HIT"), world.service.requests()), (1, 9, 2));
}

#[test]
fn those_who_wait_for_a_fetch_that_fails_ask_themselves() {
    let world = World::start("");
    let mut clients: Vec<_> = (0..4).map(|_| world.ask("/")).collect();
    world.wait_under_way(4);
    world.deed(Deed::Reset);
    world.service.wait_seen(4);
    for _ in 0..3 {
        world.last(fresh("late"));
    }
    let mut counts = HashMap::new();
    for client in &mut clients {
        *counts.entry(client.answer().status).or_insert(0) += 1;
    }
    assert_eq!(counts, HashMap::from([(200, 3), (502, 1)]), "the failure is that of the one who asked");
}

#[test]
fn nobody_waits_longer_than_the_operator_says() {
    let world = World::start("wait: 100ms");
    let mut first = world.ask("/");
    world.service.wait_seen(1);
    let mut second = world.ask("/");
    world.service.wait_seen(2);
    for body in ["1", "2"] {
        world.last(fresh(body));
    }
    let mut bodies = [first.answer().text(), second.answer().text()];
    bodies.sort();
    assert_eq!(bodies, ["1", "2"]);
}

#[test]
fn whoever_wants_a_fresh_answer_does_not_take_one_that_was_asked_for_before() {
    let world = World::start("");
    let mut first = world.ask("/");
    world.last(fresh("old"));
    first.answer();
    until_word(&world.gateway, &get("/", ""), "HIT");
    let mut clients: Vec<_> = (0..2).map(|_| world.ask_with("/", "Cache-Control: no-cache\r\n")).collect();
    world.service.wait_seen(3);
    for _ in 0..2 {
        world.last(fresh("new"));
    }
    for client in &mut clients {
        let answer = client.answer();
        assert_eq!((answer.text().as_str(), word(&answer)), ("new", "MISS"));
        assert_eq!(world.gateway.wait_log_of(&answer)["cacheReason"], "client-no-cache");
    }
    let hit = until_word(&world.gateway, &get("/", ""), "HIT");
    assert_eq!(hit.text(), "new");
}

#[test]
fn streams_of_events_are_nobody_elses() {
    let service = counting_conns(|times, conn| {
        let kind = "Content-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked";
        conn.write(format!("HTTP/1.1 200 OK\r\n{kind}\r\n\r\n1\r\n{times}\r\n"));
    });
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    for times in ["1", "2"] {
        let mut client = gateway.connect();
        client.send(get("/", ""));
        let head = client.head_only();
        assert_eq!(head.header("cache-status").unwrap().rsplit("; ").next(), Some("detail=unbounded"));
        until("an event", || client.read_some().windows(1).any(|one| one == times.as_bytes()).then_some(()));
    }
}
