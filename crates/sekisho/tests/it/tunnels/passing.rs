//! What passes, and how.

use std::time::{Duration, Instant};

use super::{ASK, SWITCHED, chat, echo, frame, gateway, open, take, take_at};
use crate::harness::{Client, Service, pattern, until, write_until_stuck};

#[test]
fn bytes_pass_both_ways_and_the_101_is_an_answer_like_any_other() {
    let service = chat(echo);
    let gateway = gateway(&service, "", "policies: { security_headers: on }", "");
    let began = Instant::now();
    let (mut client, answer) = open(&gateway);
    assert_eq!(answer.headers_all("connection"), ["upgrade"]);
    assert_eq!(answer.headers_all("upgrade"), ["websocket"]);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("x-request-id").is_some() && answer.header("date").is_some());
    assert!(answer.header("transfer-encoding").is_none() && answer.header("content-length").is_none());
    let seen = service.last();
    assert_eq!(
        (seen.headers_all("connection"), seen.headers_all("upgrade")),
        (vec!["upgrade"], vec!["websocket"])
    );
    assert_eq!(seen.header("sec-websocket-version"), Some("13"));
    assert_eq!(seen.header("x-request-id"), answer.header("x-request-id"));
    for text in ["hello", "again"] {
        let frame = frame(text, true);
        client.send(&frame);
        assert_eq!(take(&mut client, frame.len()), frame);
    }
    gateway.wait_metric("gateway_tunnels", &[("service", "s")], 1.0);
    assert!(client.nothing_for(Duration::from_millis(300)), "a silent tunnel stays open");
    client.shutdown_write();
    assert!(client.closed());
    let line = gateway.wait_log_of(&answer);
    let lived = began.elapsed();
    assert_eq!(
        (&line["statusCode"], &line["decided_by"], &line["reason"]),
        (&101.into(), &"service".into(), &"ok".into())
    );
    assert_eq!((&line["requestSize"], &line["responseSize"]), (&22.into(), &22.into()), "{line}");
    let duration = line["duration"].as_f64().unwrap();
    assert!(duration >= 300.0 && duration <= lived.as_secs_f64() * 1e3, "{line}");
    gateway.wait_metric("gateway_tunnels", &[("service", "s")], 0.0);
    gateway.wait_metric("gateway_tunnels_total", &[("service", "s"), ("ending", "ok")], 1.0);
    for direction in ["to_service", "to_client"] {
        let labels = [("service", "s"), ("direction", direction)];
        gateway.wait_metric("gateway_tunnel_bytes_total", &labels, 22.0);
    }
    let counted = |what| gateway.metric(&format!("gateway_request_duration_seconds_{what}{{service=\"s\""));
    assert_eq!(counted("count"), 1.0);
    // All but the silence, at the least, came after the 101.
    assert!(counted("sum") * 1e3 < duration - 299.0, "only up to the 101: {}; {line}", counted("sum"));
}

#[test]
fn bytes_behind_the_101_reach_the_client_with_it() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write([SWITCHED.as_bytes(), &frame("first", false)].concat());
        echo(conn);
    });
    let gateway = gateway(&service, "", "", "");
    let (mut client, _) = open(&gateway);
    assert_eq!(client.unread(), frame("first", false).escape_ascii().to_string(), "in the same piece");
    assert_eq!(client.read_some(), frame("first", false));
    client.send("back");
    assert_eq!(take(&mut client, 4), b"back");
}

#[test]
fn a_client_that_has_nothing_more_to_say_still_hears_the_rest() {
    let service = chat(|mut conn| {
        assert_eq!(take_at(&mut conn, 4), b"last");
        assert!(conn.read_some().is_empty(), "the end is passed on");
        conn.write("rest");
    });
    let gateway = gateway(&service, "", "", "");
    let (mut client, answer) = open(&gateway);
    client.send("last");
    client.shutdown_write();
    assert_eq!(client.read_to_end(), b"rest");
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "ok");
}

#[test]
fn a_service_that_has_nothing_more_to_say_still_hears_the_rest() {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let service = chat(move |mut conn| {
        conn.write("last");
        conn.shutdown_write();
        tell.send(take_at(&mut conn, 4)).unwrap();
        assert!(conn.wait_closed());
    });
    let gateway = gateway(&service, "", "", "");
    let (mut client, answer) = open(&gateway);
    assert_eq!(client.read_to_end(), b"last");
    client.send("rest");
    assert_eq!(told.recv_timeout(Duration::from_secs(5)).unwrap(), b"rest");
    client.shutdown_write();
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "ok");
    until("the service's connection to end", || (service.open() == 0).then_some(()));
}

/// More than the sockets on the way can hold: up to 32 MiB each where the system lets them grow.
const LARGE: usize = 160 << 20;
/// What the gateway may hold of it, beyond what it holds anyway, in KiB.
const HELD: u64 = 8 * 1024;

#[test]
fn both_sides_hold_each_other_to_their_pace() {
    let service = chat(echo);
    let gateway = gateway(&service, "", "", "");
    let before = gateway.rss_kb();
    let mut client = Client::connect_narrow(gateway.addr);
    client.send(ASK);
    let answer = client.head_only();
    assert_eq!(answer.status, 101);
    let mut body = pattern((1 << 20) + 7).repeat(LARGE >> 20);
    body.truncate(LARGE);
    // Nobody reads what comes back, so sooner or later nothing more is taken.
    let sent = write_until_stuck(client.stream(), &body);
    assert!(sent < LARGE, "somebody took all of it");
    let mut writer = Client::over(client.stream().try_clone().unwrap());
    let rest = body[sent..].to_vec();
    let writing = std::thread::spawn(move || {
        writer.send(&rest);
        writer.shutdown_write();
    });
    let back = client.read_to_end();
    writing.join().unwrap();
    assert!(back == body, "{} bytes came back", back.len());
    let grown = gateway.peak_kb() - before;
    assert!(grown < HELD, "the gateway grew by {grown} KiB");
    let line = gateway.wait_log_of(&answer);
    assert_eq!((&line["requestSize"], &line["responseSize"]), (&LARGE.into(), &LARGE.into()), "{line}");
}

#[test]
fn a_silent_tunnel_owns_no_buffer() {
    const TUNNELS: u64 = 300;
    let service = chat(echo);
    let gateway = gateway(&service, "", "", "workers: 1");
    let say = |(client, _): &mut (Client, _)| {
        client.send("hello");
        assert_eq!(take(client, 5), b"hello");
    };
    let mut first = open(&gateway);
    say(&mut first);
    let before = gateway.rss_kb();
    let mut all: Vec<_> = (0..TUNNELS).map(|_| open(&gateway)).collect();
    all.iter_mut().for_each(say);
    let grown = gateway.rss_kb().saturating_sub(before);
    // Each read buffer has 16 KiB, and there would be three.
    assert!(grown < TUNNELS * 16, "{TUNNELS} tunnels made the gateway grow by {grown} KiB");
}
