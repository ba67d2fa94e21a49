//! Failures in the middle of an answer: nothing can be said any more, so the client's connection is cut and the answer
//! cannot be taken for whole.

use std::io::{ErrorKind, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::front::{gateway, logged};
use crate::harness::{Service, until};

/// Path, what the service says before it closes its connection.
const BROKEN: &[(&str, &str)] = &[
    ("/length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart of it"),
    ("/length-nothing", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
    ("/chunk-data", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhol\r\n64\r\npart of it"),
    ("/chunk-between", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhol\r\n"),
    ("/chunk-size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhol\r\n6"),
    ("/chunk-last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhol\r\n0\r\n"),
];

/// The same, where the service keeps its connection open.
const WRONG: &[(&str, &str)] = &[
    ("/bad-size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhol\r\nxyz\r\n"),
    ("/bad-end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwholXX"),
    ("/bare-lf", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhol\r\n4\nmore\r\n"),
    ("/huge-size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhol\r\nfffffffffffffffff\r\n"),
    ("/minus", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"),
];

fn service() -> Service {
    Service::raw(|mut conn| {
        let Some(request) = conn.next_head() else { return };
        let said = |table: &[(&str, &'static str)]| {
            table.iter().find(|(path, _)| *path == request.target).map(|(_, said)| said.as_bytes())
        };
        if let Some(said) = said(WRONG) {
            conn.write(said);
            conn.wait_closed();
        } else if let Some(said) = said(BROKEN) {
            conn.write(said);
            conn.close();
        }
    })
}

#[test]
fn a_broken_off_body_cuts_the_client_and_is_logged() {
    let service = service();
    let gateway = gateway(service.addr, "", "");
    for (path, _) in BROKEN.iter().chain(WRONG) {
        let mut client = gateway.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        // What came in one read with the mistake may be lost with it, the head too.
        if let Some(answer) = client.try_answer() {
            assert_eq!((answer.status, answer.complete), (200, false), "{path}");
        }
        assert!(client.closed(), "{path}");
    }
    for (path, _) in BROKEN.iter().chain(WRONG) {
        let line = logged(&gateway, path);
        assert_eq!((&line["reason"], &line["statusCode"]), (&"upstream_broke".into(), &200.into()), "{path}");
    }
    assert_eq!(service.connections(), BROKEN.len() + WRONG.len(), "none was used again");
}

#[test]
fn a_broken_off_body_cuts_a_client_of_http_1_0_by_a_reset() {
    let service = service();
    let gateway = gateway(service.addr, "", "");
    // Without a length only the reset tells that this is not the end.
    let mut client = gateway.connect();
    client.send("GET /chunk-data HTTP/1.0\r\n\r\n");
    let mut all = Vec::new();
    let error = client.stream().read_to_end(&mut all).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{}", String::from_utf8_lossy(&all));
    assert_eq!(logged(&gateway, "/chunk-data")["reason"], "upstream_broke");
}

#[test]
fn a_reset_within_a_body_that_ends_with_the_connection_is_no_end() {
    let service = Service::raw(|mut conn| {
        let Some(request) = conn.next_head() else { return };
        conn.write(b"HTTP/1.1 200 OK\r\n\r\nas much as there is");
        if request.target == "/reset" {
            conn.reset();
        } else {
            conn.close();
        }
    });
    let gateway = gateway(service.addr, "", "");
    let whole = gateway.get("/closed");
    assert_eq!(
        (whole.status, whole.complete, whole.body.as_slice()),
        (200, true, b"as much as there is".as_slice())
    );
    // The reset may overtake the head; then there is no answer to pass on at all.
    let mut client = gateway.connect();
    client.send("GET /reset HTTP/1.1\r\nHost: a\r\n\r\n");
    let cut = client.try_answer();
    assert!(cut.is_none_or(|cut| cut.status == 502 || !cut.complete));
}

#[test]
fn bytes_beyond_the_length_reach_nobody() {
    let service = Service::raw(|mut conn| {
        while let Some(request) = conn.next_head() {
            let body = &request.target[1..];
            let smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
            conn.write(
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}{smuggled}", body.len())
                    .as_bytes(),
            );
        }
    });
    let gateway = gateway(service.addr, "", "workers: 1");
    let mut client = gateway.connect();
    for (index, word) in ["first", "second", "third"].into_iter().enumerate() {
        client.send(format!("GET /{word} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.body.as_slice()), (200, word.as_bytes()));
        assert_eq!(service.connections(), index + 1);
    }
}

#[test]
fn bytes_after_an_answer_end_the_kept_connection() {
    let said = Arc::new(AtomicBool::new(false));
    let saying = Arc::clone(&said);
    let service = Service::raw(move |mut conn| {
        while let Some(request) = conn.next_head() {
            conn.write(b"HTTP/1.1 204 No Content\r\n\r\n");
            if request.target == "/then-more" {
                conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
                saying.store(true, SeqCst);
            }
        }
    });
    let gateway = gateway(service.addr, "", "workers: 1");
    assert_eq!(gateway.get("/then-more").status, 204);
    // Before that nobody could know.
    until("the service has said more", || said.load(SeqCst).then_some(()));
    for _ in 0..3 {
        assert_eq!(gateway.get("/plain").status, 204);
    }
    assert_eq!(service.connections(), 2);
}

#[test]
fn an_answer_during_the_upload_reaches_the_client() {
    let service = Service::raw(|mut conn| {
        if conn.next_head().is_none() {
            return;
        }
        conn.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big");
        conn.wait_closed();
    });
    let gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome of it");
    let answer = client.answer();
    assert_eq!((answer.status, answer.complete, answer.body.as_slice()), (413, true, b"too big".as_slice()));
    // Where its next request would begin nobody knows.
    assert!(client.closed());
    assert_eq!(logged(&gateway, "/a")["statusCode"], 413);
    assert_eq!(service.connections(), 1);
}

#[test]
fn an_answer_and_a_close_during_the_upload_reach_the_client() {
    let service = Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
            conn.close();
        }
    });
    let gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{}", "x".repeat(100)));
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_slice()), (403, b"no".as_slice()));
}
