//! Answers that begin before the request has ended.

use super::gateway;
use crate::harness::{Client, Gateway, Service, until};

const LIMITED: &str = ", policies: { body_limit: { max: 1000B } }";
const LARGE: usize = 8_000_000;

/// A second hand on the same connection, so that one can write while the other reads.
fn writer_of(client: &Client) -> Client {
    Client::over(client.stream().try_clone().unwrap())
}

#[test]
fn an_early_answer_survives_the_break_of_the_upload() {
    let service = Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.write(
                "HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntoo big",
            );
            // What it has not read makes this a reset.
            conn.close();
        }
    });
    let gateway = gateway(&service, "", "");
    let body = vec![b'x'; LARGE];
    for (framing, end) in
        [(format!("Content-Length: {LARGE}"), ""), ("Transfer-Encoding: chunked".to_owned(), "\r\n0\r\n\r\n")]
    {
        let begin = if end.is_empty() { String::new() } else { format!("{LARGE:x}\r\n") };
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{begin}");
        let whole = [head.as_bytes(), &body, end.as_bytes()].concat();
        for round in 0..30 {
            let mut client = gateway.connect();
            let mut writer = writer_of(&client);
            std::thread::scope(|scope| {
                scope.spawn(|| writer.send(&whole));
                let answer =
                    client.try_answer().map(|answer| (answer.status, answer.text(), answer.complete));
                // Before the assertion, which would wait for the writer.
                let _ = client.stream().shutdown(std::net::Shutdown::Both);
                assert_eq!(answer, Some((413, "too big".to_owned(), true)), "{framing} {round}");
            });
        }
    }
    assert_eq!((service.requests(), service.connections()), (60, 60), "none was sent twice, none used again");
}

/// What a service may say before the request has ended: a part of its answer, and all of it.
const EARLY: &[(&str, &str)] = &[
    ("part", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun"),
    ("whole", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbegun"),
];

/// Sends `first` of a chunked body, then `rest` of it in the very moment in which the service says `early`. Gives what
/// the client and the service got; the gateway is held still so that it finds both at once.
fn at_once(
    gateway: &Gateway,
    service: &Service,
    first: &str,
    rest: &str,
    told: &impl Fn(),
) -> (Option<(u16, bool)>, Vec<u8>, bool) {
    let count = service.requests();
    let mut client = gateway.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{first}"));
    service.wait_seen(count + 1);
    gateway.signal("STOP");
    until("the gateway to hold still", || is_stopped(gateway.pid()).then_some(()));
    client.send(rest);
    told();
    gateway.signal("CONT");
    let answer = client.try_answer();
    drop(client);
    until("the service's connection to end", || (service.open() == 0).then_some(()));
    let seen = service.last();
    (answer.map(|answer| (answer.status, answer.complete)), seen.body, seen.whole)
}

/// Whether all threads of a process are stopped.
fn is_stopped(pid: u32) -> bool {
    std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().all(|task| {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:\tT"))
    })
}

/// A service that says `early` when it is told to, tells that it did, and reads on.
fn told_to(early: &'static str) -> (Service, impl Fn()) {
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let (did, done) = std::sync::mpsc::sync_channel::<()>(1);
    let (wait, did) = (std::sync::Mutex::new(wait), std::sync::Mutex::new(did));
    let service = Service::raw(move |mut conn| {
        conn.read_head();
        wait.lock().unwrap().recv().unwrap();
        conn.write(early);
        did.lock().unwrap().send(()).unwrap();
        conn.read_body();
    });
    (service, move || {
        go.send(()).unwrap();
        done.recv_timeout(crate::harness::DEADLINE).unwrap();
    })
}

#[test]
fn a_body_over_its_limit_is_broken_off_though_the_answer_begins_with_it() {
    let within = format!("384\r\n{}\r\n", "x".repeat(900));
    let beyond = "y".repeat(101);
    let rests = [
        ("last chunk with it", format!("65\r\n{beyond}\r\n0\r\n\r\n")),
        ("more chunks", format!("64\r\n{}\r\n1\r\ny\r\n0\r\n\r\n", &beyond[..100])),
        ("not all of the data", format!("ffff\r\n{beyond}")),
    ];
    for (said, early) in EARLY {
        for (name, rest) in &rests {
            let (service, told) = told_to(early);
            let gateway = gateway(&service, LIMITED, "");
            let (answer, body, whole) = at_once(&gateway, &service, &within, rest, &told);
            assert!(!whole, "{name} {said}: the service takes the body for whole");
            assert!(body.len() <= 1000, "{name} {said}: {} bytes passed", body.len());
            if *said == "part" {
                let refused = matches!(answer, None | Some((413, true) | (200, false)));
                assert!(refused, "{name}: {answer:?}");
                let line = gateway.wait_log(|line| line["event"] == "request_end");
                let blamed = line["reason"] == "request_broke" || line["decided_by"] == "body_limit";
                assert!(blamed, "{name}: {line}");
            }
        }
    }
}

#[test]
fn a_bad_chunk_that_comes_with_the_answer_is_the_clients_fault() {
    for (name, rest) in [
        ("size", "nonsense\r\n"),
        ("size, and an end", "nonsense\r\n0\r\n\r\n"),
        ("end of data", "3\r\nabcd\r\n0\r\n\r\n"),
        ("trailer", "0\r\nno colon\r\n\r\n"),
    ] {
        for (said, early) in EARLY {
            let (service, told) = told_to(early);
            let gateway = gateway(&service, LIMITED, "");
            let (answer, body, whole) = at_once(&gateway, &service, "3\r\nabc\r\n", rest, &told);
            assert!(!whole, "{name} {said}: the service takes the body for whole");
            assert!(b"abcabc".starts_with(&body), "{name} {said}: {}", body.escape_ascii());
            if *said == "part" {
                let refused = matches!(answer, None | Some((400, true) | (200, false)));
                assert!(refused, "{name}: {answer:?}");
                let line = gateway.wait_log(|line| line["event"] == "request_end");
                let blamed = line["reason"] == "request_broke" || line["decided_by"] == "listener";
                assert!(blamed, "{name}: {line}");
            }
        }
    }
}
