//! Bodies with a length, in chunks, until the end of the connection, and none at all.

use super::gateway;
use crate::harness::{Answer, Client, Delimited, Gateway, Service, ok, pattern};

const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn an_answer_to_head_has_no_body_but_its_fields() {
    for (name, answer, length) in [
        ("length", ok("text/plain", "hello"), Some("5")),
        ("chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), None),
    ] {
        let service = Service::answering(move |request| match &request.method[..] {
            "HEAD" => answer.clone(),
            _ => ok("text/plain", "next"),
        });
        let gateway = gateway(&service, "", "");
        let mut client = gateway.connect();
        client.send(HEAD);
        let answer = client.answer_to_head();
        assert_eq!((answer.status, answer.header("content-length")), (200, length), "{name}");
        client.send(GET);
        assert_eq!(client.answer().text(), "next", "{name}");
        assert_eq!(service.connections(), 1, "{name}");
    }
}

#[test]
fn the_gateways_own_answers_to_head_have_no_body() {
    let gateway = Gateway::start("routes: [{ path: /text, respond: hello }]\n");
    for (path, status) in [("/text", 200), ("/nothing", 404)] {
        let mut client = gateway.connect();
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = client.answer_to_head();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let full = client.answer();
        assert_eq!((head.status, full.status), (status, status), "{path}");
        assert_eq!(head.header("content-type"), full.header("content-type"), "{path}");
        let length: usize = head.header("content-length").unwrap().parse().unwrap();
        assert_eq!(length, full.body.len(), "{path}");
    }
}

#[test]
fn answers_that_can_have_no_body_end_with_their_head() {
    for (answer, status) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", 304),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304),
        ("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304),
    ] {
        let service = Service::fixed(answer);
        let gateway = gateway(&service, "", "");
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send(GET);
            assert_eq!(client.answer().status, status, "{answer:?}");
        }
        assert_eq!(service.connections(), 1, "{answer:?}");
    }
}

#[test]
fn a_204_says_nothing_of_a_body() {
    for framing in ["Content-Length: 7", "Content-Length: 0", "Transfer-Encoding: chunked"] {
        let service = Service::answering(move |request| match &request.target[..] {
            "/empty" => format!("HTTP/1.1 204 No Content\r\n{framing}\r\nX-Kept: 1\r\n\r\n").into_bytes(),
            _ => ok("text/plain", "next"),
        });
        let gateway = gateway(&service, "", "");
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
            let answer = client.answer();
            assert_eq!((answer.status, answer.header("x-kept")), (204, Some("1")), "{framing}");
            for name in ["content-length", "transfer-encoding"] {
                assert_eq!(answer.header(name), None, "{framing}");
            }
            client.send(GET);
            assert_eq!(client.answer().text(), "next", "{framing}");
        }
    }
}

#[test]
fn an_empty_answer_with_a_length_is_empty() {
    let service = Service::fixed("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    for _ in 0..2 {
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("content-length")), (201, Some("0")));
        assert_eq!(
            service.last().header("content-length"),
            Some("0"),
            "kept: it says that there is a body, an empty one"
        );
    }
}

#[test]
fn an_answer_until_close_becomes_chunks_for_http_1_1_and_a_close_for_1_0() {
    for answer in ["HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.0 200 OK\r\n\r\nhello"] {
        let service = Service::fixed(answer);
        let gateway = gateway(&service, "", "");
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send(GET);
            let answer = client.answer();
            assert_eq!((answer.delimited, answer.text().as_str()), (Delimited::Chunked, "hello"));
            assert!(answer.complete && answer.header("connection").is_none(), "{answer:?}");
        }
        assert_eq!(service.connections(), 2, "the service closed each");
        for fields in ["", "Connection: keep-alive\r\n"] {
            let answer = gateway.request(format!("GET / HTTP/1.0\r\n{fields}\r\n"));
            assert_eq!((answer.delimited, answer.text().as_str()), (Delimited::Close, "hello"));
            assert_eq!(answer.header("connection"), Some("close"), "{fields:?}");
        }
    }
}

#[test]
fn a_chunked_answer_reaches_http_1_0_without_chunks() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    let gateway = gateway(&service, "", "");
    let answer = gateway.request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!((answer.delimited, answer.text().as_str()), (Delimited::Close, "abcde"));
    assert_eq!(answer.header("transfer-encoding"), None);
}

