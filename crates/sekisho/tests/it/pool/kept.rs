//! Connections to services: kept, used again, and spread over endpoints by weight.

use std::time::{Duration, Instant};

use super::{Gate, ask, at_once};
use crate::front::gateway;
use crate::harness::{Gateway, Service, until};

#[test]
fn requests_one_after_another_share_a_connection() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "", "workers: 1");
    for _ in 0..25 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    let mut client = gateway.connect();
    for _ in 0..25 {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!((service.requests(), service.connections()), (50, 1));
}

#[test]
fn answers_of_every_framing_leave_the_connection_usable() {
    let service = Service::raw(|mut conn| {
        while let Some(request) = conn.next_head() {
            conn.write(match request.target.as_str() {
                "/length" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "/zero" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "/chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                "/trailers" => {
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n"
                }
                "/none" => "HTTP/1.1 204 No Content\r\n\r\n",
                "/same" => "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
                "/interim" => {
                    "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                }
                "/head" => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                other => panic!("{other}"),
            });
        }
    });
    let gateway = gateway(service.addr, "", "workers: 1");
    for path in ["/length", "/zero", "/chunked", "/trailers", "/none", "/same", "/interim", "/length"] {
        assert!(gateway.get(path).complete, "{path}");
        assert_eq!(gateway.request("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn the_connection_used_last_is_used_first() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "", "workers: 1");
    let mut clients: Vec<_> = (0..4).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(4);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    for _ in 0..20 {
        assert_eq!(gateway.get("/again").status, 200);
    }
    let over: Vec<_> = gate.service.seen()[4..].iter().map(|request| request.connection).collect();
    assert!(over.windows(2).all(|pair| pair[0] == pair[1]), "{over:?}");
    assert_eq!(gate.service.connections(), 4);
}

#[test]
fn no_more_unused_connections_are_kept_than_asked_for() {
    let gate = Gate::new();
    let gateway = gateway(gate.service.addr, "connections: { keep: 2 }", "workers: 1");
    let mut clients: Vec<_> = (0..6).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(6);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    until("all but two to be closed", || (gate.service.open() == 2).then_some(()));
    assert_eq!(at_once(&gateway, 1, || ()), [200]);
    assert_eq!(gate.service.open(), 2);
}

#[test]
fn with_none_to_keep_every_request_gets_a_connection_of_its_own() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "connections: { keep: 0 }", "workers: 1");
    for round in 1..=3 {
        assert_eq!(gateway.get("/a").status, 200);
        assert_eq!(service.connections(), round);
    }
    until("all to be closed", || (service.open() == 0).then_some(()));
    // Each came to its end in the gateway, too.
    gateway.wait_metric("gateway_requests_total", &[], 3.0);
}

#[test]
fn an_unused_connection_is_closed_after_its_time() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "connections: { idle: 300ms }", "workers: 1");
    let began = Instant::now();
    assert_eq!(gateway.get("/a").status, 200);
    until("the connection to be closed", || (service.open() == 0).then_some(()));
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(gateway.get("/a").status, 200);
    assert_eq!(service.connections(), 2);
}

#[test]
fn turns_follow_the_weights_exactly() {
    let services = [Service::echo(), Service::echo()];
    let gateway = Gateway::start(&format!(
        "workers: 1\nservices:\n  s:\n    endpoints: ['{}', {{ url: '{}', weight: 3 }}]\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n",
        services[0].url(),
        services[1].url(),
    ));
    let mut client = gateway.connect();
    for round in 1..=100 {
        for _ in 0..4 {
            client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.answer().status, 200);
        }
        assert_eq!([services[0].requests(), services[1].requests()], [round, 3 * round]);
    }
}

#[test]
fn an_endpoint_of_weight_0_is_never_asked() {
    let services = [Service::echo(), Service::echo()];
    let gateway = Gateway::start(&format!(
        "services:\n  s:\n    endpoints: ['{}', {{ url: '{}', weight: 0 }}]\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n",
        services[0].url(),
        services[1].url(),
    ));
    for _ in 0..20 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    assert_eq!([services[0].requests(), services[1].requests()], [20, 0]);
}
