//! Connections that are used again: pipelined requests, and when a connection is kept.

use super::gateway;
use crate::harness::{Client, Service, ok, pattern};

#[test]
fn pipelined_requests_are_answered_in_order() {
    let service =
        Service::answering(|request| ok("text/plain", format!("{} {}", request.target, request.text())));
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    client.send(concat!(
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none",
        "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nt\r\n2\r\nwo\r\n0\r\n\r\n",
        "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /missing/../4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /5 HTTP/1.1\r\nHost: a\r\n\r\n",
    ));
    for want in ["/1 one", "/2 two", "/3 ", "/4 "] {
        assert_eq!(client.answer().text(), want);
    }
    assert!(client.closed(), "after `Connection: close` nothing is answered");
    assert_eq!((service.requests(), service.connections()), (4, 1));
}

#[test]
fn a_pipelined_request_waits_for_the_answer_before_it() {
    let service = Service::raw(|mut conn| {
        let first = conn.read_head();
        assert!(conn.stream().set_nonblocking(true).is_ok());
        assert!(
            std::io::Read::read(&mut conn.stream(), &mut [0]).is_err(),
            "the second request has come too early"
        );
        assert!(conn.stream().set_nonblocking(false).is_ok());
        conn.write(ok("text/plain", first.target));
        let second = conn.read_head();
        conn.write(ok("text/plain", second.target));
    });
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((client.answer().text(), client.answer().text()), ("/1".to_owned(), "/2".to_owned()));
}

#[test]
fn many_pipelined_requests_split_anywhere_are_all_answered() {
    let service =
        Service::answering(|request| ok("text/plain", format!("{} {}", request.target, request.text())));
    let gateway = gateway(&service, "", "");
    let all: String = (0..200)
        .map(|n| {
            format!("POST /{n} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{n}", n.to_string().len())
        })
        .collect();
    for piece in [1_000, 37] {
        let mut client = gateway.connect();
        let mut sender = Client::over(client.stream().try_clone().unwrap());
        let all = all.clone();
        let sending =
            std::thread::spawn(move || all.as_bytes().chunks(piece).for_each(|part| sender.send(part)));
        for n in 0..200 {
            assert_eq!(client.answer().text(), format!("/{n} {n}"), "in pieces of {piece}");
        }
        sending.join().unwrap();
    }
}

#[test]
fn a_connection_is_kept_as_the_client_asks() {
    let service = Service::echo();
    let gateway = gateway(&service, "", "");
    for (version, fields, kept, said) in [
        ("1.1", "", true, None),
        ("1.1", "Connection: keep-alive\r\n", true, None),
        ("1.1", "Connection: close\r\n", false, Some("close")),
        ("1.1", "Connection: Close\r\n", false, Some("close")),
        ("1.1", "Connection: x, close\r\n", false, Some("close")),
        ("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false, Some("close")),
        ("1.0", "", false, Some("close")),
        ("1.0", "Connection: keep-alive\r\n", true, Some("keep-alive")),
        ("1.0", "Connection: Keep-Alive\r\n", true, Some("keep-alive")),
        ("1.0", "Connection: keep-alive, close\r\n", false, Some("close")),
    ] {
        let name = format!("{version} {fields:?}");
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("connection")), (200, said), "{name}");
        if kept {
            client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.answer().status, 200, "{name}");
        } else {
            assert!(client.closed(), "{name}");
        }
    }
    assert_eq!(service.seen().iter().filter(|request| request.header("connection").is_some()).count(), 0);
}

#[test]
fn a_refused_body_that_is_all_here_does_not_cost_the_connection() {
    let service = Service::echo();
    let gateway = gateway(&service, ", methods: [GET]", "");
    let mut client = gateway.connect();
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((client.answer().status, client.answer().status), (405, 200));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (405, Some("close")));
    assert!(client.closed());
}

#[test]
fn one_that_takes_a_chunked_answer_late_finds_the_next_one_behind_it() {
    let chunk = [&b"20000\r\n"[..], &pattern(128 << 10), b"\r\n"].concat();
    let service = Service::answering(move |request| match request.target[1..].parse() {
        Ok(chunks) => {
            let head = &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..];
            [head, &chunk.repeat(chunks), b"0\r\n\r\n"].concat()
        }
        Err(_) => ok("text/plain", &request.target),
    });
    let gateway = gateway(&service, "", "workers: 1");
    // Of one of these lengths all but the last bytes find room on the way, and the gateway waits with its end in hand.
    for chunks in 1..=40 {
        let mut late = Client::connect_narrow(gateway.addr);
        late.send(format!("GET /{chunks} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = late.head_only();
        for turn in 0..20 {
            assert_eq!(gateway.get(&format!("/turn-{turn}")).status, 200);
        }
        assert_eq!(late.body_of(head).body.len(), chunks * (128 << 10));
        late.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(late.answer().text(), "/next", "after {chunks} chunks");
    }
}
