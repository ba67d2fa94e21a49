//! Large bodies: whole, in both directions at once, and no faster than who reads them.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::gateway;
use crate::harness::{Client, Conn, Gateway, Service, ok, pattern, until, write_until_stuck};

const LARGE: usize = 50 << 20;
/// What the gateway may hold of a large body, beyond what it holds anyway, in KiB.
const HELD: u64 = 24 * 1024;
const NO_LIMIT: &str = ", policies: { body_limit: off }";

/// [`LARGE`] bytes in which every place shows.
fn large() -> Vec<u8> {
    let mut body = pattern((1 << 20) + 7).repeat(LARGE >> 20);
    body.truncate(LARGE);
    body
}

/// Sends every byte that comes back at once, until the connection ends.
fn send_back(mut conn: Conn) {
    let request = conn.read_head();
    let chunked = request.header("transfer-encoding").is_some();
    let length = request.header("content-length").unwrap_or_default().to_owned();
    conn.write(if chunked {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
    } else {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")
    });
    loop {
        let piece = conn.read_some();
        if piece.is_empty() || !conn.write(&piece) {
            return;
        }
    }
}

/// A second hand on the same connection, so that one can write while the other reads.
fn writer_of(client: &Client) -> Client {
    Client::over(client.stream().try_clone().unwrap())
}

#[test]
fn both_directions_stream_at_once() {
    for chunked in [false, true] {
        let service = Service::raw(send_back);
        let gateway = gateway(&service, NO_LIMIT, "");
        let before = gateway.rss_kb();
        let body = large();
        let mut client = gateway.connect();
        let mut writer = writer_of(&client);
        let sent = body.clone();
        let sending = std::thread::spawn(move || {
            let framing = if chunked {
                "Transfer-Encoding: chunked".to_owned()
            } else {
                format!("Content-Length: {LARGE}")
            };
            writer.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
            for piece in sent.chunks(1 << 20) {
                if chunked {
                    writer.send(format!("{:x}\r\n", piece.len()));
                    writer.send(piece);
                    writer.send("\r\n");
                } else {
                    writer.send(piece);
                }
            }
            if chunked {
                writer.send("0\r\n\r\n");
            }
        });
        let answer = client.answer();
        sending.join().unwrap();
        assert!(
            answer.complete && answer.body == body,
            "chunked {chunked}: {} bytes came back",
            answer.body.len()
        );
        let grown = gateway.peak_kb() - before;
        assert!(grown < HELD, "chunked {chunked}: the gateway grew by {grown} KiB");
        let line = gateway.wait_log_of(&answer);
        assert_eq!((&line["requestSize"], &line["responseSize"]), (&LARGE.into(), &LARGE.into()), "{line}");
    }
}

#[test]
fn a_large_answer_arrives_whole() {
    let body = large();
    let chunks: Vec<u8> = body
        .chunks(100_000)
        .flat_map(|piece| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    let chunked = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &chunks[..]].concat();
    let until_close = [b"HTTP/1.1 200 OK\r\n\r\n", &body[..]].concat();
    for (name, answer) in [("length", ok("x/y", &body)), ("chunks", chunked), ("until close", until_close)] {
        let service = Service::fixed(answer);
        let gateway = gateway(&service, "", "");
        let before = gateway.rss_kb();
        let answer = gateway.get("/");
        assert!(answer.complete && answer.body == body, "{name}: {} bytes", answer.body.len());
        let grown = gateway.peak_kb() - before;
        assert!(grown < HELD, "{name}: the gateway grew by {grown} KiB");
    }
}

#[test]
fn a_large_request_arrives_whole() {
    let service = Service::answering(|request| ok("text/plain", request.body.len().to_string()));
    let gateway = gateway(&service, NO_LIMIT, "");
    let body = large();
    let mut client = gateway.connect();
    client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n"));
    client.send(&body);
    assert_eq!(client.answer().text(), LARGE.to_string());
    assert!(service.last().body == body);
}

/// Others are served while one exchange is stuck, and memory stays bounded.
#[track_caller]
fn check_others(gateway: &Gateway, before: u64) {
    // Enough for every worker to have its turn.
    for _ in 0..8 {
        assert_eq!(gateway.get("/others").text(), "fine");
    }
    let grown = gateway.peak_kb() - before;
    assert!(grown < HELD, "the gateway grew by {grown} KiB");
}

#[test]
fn a_service_that_does_not_read_holds_its_client_and_nobody_else() {
    let (go, gone) = sync_channel::<()>(1);
    let gone = std::sync::Mutex::new(gone);
    let service = Service::raw(move |mut conn| {
        while let Some(request) = conn.next_head() {
            if request.target == "/others" {
                conn.write(ok("text/plain", "fine"));
                continue;
            }
            let _ = gone.lock().unwrap().recv();
            let body = conn.read_body();
            conn.write(ok("text/plain", body.len().to_string()));
        }
    });
    let gateway = gateway(&service, NO_LIMIT, "");
    let before = gateway.rss_kb();
    let body = large();
    let mut client = gateway.connect();
    client.send(format!("POST /stuck HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n"));
    let sent = write_until_stuck(client.stream(), &body);
    assert!(sent < LARGE, "somebody took all of it");
    check_others(&gateway, before);
    go.send(()).unwrap();
    client.send(&body[sent..]);
    assert_eq!(client.answer().text(), LARGE.to_string());
    assert!(service.seen().iter().any(|request| request.body == body));
}

#[test]
fn a_client_that_does_not_read_holds_its_service_and_nobody_else() {
    let body = large();
    let (told, stuck) = sync_channel::<usize>(1);
    let copy = body.clone();
    let service = Service::raw(move |mut conn| {
        while let Some(request) = conn.next_head() {
            if request.target == "/others" {
                conn.write(ok("text/plain", "fine"));
                continue;
            }
            conn.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"));
            let sent = write_until_stuck(conn.stream(), &copy);
            told.send(sent).unwrap();
            conn.write(&copy[sent..]);
        }
    });
    let gateway = gateway(&service, "", "");
    let before = gateway.rss_kb();
    let mut client = Client::connect_narrow(gateway.addr);
    client.send("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n");
    let sent = stuck.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(sent < LARGE, "somebody took all of it");
    check_others(&gateway, before);
    let answer = client.answer();
    assert!(answer.complete && answer.body == body, "{} bytes", answer.body.len());
}

#[test]
fn a_client_that_leaves_while_it_sends_frees_its_service() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.read_body();
    });
    let gateway = gateway(&service, NO_LIMIT, "");
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome");
    service.wait_seen(1);
    client.reset();
    until("the service's connection to end", || (service.open() == 0).then_some(()));
    assert!(!service.last().whole);
    let line = gateway.wait_log(|line| line["event"] == "request_end");
    assert_eq!((&line["statusCode"], &line["decided_by"]), (&499.into(), &"client".into()), "{line}");
}