/// A body in chunks of these sizes, with such framing as is allowed and odd.
fn in_chunks(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut rest, mut sizes, mut odd) = (body, sizes.iter().cycle(), 0);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        odd += 1;
        match odd % 3 {
            0 => out.extend_from_slice(format!("{:X}\r\n", piece.len()).as_bytes()),
            1 => out.extend_from_slice(format!("000{:x};name=\"value\"\r\n", piece.len()).as_bytes()),
            _ => out.extend_from_slice(format!("{:x};x\r\n", piece.len()).as_bytes()),
        }
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
        rest = after;
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

#[test]
fn chunks_arrive_however_they_are_split() {
    let service = Service::answering(|request| ok("application/octet-stream", &request.body));
    let gateway = gateway(&service, "", "");
    let small = pattern(100);
    let large = pattern(300_000);
    for (name, body, sizes, piece) in [
        ("byte by byte", &small, &[1, 7, 30][..], 1),
        ("three bytes", &small, &[1], 3),
        ("thousands", &large, &[1, 70_000, 3, 16_384], 4_099),
        ("at once", &large, &[100_000], usize::MAX),
    ] {
        let mut client = gateway.connect();
        let whole = [
            &b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
            &in_chunks(body, sizes),
        ]
        .concat();
        for part in whole.chunks(piece) {
            client.send(part);
        }
        let answer = client.answer();
        assert!(answer.body == *body, "{name}: {} bytes of {}", answer.body.len(), body.len());
        let seen = service.last();
        assert!(seen.whole && seen.header("content-length").is_none(), "{name}");
        assert_eq!(seen.header("transfer-encoding"), Some("chunked"), "{name}");
    }
}

#[test]
fn chunked_answers_arrive_however_they_are_split() {
    let small = pattern(100);
    let large = pattern(300_000);
    for (name, body, sizes, piece) in [
        ("byte by byte", small.clone(), &[1, 7, 30][..], 1),
        ("thousands", large.clone(), &[1, 70_000, 3, 16_384], 4_099),
        ("at once", large, &[100_000], usize::MAX),
    ] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = [head.as_bytes(), &in_chunks(&body, sizes)].concat();
        let service = Service::raw(move |mut conn| {
            while conn.next_head().is_some() {
                for part in whole.chunks(piece) {
                    conn.write(part);
                }
            }
        });
        let gateway = gateway(&service, "", "");
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send(GET);
            let answer = client.answer();
            assert!(
                answer.complete && answer.body == body,
                "{name}: {} bytes of {}",
                answer.body.len(),
                body.len()
            );
        }
        assert_eq!(service.connections(), 1, "{name}");
    }
}

const TRAILERS: &str = "X-Checksum: 1\r\nX-Other: 2\r\nX-User-ID: root\r\nX_User_ID: root\r\nAuthorization: Bearer x\r\nContent-Length: 9\r\nHost: b\r\n";

fn with_trailers(gateway: &Gateway) -> Answer {
    let mut client = gateway.connect();
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n2\r\nhi\r\n0\r\n{TRAILERS}\r\n"
    ));
    client.answer()
}

fn service_with_trailers() -> Service {
    Service::fixed(format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{TRAILERS}\r\n"
    ))
}

#[test]
fn trailers_are_dropped_both_ways() {
    let service = service_with_trailers();
    let gateway = gateway(&service, "", "");
    let answer = with_trailers(&gateway);
    assert_eq!((answer.text().as_str(), answer.complete), ("hi", true));
    assert_eq!(answer.trailers, [], "to the client");
    assert_eq!(service.last().trailers, [], "to the service");
}

#[test]
fn trailers_that_the_route_names_pass_both_ways_and_no_others() {
    let service = service_with_trailers();
    let gateway = gateway(&service, ", trailers: [X-Checksum]", "");
    let answer = with_trailers(&gateway);
    let want = [("X-Checksum".to_owned(), "1".to_owned())];
    assert_eq!(service.last().trailers, want, "to the service");
    assert_eq!(answer.trailers, want, "to the client");
}

