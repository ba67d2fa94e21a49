//! Server-sent events and long polls: ordinary answers that take their time.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::gateway;
use crate::front::assert_problem;
use crate::harness::{Conn, Service, ok, until};

const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn event(conn: &mut Conn, number: usize) -> bool {
    let event = format!("data: {number}\n\n");
    conn.write(format!("{:x}\r\n{event}\r\n", event.len()))
}

/// A service whose events come one by one, each when it is called for.
fn events(calls: Receiver<()>) -> Service {
    let calls = Mutex::new(calls);
    Service::raw(move |mut conn| {
        conn.read_head();
        conn.write(STREAM);
        let mut number = 0;
        while calls.lock().unwrap().recv().is_ok() {
            event(&mut conn, number);
            number += 1;
        }
        conn.write("0\r\n\r\n");
    })
}

#[test]
fn each_event_reaches_the_client_before_the_next_is_sent() {
    let (call, calls) = sync_channel(0);
    let service = events(calls);
    let gateway = gateway(&service, "", "", "");
    let mut client = gateway.connect();
    client.send("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    let head = client.head_only();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    for number in 0..20 {
        call.send(()).unwrap();
        let want = format!("data: {number}\n\n");
        let want = format!("{:x}\r\n{want}\r\n", want.len());
        assert_eq!(super::take(&mut client, want.len()), want.as_bytes());
    }
    drop(call);
    assert_eq!(super::take(&mut client, 5), b"0\r\n\r\n");
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head_only().status, 200, "the connection is kept");
}

#[test]
fn a_stream_without_events_for_too_long_is_cut() {
    let (_call, calls) = sync_channel(0);
    let service = events(calls);
    let gateway = gateway(&service, "timeouts: { idle: 400ms }", "", "");
    let mut client = gateway.connect();
    let began = Instant::now();
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head_only();
    assert!(!client.body_of(head.clone()).complete);
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    assert_eq!(gateway.wait_log_of(&head)["reason"], "upstream_stalled");
}

#[test]
fn a_client_that_leaves_ends_the_stream_at_the_service() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write(STREAM);
        event(&mut conn, 0);
        assert!(conn.wait_closed());
    });
    let gateway = gateway(&service, "", "", "");
    let mut client = gateway.connect();
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head_only();
    assert!(!client.read_some().is_empty());
    drop(client);
    until("the service's connection to end", || (service.open() == 0).then_some(()));
    assert_eq!(gateway.wait_log_of(&head)["reason"], "client_gone");
}

/// A service that answers when it is told to.
fn poll() -> (Service, std::sync::mpsc::SyncSender<()>) {
    let (go, wait) = sync_channel::<()>(1);
    let wait = Mutex::new(wait);
    let service = Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            if wait.lock().unwrap().recv().is_err() {
                assert!(conn.wait_closed());
                return;
            }
            conn.write(ok("text/plain", "news"));
        }
    });
    (service, go)
}

#[test]
fn a_long_poll_waits_for_its_answer() {
    let (service, go) = poll();
    let gateway = gateway(&service, "timeouts: { first_byte: 1h, idle: 100ms }", "", "");
    let mut client = gateway.connect();
    for _ in 0..2 {
        client.send("GET /news HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.nothing_for(Duration::from_millis(400)));
        go.send(()).unwrap();
        assert_eq!(client.answer().text(), "news");
    }
}

#[test]
fn a_long_poll_that_is_too_long_gets_504_and_the_service_is_let_go_of() {
    let (service, go) = poll();
    let gateway = gateway(&service, "timeouts: { first_byte: 300ms }", "", "");
    let answer = gateway.get("/news");
    assert_problem(&answer, 504, "UPSTREAM_TIMEOUT");
    drop(go);
    until("the service's connection to end", || (service.open() == 0).then_some(()));
}

#[test]
fn a_client_that_leaves_a_long_poll_ends_the_call_at_the_service() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        assert!(conn.wait_closed());
    });
    let gateway = gateway(&service, "timeouts: { first_byte: 60s }", "", "");
    let mut client = gateway.connect();
    client.send("GET /news HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    drop(client);
    until("the service's connection to end", || (service.open() == 0).then_some(()));
    let line = gateway.wait_log(|line| line["event"] == "request_end");
    assert_eq!(line["statusCode"], 499);
}
