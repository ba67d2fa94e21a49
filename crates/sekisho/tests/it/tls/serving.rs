//! What TLS carries: requests and answers of any size, on kept connections, by both versions.

use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, ClientConfig, HandshakeKind, ProtocolVersion};
use std::sync::Arc;

use super::{gateway, pair};
use crate::harness::{Service, pattern, secure, trusting};

#[test]
fn requests_are_served_one_after_another_over_both_versions() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "workers: 1");
    for (version, want) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut client = secure(gateway.addr, "gateway.test", &trusting(&authority, &[version])).unwrap();
        for path in ["/a", "/b", "/c"] {
            client.send(format!("GET {path} HTTP/1.1\r\nHost: gateway.test\r\n\r\n"));
            let answer = client.answer();
            assert_eq!((answer.status, answer.json()["target"].as_str()), (200, Some(path)));
        }
        assert_eq!(client.inner().conn.protocol_version(), Some(want));
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn the_service_hears_that_the_client_came_over_tls() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let mut client = secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    client.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\nX-Forwarded-Proto: http\r\n\r\n");
    let headers = client.answer().json()["headers"].to_string();
    assert!(headers.contains(r#"["X-Forwarded-Proto","https"]"#), "{headers}");
    assert!(headers.contains("proto=https"), "{headers}");
    let name = "http_server_request_duration_seconds_count";
    gateway.wait_metric(name, &[("url_scheme", "https"), ("http_response_status_code", "200")], 1.0);
}

#[test]
fn large_bodies_arrive_whole_both_ways() {
    let (authority, own) = pair();
    let body = pattern(3_000_000);
    let sent = body.clone();
    let service = Service::answering(move |request| {
        assert_eq!(request.body, sent);
        crate::harness::ok("application/octet-stream", &request.body)
    });
    let gateway = gateway(&service, &[("own", &own)], "");
    let mut client = secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    for _ in 0..2 {
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
        client.send(&body);
        let answer = client.answer();
        assert_eq!((answer.status, answer.complete), (200, true));
        assert!(answer.body == body);
    }
}

#[test]
fn pipelined_requests_in_one_record_are_all_answered() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let mut client = secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    let requests: String =
        (0..50).map(|index| format!("GET /{index} HTTP/1.1\r\nHost: gateway.test\r\n\r\n")).collect();
    client.send(requests);
    for index in 0..50 {
        assert_eq!(client.answer().json()["target"], format!("/{index}"));
    }
}

#[test]
fn http_1_1_is_agreed_on_by_alpn() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let mut config = ClientConfig::clone(&trusting(&authority, ALL_VERSIONS));
    config.alpn_protocols = vec![b"h3".to_vec(), b"http/1.1".to_vec()];
    let mut client = secure(gateway.addr, "gateway.test", &Arc::new(config)).unwrap();
    client.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.inner().conn.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[test]
fn sessions_are_resumed_even_across_a_reload() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    for version in [&TLS12, &TLS13] {
        // Tickets lie in the client's configuration.
        let config = trusting(&authority, &[version]);
        let mut kinds = Vec::new();
        for round in 0..3 {
            let mut client = secure(gateway.addr, "gateway.test", &config).unwrap();
            client.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
            assert_eq!(client.answer().status, 200);
            kinds.push(client.inner().conn.handshake_kind().unwrap());
            if round == 1 {
                let limits = format!("limits: {{ head: {}KiB }}", if *version == TLS12 { 9 } else { 10 });
                gateway.reconfigure(&super::config(&service, &[("own", &own)], &limits));
            }
        }
        assert_eq!(
            kinds,
            [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed],
            "{version:?}"
        );
    }
    for (result, want) in [("full", 2.0), ("resumed", 4.0)] {
        gateway.wait_metric("gateway_tls_handshakes_total", &[("result", result)], want);
    }
}

#[test]
fn a_client_that_says_goodbye_or_just_leaves_is_gone() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let config = trusting(&authority, ALL_VERSIONS);
    let mut polite = secure(gateway.addr, "gateway.test", &config).unwrap();
    let rude = secure(gateway.addr, "gateway.test", &config).unwrap();
    gateway.wait_metric("gateway_connections", &[], 2.0);
    polite.inner().conn.send_close_notify();
    polite.send("");
    std::io::Write::flush(polite.inner()).unwrap();
    gateway.wait_metric("gateway_connections", &[], 1.0);
    assert!(polite.closed(), "and it is told goodbye");
    drop(rude);
    gateway.wait_metric("gateway_connections", &[], 0.0);
}

#[test]
fn a_drain_ends_connections_with_a_goodbye() {
    let (authority, own) = pair();
    let service = Service::echo();
    let mut gateway = gateway(&service, &[("own", &own)], "");
    let mut client = secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    client.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    gateway.signal("TERM");
    // Without `close_notify` a reader could not tell the end from a cut, and rustls would say so here.
    assert!(client.closed());
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn a_drain_does_not_wait_for_those_who_have_not_said_a_word() {
    let (_, own) = pair();
    let service = Service::echo();
    let mut gateway =
        gateway(&service, &[("own", &own)], "client: { handshake: 60s }\ndrain: { grace: 60s }");
    let mut silent = gateway.connect();
    gateway.wait_metric("gateway_connections", &[], 1.0);
    gateway.signal("TERM");
    assert!(silent.closed());
    assert_eq!(gateway.wait_exit().code(), Some(0));
}
