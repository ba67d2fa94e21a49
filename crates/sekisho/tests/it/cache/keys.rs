//! What requests must share to be sent the same answer (RFC 9111 §2).

use super::{Row, did, get, run};
use crate::harness::{Gateway, Service, ok};

#[test]
fn path_and_query_are_told_apart() {
    let fresh = "Cache-Control: max-age=60";
    let (with, other) = (format!("?a=1 -> {fresh}"), format!("-> {fresh}"));
    let rows: &[Row<'_>] = &[
        ("§2", "the same query", &[&with, "?a=1 => HIT"]),
        ("§2", "another query", &[&with, "?a=2 => MISS"]),
        ("§2", "no query", &[&with, "=> MISS"]),
        ("§2", "an empty query", &[&other, "? => MISS"]),
        (
            "§2",
            "the parameters in another order",
            &["?a=1&b=2 -> Cache-Control: max-age=60", "?b=2&a=1 => MISS"],
        ),
        ("§2", "a parameter twice", &[&with, "?a=1&a=1 => MISS", "?a=1&a=2 => MISS"]),
        ("§2", "a needless encoding", &[&with, "?%61=1 => HIT"]),
        (
            "§2",
            "an encoding that means something",
            &["?a=1%26b -> Cache-Control: max-age=60", "?a=1&b => MISS"],
        ),
        ("§2", "more behind a semicolon", &[&with, "?a=1;b=2 => MISS"]),
        ("§2", "the path in another case", &["/a -> Cache-Control: max-age=60", "/A => MISS"]),
        ("§2", "a slash at the end", &["/a -> Cache-Control: max-age=60", "/a/ => MISS"]),
        ("§2", "a path parameter", &["/a -> Cache-Control: max-age=60", "/a;b=c => MISS"]),
        (
            "§2",
            "one spelling of a path",
            &["/a/b -> Cache-Control: max-age=60", "/./a/x/../b => HIT", "/%61/b => HIT"],
        ),
    ];
    run("ttl: 0s", rows);
}

#[test]
fn what_the_operator_ignores_of_queries_makes_no_difference() {
    let rows: &[Row<'_>] = &[
        (
            "operator",
            "a name",
            &["?a=1 -> Cache-Control: max-age=60", "?a=1&fbclid=x => HIT", "?fbclid=y&a=1 => HIT"],
        ),
        (
            "operator",
            "the beginning of names",
            &["?a=1 -> Cache-Control: max-age=60", "?a=1&utm_source=x&utm_medium=y => HIT"],
        ),
        ("operator", "alone", &["-> Cache-Control: max-age=60", "?utm_source=x => HIT"]),
        ("operator", "other names", &["?a=1 -> Cache-Control: max-age=60", "?a=1&utm=x => MISS"]),
        // Services that divide at semicolons too would read `a=2`.
        (
            "poisoning",
            "another parameter inside of it",
            &["?a=1&utm_source=x;a=2 -> Cache-Control: max-age=60", "?a=1 => MISS"],
        ),
    ];
    run("ttl: 0s, ignore_query: [utm_*, fbclid]", rows);
}

#[test]
fn the_operators_fields_tell_requests_apart() {
    let rows: &[Row<'_>] = &[
        ("operator", "the same", &["X-Country: de -> Cache-Control: max-age=60", "X-Country: de => HIT"]),
        ("operator", "another", &["X-Country: de -> Cache-Control: max-age=60", "X-Country: fr => MISS"]),
        ("operator", "none", &["X-Country: de -> Cache-Control: max-age=60", "=> MISS"]),
        (
            "operator",
            "twice",
            &["X-Country: de -> Cache-Control: max-age=60", "X-Country: de | X-Country: de => MISS"],
        ),
    ];
    run("ttl: 0s, vary_by: [X-Country]", rows);
}

/// A service whose every answer may be stored and tells how many there were before.
fn counting() -> Service {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Service::answering(move |_| {
        let index = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let answer = ok("text/plain", format!("answer {index}"));
        let text = String::from_utf8(answer).unwrap();
        text.replacen("\r\n", "\r\nCache-Control: max-age=60\r\n", 1).into_bytes()
    })
}

#[test]
fn the_host_is_always_in_the_key() {
    let service = counting();
    let gateway = super::gateway(&service, "ttl: 0s", "");
    let ask = |host: &str| gateway.request(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(did(&ask("shop.test")), "MISS");
    for (host, word) in [
        ("shop.test", "HIT"),
        ("SHOP.test", "HIT"),
        ("other.test", "MISS"),
        ("shop.test:8080", "MISS"),
        ("shop.test:8080", "HIT"),
        ("shop.test.", "MISS"),
        ("shop.test", "HIT"),
    ] {
        assert_eq!(did(&ask(host)), word, "{host}");
    }
    // Without a host it is nobody's answer but of those without one.
    let old = gateway.request("GET / HTTP/1.0\r\n\r\n");
    assert_ne!((did(&old), old.text().as_str()), ("HIT", "answer 0"));
    // The authority in the target is the host, whatever the field says (RFC 9112 §3.2.2).
    let absolute = gateway.request("GET http://third.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    assert_ne!(absolute.text(), "answer 0");
    assert_eq!(get(&gateway, "/", "").text(), "answer 0");
}

#[test]
fn a_scheme_that_a_trusted_proxy_tells_is_in_the_key() {
    let service = counting();
    let config = super::config(&service, "ttl: 0s", "");
    let trusting = Gateway::start(&format!("trusted_proxies: [127.0.0.0/8]\n{config}"));
    let plain = get(&trusting, "/", "X-Forwarded-Proto: http\r\n").text();
    let secure = get(&trusting, "/", "X-Forwarded-Proto: https\r\n");
    assert_eq!((did(&secure), secure.text() == plain), ("MISS", false));
    for (lines, word) in [
        ("X-Forwarded-Proto: https\r\n", "HIT"),
        ("X-Forwarded-Proto: http\r\n", "HIT"),
        // Some proxies pass on what clients write.
        ("X-Forwarded-Host: evil.test\r\n", "MISS"),
        ("X-Forwarded-Port: 1337\r\n", "MISS"),
        ("", "HIT"),
    ] {
        let answer = get(&trusting, "/", lines);
        assert_eq!(did(&answer), word, "{lines}");
    }
}
