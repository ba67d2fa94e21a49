//! `request_id`: one on every answer, whoever gives it.

use std::collections::HashSet;

use super::gateway;
use crate::harness::{Answer, Gateway, Service};

/// A UUID in small letters.
fn is_uuid(text: &str) -> bool {
    let shape: String =
        text.chars().map(|one| if matches!(one, '0'..='9' | 'a'..='f') { 'x' } else { one }).collect();
    shape == "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
}

#[track_caller]
fn id(answer: &Answer, name: &str) -> String {
    let [id] = answer.headers_all(name)[..] else { panic!("{name}: {answer:?}") };
    id.to_owned()
}

#[test]
fn every_answer_has_ids_of_its_own() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nX-Request-ID: theirs\r\nX-Correlation-ID: theirs\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }}, gone: {{ endpoints: [http://127.0.0.1:1] }} }}\n\
         routes:\n\
         - {{ path: /service, service: a }}\n\
         - {{ path: /gone, service: gone }}\n\
         - {{ path: /text, respond: hello }}\n\
         - {{ path: /away, redirect: {{ to: /text }} }}\n\
         - {{ path: /get, methods: [GET], respond: hello }}\n\
         - {{ path: /small, service: a, policies: {{ body_limit: {{ max: 0 }} }} }}\n",
        service.url()
    ));
    let mut seen = HashSet::new();
    for (raw, status) in [
        ("GET /service HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", 503),
        ("GET /text HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET /away HTTP/1.1\r\nHost: a\r\n\r\n", 308),
        ("POST /get HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 413),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
    ] {
        let answer = gateway.request(raw);
        assert_eq!(answer.status, status, "{raw:?}");
        for name in ["x-request-id", "x-correlation-id"] {
            let id = id(&answer, name);
            assert!(is_uuid(&id), "{raw:?}: {name}: {id}");
            assert!(seen.insert(id), "{raw:?}: {name} was used before");
        }
        if answer.header("content-type") == Some("application/problem+json") {
            assert_eq!(answer.json()["request_id"], answer.header("x-request-id").unwrap(), "{raw:?}");
        }
    }
}

#[test]
fn the_service_gets_the_ids_that_the_client_gets() {
    let service = Service::echo();
    let gateway = gateway(&service, "", "");
    let answer = gateway.get("/");
    let seen = service.last();
    for name in ["x-request-id", "x-correlation-id"] {
        assert_eq!(seen.headers_all(name), [id(&answer, name)], "{name}");
    }
    let line = gateway.wait_log_of(&answer);
    assert_eq!(line["correlationId"], id(&answer, "x-correlation-id"));
}

#[test]
fn a_correlation_id_is_the_clients_if_it_is_one() {
    let service = Service::echo();
    let gateway = gateway(&service, "", "");
    let longest = "x".repeat(128);
    let longer = "x".repeat(129);
    for (given, kept) in [
        ("abc-123", true),
        ("!~\"'{}", true),
        (&*longest, true),
        (&*longer, false),
        ("", false),
        ("a b", false),
        ("\u{e4}", false),
    ] {
        let answer =
            gateway.request(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: {given}\r\n\r\n"));
        let got = id(&answer, "x-correlation-id");
        assert_eq!(got == given, kept, "{given:?}: {got:?}");
        assert!(kept || is_uuid(&got), "{given:?}: {got:?}");
        assert_eq!(service.last().headers_all("x-correlation-id"), [got.as_str()], "{given:?}");
    }
}

#[test]
fn a_request_id_can_be_switched_off() {
    let service = Service::echo();
    let gateway = gateway(&service, "request_id: off", "");
    let answer = gateway.get("/");
    assert_eq!((answer.header("x-request-id"), service.last().header("x-request-id")), (None, None));
    let line = gateway.wait_log(|line| line["event"] == "request_end");
    assert!(line.get("requestId").is_none(), "{line}");
}

#[test]
fn a_switched_off_request_id_is_not_the_clients_to_set() {
    let service = Service::echo();
    let gateway = gateway(&service, "request_id: off", "");
    for name in ["X-Request-ID", "x-request-id", "X_Request_ID", "X.Request-ID"] {
        let answer =
            gateway.request(format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: forged\r\nX-Kept: 1\r\n\r\n"));
        assert_eq!((answer.status, answer.header("x-request-id")), (200, None), "{name}");
        let seen = service.last();
        assert_eq!(seen.header("x-kept"), Some("1"));
        let forged: Vec<_> = seen.headers.iter().filter(|(_, value)| value == "forged").collect();
        assert!(forged.is_empty(), "{forged:?}");
    }
}
