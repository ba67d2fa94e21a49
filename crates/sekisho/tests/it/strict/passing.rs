//! What is odd but means one thing only passes, in its one spelling; and what decides whether it does.

use super::{config, gateway, get};
use crate::harness::{Client, Gateway, Service};

#[test]
fn takes_heads_at_its_limits() {
    let service = Service::echo();
    let gateway = gateway(&service);
    let hundred = get(&"X: y\r\n".repeat(99));
    let longest = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8 * 1024 - 1));
    let rest = 32 * 1024 - get("X: \r\n").len();
    let largest = get(&format!("X: {}\r\n", "y".repeat(rest)));
    assert_eq!(largest.len(), 32 * 1024);
    for (name, raw) in
        [("100 fields", &hundred[..]), ("target of 8 KiB", longest.as_bytes()), ("32 KiB", &largest)]
    {
        let answer = gateway.request(raw);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    assert_eq!(service.requests(), 3);
}

#[test]
fn the_limits_can_be_changed() {
    let service = Service::echo();
    let gateway = Gateway::start(&config(&service, "limits: { head: 1KiB, fields: 4, target: 100B }\n"));
    let large = get(&format!("X: {}\r\n", "y".repeat(1024)));
    let target =
        |len: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(len - 1)).into_bytes();
    for (name, raw, status) in [
        ("fields", get("A: 1\r\nB: 2\r\nC: 3\r\n"), 200),
        ("one field more", get("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"), 431),
        ("head", large, 431),
        ("target", target(100), 200),
        ("longer target", target(101), 414),
    ] {
        assert_eq!(gateway.request(raw).status, status, "{name}");
    }
}

#[test]
fn refuses_risky_paths_unless_the_route_takes_them() {
    let service = Service::echo();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: /*, service: a }}, {{ path: /open/*, service: a, risky_paths: true }}]\n",
        service.url()
    ));
    for part in ["a%2fb", "a%2Fb", "a%5cb", "a\\b", "a%00b", "a%0ab", "a%1fb", "a%7fb"] {
        let answer = gateway.get(&format!("/{part}"));
        assert_eq!((answer.status, answer.code().as_str()), (400, "BAD_REQUEST"), "{part}");
        assert!(answer.header("x-request-id").is_some(), "{part}");
        let line = gateway.wait_log_of(&answer);
        assert_eq!(
            (&line["decided_by"], &line["reason"]),
            (&"router".into(), &"risky_path".into()),
            "{part}: {line}"
        );
    }
    assert_eq!(service.requests(), 0);
    for (part, want) in [("a%2fb", "a%2Fb"), ("a%5Cb", "a%5Cb"), ("a%00b", "a%00b")] {
        assert_eq!(gateway.get(&format!("/open/{part}")).status, 200, "{part}");
        assert_eq!(service.last().target, format!("/open/{want}"));
    }
}

#[test]
fn odd_but_valid_requests_pass() {
    let service = Service::echo();
    let gateway = gateway(&service);
    for (name, raw, method, target) in [
        ("an empty line first", &b"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n"[..], "GET", "/a"),
        ("a method in small letters", b"get /a HTTP/1.1\r\nHost: a\r\n\r\n", "get", "/a"),
        ("a method of one's own", b"M-SEARCH /a HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH", "/a"),
        ("HTTP/1.0 without Host", b"GET /a HTTP/1.0\r\n\r\n", "GET", "/a"),
        ("absolute", b"GET http://a.test/b?c HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET", "/b?c"),
        ("absolute in capitals", b"GET HTTP://A.test/b HTTP/1.1\r\nHost: a.TEST\r\n\r\n", "GET", "/b"),
        ("absolute with the default port", b"GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/"),
        ("absolute without a path", b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/"),
        ("absolute with a query only", b"GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/?b"),
        ("absolute in HTTP/1.0", b"GET http://a/b HTTP/1.0\r\n\r\n", "GET", "/b"),
        ("no space after the colon", b"GET /a HTTP/1.1\r\nHost:a\r\n\r\n", "GET", "/a"),
        ("space around the value", b"GET /a HTTP/1.1\r\nHost: \t a \t\r\n\r\n", "GET", "/a"),
        ("an address", b"GET /a HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET", "/a"),
        ("no value", b"GET /a HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "GET", "/a"),
        ("a value not ASCII", b"GET /a HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n", "GET", "/a"),
        ("needless encoding", b"GET /%61%2D%7e/%5B HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a-~/%5B"),
        ("encoding in small letters", b"GET /%c3%a4 HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/%C3%A4"),
        ("double slashes", b"GET //a///b// HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a/b/"),
        ("dot segments", b"GET /a/./b/../c HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a/c"),
        ("dot segments encoded", b"GET /a/%2e/b/%2E%2e/c HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a/c"),
        ("a dot at the end", b"GET /a/b/.. HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a/"),
        (
            "a query of its own kind",
            b"GET /a?b=%zz&c=//../[]'?d HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET",
            "/a?b=%zz&c=//../[]'?d",
        ),
        ("an empty query", b"GET /a? HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a?"),
        (
            "Connection with an empty item",
            b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: ,keep-alive,\r\n\r\n",
            "GET",
            "/a",
        ),
        ("a length with zeros", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\n\r\n", "POST", "/a"),
        (
            "a coding in capitals",
            b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
            "POST",
            "/a",
        ),
    ] {
        let before = service.requests();
        let mut client = Client::connect(gateway.addr);
        client.send(raw);
        let answer = client.answer();
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let seen = service.last();
        assert_eq!(
            (service.requests(), &seen.method[..], &seen.target[..]),
            (before + 1, method, target),
            "{name}"
        );
        assert_eq!(seen.headers_all("host"), [service.addr.to_string()], "{name}");
        assert_eq!(seen.version, "HTTP/1.1", "{name}");
    }
}

#[test]
fn options_of_the_whole_server_are_the_gateways_own() {
    let service = Service::echo();
    let gateway = gateway(&service);
    let mut client = gateway.connect();
    for _ in 0..2 {
        client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.answer();
        assert_eq!(answer.status, 204);
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("OPTIONS")), "{answer:?}");
        assert_eq!(answer.header("content-length"), None, "RFC 9110 §8.6: none with 204");
        assert_eq!(gateway.wait_log_of(&answer)["decided_by"], "router");
    }
    assert_eq!(service.connections(), 0);
}

#[test]
fn slashes_are_kept_where_the_configuration_says_so() {
    let service = Service::echo();
    let gateway = Gateway::start(&config(&service, "merge_slashes: false\n"));
    assert_eq!(gateway.get("//a//b/../c").status, 200);
    assert_eq!(service.last().target, "//a//c");
}
