//! What services are told of deadlines.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::front::gateway;
use crate::harness::{Gateway, Service};

/// Seconds and milliseconds since midnight.
fn of_day(text: &str) -> u64 {
    let part = |from: usize, to: usize| text[from..to].parse::<u64>().unwrap();
    ((part(11, 13) * 60 + part(14, 16)) * 60 + part(17, 19)) * 1000 + part(20, 23)
}

fn ask(gateway: &Gateway, headers: &str) {
    let mut client = gateway.connect();
    client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\n{headers}\r\n"));
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_service_is_told_by_when_a_request_must_be_over() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "timeouts: { total: 20s }", "");
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let before = now();
    ask(&gateway, "X-Request-Deadline: 1999-01-01T00:00:00.000Z\r\nGrpc-Timeout: 5H\r\n");
    let after = now();
    let seen = service.last();
    let told = seen.headers_all("x-request-deadline");
    let [told] = told[..] else { panic!("{told:?}") };
    let day = 86_400_000;
    let since = |start: Duration| (of_day(told) + day - start.as_millis() as u64 % day) % day;
    // Clocks of the gateway are read at most a tenth of a second ago. As long as the request took, it may have come later.
    let took = (after - before).as_millis() as u64;
    assert!((19_900..=20_100 + took).contains(&since(before)) && since(after) <= 20_100, "{told}");
    assert_eq!(seen.header("grpc-timeout"), Some("5H"), "who does not speak gRPC is left alone");
}

#[test]
fn whoever_speaks_grpc_is_told_what_is_left() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "timeouts: { total: 20s }", "");
    ask(&gateway, "Content-Type: application/grpc-web+proto\r\nGrpc-Timeout: 5H\r\n");
    let seen = service.last();
    let told = seen.headers_all("grpc-timeout");
    let [told] = told[..] else { panic!("{told:?}") };
    let millis: u64 = told.strip_suffix('m').unwrap().parse().unwrap();
    assert!((1..=20_000).contains(&millis), "{told}");
}

#[test]
fn without_a_deadline_or_with_off_nothing_is_told() {
    let service = Service::echo();
    for words in ["", "timeouts: { total: 20s }, deadline_header: off"] {
        let gateway = gateway(service.addr, words, "");
        ask(&gateway, "");
        assert_eq!(service.last().header("x-request-deadline"), None, "{words}");
    }
    let gateway = gateway(service.addr, "timeouts: { total: 20s }, deadline_header: X-By", "");
    ask(&gateway, "");
    assert!(service.last().header("x-by").is_some());
}
