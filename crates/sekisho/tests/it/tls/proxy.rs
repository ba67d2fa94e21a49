//! Connections that begin with a PROXY header.

use rustls::ALL_VERSIONS;

use super::{entry, files, pair};
use crate::harness::{Client, Gateway, Service, over, trusting};

#[track_caller]
fn proxied(service: &Service, listener: &str, top: &str) -> Gateway {
    let listen = format!("listen: {{ url: http://127.0.0.1:0, proxy_protocol: {listener} }}\n{top}");
    Gateway::start(&crate::front::config(service.addr, "", &listen))
}

/// Version 2, TCP over IPv4, from 203.0.113.7:4711.
fn v2() -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([0x21, 0x11, 0, 12, 203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 0x01, 0xbb]);
    header
}

const V1: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n";
const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn the_client_is_whom_the_header_names() {
    let service = Service::echo();
    let gateway = proxied(&service, "{ from: [127.0.0.0/8] }", "");
    for header in [V1.to_vec(), v2()] {
        let mut client = gateway.connect();
        client.send([&header, REQUEST].concat());
        for _ in 0..2 {
            let answer = client.answer();
            let headers = answer.json()["headers"].to_string();
            assert!(headers.contains(r#"["X-Client-IP","203.0.113.7"]"#), "{headers}");
            assert_eq!(gateway.wait_log_of(&answer)["ip"], "203.0.113.7");
            // It stands at the connection's beginning only.
            client.send(REQUEST);
        }
    }
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let service = Service::echo();
    let gateway = proxied(&service, "{ from: [127.0.0.1] }", "");
    for header in [V1.to_vec(), v2()] {
        let mut client = gateway.connect();
        for byte in header {
            client.send([byte]);
        }
        client.send(REQUEST);
        assert!(client.answer().json()["headers"].to_string().contains("203.0.113.7"));
    }
}

#[test]
fn a_connection_without_a_header_is_refused() {
    let service = Service::echo();
    let gateway = proxied(&service, "{ from: [127.0.0.1] }", "");
    for (bytes, reason) in [
        (REQUEST, "proxy_header_missing"),
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 04711 443\r\n", "proxy_header_port"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "proxy_header_missing"),
    ] {
        let mut client = gateway.connect();
        client.send(bytes);
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (400, "BAD_REQUEST"));
        assert!(client.closed());
        let line = gateway.wait_log_of(&answer);
        assert_eq!((line["decided_by"].as_str(), line["ip"].as_str()), (Some("listener"), Some("127.0.0.1")));
        assert_eq!(line["reason"], reason);
    }
    gateway.wait_metric("gateway_connections_total", &[("result", "proxy_header_refused")], 3.0);
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_header_from_elsewhere_is_refused() {
    let service = Service::echo();
    let gateway = proxied(&service, "{ from: [127.0.0.2] }", "");
    let mut client = gateway.connect();
    client.send([V1, REQUEST].concat());
    let answer = client.answer();
    assert_eq!(answer.status, 400);
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "proxy_header_untrusted");
    let mut client = Client::connect_from("127.0.0.2", gateway.addr);
    client.send([V1, REQUEST].concat());
    assert_eq!(client.answer().status, 200);
    assert_eq!(service.requests(), 1);
}

#[test]
fn without_a_list_the_trusted_proxies_may_send_it() {
    let service = Service::echo();
    let gateway = proxied(&service, "true", "trusted_proxies: [127.0.0.0/8]");
    let mut client = gateway.connect();
    client.send([V1, REQUEST].concat());
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_port_that_expects_none_takes_none() {
    let service = Service::echo();
    let gateway = Gateway::start(&crate::front::config(service.addr, "", ""));
    let mut client = gateway.connect();
    client.send([V1, REQUEST].concat());
    assert_eq!(client.answer().status, 400);
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_proxys_own_connection_counts_as_its_own() {
    let service = Service::echo();
    let gateway = proxied(&service, "{ from: [127.0.0.1] }", "");
    let mut local = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    local.extend([0x20, 0x00, 0, 0]);
    for header in [local, b"PROXY UNKNOWN\r\n".to_vec()] {
        let mut client = gateway.connect();
        client.send([&header, REQUEST].concat());
        let headers = client.answer().json()["headers"].to_string();
        assert!(headers.contains(r#"["X-Client-IP","127.0.0.1"]"#), "{headers}");
    }
}

#[test]
fn a_header_that_does_not_come_in_time_ends_the_connection() {
    let service = Service::echo();
    let gateway = proxied(&service, "{ from: [127.0.0.1] }", "client: { handshake: 200ms }");
    let (mut silent, mut begun) = (gateway.connect(), gateway.connect());
    begun.send(&V1[..20]);
    assert!(silent.closed() && begun.closed());
    gateway.wait_metric("gateway_connections", &[], 0.0);
}

#[test]
fn places_are_counted_for_whom_the_header_names() {
    let service = Service::echo();
    let gateway = proxied(&service, "{ from: [127.0.0.1] }", "limits: { connections_per_address: 1 }");
    let mut first = gateway.connect();
    first.send([V1, REQUEST].concat());
    assert_eq!(first.answer().status, 200);
    let mut second = gateway.connect();
    second.send([V1, REQUEST].concat());
    assert_eq!(second.answer().status, 429);
    let mut other = gateway.connect();
    other.send([&b"PROXY TCP4 203.0.113.8 192.0.2.1 4711 443\r\n"[..], REQUEST].concat());
    assert_eq!(other.answer().status, 200);
}

#[test]
fn tls_follows_the_header() {
    let (authority, own) = pair();
    let service = Service::echo();
    let listen = format!(
        "listen: {{ url: https://127.0.0.1:0, proxy_protocol: {{ from: [127.0.0.1] }} }}\ntls: {{ certificates: [{}] }}",
        entry("own")
    );
    let files = files(&[("own", &own)]);
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let gateway = Gateway::start_with(&crate::front::config(service.addr, "", &listen), &[], &files);
    let mut stream = std::net::TcpStream::connect(gateway.addr).unwrap();
    std::io::Write::write_all(&mut stream, &v2()).unwrap();
    let mut client = over(stream, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let headers = client.answer().json()["headers"].to_string();
    assert!(
        headers.contains("203.0.113.7") && headers.contains(r#"["X-Forwarded-Proto","https"]"#),
        "{headers}"
    );
}

#[test]
fn a_drain_does_not_wait_for_a_header_that_has_not_begun() {
    let service = Service::echo();
    let top = "client: { handshake: 60s }\ndrain: { grace: 60s }";
    let mut gateway = proxied(&service, "{ from: [127.0.0.1] }", top);
    let mut silent = gateway.connect();
    gateway.wait_metric("gateway_connections", &[], 1.0);
    gateway.signal("TERM");
    assert!(silent.closed());
    assert_eq!(gateway.wait_exit().code(), Some(0));
}
