//! Bodies that come too slowly although the service has spoken already.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::LATEST;
use crate::front::{assert_took, gateway, logged};
use crate::harness::{Client, Gateway, Service, ok};

const SLOW: &str = "client: { body_grace: 300ms, body_rate: 1KiB }";
const EXPECTING: &str = "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

#[test]
fn a_slow_body_after_the_answer_began_cuts_both() {
    for (framing, piece) in [("Content-Length: 10000", "x"), ("Transfer-Encoding: chunked", "1\r\nx\r\n")] {
        for dribbles in [true, false] {
            let service = Service::raw(|mut conn| {
                conn.read_head();
                conn.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
                conn.read_body();
            });
            // The service may be silent for longer than the client may be slow.
            let gateway = gateway(service.addr, "timeouts: { idle: 5s }", SLOW);
            let mut client = gateway.connect();
            let began = Instant::now();
            client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{piece}"));
            let head = client.head_only();
            let mut writer = Client::over(client.stream().try_clone().unwrap());
            let over = AtomicBool::new(false);
            let answer = std::thread::scope(|scope| {
                scope.spawn(|| {
                    // Not for ever, even if the answer never ends.
                    for _ in 0..200 {
                        if !dribbles || over.load(SeqCst) || writer.try_send(piece).is_err() {
                            break;
                        }
                        std::thread::park_timeout(Duration::from_millis(50));
                    }
                });
                let answer = client.body_of(head);
                over.store(true, SeqCst);
                answer
            });
            let name = format!("{framing}, dribbles: {dribbles}");
            assert_eq!(
                (answer.status, answer.complete, answer.text().as_str()),
                (200, false, "begun"),
                "{name}"
            );
            assert_took(began.elapsed(), 250, LATEST);
            let line = logged(&gateway, "/a");
            assert_eq!(
                (&line["reason"], &line["statusCode"]),
                (&"request_broke".into(), &200.into()),
                "{name}"
            );
            crate::harness::until("the service's connection to be cut", || {
                (service.open() == 0).then_some(())
            });
            assert!(!service.last().whole, "{name}");
        }
    }
}

/// A service that says 100 only after longer than a body may be slow at first, but in time for itself.
fn consenting() -> (Service, Gateway) {
    let service = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            // Nothing comes meanwhile; it is only a wait.
            conn.stream().set_read_timeout(Some(Duration::from_secs(4))).unwrap();
            let _ = conn.stream().peek(&mut [0]);
            conn.stream().set_read_timeout(None).unwrap();
            conn.write("HTTP/1.1 100 Continue\r\n\r\n");
            let body = conn.read_body();
            if !conn.seen().whole {
                return;
            }
            conn.write(ok("text/plain", body));
        }
    });
    let client = "client: { body_grace: 3700ms, body_rate: 1KiB }";
    let gateway = gateway(service.addr, "timeouts: { first_byte: 5s }", client);
    (service, gateway)
}

#[test]
fn the_wait_for_100_is_not_the_clients() {
    let (service, gateway) = consenting();
    let mut client = gateway.connect();
    for pieces in [&["first"][..], &["fi", "rst"], &["f", "i", "r", "s", "t"]] {
        client.send(EXPECTING);
        assert_eq!(client.head_only().status, 100);
        for piece in pieces {
            client.send(piece);
            // So that they do not arrive as one, and the last after the service's own time would have been over.
            assert!(
                pieces.len() == 1
                    || *piece == *pieces.last().unwrap()
                    || client.nothing_for(Duration::from_millis(260))
            );
        }
        let answer = client.answer();
        assert_eq!((answer.status, answer.text().as_str()), (200, "first"), "{pieces:?}");
    }
    assert_eq!(service.requests(), 3);
}

#[test]
fn a_client_that_stalls_after_100_is_slow_and_not_its_service() {
    for sent in ["", "fi"] {
        let (service, gateway) = consenting();
        let mut client = gateway.connect();
        let began = Instant::now();
        client.send(EXPECTING);
        assert_eq!(client.head_only().status, 100);
        client.send(sent);
        let answer = client.answer();
        // The client's time begins when the service's wait is over.
        assert_took(began.elapsed(), 3_650, LATEST);
        assert_eq!((answer.status, answer.code().as_str()), (408, "REQUEST_TIMEOUT"), "{sent:?}");
        assert!(client.closed());
        let line = logged(&gateway, "/a");
        assert_eq!(
            (&line["reason"], &line["decided_by"]),
            (&"slow_body".into(), &"listener".into()),
            "{sent:?}"
        );
        crate::harness::until("the service's connection to be cut", || (service.open() == 0).then_some(()));
        assert!(!service.last().whole, "{sent:?}");
    }
}
