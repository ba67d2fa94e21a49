//! How many, how long.

use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::{ASK, GOING_AWAY, chat, echo, frame, gateway, open, take, take_at, unmasked};
use crate::front::assert_problem;
use crate::harness::{DEADLINE, Service, until};

#[test]
fn one_tunnel_too_many_is_refused_until_another_ends() {
    let service = chat(echo);
    let gateway = gateway(&service, "tunnels: { max: 1 }", "", "workers: 2");
    let (first, _) = open(&gateway);
    let mut second = gateway.connect();
    second.send(ASK);
    let answer = second.answer();
    assert_problem(&answer, 503, "OVERLOADED");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "tunnels");
    // Others are served, over the same connection as well.
    second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(second.answer().text(), "fine");
    drop(first);
    until("a seat to be free", || {
        second.send(ASK);
        match second.head_only() {
            answer if answer.status == 101 => Some(()),
            refused => {
                second.body_of(refused);
                None
            }
        }
    });
}

/// A service that takes one frame, and then tells what comes before the end.
fn listener() -> (Service, std::sync::mpsc::Receiver<Vec<u8>>) {
    let (tell, told) = sync_channel(1);
    let tell = Mutex::new(tell);
    let service = chat(move |mut conn| {
        let hello = frame("hello", true).len();
        take_at(&mut conn, hello);
        conn.write(frame("hello", false));
        let mut last = Vec::new();
        loop {
            match conn.read_some() {
                piece if piece.is_empty() => break,
                piece => last.extend(piece),
            }
        }
        tell.lock().unwrap().send(last).unwrap();
    });
    (service, told)
}

#[test]
fn a_tunnel_that_is_silent_for_too_long_ends_and_both_sides_are_told() {
    let (service, told) = listener();
    let gateway = gateway(
        &service,
        "timeouts: { total: 200ms, idle: 100ms }, tunnels: { idle: 500ms }",
        "timeout: 300ms",
        "",
    );
    let (mut client, answer) = open(&gateway);
    let began = Instant::now();
    client.send(frame("hello", true));
    assert_eq!(take(&mut client, 7), frame("hello", false));
    assert_eq!(client.read_to_end(), GOING_AWAY);
    // The other limits are for exchanges, not for tunnels.
    assert!(began.elapsed() >= Duration::from_millis(490), "{:?}", began.elapsed());
    let last = told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(unmasked(&last), (0x88, vec![0x03, 0xe9]));
    let line = gateway.wait_log_of(&answer);
    assert_eq!((&line["statusCode"], &line["reason"]), (&101.into(), &"tunnel_idle".into()), "{line}");
    gateway.wait_metric("gateway_tunnels_total", &[("ending", "tunnel_idle")], 1.0);
}

#[test]
fn a_tunnel_ends_at_its_time_however_lively_it_is() {
    let service = chat(echo);
    let gateway = gateway(&service, "tunnels: { lifetime: 1s, idle: 1h }", "", "");
    let began = Instant::now();
    let (mut client, answer) = open(&gateway);
    let hello = frame("hello", true);
    let mut received = Vec::new();
    while client.try_send(&hello).is_ok() {
        match client.read_some() {
            piece if piece.is_empty() => break,
            piece => received.extend(piece),
        }
    }
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(received.len() > 10 * hello.len());
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "tunnel_lifetime");
}
