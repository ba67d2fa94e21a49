//! How many connections there may be, to services and from clients, and what those get who come beyond that.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use super::{Gate, ask, at_once};
use crate::front::{assert_problem, gateway, logged};
use crate::harness::{Client, Ends, Service, ok, until};

#[test]
fn with_one_connection_requests_are_served_one_after_another() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "connections: { max: 1, wait: 8s }", "workers: 2");
    let mut clients: Vec<_> = (0..10).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(1);
    until("all requests to be under way", || {
        (gateway.metric("http_server_active_requests ") == 10.0).then_some(())
    });
    assert_eq!((gate.service.requests(), gate.service.connections()), (1, 1));
    gate.open();
    for (index, client) in clients.iter_mut().enumerate() {
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, format!("/{index}")));
    }
    assert_eq!((gate.service.requests(), gate.most.load(SeqCst)), (10, 1));
}

#[test]
fn a_request_beyond_the_queue_is_turned_away_at_once() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "connections: { max: 1, queue: 2, wait: 1h }", "workers: 2");
    let mut clients: Vec<_> = (0..3).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    until("all requests to be under way", || {
        (gateway.metric("http_server_active_requests ") == 3.0).then_some(())
    });
    gate.service.wait_seen(1);
    gateway.each_worker_answers();
    let answer = gateway.get("/beyond");
    assert_problem(&answer, 503, "OVERLOADED");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(logged(&gateway, "/beyond")["reason"], "connection_queue");
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(gateway.get("/after").status, 200);
}

#[test]
fn a_wait_that_is_too_long_ends_with_503() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "connections: { max: 1, wait: 200ms }", "workers: 2");
    let mut first = ask(&gateway, "/first");
    gate.service.wait_seen(1);
    let began = Instant::now();
    let answer = gateway.get("/second");
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    assert_problem(&answer, 503, "OVERLOADED");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(logged(&gateway, "/second")["reason"], "connection_wait");
    gate.open();
    assert_eq!(first.answer().status, 200);
    assert_eq!(gateway.get("/third").status, 200);
    assert_eq!(gate.service.requests(), 2);
}

#[test]
fn a_connection_unused_on_one_worker_does_not_starve_another() {
    let service = Service::echo();
    // The wait, like the time for which an unused connection is kept, is longer than a client waits for its answer here.
    let words = "connections: { max: 1, wait: 1h, idle: 1h }, timeouts: { connect: 1h, first_byte: 1h }";
    let gateway = gateway(service.addr, words, "workers: 2");
    // Open connections go to the worker with the fewest: these two lie on different ones.
    let mut clients = [gateway.connect(), gateway.connect()];
    for round in 0..6 {
        let client = &mut clients[round % 2];
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_worker_that_is_never_done_leaves_others_their_share() {
    // So slow that those who are answered ask again before the next answer.
    let service = Service::answering(|_| {
        thread::park_timeout(Duration::from_millis(5));
        ok("text/plain", "fine")
    });
    // Whoever had to wait for the end of all that others want would wait for longer than a client does here.
    let words = "connections: { max: 1, wait: 1h }, timeouts: { connect: 1h, first_byte: 1h }";
    let gateway = gateway(service.addr, words, "workers: 2");
    // Open connections go to the worker with the fewest: every other one lies on the same worker.
    let clients: Vec<_> = (0..8).map(|_| gateway.connect()).collect();
    let (greedy, modest): (Vec<_>, Vec<_>) =
        clients.into_iter().enumerate().partition(|(index, _)| index % 2 == 0);
    let stop = AtomicBool::new(false);
    let ask = |client: &mut Client| {
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    };
    thread::scope(|scope| {
        let _ends = Ends(&stop);
        for (_, mut client) in greedy {
            let (stop, ask) = (&stop, &ask);
            // One more of them always waits for the one connection.
            scope.spawn(move || {
                while !stop.load(SeqCst) {
                    ask(&mut client);
                }
            });
        }
        let (_, mut client) = modest.into_iter().next().unwrap();
        until("the others to be busy", || (service.requests() > 20).then_some(()));
        for _ in 0..20 {
            ask(&mut client);
        }
    });
}

#[test]
fn a_burst_of_clients_all_get_their_own_answers() {
    for _ in 0..2 {
        let gate = Gate::new();
        let gateway = gateway(gate.service.addr, "connections: { max: 32, wait: 1h }", "workers: 2");
        let opens = || {
            // All have come, and as many as may are at the service, before any is answered.
            gateway.wait_metric("http_server_active_requests", &[], 200.0);
            gate.service.wait_seen(32);
            gateway.each_worker_answers();
            assert_eq!((gate.service.requests(), gate.service.connections()), (32, 32));
            gate.open();
        };
        assert_eq!(at_once(&gateway, 200, opens), [200; 200]);
        assert_eq!((gate.most.load(SeqCst), gate.service.requests()), (32, 200));
        gateway.wait_metric("gateway_requests_total", &[("status", "200")], 200.0);
    }
}

#[test]
fn clients_beyond_the_limit_are_turned_away_while_all_others_are_served() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "", "limits: { connections: 3, connections_per_address: 99 }");
    let mut clients: Vec<_> = (0..3).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(3);
    for _ in 0..3 {
        let mut beyond = gateway.connect();
        let answer = beyond.answer();
        assert_eq!((answer.status, answer.code().as_str()), (503, "OVERLOADED"));
        assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
        assert!(beyond.closed());
    }
    gateway.wait_metric("gateway_connections_total", &[("result", "refused")], 3.0);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    drop(clients.pop());
    gateway.wait_metric("gateway_connections", &[], 2.0);
    assert_eq!(ask(&gateway, "/a").answer().status, 200);
}

