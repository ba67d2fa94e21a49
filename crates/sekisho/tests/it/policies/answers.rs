//! `body_limit`, and routes that answer themselves.

use super::gateway;
use crate::harness::{Gateway, Service};

#[test]
fn a_body_over_the_limit_gets_413_and_a_word_about_the_limit() {
    let service = Service::echo();
    let gateway = gateway(&service, "body_limit: { max: 1KiB }", "");
    for (name, raw) in [
        ("length", format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n{}", "x".repeat(1025))),
        (
            "chunks",
            format!(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n{}\r\n0\r\n\r\n",
                "x".repeat(1025)
            ),
        ),
    ] {
        let answer = gateway.request(raw);
        let problem = answer.json();
        assert_eq!(
            (answer.status, &problem["code"], &problem["limit"]),
            (413, &"BODY_TOO_LARGE".into(), &1024.into()),
            "{name}"
        );
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
        let line = gateway.wait_log_of(&answer);
        assert_eq!(
            (&line["decided_by"], &line["reason"]),
            (&"body_limit".into(), &"body_too_large".into()),
            "{name}"
        );
    }
    assert!(service.seen().iter().all(|request| !request.whole), "no whole body reached the service");
}

#[test]
fn the_usual_limit_is_ten_mebibytes() {
    let service = Service::echo();
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", (10 << 20) + 1));
    let answer = client.answer();
    assert_eq!((answer.status, &answer.json()["limit"]), (413, &(10 << 20).into()));
    assert!(client.closed(), "the body was not read");
    assert_eq!(service.connections(), 0);
}

#[test]
fn a_route_may_answer_itself() {
    let gateway = Gateway::start(
        "routes:\n\
         - { path: /text, respond: hello }\n\
         - { path: '/full/{name}', respond: { status: 418, body: '{{\"you\": \"{param.name}\"}}', content_type: application/json } }\n\
         - { path: /empty, respond: { status: 204 } }\n",
    );
    let text = gateway.get("/text");
    assert_eq!((text.status, text.text().as_str()), (200, "hello"));
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(text.headers_all("content-length"), ["5"]);
    let full = gateway.get("/full/me");
    assert_eq!((full.status, &full.json()["you"]), (418, &"me".into()));
    assert_eq!(full.header("content-type"), Some("application/json"));
    let empty = gateway.get("/empty");
    assert_eq!((empty.status, empty.header("content-length"), empty.body.len()), (204, None, 0));
    let line = gateway.wait_log_of(&text);
    assert_eq!((&line["decided_by"], &line["responseSize"]), (&"route".into(), &5.into()));
}

#[test]
fn a_template_fills_a_routes_own_answer() {
    let gateway = Gateway::start(
        "routes: [{ path: '/hello/{name}', respond: { body: 'hello {param.name}', headers: { X-Id: '{request.id}' } } }]\n",
    );
    let answer = gateway.get("/hello/you");
    assert_eq!(answer.text(), "hello you");
    assert_eq!(answer.header("x-id"), answer.header("x-request-id"));
}

#[test]
fn a_route_may_send_the_client_elsewhere() {
    let gateway = Gateway::start(
        "routes:\n\
         - { path: /old/*, redirect: { to: 'https://new.test{request.path}{request.?query}' } }\n\
         - { path: '/user/{id}', redirect: { to: '/users/{param.id}', status: 302 } }\n",
    );
    for (path, status, to) in [
        ("/old/a?b=c", 308, "https://new.test/old/a?b=c"),
        ("/old/a", 308, "https://new.test/old/a"),
        ("/user/7", 302, "/users/7"),
    ] {
        let answer = gateway.get(path);
        assert_eq!((answer.status, answer.headers_all("location")), (status, vec![to]), "{path}");
        assert_eq!((answer.header("content-length"), answer.body.len()), (Some("0"), 0), "{path}");
    }
}
