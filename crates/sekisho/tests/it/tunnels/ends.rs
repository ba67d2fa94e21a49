//! Ends that nobody in the tunnel has agreed upon: a gateway that stops, a side that dies.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::{ASK, GOING_AWAY, SWITCHED, chat, echo, frame, gateway, open, take, unmasked};
use crate::harness::{Client, Conn, DEADLINE, Gateway, Service, until};
use crate::reload::free_port;

#[test]
fn a_drain_ends_tunnels_cleanly_while_other_requests_go_on() {
    let (go, wait) = sync_channel::<()>(1);
    let wait = Mutex::new(wait);
    let (service, told) = echo_or(move |conn| {
        let _ = wait.lock().unwrap().recv();
        conn.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
    });
    let mut gateway = gateway(&service, "", "", "drain: { grace: 60s, tunnels: 3s }");
    let mut slow = gateway.connect();
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let (mut client, _) = open(&gateway);
    let began = Instant::now();
    gateway.signal("TERM");
    until("/readyz to say so", || (gateway.admin_get("/readyz").status == 503).then_some(()));
    // It goes on for a while.
    client.send(frame("hello", true));
    assert_eq!(take(&mut client, 7), frame("hello", false));
    assert_eq!(client.read_to_end(), GOING_AWAY, "and then ends, without a reset");
    assert!(began.elapsed() >= Duration::from_millis(2_950), "{:?}", began.elapsed());
    let last = told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(unmasked(&last), (0x88, vec![0x03, 0xe9]));
    client.shutdown_write();
    let line = gateway.wait_log(|line| line["statusCode"] == 101);
    assert_eq!(
        (&line["reason"], &line["requestSize"], &line["responseSize"]),
        (&"gateway_stopping".into(), &11.into(), &7.into())
    );
    go.send(()).unwrap();
    assert_eq!(slow.answer().text(), "fine");
    drop((slow, client));
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

/// A service that echoes and tells what came last; requests that ask for no tunnel are served by `otherwise`.
fn echo_or(otherwise: impl Fn(&mut Conn) + Send + Sync + 'static) -> (Service, Receiver<Vec<u8>>) {
    let (tell, told) = sync_channel(1);
    let tell = Mutex::new(tell);
    let service = Service::raw(move |mut conn| {
        if conn.read_head().header("upgrade").is_none() {
            return otherwise(&mut conn);
        }
        conn.write(SWITCHED);
        let mut last = Vec::new();
        loop {
            let piece = conn.read_some();
            match piece.is_empty() {
                true => break,
                false if piece[0] == 0x81 => assert!(conn.write(frame("hello", false))),
                false => last.extend(piece),
            }
        }
        tell.lock().unwrap().send(last).unwrap();
    });
    (service, told)
}

/// The same, where all other answers never come.
fn echo_and_silence() -> (Service, Receiver<Vec<u8>>) {
    echo_or(|conn| {
        conn.wait_closed();
    })
}

#[test]
fn tunnels_have_a_grace_of_their_own_that_outlives_that_of_requests() {
    let (service, told) = echo_and_silence();
    let mut gateway = gateway(&service, "", "", "workers: 2\ndrain: { grace: 300ms, tunnels: 4s }");
    let mut slow = gateway.connect();
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let (mut client, _) = open(&gateway);
    service.wait_seen(2);
    let began = Instant::now();
    gateway.signal("TERM");
    let answer = slow.answer();
    assert_eq!((answer.status, answer.code().as_str()), (503, "UPSTREAM_UNAVAILABLE"));
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert!(slow.closed());
    assert_eq!(gateway.admin_get("/readyz").text(), "draining\n");
    client.send(frame("hello", true));
    assert_eq!(take(&mut client, 7), frame("hello", false), "it goes on");
    assert_eq!(client.read_to_end(), GOING_AWAY);
    assert!(began.elapsed() >= Duration::from_millis(3_950), "{:?}", began.elapsed());
    let last = told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(unmasked(&last), (0x88, vec![0x03, 0xe9]));
    drop((slow, client));
    assert_eq!(gateway.wait_exit().code(), Some(0));
    let line = gateway.wait_log(|line| line["statusCode"] == 101);
    assert_eq!(line["reason"], "gateway_stopping");
    let said = gateway.stderr.to_end();
    let says = |what: &str| said.iter().any(|line| line.contains(what));
    assert!(says("2 connections open, at most 300ms left, 4s for 1 tunnel among them"), "{said:?}");
    assert!(
        says("the time of requests is over: 1 connection cut; at most 5.7s left for 1 tunnel"),
        "{said:?}"
    );
}

#[test]
fn tunnels_end_cleanly_even_at_the_moment_at_which_requests_are_cut_or_at_once() {
    for (drain, least) in [
        ("grace: 400ms, tunnels: 400ms", 380),
        ("grace: 0s, tunnels: 0s", 0),
        ("grace: 0s, tunnels: 400ms", 380),
        ("grace: 60s, tunnels: 0s", 0),
    ] {
        let (service, told) = echo_and_silence();
        let mut gateway = gateway(&service, "", "", &format!("drain: {{ {drain} }}"));
        let (mut client, _) = open(&gateway);
        let began = Instant::now();
        gateway.signal("TERM");
        assert_eq!(client.read_to_end(), GOING_AWAY, "{drain}");
        assert!(began.elapsed() >= Duration::from_millis(least), "{drain}: {:?}", began.elapsed());
        let last = told.recv_timeout(DEADLINE).unwrap();
        assert_eq!(unmasked(&last), (0x88, vec![0x03, 0xe9]), "{drain}");
        drop(client);
        assert_eq!(gateway.wait_exit().code(), Some(0), "{drain}");
        assert_eq!(
            gateway.wait_log(|line| line["statusCode"] == 101)["reason"],
            "gateway_stopping",
            "{drain}"
        );
    }
}

#[test]
fn a_port_that_a_reload_closes_ends_its_tunnels_cleanly_and_no_others() {
    let (service, told) = echo_and_silence();
    let [one, two] = [free_port(), free_port()];
    let at = |ports: &str| {
        let top = format!("listen: [{ports}]\ndrain: {{ grace: 60s, tunnels: 400ms }}");
        crate::front::config(service.addr, "", &top)
    };
    let gateway = Gateway::start(&at(&format!("'http://{one}', 'http://{two}'")));
    let [mut leaves, mut stays] = [one, two].map(|port| {
        let mut client = Client::connect(port);
        client.send(ASK);
        assert_eq!(client.head_only().status, 101);
        client
    });
    let began = Instant::now();
    gateway.reconfigure(&at(&format!("'http://{two}'")));
    assert_eq!(leaves.read_to_end(), GOING_AWAY);
    assert!(began.elapsed() >= Duration::from_millis(380), "{:?}", began.elapsed());
    let last = told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(unmasked(&last), (0x88, vec![0x03, 0xe9]));
    drop(leaves);
    let line = gateway.wait_log(|line| line["statusCode"] == 101);
    assert_eq!(line["reason"], "gateway_stopping");
    stays.send(frame("hello", true));
    assert_eq!(take(&mut stays, 7), frame("hello", false), "the other port is not concerned");
    gateway.wait_metric("gateway_tunnels", &[("service", "s")], 1.0);
}

#[test]
fn a_second_term_ends_tunnels_that_outlive_the_requests() {
    let service = chat(echo);
    let mut gateway = gateway(&service, "", "", "drain: { grace: 0s, tunnels: 60s }");
    let (mut client, _) = open(&gateway);
    gateway.signal("TERM");
    until("requests to be over", || {
        gateway.stderr.all().iter().any(|line| line.contains("left for 1 tunnel")).then_some(())
    });
    client.send("hello");
    assert_eq!(take(&mut client, 5), b"hello");
    gateway.signal("TERM");
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn in_the_middle_of_a_frame_there_is_no_place_for_another() {
    let service = chat(|mut conn| {
        conn.write([0x82, 100, 1, 2, 3]);
        echo(conn);
    });
    let mut gateway = gateway(&service, "", "", "drain: { grace: 60s, tunnels: 200ms }");
    let (mut client, _) = open(&gateway);
    assert_eq!(take(&mut client, 5), [0x82, 100, 1, 2, 3]);
    gateway.signal("TERM");
    assert!(client.closed(), "only the end comes");
    drop(client);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn a_protocol_that_the_gateway_does_not_know_gets_no_frames() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat/2\r\n\r\n");
        echo(conn);
    });
    let mut gateway = gateway(&service, "", "upgrade: [chat]", "drain: { grace: 60s, tunnels: 200ms }");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat/2\r\n\r\n");
    let answer = client.head_only();
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("chat/2")));
    client.send("hello");
    assert_eq!(take(&mut client, 5), b"hello");
    gateway.signal("TERM");
    assert!(client.closed());
    drop(client);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn a_gateway_that_is_told_to_end_at_once_does() {
    let service = chat(echo);
    let mut gateway = gateway(&service, "", "", "drain: { grace: 60s, tunnels: 60s }");
    let (_client, _) = open(&gateway);
    gateway.signal("INT");
    gateway.wait_exit();
    let line = gateway.wait_log(|line| line["statusCode"] == 101);
    assert_eq!(line["reason"], "gateway_stopping");
}

#[test]
fn a_service_that_dies_takes_its_client_along() {
    let service = chat(|mut conn| {
        assert_eq!(conn.read_some(), b"die");
        conn.reset();
    });
    let gateway = gateway(&service, "", "", "");
    let (mut client, answer) = open(&gateway);
    client.send("die");
    assert!(client.closed());
    let line = gateway.wait_log_of(&answer);
    assert_eq!(
        (&line["statusCode"], &line["decided_by"], &line["reason"]),
        (&101.into(), &"service".into(), &"upstream_broke".into())
    );
    gateway.wait_metric("gateway_tunnels_total", &[("ending", "upstream_broke")], 1.0);
}

#[test]
fn a_client_that_dies_lets_its_service_go() {
    let service = chat(echo);
    let gateway = gateway(&service, "", "", "");
    let (mut client, answer) = open(&gateway);
    client.send("hello");
    assert_eq!(take(&mut client, 5), b"hello");
    client.reset();
    until("the service's connection to end", || (service.open() == 0).then_some(()));
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "client_gone");
    gateway.wait_metric("gateway_tunnels", &[("service", "s")], 0.0);
}