#[test]
fn who_has_waited_longest_makes_room_for_the_next() {
    let service = Service::echo();
    let top = "workers: 1\nlimits: { connections: 3, connections_per_address: 99 }";
    let gateway = gateway(service.addr, "", top);
    // One has never asked, one has asked and waits, one is in the middle of a head.
    let mut silent = gateway.connect();
    gateway.wait_metric("gateway_connections", &[], 1.0);
    let mut used = ask(&gateway, "/a");
    assert_eq!(used.answer().status, 200);
    let mut slow = gateway.connect();
    slow.send("GET /slow HTTP/1.1\r\nHost:");
    gateway.wait_metric("gateway_connections", &[], 3.0);

    let mut fourth = ask(&gateway, "/b");
    assert_eq!(fourth.answer().status, 200);
    assert!(silent.closed(), "it came first and has said nothing since");
    used.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(used.answer().status, 200, "the others notice nothing");

    let mut fifth = ask(&gateway, "/c");
    assert_eq!(fifth.answer().status, 200);
    let answer = slow.answer();
    assert_eq!((answer.status, answer.code().as_str()), (408, "REQUEST_TIMEOUT"));
    assert!(slow.closed());
    assert_eq!(gateway.metric("gateway_connections_total{result=\"refused\"}"), 0.0);
}

#[test]
fn one_address_does_not_get_all_places() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "", "limits: { connections: 9, connections_per_address: 2 }");
    let mut clients: Vec<_> = (0..2).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(2);
    let mut third = gateway.connect();
    let answer = third.answer();
    assert_eq!((answer.status, answer.code().as_str()), (429, "RATE_LIMITED"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(third.closed());
    let mut other = Client::connect_from("127.0.0.2", gateway.addr);
    other.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
    gate.service.wait_seen(3);
    gate.open();
    assert_eq!(other.answer().status, 200);
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    drop(clients.pop());
    gateway.wait_metric("gateway_connections", &[], 2.0);
    assert_eq!(ask(&gateway, "/again").answer().status, 200, "room is given back");
}

#[test]
fn a_trusted_proxy_may_bring_as_many_as_it_likes() {
    let gate = Gate::new();
    let top = "trusted_proxies: [127.0.0.1]\nlimits: { connections_per_address: 1 }";
    let gateway = gateway(gate.service.addr, "", top);
    let mut clients: Vec<_> = (0..3).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(3);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_client_beyond_the_limit_gets_ids_too() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "", "limits: { connections: 1, connections_per_address: 9 }");
    let _first = ask(&gateway, "/a");
    gate.service.wait_seen(1);
    let answer = gateway.connect().answer();
    assert_eq!((answer.status, answer.code().as_str()), (503, "OVERLOADED"));
    for name in ["x-request-id", "x-correlation-id"] {
        let [id] = answer.headers_all(name)[..] else { panic!("{name}: {answer:?}") };
        assert!(!id.is_empty());
    }
    assert_eq!(answer.json()["request_id"].as_str(), answer.header("x-request-id"));
}
