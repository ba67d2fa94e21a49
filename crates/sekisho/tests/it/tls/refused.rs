//! Clients that speak something else than the port does, or nothing at all.

use std::time::{Duration, Instant};

use rustls::ALL_VERSIONS;
use rustls::version::TLS12;

use super::{entry, files, gateway, pair};
use crate::front::assert_took;
use crate::harness::{Client, Gateway, Service, secure, trusting};

/// A greeting of TLS 1.1, which offers nothing newer.
fn tls11_hello() -> Vec<u8> {
    let suites = [0xc0, 0x13, 0xc0, 0x14, 0x00, 0x2f, 0x00, 0x35];
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, suites.len() as u8]);
    body.extend(suites);
    body.extend([1, 0]);
    let mut message = vec![1, 0, 0, body.len() as u8];
    message.extend(body);
    let mut record = vec![22, 3, 1, 0, message.len() as u8];
    record.extend(message);
    record
}

#[test]
fn plain_http_on_a_tls_port_gets_a_clear_answer() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.code().as_str()), (400, "BAD_REQUEST"));
    assert!(answer.text().contains("use `https://`"), "{}", answer.text());
    assert!(client.closed());
    let line = gateway.wait_log_of(&answer);
    assert_eq!(
        (line["reason"].as_str(), line["decided_by"].as_str()),
        (Some("plain_on_tls_port"), Some("listener"))
    );
    assert_eq!(service.requests(), 0);
    gateway.wait_metric("gateway_tls_handshakes_total", &[("result", "plain_text")], 1.0);
    assert!(secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).is_ok());
}

#[test]
fn tls_on_a_plain_port_is_refused_and_the_log_says_why() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let error = secure(gateway.ports[1], "gateway.test", &trusting(&authority, ALL_VERSIONS)).err().unwrap();
    assert!(error.to_string().contains("InvalidMessage") || error.to_string().contains("corrupt"), "{error}");
    let line = gateway.wait_log(|line| line["event"] == "request_end");
    assert_eq!(
        (line["reason"].as_str(), line["statusCode"].as_u64()),
        (Some("tls_on_plain_port"), Some(400))
    );
}

#[test]
fn tls_1_1_is_refused_with_an_alert() {
    let (_, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let mut client = gateway.connect();
    client.send(tls11_hello());
    let answer = client.read_to_end();
    // A fatal alert, handshake_failure or protocol_version (RFC 8446 §6).
    assert!(matches!(answer[..], [21, 3, _, 0, 2, 2, 40 | 70]), "{answer:?}");
    gateway.wait_metric("gateway_tls_handshakes_total", &[("result", "nothing_in_common")], 1.0);
}

#[test]
fn the_oldest_version_can_be_raised() {
    let (authority, own) = pair();
    let service = Service::echo();
    let tls = format!("tls: {{ certificates: [{}], min_version: 1.3 }}", entry("own"));
    let text = crate::front::config(service.addr, "", &format!("listen: https://127.0.0.1:0\n{tls}"));
    let files = files(&[("own", &own)]);
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let gateway = Gateway::start_with(&text, &[], &files);
    assert!(secure(gateway.addr, "gateway.test", &trusting(&authority, &[&TLS12])).is_err());
    assert!(secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).is_ok());
}

#[test]
fn garbage_after_a_good_first_byte_ends_the_connection() {
    let (_, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let mut client = gateway.connect();
    client.send([22; 600]);
    let alert = client.read_to_end();
    assert_eq!(alert.first(), Some(&21), "{alert:?}");
    gateway.wait_metric("gateway_tls_handshakes_total", &[("result", "failed")], 1.0);
    gateway.wait_metric("gateway_connections", &[], 0.0);
}

#[test]
fn handshakes_that_never_end_are_ended() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "client: { handshake: 300ms }");
    let began = Instant::now();
    let (mut silent, mut begun) = (gateway.connect(), gateway.connect());
    begun.send(&tls11_hello()[..20]);
    assert!(silent.closed() && begun.closed());
    assert_took(began.elapsed(), 300, 9_000);
    gateway.wait_metric("gateway_tls_handshakes_total", &[("result", "timeout")], 1.0);
    gateway.wait_metric("gateway_connections", &[], 0.0);
    // The limit is that of the handshake: who has shaken hands may be idle.
    let mut client = secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    client.inner().sock.set_read_timeout(Some(Duration::from_millis(600))).unwrap();
    assert!(!client.closed(), "nothing happens, not even an end");
    client.inner().sock.set_read_timeout(Some(crate::harness::DEADLINE)).unwrap();
    client.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_client_beyond_the_limit_is_closed_without_a_word_that_it_could_not_read() {
    let (authority, own) = pair();
    let gate = crate::pool::Gate::new();
    let gateway =
        gateway(&gate.service, &[("own", &own)], "limits: { connections: 1, connections_per_address: 9 }");
    let mut first = secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    first.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    gate.service.wait_seen(1);
    let mut second = Client::connect(gateway.addr);
    assert!(second.closed());
    gate.open();
    assert_eq!(first.answer().status, 200);
}
