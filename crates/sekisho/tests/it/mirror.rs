//! Requests that another service is shown as well.

use crate::access::basic_auth::{HASH, line};
use crate::harness::{Gateway, Service, ok, said_of, until};

/// A gateway in front of `main`, whose requests `shown` is shown; `words` are further words of the mirror.
fn gateway(main: &Service, shown: &Service, words: &str) -> Gateway {
    Gateway::start(&format!(
        "services:\n  main: {{ endpoints: [{}] }}\n  shown: {{ endpoints: [{}] }}\n\
         routes:\n  - {{ path: /*, service: main, mirror: {{ service: shown, {words} }}, public: true }}",
        main.url(),
        shown.url(),
    ))
}

fn counted(gateway: &Gateway, result: &str, want: f64) {
    gateway.wait_metric("gateway_mirrored_requests_total", &[("service", "shown"), ("result", result)], want);
}

#[test]
fn a_copy_is_what_the_service_sees_with_its_whole_body() {
    let (main, shown) = (Service::echo(), Service::answering(|_| ok("text/plain", "nobody sees this")));
    let gateway = gateway(&main, &shown, "");
    let mut client = gateway.connect();
    let body = "0123456789".repeat(5_000);
    client.send(format!(
        "POST /a?b=c HTTP/1.1\r\nHost: shop.example\r\nX-Of-The-Client: 1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(client.answer().json()["body"], body.as_str());
    client.send("PUT /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    assert_eq!(client.answer().json()["body"], "hi");
    counted(&gateway, "answered", 2.0);
    let (seen, copied) = (main.seen(), shown.seen());
    let copy = copied.iter().find(|request| request.method == "POST").unwrap();
    assert_eq!((copy.target.as_str(), copy.text()), ("/a?b=c", body));
    // Nothing but the host is another, and by when an answer must be there.
    let lines = |request: &crate::harness::Request| {
        let same = |name: &str| !["Host", "X-Request-Deadline"].contains(&name);
        let mut lines: Vec<_> = request.headers.iter().filter(|(name, _)| same(name)).cloned().collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(copy), lines(&seen[0]));
    assert_eq!(copy.header("host"), Some(shown.addr.to_string().as_str()));
    let chunked = copied.iter().find(|request| request.method == "PUT").unwrap();
    assert_eq!((chunked.text().as_str(), chunked.header("content-length")), ("hi", Some("2")));
}

#[test]
fn a_copy_says_who_the_user_is_and_no_client_can() {
    let (main, shown) = (Service::echo(), Service::echo());
    let gateway = Gateway::start(&format!(
        "services:\n  main: {{ endpoints: [{}] }}\n  shown: {{ endpoints: [{}] }}\n\
         routes:\n  - path: /*\n    service: main\n    mirror: shown\n    policies:\n      \
         basic_auth: {{ users: [{{ name: ada, hash: '{HASH}' }}] }}",
        main.url(),
        shown.url(),
    ));
    // Whoever may not pass is shown to nobody.
    let mut client = gateway.connect();
    client.send("GET /refused HTTP/1.1\r\nHost: a\r\nX-User-ID: root\r\n\r\n");
    assert_eq!(client.answer().status, 401);
    client.send(format!(
        "GET /a HTTP/1.1\r\nHost: a\r\nX-User-ID: root\r\n{}\r\n",
        line("ada", "correct horse")
    ));
    assert_eq!(client.answer().status, 200);
    counted(&gateway, "answered", 1.0);
    let copy = shown.last();
    assert_eq!((copy.target.as_str(), copy.headers_all("x-user-id")), ("/a", vec!["ada"]));
}

#[test]
fn a_share_is_shown_evenly() {
    let (main, shown) = (Service::echo(), Service::echo());
    let gateway = gateway(&main, &shown, "share: 10%");
    for _ in 0..100 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    counted(&gateway, "answered", 10.0);
    assert_eq!((main.requests(), shown.requests()), (100, 10));
}

#[test]
fn whatever_becomes_of_copies_the_client_does_not_notice() {
    let main = Service::echo();
    let hangs = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let gateway = gateway(&main, &hangs, "timeout: 100ms");
    for _ in 0..5 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    counted(&gateway, "failed", 5.0);
    hangs.stop();
    for _ in 0..5 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    counted(&gateway, "failed", 10.0);
    let large = Service::answering(|_| ok("text/plain", vec![b'x'; 1_000_000]));
    let gateway = super::mirror::gateway(&main, &large, "");
    assert_eq!(gateway.get("/a").status, 200);
    counted(&gateway, "answered", 1.0);
}

#[test]
fn a_body_larger_than_what_is_copied_is_left_out() {
    let (main, shown) = (Service::echo(), Service::echo());
    let gateway = gateway(&main, &shown, "body: 1KiB");
    let mut client = gateway.connect();
    client
        .send(format!("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n{}", "x".repeat(2000)));
    assert_eq!(client.answer().status, 200);
    counted(&gateway, "left_out", 1.0);
    client.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(client.answer().status, 200);
    counted(&gateway, "answered", 1.0);
    assert_eq!(shown.seen().len(), 1);
}

#[test]
fn routes_beneath_show_theirs_unless_they_say_off() {
    let (main, shown) = (Service::echo(), Service::echo());
    let gateway = Gateway::start(&format!(
        "services:\n  main: {{ endpoints: [{}] }}\n  shown: {{ endpoints: [{}] }}\n\
         routes:\n  - path: /*\n    mirror: shown\n    public: true\n    routes:\n      \
         - {{ path: /a, service: main }}\n      - {{ path: /b, service: main, mirror: off }}",
        main.url(),
        shown.url(),
    ));
    for path in ["/b", "/a"] {
        assert_eq!(gateway.get(path).status, 200);
    }
    until("the copy has come", || (shown.requests() > 0).then_some(()));
    assert_eq!(shown.last().target, "/a");
    assert_eq!(shown.requests(), 1);
}

#[test]
fn what_cannot_be_is_reported_at_its_place_with_a_remedy() {
    for (mirror, want) in [
        ("shwon", "routes[0].mirror: unknown service `shwon`; did you mean `shown`?"),
        ("{ service: shown, share: 0% }", "mirror.share: no request would be shown; write one such as `10%`"),
        (
            "{ service: shown, timeout: 0s }",
            "mirror.timeout: no answer would be in time; write a time such as `10s`",
        ),
    ] {
        let config = format!(
            "services: {{ main: {{ endpoints: ['http://127.0.0.1:1'] }}, shown: {{ endpoints: ['http://127.0.0.1:2'] }} }}\n\
             routes: [{{ path: /*, public: true, service: main, mirror: {mirror} }}]"
        );
        let (said, _) = said_of(&config, &["check"]);
        assert!(said.contains(want) && said.contains("sekisho.yaml:2:"), "{want}\nin\n{said}");
    }
}
