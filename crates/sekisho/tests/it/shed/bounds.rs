//! How many requests a service has at once, and for how long each counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use serde_json::json;

use super::{held, shed, wait_in_flight};
use crate::front::{assert_problem, gateway, logged};
use crate::harness::{Client, Gateway, Service, ok, until};
use crate::pool::{Gate, ask};

#[test]
fn exactly_as_many_of_a_crowd_pass_as_may() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "limit: { in_flight: 5, queue: 0 }", "workers: 2");
    let mut clients: Vec<_> = (0..40).map(|_| gateway.connect()).collect();
    thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
    });
    gate.service.wait_seen(5);
    until("the others to be turned away", || (shed(&gateway, "queue") == 35.0).then_some(()));
    wait_in_flight(&gateway, 5);
    gate.open();
    let statuses: Vec<_> = clients.iter_mut().map(|client| client.answer().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 35, "{statuses:?}");
    assert_eq!((gate.most.load(SeqCst), gate.service.requests()), (5, 5));
    wait_in_flight(&gateway, 0);
    assert_eq!(gateway.get("/after").status, 200);
}

#[test]
fn one_too_many_is_told_at_once_to_come_again() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "limit: { in_flight: 1, queue: 0 }", "");
    let mut first = ask(&gateway, "/first");
    gate.service.wait_seen(1);
    let answer = gateway.get("/beyond");
    assert_problem(&answer, 503, "OVERLOADED");
    assert_eq!(answer.headers_all("retry-after"), ["1"]);
    let mut body = answer.json();
    let members = body.as_object_mut().unwrap();
    assert!(members.remove("request_id").is_some() && members.remove("timestamp").is_some());
    let want = json!({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Too many requests are in flight; try again shortly.",
        "error": "Service is busy",
        "code": "OVERLOADED",
        "service": "s",
    });
    assert_eq!(body, want);
    let line = logged(&gateway, "/beyond");
    assert_eq!(
        (&line["decided_by"], &line["reason"], &line["service"], &line["attempts"], &line["endpoint"]),
        (&"upstream".into(), &"limit_queue".into(), &"s".into(), &0.into(), &json!(null)),
        "{line:#}"
    );
    gate.open();
    assert_eq!(first.answer().status, 200);
}

#[test]
fn a_number_alone_is_a_limit() {
    let (service, go) = held();
    let gateway = gateway(service.addr, "limit: 1", "workers: 2");
    let mut clients: Vec<_> = (0..2).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    service.wait_seen(1);
    until("one to wait in vain", || (shed(&gateway, "wait") == 1.0).then_some(()));
    go.send(()).unwrap();
    let mut statuses: Vec<_> = clients.iter_mut().map(|client| client.answer().status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
}

#[test]
fn never_more_are_in_flight_while_requests_come_and_go_on_all_workers() {
    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let peak = Arc::clone(&most);
    let service = Service::answering(move |request| {
        peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        // The first ones stay until there are as many as there may be.
        until("four at once", || (peak.load(SeqCst) >= 4).then_some(()));
        now.fetch_sub(1, SeqCst);
        ok("text/plain", &request.target)
    });
    let gateway = gateway(service.addr, "limit: { in_flight: 4, queue: 99, wait: 30s }", "workers: 2");
    thread::scope(|scope| {
        for thread in 0..16 {
            let gateway = &gateway;
            scope.spawn(move || {
                let mut client = gateway.connect();
                for round in 0..25 {
                    let path = format!("/{thread}/{round}");
                    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
                    let answer = client.answer();
                    assert_eq!((answer.status, answer.text()), (200, path));
                }
            });
        }
    });
    assert_eq!(service.requests(), 400);
    assert_eq!(most.load(SeqCst), 4);
    wait_in_flight(&gateway, 0);
}

#[test]
fn the_endpoints_of_a_service_share_its_limit() {
    let gates = [Gate::new(), Gate::new()];
    let gateway = Gateway::start(&format!(
        "services:\n  s: {{ endpoints: ['{}', '{}'], limit: {{ in_flight: 3, queue: 0 }} }}\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n",
        gates[0].service.url(),
        gates[1].service.url()
    ));
    let mut clients = Vec::new();
    for count in 1..=3 {
        clients.push(ask(&gateway, "/"));
        wait_in_flight(&gateway, count);
    }
    assert_eq!(gateway.get("/").code(), "OVERLOADED");
    gates.iter().for_each(Gate::open);
    assert!(clients.iter_mut().all(|client| client.answer().status == 200));
    assert!(gates.iter().all(|gate| gate.service.requests() > 0));
}

#[test]
fn a_request_counts_until_the_last_byte_of_its_answer_or_until_its_client_leaves() {
    let service = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
            conn.wait_closed();
        }
    });
    let gateway = gateway(service.addr, "limit: { in_flight: 1, queue: 0 }", "workers: 2");
    let mut client = ask(&gateway, "/");
    assert_eq!(client.head_only().status, 200);
    assert_eq!(gateway.get("/").code(), "OVERLOADED");
    drop(client);
    wait_in_flight(&gateway, 0);
    assert_eq!(ask(&gateway, "/").head_only().status, 200);
}

