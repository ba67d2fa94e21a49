//! Storing header fields (§3.1) and updating them (§3.2).

use sekisho_caching::{Policy, SetCookie, freshen, kept, needs_date};
use sekisho_wire::HeadBuf;

use crate::heads::{SILENT, response};

/// The names of the lines that are stored.
fn stored(answer: &str, policy: &Policy) -> String {
    let head = response(answer);
    let skip = kept(head.view(), policy);
    let lines = head.view().lines().enumerate().filter(|(index, _)| !skip.contains(*index));
    lines.map(|(_, (name, _, _))| std::str::from_utf8(name).unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn lines_of_one_hop_and_those_that_are_named_are_not_stored() {
    for (paragraph, answer, want) in [
        ("§3.1", "Content-Type: a/b\nX-A: 1\nVary: X", "Content-Type X-A Vary"),
        ("§3.1 Connection", "Connection: a, B\na: 1\nb: 2\nc: 3", "c"),
        ("§3.1 hop", "Keep-Alive: 1\nTE: x\nUpgrade: x\nTransfer-Encoding: chunked\nc: 3", "c"),
        ("§3.1 proxy", "Proxy-Authenticate: x\nProxy-Authentication-Info: x\nProxy-Connection: x\nc: 3", "c"),
        ("§5.2.2.4", "Cache-Control: no-cache=\"a\"\na: 1\nb: 2", "Cache-Control b"),
        ("§5.2.2.4", "Cache-Control: no-cache=\"A, b\"\na: 1\nb: 2\nc: 3", "Cache-Control c"),
        ("§5.2.2.4", "Cache-Control: no-cache=a\na: 1\nb: 2", "Cache-Control b"),
        ("§5.2.2.4", "Cache-Control: no-cache=\"Set-Cookie, server\"\nServer: 1\nb: 2", "Cache-Control b"),
        (
            "§5.2.2.4",
            "Cache-Control: no-cache=\"content-type\"\nContent-Type: a/b",
            "Cache-Control Content-Type",
        ),
        ("§5.2.2.7", "Cache-Control: private=\"a\"\na: 1\nb: 2", "Cache-Control b"),
        (
            "§5.2.2.7",
            "Cache-Control: max-age=1, private=\"a\", no-cache=\"b\"\na: 1\nb: 2\nc: 3",
            "Cache-Control c",
        ),
        ("§5.1", "Age: 5\nDate: {0}", "Date"),
        ("cookies", "Set-Cookie: a=b\nSet-Cookie2: a=b\nc: 3", "c"),
        ("own", "X-Cache: HIT\nX-Cache-Key: 1\nX-Request-ID: 1\nc: 3", "c"),
        ("RFC 9213", "CDN-Cache-Control: private=\"a\"\na: 1\nb: 2", "CDN-Cache-Control b"),
        (
            "RFC 9213",
            "CDN-Cache-Control: max-age=1\nCache-Control: private=\"a\"\na: 1",
            "CDN-Cache-Control Cache-Control a",
        ),
        (
            "RFC 9213",
            "CDN-Cache-Control: &&\nCache-Control: private=\"a\"\na: 1",
            "CDN-Cache-Control Cache-Control",
        ),
    ] {
        assert_eq!(stored(answer, &SILENT), want, "{paragraph}: {answer}");
    }
    let keep = Policy { set_cookie: SetCookie::Keep, ..SILENT };
    assert_eq!(stored("Set-Cookie: a=b\nc: 3", &keep), "Set-Cookie c");
    assert!(needs_date(response("Age: 1").view()) && !needs_date(response("Date: {0}").view()));
}

#[test]
fn an_update_replaces_all_but_what_the_body_depends_on() {
    let old = "ETag: \"a\"\nX-A: 1\nX-A: 2\nContent-Length: 5\nContent-Encoding: gzip\nContent-Type: a/b\nX-B: 1\nAge: 9";
    for (paragraph, news, want) in [
        (
            "§3.2 replaced",
            "304\nX-A: 3",
            "ETag=\"a\" Content-Length=5 Content-Encoding=gzip Content-Type=a/b X-B=1 X-A=3",
        ),
        (
            "§3.2 case",
            "304\nx-b: 2\nETag: \"b\"",
            "X-A=1 X-A=2 Content-Length=5 Content-Encoding=gzip Content-Type=a/b x-b=2 ETag=\"b\"",
        ),
        (
            "§3.2 added",
            "304\nX-C: 1\nX-C: 2",
            "ETag=\"a\" X-A=1 X-A=2 Content-Length=5 Content-Encoding=gzip Content-Type=a/b X-B=1 X-C=1 X-C=2",
        ),
        (
            "§3.2 kept",
            "304\nContent-Length: 0\nContent-Encoding: br\nContent-Range: bytes 0-1/2",
            "ETag=\"a\" X-A=1 X-A=2 Content-Length=5 Content-Encoding=gzip Content-Type=a/b X-B=1",
        ),
        (
            "§3.2 type",
            "304\nContent-Type: c/d",
            "ETag=\"a\" X-A=1 X-A=2 Content-Length=5 Content-Encoding=gzip X-B=1 Content-Type=c/d",
        ),
        (
            "§3.2 hop",
            "304\nConnection: x-a\nX-A: 3\nTransfer-Encoding: chunked",
            "ETag=\"a\" X-A=1 X-A=2 Content-Length=5 Content-Encoding=gzip Content-Type=a/b X-B=1",
        ),
        (
            "§3.2 cookies",
            "304\nSet-Cookie: a=b",
            "ETag=\"a\" X-A=1 X-A=2 Content-Length=5 Content-Encoding=gzip Content-Type=a/b X-B=1",
        ),
        (
            "§5.1",
            "304\nAge: 2",
            "ETag=\"a\" X-A=1 X-A=2 Content-Length=5 Content-Encoding=gzip Content-Type=a/b X-B=1 Age=2",
        ),
    ] {
        let (old, news) = (response(old), response(news));
        let mut out = HeadBuf::default();
        freshen(old.view(), news.view(), &mut out).unwrap();
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        let lines: Vec<_> =
            out.view().lines().map(|(name, value, _)| format!("{}={}", text(name), text(value))).collect();
        assert_eq!((out.view().status(), lines.join(" ").as_str()), (200, want), "{paragraph}");
    }
}

#[test]
fn what_the_gateway_changed_before_storing_outlives_an_update() {
    for (old, news, want) in [
        // The tag was weakened since the body was compressed; the origin only knows its own.
        ("ETag: W/\"a\"", "304\nETag: \"a\"\nX-A: 1", "ETag=W/\"a\" X-A=1"),
        ("ETag: \"a\"", "304\nETag: W/\"a\"", "ETag=\"a\""),
        ("ETag: \"a\"", "304\nETag: \"b\"", "ETag=\"b\""),
        ("ETag: W/\"a\"", "304\nETag: W/\"b\"", "ETag=W/\"b\""),
        ("X-A: 1", "304\nETag: \"b\"", "X-A=1 ETag=\"b\""),
        // And so does what it varies by.
        ("Vary: Accept-Encoding", "304\nVary: Origin", "Vary=Accept-Encoding Vary=Origin"),
        ("Vary: Origin, Accept-Encoding", "304\nVary: origin", "Vary=Origin, Accept-Encoding"),
        (
            "Vary: Origin\nVary: Accept-Encoding",
            "304\nVary: Accept-Encoding, Origin",
            "Vary=Origin Vary=Accept-Encoding",
        ),
        ("X-A: 1", "304\nVary: Origin", "X-A=1 Vary=Origin"),
        ("Vary: Origin", "304\nX-A: 1", "Vary=Origin X-A=1"),
        ("Vary: Origin", "304\nVary: *", "Vary=Origin Vary=*"),
    ] {
        let (old, news) = (response(old), response(news));
        let mut out = HeadBuf::default();
        freshen(old.view(), news.view(), &mut out).unwrap();
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        let lines: Vec<_> =
            out.view().lines().map(|(name, value, _)| format!("{}={}", text(name), text(value))).collect();
        assert_eq!(lines.join(" "), want, "§3.2");
    }
}
