//! What outlives a configuration: connections, counts, logs, limits in use.

use std::sync::atomic::Ordering::SeqCst;

use super::saying;
use crate::front::config;
use crate::harness::{Gateway, Service, until};

#[test]
fn connections_on_both_sides_live_on() {
    let service = Service::echo();
    let gateway = Gateway::start(&config(service.addr, "", "workers: 1"));
    let mut client = gateway.connect();
    for round in 0..5 {
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
        gateway.reconfigure(&config(
            service.addr,
            &format!("timeouts: {{ idle: {}s }}", 20 + round),
            "workers: 1",
        ));
    }
    assert_eq!(service.connections(), 1, "the pool's connection was used for all");
}

#[test]
fn connections_to_endpoints_that_are_gone_are_closed() {
    let (old, new) = (Service::echo(), Service::echo());
    let gateway = Gateway::start(&config(old.addr, "", ""));
    assert_eq!(gateway.get("/a").status, 200);
    assert_eq!(old.open(), 1);
    gateway.reconfigure(&config(new.addr, "", ""));
    until("the old endpoint's connection to be closed", || (old.open() == 0).then_some(()));
    assert_eq!(gateway.get("/a").status, 200);
    assert_eq!((old.requests(), new.requests()), (1, 1));
}

#[test]
fn a_tunnel_keeps_no_configuration_but_its_own_route() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n");
        loop {
            let piece = conn.read_some();
            if piece.is_empty() || !conn.write(&piece) {
                return;
            }
        }
    });
    let with = |idle: u32| {
        format!(
            "workers: 2\nservices: {{ s: {{ endpoints: ['{}'], timeouts: {{ idle: {idle}s }} }} }}\nroutes:\n  \
             - {{ path: '/chat/{{room}}', service: s, public: true, upgrade: [chat] }}\n",
            service.url()
        )
    };
    let gateway = Gateway::start(&with(20));
    let mut tunnels: Vec<_> = (0..4)
        .map(|round| {
            let mut client = gateway.connect();
            client.send("GET /chat/a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n");
            assert_eq!(client.head_only().status, 101);
            gateway.reconfigure(&with(21 + round));
            client
        })
        .collect();
    gateway.wait_metric("gateway_configurations", &[], 1.0);
    for client in &mut tunnels {
        client.send("hello");
        assert_eq!(client.read_some(), b"hello", "it goes on");
        client.shutdown_write();
        assert!(client.closed());
    }
    // They are accounted for by the names of their route.
    gateway.wait_metric("gateway_requests_total", &[("route", "/chat/{room}"), ("status", "101")], 4.0);
    gateway.wait_metric("gateway_tunnels_total", &[("service", "s"), ("ending", "ok")], 4.0);
    let line = gateway.wait_log(|line| line["statusCode"] == 101);
    assert_eq!((&line["route"], &line["responseSize"]), (&"/chat/{room}".into(), &5.into()));
}

#[test]
fn counts_go_on() {
    let service = Service::echo();
    let gateway = Gateway::start(&config(service.addr, "", ""));
    let count = |gateway: &Gateway| {
        gateway.metric_where("gateway_requests_total", &[("route", "/*"), ("status", "200")])
    };
    for round in 1..4 {
        assert_eq!(gateway.get("/a").status, 200);
        until("the request to be counted", || (count(&gateway) == f64::from(round)).then_some(()));
        gateway.reconfigure(&config(service.addr, &format!("timeouts: {{ idle: {}s }}", 20 + round), ""));
        assert_eq!(count(&gateway), f64::from(round));
    }
    gateway.wait_metric("gateway_policy_decisions_total", &[("policy", "request_id")], 3.0);
}

#[test]
fn the_limit_of_an_endpoints_connections_counts_those_from_before() {
    let gate = crate::pool::Gate::new();
    let with =
        |max: usize| config(gate.service.addr, &format!("connections: {{ max: {max}, wait: 8s }}"), "");
    let gateway = Gateway::start(&with(2));
    let mut clients: Vec<_> = (0..2).map(|index| crate::pool::ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(2);
    gateway.reconfigure(&with(3));
    clients.extend((2..6).map(|index| crate::pool::ask(&gateway, &format!("/{index}"))));
    gate.service.wait_seen(3);
    until("all requests to be under way", || {
        (gateway.metric("http_server_active_requests ") == 6.0).then_some(())
    });
    // A service has a request a moment before it counts it.
    until("as many at the service as may be", || (gate.most.load(SeqCst) >= 3).then_some(()));
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(gate.most.load(SeqCst), 3, "never more than the new limit, and as many as it allows");
}

#[test]
fn a_log_is_written_on_and_a_new_one_begun() {
    let log =
        |name: &str| format!("policies: {{ access_log: {{ to: '{{DIR}}/{name}' }} }}\n{}", saying("word"));
    let gateway = Gateway::start(&log("one.log"));
    gateway.get("/");
    gateway.reconfigure(&log("two.log"));
    gateway.get("/");
    gateway.reconfigure(&log("one.log"));
    gateway.get("/");
    let lines = |name: &str| {
        std::fs::read_to_string(gateway.dir.join(name))
            .unwrap_or_default()
            .lines()
            .filter(|line| line.contains("request_end"))
            .count()
    };
    until("every line to be written", || ((lines("one.log"), lines("two.log")) == (2, 1)).then_some(()));
}

#[test]
fn the_limit_of_client_connections_counts_those_from_before() {
    let with = |max: usize| {
        format!("limits: {{ connections: {max}, connections_per_address: 99 }}\n{}", saying("word"))
    };
    let gateway = Gateway::start(&with(1));
    let mut first = gateway.connect();
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(first.answer().status, 200);
    gateway.reconfigure(&with(2));
    let mut second = gateway.connect();
    second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(second.answer().status, 200);
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(first.answer().status, 200, "there is room for both");
}