/// Chunked bodies that are none, and what of them comes before the fault.
const BAD_CHUNKS: &[(&str, &str)] = &[
    ("size of letters", "zz\r\nabc\r\n0\r\n\r\n"),
    ("size with a sign", "+3\r\nabc\r\n0\r\n\r\n"),
    ("size in C's way", "0x3\r\nabc\r\n0\r\n\r\n"),
    ("size with a space", "3 \r\nabc\r\n0\r\n\r\n"),
    ("size too long", "00000000000000003\r\nabc\r\n0\r\n\r\n"),
    ("no size", "\r\nabc\r\n0\r\n\r\n"),
    ("size ends in LF", "3\nabc\r\n0\r\n\r\n"),
    ("CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n"),
    ("LF in an extension", "3;a\nabc\r\n0\r\n\r\n"),
    ("extension too long", "EXTENSION"),
    ("data too long", "3\r\nabcd\r\n0\r\n\r\n"),
    ("data ends in LF", "3\r\nabc\n0\r\n\r\n"),
    ("data ends in CR", "3\r\nabc\r0\r\n\r\n"),
    ("end with LF", "3\r\nabc\r\n0\n\n"),
    ("bad trailer", "3\r\nabc\r\n0\r\nno colon\r\n\r\n"),
    ("folded trailer", "3\r\nabc\r\n0\r\nA: b\r\n c\r\n\r\n"),
    ("trailer ends in LF", "3\r\nabc\r\n0\r\nA: b\n\r\n"),
];

#[test]
fn a_bad_chunk_before_the_answer_gets_400_and_the_service_no_end() {
    let service = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.read_body();
            if !conn.seen().whole {
                return;
            }
            conn.write(ok("text/plain", "whole"));
        }
    });
    let gateway = gateway(&service, "", "");
    for (name, body) in BAD_CHUNKS {
        let body = body.replace("EXTENSION", &format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(300)));
        let mut client = gateway.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "BAD_REQUEST"),
            "{name}: {}",
            answer.text()
        );
        assert!(answer.header("x-request-id").is_some(), "{name}");
        assert!(client.closed(), "{name}");
        let line = gateway.wait_log_of(&answer);
        assert_eq!(
            (&line["decided_by"], &line["statusCode"]),
            (&"listener".into(), &400.into()),
            "{name}: {line}"
        );
    }
    crate::harness::until("the service's connections to be cut", || (service.open() == 0).then_some(()));
    assert!(service.seen().iter().all(|request| !request.whole), "no closing chunk reached the service");
}

#[test]
fn a_bad_chunk_after_the_answer_began_cuts_both() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
        conn.read_body();
    });
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    let head = client.head_only();
    assert_eq!(head.status, 200);
    client.send("nonsense\r\n");
    let answer = client.body_of(head);
    assert_eq!((answer.complete, answer.text().as_str()), (false, "begun"));
    crate::harness::until("the service's connection to be cut", || (service.open() == 0).then_some(()));
    let seen = service.last();
    assert_eq!((seen.whole, seen.text().as_str()), (false, "abc"));
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "request_broke");
}

#[test]
fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
    let service = Service::echo();
    let gateway = gateway(&service, ", policies: { body_limit: { max: 1000B } }", "");
    for (len, status) in [(1000, 200), (1001, 413)] {
        let body = "x".repeat(len);
        for (name, raw) in [
            ("length", format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n{body}")),
            (
                "chunks",
                format!(
                    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e7\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                    &body[..999],
                    len - 999,
                    &body[999..]
                ),
            ),
        ] {
            let answer = gateway.request(raw);
            assert_eq!(answer.status, status, "{name} {len}");
            if status == 413 {
                assert_eq!(
                    (answer.code().as_str(), &answer.json()["limit"]),
                    ("BODY_TOO_LARGE", &1000.into()),
                    "{name}"
                );
                assert_eq!(gateway.wait_log_of(&answer)["decided_by"], "body_limit", "{name}");
            } else {
                assert_eq!(answer.json()["body"], body, "{name}");
            }
        }
    }
}

#[test]
fn a_service_may_answer_without_reading_the_body() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write(ok("text/plain", "enough"));
        conn.wait_closed();
    });
    let gateway = gateway(&service, "", "");
    let mut client = Client::connect(gateway.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    client.send(pattern(100_000));
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (200, "enough", true));
    assert!(client.closed(), "where the next request would begin is unknown");
}
