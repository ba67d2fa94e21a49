//! Clients that are slow to ask, to send, to read, to go.

use std::io::Read as _;
use std::time::{Duration, Instant};

use super::LATEST;
use crate::front::{assert_took, gateway, logged};
use crate::harness::{Client, Gateway, Service};

/// Sends a byte of `bytes` every 20 ms, until an answer comes or all is sent.
fn trickle(client: &mut Client, bytes: &[u8]) {
    for byte in bytes {
        if client.try_send([*byte]).is_err() || !client.nothing_for(Duration::from_millis(20)) {
            return;
        }
    }
}

fn echo(top: &str) -> (Service, Gateway) {
    let service = Service::echo();
    let gateway = gateway(service.addr, "", top);
    (service, gateway)
}

#[test]
fn a_head_that_trickles_in_is_408() {
    let (service, gateway) = echo("client: { head: 300ms }");
    let mut client = gateway.connect();
    let began = Instant::now();
    trickle(
        &mut client,
        format!("GET /a HTTP/1.1\r\nHost: a\r\nX-Slow: {}\r\n\r\n", "a".repeat(1_000)).as_bytes(),
    );
    let answer = client.answer();
    assert_took(began.elapsed(), 300, LATEST);
    assert_eq!((answer.status, answer.code().as_str()), (408, "REQUEST_TIMEOUT"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.closed());
    let line = gateway.wait_log(|line| line["statusCode"] == 408);
    assert_eq!((&line["reason"], &line["decided_by"]), (&"slow_head".into(), &"listener".into()));
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_head_that_stops_is_408() {
    let (_service, gateway) = echo("client: { head: 200ms }");
    for part in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = gateway.connect();
        let began = Instant::now();
        client.send(part);
        assert_eq!(client.answer().status, 408, "{part:?}");
        assert_took(began.elapsed(), 200, LATEST);
        assert!(client.closed());
    }
}

#[test]
fn the_time_for_a_head_begins_anew_with_each_request() {
    let (_service, gateway) = echo("client: { head: 1500ms }");
    let mut client = gateway.connect();
    let began = Instant::now();
    // Together longer than a head may take, each of them in time.
    while began.elapsed() < Duration::from_millis(1_800) {
        trickle(&mut client, b"GET / HTTP");
        client.send("/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_body_below_the_rate_is_408() {
    let (service, gateway) = echo("client: { body_grace: 200ms, body_rate: 10KiB }");
    for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let mut client = gateway.connect();
        let began = Instant::now();
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        match framing {
            "Content-Length: 1000" => trickle(&mut client, &[b'x'; 900]),
            _ => trickle(&mut client, &b"1\r\nx\r\n".repeat(150)),
        }
        let answer = client.answer();
        assert_took(began.elapsed(), 200, LATEST);
        assert_eq!((answer.status, answer.code().as_str()), (408, "REQUEST_TIMEOUT"), "{framing}");
        assert!(client.closed());
    }
    let line = logged(&gateway, "/a");
    assert_eq!((&line["reason"], &line["decided_by"]), (&"slow_body".into(), &"listener".into()));
    assert!(
        service.seen().iter().all(|request| !request.whole),
        "no service may take a broken-off body for whole"
    );
}

#[test]
fn a_body_above_the_rate_may_take_its_time() {
    let (_service, gateway) = echo("client: { body_grace: 400ms, body_rate: 10B }");
    let mut client = gateway.connect();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\n\r\n");
    let began = Instant::now();
    trickle(&mut client, &[b'x'; 40]);
    assert_took(began.elapsed(), 400, 10_000);
    client.send("x");
    let answer = client.answer();
    assert_eq!((answer.status, answer.json()["body"].as_str().map(str::len)), (200, Some(41)));
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let (_service, gateway) = echo("client: { idle: 600ms }");
    for asked in [0, 1, 3] {
        let began = Instant::now();
        let mut client = gateway.connect();
        for _ in 0..asked {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.answer().status, 200);
        }
        assert!(client.closed(), "{asked}: {}", client.unread());
        assert_took(began.elapsed(), 600, LATEST);
    }
    gateway.wait_metric("gateway_connections", &[], 0.0);
    assert_eq!(
        gateway.log_lines().iter().filter(|line| line["statusCode"] != 200).count(),
        0,
        "nothing was asked"
    );
}

#[test]
fn a_connection_in_use_is_not_idle() {
    let service = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            // Longer than a client may idle.
            conn.stream().set_read_timeout(Some(Duration::from_millis(1_200))).unwrap();
            let _ = conn.stream().peek(&mut [0]);
            conn.stream().set_read_timeout(None).unwrap();
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = gateway(service.addr, "", "client: { idle: 600ms }");
    let mut client = gateway.connect();
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    for framing in ["Content-Length: 400000000", "Transfer-Encoding: chunked"] {
        let service = Service::raw(move |mut conn| {
            conn.next_head();
            conn.write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            let piece = match framing {
                "Transfer-Encoding: chunked" => {
                    [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat()
                }
                _ => vec![b'x'; 1 << 20],
            };
            while conn.write(&piece) {}
        });
        let gateway = gateway(service.addr, "", "client: { idle: 300ms }");
        let mut client = Client::connect_narrow(gateway.addr);
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        let line = logged(&gateway, "/a");
        assert_eq!((&line["reason"], &line["statusCode"]), (&"client_slow".into(), &200.into()), "{framing}");
        let took = line["duration"].as_f64().unwrap() as u64;
        assert_took(Duration::from_millis(took), 300, LATEST);
        gateway.wait_metric("gateway_connections", &[], 0.0);
    }
}

#[test]
fn a_client_that_reads_slowly_gets_all_of_it() {
    let service = Service::fixed(crate::harness::ok("text/plain", vec![b'x'; 6_000_000]));
    let gateway = gateway(service.addr, "", "client: { idle: 1500ms }");
    let mut client = Client::connect_narrow(gateway.addr);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let began = Instant::now();
    let mut got = 0;
    // For longer than the client may idle it reads little, but it reads.
    while began.elapsed() < Duration::from_secs(2) {
        got += client.stream().read(&mut [0; 8 * 1024]).unwrap();
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert!(got < 6_000_000, "it was not slow");
    while got < 6_000_000 {
        let more = client.read_some().len();
        assert!(more > 0, "cut after {got}");
        got += more;
    }
    assert_eq!(logged(&gateway, "/a")["reason"], "ok");
}

#[test]
fn a_client_that_reads_so_slowly_that_its_socket_shows_nothing_is_not_idle_until_it_stops() {
    const IDLE: Duration = Duration::from_millis(1_200);
    let service = Service::fixed(crate::harness::ok("text/plain", vec![b'x'; 40_000_000]));
    let gateway = gateway(service.addr, "", "client: { idle: 1200ms }");
    let mut client = Client::connect_narrow(gateway.addr);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let began = Instant::now();
    let mut got = 0;
    while began.elapsed() < IDLE * 4 {
        let count = client.stream().read(&mut [0; 2 * 1024]).unwrap();
        assert!(count > 0, "cut after {got}");
        got += count;
        std::thread::park_timeout(Duration::from_millis(50));
    }
    // Less than the part of the gateway's buffer that must be free before a socket says so.
    assert!(got < 300_000, "{got}");
    let stopped = Instant::now();
    let line = logged(&gateway, "/a");
    assert_eq!(line["reason"], "client_slow");
    assert_took(stopped.elapsed(), 600, LATEST);
}

#[test]
fn a_client_that_reads_chunks_slowly_gets_all_of_it() {
    const SIZE: usize = 12_000_000;
    let chunks = [b"f4240\r\n", &vec![b'x'; 1_000_000][..], b"\r\n"].concat().repeat(SIZE / 1_000_000);
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let service = Service::fixed([&head[..], &chunks, b"0\r\n\r\n"].concat());
    let gateway = gateway(service.addr, "", "client: { idle: 1500ms }");
    let mut client = Client::connect_narrow(gateway.addr);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let began = Instant::now();
    let mut got = Vec::new();
    // For far longer than the client may idle it reads little, but it reads.
    while began.elapsed() < Duration::from_secs(4) {
        let mut piece = [0; 8 * 1024];
        let count = client.stream().read(&mut piece).unwrap();
        assert!(count > 0, "cut after {} bytes", got.len());
        got.extend_from_slice(&piece[..count]);
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert!(got.len() < SIZE, "it was not slow");
    while !got.ends_with(b"\r\n0\r\n\r\n") {
        let more = client.read_some();
        assert!(!more.is_empty(), "cut after {} bytes", got.len());
        got.extend_from_slice(&more);
    }
    let body = got.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    assert_eq!(got[body..].iter().filter(|byte| **byte == b'x').count(), SIZE);
    assert_eq!(logged(&gateway, "/a")["reason"], "ok");
}

#[test]
fn an_empty_line_after_a_request_begins_no_head() {
    let (_service, gateway) = echo("client: { head: 300ms, idle: 1200ms }");
    for (with, later) in [("\r\n", ""), ("", "\r\n")] {
        let mut client = gateway.connect();
        let began = Instant::now();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{with}"));
        assert_eq!(client.answer().status, 200);
        client.send(later);
        assert!(client.closed(), "{with:?} {later:?}: {}", client.unread());
        assert_took(began.elapsed(), 1_200, 1_200 + LATEST);
    }
    assert!(gateway.log_lines().iter().all(|line| line["statusCode"] == 200), "nothing else was asked");
}

#[test]
fn a_request_after_an_empty_line_is_served() {
    let (_service, gateway) = echo("client: { head: 300ms, idle: 5s }");
    for wait in [0, 600] {
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.answer().status, 200);
            client.send("\r\n");
            // Longer than a head may take.
            assert!(wait == 0 || client.nothing_for(Duration::from_millis(wait)), "{}", client.unread());
        }
        client.send("GET /last HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().json()["target"], "/last");
        // A head that begins after it has its time like any other.
        client.send("\r\nGET / HT");
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (408, "REQUEST_TIMEOUT"));
        assert!(client.closed());
    }
}