#[test]
fn all_tries_of_a_request_take_one_place() {
    let bad = Service::raw(|mut conn| drop(conn.next_head()));
    let good = Service::answering(|_| ok("text/plain", "good"));
    let gateway = Gateway::start(&format!(
        "services:\n  s: {{ endpoints: ['{}', '{}'], limit: {{ in_flight: 1, queue: 0 }}, outlier: off }}\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n",
        bad.url(),
        good.url()
    ));
    for _ in 0..10 {
        assert_eq!(gateway.get("/").text(), "good");
        wait_in_flight(&gateway, 0);
    }
    assert!(bad.requests() > 0, "one was tried there first");
}

#[test]
fn whatever_ends_a_request_gives_its_place_back() {
    let service = Service::raw(|mut conn| drop(conn.next_head()));
    let gateway = gateway(service.addr, "limit: { in_flight: 1, queue: 0 }, retry: off", "");
    for _ in 0..3 {
        assert_eq!(gateway.get("/").code(), "BAD_GATEWAY");
        wait_in_flight(&gateway, 0);
    }
    service.stop();
    for _ in 0..3 {
        assert_eq!(gateway.get("/").code(), "UPSTREAM_UNAVAILABLE");
        wait_in_flight(&gateway, 0);
    }
}

#[test]
fn a_tunnel_takes_a_place_only_until_it_is_open() {
    let service = Service::raw(|mut conn| {
        while let Some(request) = conn.next_head() {
            if request.header("upgrade").is_none() {
                conn.write(ok("text/plain", "fine"));
                continue;
            }
            let switch =
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            conn.write(switch);
            while !conn.read_some().is_empty() {}
            return;
        }
    });
    let gateway = gateway(service.addr, "limit: { in_flight: 1, queue: 0 }", "workers: 2");
    let tunnels: Vec<Client> = (0..3)
        .map(|_| {
            let mut tunnel = gateway.connect();
            tunnel.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            assert_eq!(tunnel.head_only().status, 101);
            wait_in_flight(&gateway, 0);
            tunnel
        })
        .collect();
    gateway.wait_metric("gateway_tunnels", &[("service", "s")], 3.0);
    assert_eq!(gateway.get("/").text(), "fine");
    drop(tunnels);
}

#[test]
fn what_a_service_is_shown_counts_as_well() {
    let (shadow, main) = (Gate::new(), Service::answering(|_| ok("text/plain", "main")));
    let gateway = Gateway::start(&format!(
        "services:\n  main: {{ endpoints: ['{}'] }}\n  \
         s: {{ endpoints: ['{}'], limit: {{ in_flight: 1, queue: 0 }} }}\nroutes:\n  \
         - {{ path: '/*', service: main, public: true, mirror: {{ service: s }} }}\n",
        main.url(),
        shadow.service.url()
    ));
    assert_eq!(gateway.get("/0").text(), "main");
    shadow.service.wait_seen(1);
    for path in ["/1", "/2"] {
        assert_eq!(gateway.get(path).text(), "main");
    }
    let count = |result| [super::SERVICE[0], ("result", result)];
    gateway.wait_metric("gateway_mirrored_requests_total", &count("failed"), 2.0);
    shadow.open();
    gateway.wait_metric("gateway_mirrored_requests_total", &count("answered"), 1.0);
    assert_eq!(shadow.service.requests(), 1);
}
