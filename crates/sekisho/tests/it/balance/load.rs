//! Who has less to do is asked, and what an endpoint has to do is known to the last byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::{config, gateway, numbered};
use crate::harness::{Client, Gateway, Service, ok, until};
use crate::pool::Gate;

#[test]
fn an_endpoint_that_hangs_gets_no_more_than_it_holds() {
    let gate = Gate::new();
    let quick = Service::answering(|_| ok("text/plain", "quick"));
    for balance in ["least_requests", "{ algorithm: ewma, decay: 10s }"] {
        let before = gate.service.requests();
        let text = format!(
            "workers: 2\nservices:\n  up: {{ balance: {balance}, endpoints: ['{}', '{}'] }}\n\
             routes: [{{ path: /*, service: up }}]",
            gate.service.url(),
            quick.url()
        );
        let gateway = Gateway::start(&text);
        // Until one is held there. Each has arrived somewhere before the next is sent, or a late one would weigh on the quick one.
        let (mut held, arrived) = (Vec::new(), || gate.service.requests() + quick.requests());
        while gate.service.requests() == before {
            let (mut client, already) = (gateway.connect(), arrived());
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            until("a request to arrive", || (arrived() > already).then_some(()));
            held.push(client);
            assert!(held.len() < 100, "nobody is sent there");
        }
        let labels = [("service", "up"), ("endpoint", &*quick.addr.to_string())];
        gateway.wait_metric("gateway_endpoint_requests_in_flight", &labels, 0.0);
        let mut client = gateway.connect();
        for _ in 0..100 {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.answer().text(), "quick");
        }
        let labels = [("service", "up"), ("endpoint", &*gate.service.addr.to_string())];
        gateway.wait_metric(
            "gateway_endpoint_requests_in_flight",
            &labels,
            (gate.service.requests() - before) as f64,
        );
    }
    gate.open();
}

#[test]
fn ewma_leaves_a_slow_endpoint_for_quick_ones() {
    let gate = Gate::new();
    let quick = Service::answering(|_| ok("text/plain", "quick"));
    let text = format!(
        "services:\n  up: {{ balance: ewma, endpoints: ['{}', '{}'] }}\nroutes: [{{ path: /*, service: up }}]",
        gate.service.url(),
        quick.url()
    );
    let gateway = Gateway::start(&text);
    // Until the slow one holds one and the quick one has answered; how long that took at the most.
    let (mut held, mut longest, mut asked) = (None, Duration::ZERO, 0);
    while held.is_none() || quick.requests() == 0 {
        let (mut client, began) = (gateway.connect(), Instant::now());
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        asked += 1;
        assert!(asked < 100, "one of them is never asked");
        until("it to arrive", || (gate.service.requests() + quick.requests() == asked).then_some(()));
        match gate.service.requests() > usize::from(held.is_some()) {
            true => held = Some((client, began)),
            false => {
                assert_eq!(client.answer().text(), "quick");
                longest = longest.max(began.elapsed());
            }
        }
    }
    let (mut client, began) = held.unwrap();
    let held = gate.service.requests();
    until("it to be slow beyond doubt", || {
        (began.elapsed() > (longest * 20).max(Duration::from_secs(1))).then_some(())
    });
    gate.open();
    assert_eq!(client.answer().text(), "/");
    for _ in 0..200 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    let got = gate.service.requests() - held;
    assert!(got <= 20, "{got} of 200");
}

/// Requests that the only endpoint has.
fn in_flight(gateway: &Gateway, want: f64) {
    gateway.wait_metric("gateway_endpoint_requests_in_flight", &[("service", "up")], want);
}

#[test]
fn an_endpoint_has_a_request_until_the_last_byte_of_the_answer() {
    let may_end = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&may_end);
    let service = Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
            until("the rest to be wanted", || ends.load(SeqCst).then_some(()));
            conn.write("cd");
        }
    });
    let services = [service];
    let gateway = gateway(&services, "balance: least_requests");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head_only();
    in_flight(&gateway, 1.0);
    may_end.store(true, SeqCst);
    assert_eq!(client.body_of(head).text(), "abcd");
    in_flight(&gateway, 0.0);
}

#[test]
fn a_client_that_leaves_and_an_endpoint_that_is_not_there_leave_nothing_behind() {
    let hangs = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let services = [hangs];
    let gateway = gateway(&services, "timeouts: { first_byte: 1h }");
    for body in ["", "Content-Length: 9\r\n"] {
        let mut client: Client = gateway.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{body}\r\n"));
        in_flight(&gateway, 1.0);
        client.reset();
        in_flight(&gateway, 0.0);
    }
    let gone = numbered(1);
    gateway.reconfigure(&config(&gone, "timeouts: { first_byte: 1h }", |_| "weight: 1".into()));
    gone[0].stop();
    assert_eq!(gateway.get("/").status, 503);
    in_flight(&gateway, 0.0);
}

#[test]
fn a_tunnel_counts_as_long_as_it_is_open() {
    let service = Service::raw(|mut conn| {
        conn.next_head();
        conn.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        conn.wait_closed();
    });
    let services = [service];
    let gateway = gateway(&services, "balance: least_requests");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(client.head_only().status, 101);
    in_flight(&gateway, 1.0);
    drop(client);
    in_flight(&gateway, 0.0);
}
