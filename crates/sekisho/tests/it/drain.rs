//! The end of a gateway: what is in flight ends first, what is not ends at once, and nothing is lost on the way.

use std::net::TcpStream;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::front::gateway;
use crate::harness::{Client, Gateway, Service, ok, until};

/// A service whose answers wait until the test lets one go.
fn held() -> (Service, SyncSender<()>) {
    let (go, wait) = sync_channel::<()>(1);
    let wait = Arc::new(Mutex::new(wait));
    let service = Service::answering(move |request| {
        // Without a sender the test is over.
        let _ = wait.lock().unwrap().recv();
        ok("text/plain", &request.target)
    });
    (service, go)
}

/// Asserts that a request whose answer had not begun is told that there will be none.
#[track_caller]
fn assert_told(client: &mut Client) {
    let answer = client.answer();
    assert_eq!((answer.status, answer.code().as_str()), (503, "UPSTREAM_UNAVAILABLE"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.closed());
}

fn refuses(gateway: &Gateway) {
    until("the port to be closed", || {
        TcpStream::connect_timeout(&gateway.addr, Duration::from_secs(1)).err().map(drop)
    });
}

#[test]
fn term_lets_the_request_in_flight_end_and_takes_no_new_connection() {
    let (service, go) = held();
    let mut gateway = gateway(service.addr, "", "");
    assert_eq!(gateway.admin_get("/readyz").status, 200);
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("TERM");
    until("/readyz to say so", || (gateway.admin_get("/readyz").status == 503).then_some(()));
    assert_eq!(gateway.admin_get("/readyz").text(), "draining\n");
    assert_eq!(gateway.admin_get("/livez").status, 200);
    refuses(&gateway);
    assert!(gateway.is_running());
    go.send(()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.status, answer.complete, answer.text().as_str()), (200, true, "/a"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.closed());
    drop(client);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn quit_drains_as_term_does() {
    let (service, go) = held();
    let mut gateway = gateway(service.addr, "", "drain: { grace: 60s }");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("QUIT");
    until("/readyz to say so", || (gateway.admin_get("/readyz").status == 503).then_some(()));
    go.send(()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn term_closes_idle_connections_and_ends_at_once_without_requests() {
    let service = Service::echo();
    let mut gateway = gateway(service.addr, "", "drain: { grace: 60s }");
    let mut fresh = gateway.connect();
    let mut used = gateway.connect();
    used.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(used.answer().status, 200);
    gateway.wait_metric("gateway_connections", &[], 2.0);
    gateway.signal("TERM");
    assert!(fresh.closed() && used.closed());
    // The grace is longer than anything is waited for here.
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn a_client_that_stays_after_its_answer_does_not_hold_up_the_end() {
    let (service, go) = held();
    let mut gateway = gateway(service.addr, "", "drain: { grace: 60s }");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("TERM");
    refuses(&gateway);
    go.send(()).unwrap();
    assert_eq!(client.answer().status, 200);
    assert!(client.closed());
    // It keeps its own side open, which the gateway waits for a little while and no longer.
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn an_answer_that_has_begun_is_sent_to_its_end() {
    let (go, wait) = sync_channel::<()>(1);
    let wait = Mutex::new(wait);
    let service = Service::raw(move |mut conn| {
        if conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            let _ = wait.lock().unwrap().recv();
            conn.write("6\r\nsecond\r\n0\r\n\r\n");
        }
    });
    let mut gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head_only();
    gateway.signal("TERM");
    refuses(&gateway);
    go.send(()).unwrap();
    let answer = client.body_of(head);
    assert_eq!((answer.complete, answer.text().as_str()), (true, "firstsecond"));
    assert!(client.closed());
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn a_body_that_is_still_coming_may_come_to_its_end() {
    let service = Service::echo();
    let mut gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst");
    service.wait_seen(1);
    gateway.signal("TERM");
    refuses(&gateway);
    client.send("other");
    let answer = client.answer();
    assert_eq!((answer.status, answer.json()["body"].as_str()), (200, Some("firstother")));
    drop(client);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn a_head_that_is_still_coming_may_come_to_its_end() {
    let service = Service::echo();
    let mut gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHo");
    // What was sent was read before the signal comes, once a later connection has its answer on each worker.
    for _ in 0..8 {
        assert_eq!(gateway.get("/b").status, 200);
    }
    gateway.signal("TERM");
    refuses(&gateway);
    client.send("st: a\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    drop(client);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn after_the_grace_what_is_left_is_cut() {
    let (service, _go) = held();
    let mut gateway = gateway(service.addr, "", "drain: { grace: 300ms }");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    let began = Instant::now();
    gateway.signal("TERM");
    assert_told(&mut client);
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(gateway.wait_exit().code(), Some(0));
    assert!(
        gateway.stderr.to_end().iter().any(|line| line.contains("1 connection cut")),
        "{:?}",
        gateway.stderr.all()
    );
}

#[test]
fn after_the_grace_an_answer_that_has_begun_is_cut_so_that_it_shows() {
    let service = Service::raw(|mut conn| {
        conn.next_head();
        conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
        conn.wait_closed();
    });
    let mut gateway = gateway(service.addr, "", "drain: { grace: 300ms }");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head_only();
    gateway.signal("TERM");
    assert!(!client.body_of(head).complete);
    assert_eq!(gateway.wait_exit().code(), Some(0));
    assert!(gateway.stdout.to_end().iter().any(|line| line.contains("\"path\":\"/a\"")));
}

#[test]
fn a_second_term_ends_it_at_once() {
    let (service, _go) = held();
    let mut gateway = gateway(service.addr, "", "drain: { grace: 60s }");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("TERM");
    until("the first to be heard", || (gateway.admin_get("/readyz").status == 503).then_some(()));
    gateway.signal("TERM");
    assert_told(&mut client);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn int_ends_it_at_once_and_says_so() {
    let (service, _go) = held();
    let mut gateway = gateway(service.addr, "", "drain: { grace: 60s }");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("INT");
    assert_told(&mut client);
    assert_eq!(gateway.wait_exit().code(), Some(130));
}

#[test]
fn int_while_draining_ends_it_at_once() {
    let (service, _go) = held();
    let mut gateway = gateway(service.addr, "", "drain: { grace: 60s }");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("TERM");
    until("the first to be heard", || (gateway.admin_get("/readyz").status == 503).then_some(()));
    gateway.signal("INT");
    assert_eq!(gateway.wait_exit().code(), Some(130));
}

#[test]
fn every_line_of_the_log_is_written_before_the_end() {
    for (signal, to, code) in
        [("TERM", "stdout", 0), ("INT", "stdout", 130), ("TERM", "'{DIR}/access.log'", 0)]
    {
        let service = Service::echo();
        let mut gateway =
            gateway(service.addr, "", &format!("workers: 2\npolicies: {{ access_log: {{ to: {to} }} }}"));
        let mut clients = [gateway.connect(), gateway.connect()];
        for index in 0..500 {
            let client = &mut clients[index % 2];
            client.send(format!("GET /{index} HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"));
            assert_eq!(client.answer().status, 200);
        }
        gateway.signal(signal);
        assert_eq!(gateway.wait_exit().code(), Some(code));
        let lines = match to {
            "stdout" => gateway.stdout.to_end(),
            _ => {
                let text = std::fs::read_to_string(gateway.dir.join("access.log")).unwrap();
                text.lines().map(str::to_owned).collect()
            }
        };
        let mut paths: Vec<usize> = lines
            .iter()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["path"].as_str().unwrap()[1..].parse().unwrap())
            .collect();
        paths.sort_unstable();
        assert_eq!(paths, (0..500).collect::<Vec<_>>(), "{signal} {to}");
    }
}

#[test]
fn a_request_that_is_cut_at_the_end_is_logged_too() {
    let (service, _go) = held();
    let mut gateway = gateway(service.addr, "", "drain: { grace: 200ms }");
    let mut client = gateway.connect();
    client.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("TERM");
    gateway.wait_exit();
    let lines = gateway.stdout.to_end();
    let line =
        lines.iter().find(|line| line.contains("\"path\":\"/cut\"")).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(line.contains("\"reason\":\"gateway_stopping\""), "{line}");
}

#[test]
fn after_the_grace_a_download_at_full_pace_is_cut_and_logged_once() {
    const CLIENTS: usize = 3;
    for framing in ["Content-Length: 100000000000", "Transfer-Encoding: chunked"] {
        let service = Service::raw(move |mut conn| {
            conn.next_head();
            conn.write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            let piece = vec![b'x'; 64 * 1024];
            let piece = match framing {
                "Transfer-Encoding: chunked" => [b"10000\r\n", &piece[..], b"\r\n"].concat(),
                _ => piece,
            };
            while conn.write(&piece) {}
        });
        let mut gateway = gateway(service.addr, "", "workers: 2\ndrain: { grace: 300ms }");
        let clients: Vec<_> = (0..CLIENTS)
            .map(|index| {
                let mut client = gateway.connect();
                client.send(format!("GET /{index} HTTP/1.1\r\nHost: a\r\n\r\n"));
                assert_eq!(client.head_only().status, 200);
                // Until the connection ends, and as fast as it can.
                std::thread::spawn(move || while !client.read_some().is_empty() {})
            })
            .collect();
        let began = Instant::now();
        gateway.signal("TERM");
        assert_eq!(gateway.wait_exit().code(), Some(0), "{framing}");
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
        for client in clients {
            client.join().unwrap();
        }
        let lines: Vec<serde_json::Value> =
            gateway.stdout.to_end().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut paths: Vec<_> = lines.iter().map(|line| line["path"].as_str().unwrap()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/0", "/1", "/2"], "{framing}");
        for line in &lines {
            assert!(line["statusCode"] == 200 && line["reason"] != "ok", "{framing}: {line}");
            assert!(line["responseSize"].as_u64().unwrap() > 0, "{framing}: {line}");
        }
        let said = gateway.stderr.to_end();
        assert!(said.iter().any(|line| line.contains("3 connections cut")), "{framing}: {said:?}");
    }
}
