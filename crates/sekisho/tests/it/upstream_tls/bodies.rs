//! Bodies in both directions, and answers that are cut off.

use std::io::ErrorKind;
use std::io::Read as _;
use std::sync::Mutex;
use std::time::Duration;

use super::verified;
use crate::front::logged;
use crate::harness::{TlsConn, pattern};

#[test]
fn large_bodies_arrive_whole_both_ways() {
    let (service, gateway) = verified(TlsConn::echo);
    for len in [1, 16_384, 65_536, 1_000_000, 5_000_000] {
        let body = pattern(len);
        let mut client = gateway.connect();
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n"));
        client.send(&body);
        let answer = client.answer();
        assert_eq!((answer.status, answer.complete), (200, true));
        assert!(answer.body == body, "{len} bytes came back changed, {} of them", answer.body.len());
    }
    assert_eq!(service.connections(), 1);
}

/// The sizes lie so close that, with one of them, the system's buffers are full but for what TLS then holds back.
#[test]
fn a_body_that_the_service_takes_late_is_sent_to_its_last_byte() {
    let (go, told) = std::sync::mpsc::sync_channel(1);
    let told = Mutex::new(told);
    let (_service, gateway) = verified(move |mut conn| {
        if conn.next_head().is_none() {
            return;
        }
        told.lock().unwrap().recv().unwrap();
        let read = conn.read_body().len().to_string();
        conn.write(format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{read}",
            read.len()
        ));
    });
    let all = pattern(5_000_000);
    for len in (1_500_000..4_500_000).step_by(50_000) {
        let mut client = gateway.connect();
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n"));
        client.send(&all[..len]);
        assert!(client.nothing_for(Duration::from_millis(20)), "the service has not begun to read");
        go.send(()).unwrap();
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, len.to_string()));
    }
}

#[test]
fn request_and_answer_stream_at_the_same_time() {
    const PIECE: usize = 100_000;
    const PIECES: usize = 30;
    let (_service, gateway) = verified(|mut conn| {
        if conn.next_head().is_none() {
            return;
        }
        let mut left = PIECE * PIECES;
        conn.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n"));
        while left > 0 {
            let some = conn.read_some();
            assert!(!some.is_empty(), "{left} bytes are missing");
            left -= some.len();
            conn.write(some);
        }
    });
    let mut client = gateway.connect();
    client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", PIECE * PIECES));
    let body = pattern(PIECE * PIECES);
    let mut back = Vec::new();
    let head = std::thread::scope(|scope| {
        let mut stream = client.stream().try_clone().unwrap();
        let sent = &body;
        scope.spawn(move || std::io::Write::write_all(&mut stream, sent).unwrap());
        let head = client.head_only();
        back = client.body_of(head.clone()).body;
        head
    });
    assert_eq!(head.status, 200);
    assert!(back == body);
}

#[test]
fn an_end_that_the_service_did_not_announce_is_no_end() {
    let (service, gateway) = verified(|mut conn| {
        let Some(request) = conn.next_head() else { return };
        conn.write(match request.target.trim_end_matches("/bye") {
            "/close" => "HTTP/1.1 200 OK\r\n\r\npart of it",
            "/length" => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart of it",
            "/chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\npart of it\r\n",
            other => panic!("{other}"),
        });
        if request.target.ends_with("/bye") {
            conn.say_goodbye();
        }
        conn.cut();
    });
    for (path, whole) in [
        ("/close/bye", true),
        ("/close", false),
        ("/length/bye", false),
        ("/length", false),
        ("/chunked/bye", false),
        ("/chunked", false),
    ] {
        let answer = gateway.get(path);
        assert_eq!((answer.status, answer.complete), (200, whole), "{path}");
        let reason = &logged(&gateway, path)["reason"];
        assert_eq!(reason == "upstream_broke", !whole, "{path}: {reason}");
    }
    // Without a length of its own, only a reset tells a client of HTTP/1.0.
    let mut client = gateway.connect();
    client.send("GET /close HTTP/1.0\r\n\r\n");
    let error = client.stream().read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(service.connections(), 7, "none was used again");
}
