//! Connections that the service closed while they were kept: what is safe to ask again is asked again, once, and nothing
//! else ever is.

use std::time::Duration;

use crate::front::{assert_problem, gateway, logged};
use crate::harness::Service;

/// A service that answers the first request of a connection and closes it in the moment in which the next one comes.
fn closes_at_the_second() -> Service {
    Service::raw(|mut conn| {
        if conn.next_head().is_none() {
            return;
        }
        conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if conn.next_head().is_some() {
            conn.close();
        }
    })
}

#[test]
fn a_get_that_meets_a_closing_connection_is_sent_once_more() {
    let service = closes_at_the_second();
    let gateway = gateway(service.addr, "", "workers: 1");
    assert_eq!(gateway.get("/first").status, 200);
    assert_eq!(gateway.get("/second").status, 200);
    assert_eq!(logged(&gateway, "/first")["attempts"], 1);
    assert_eq!(logged(&gateway, "/second")["attempts"], 2);
    assert_eq!((service.connections(), service.requests()), (2, 3));
}

#[test]
fn only_safe_methods_are_sent_once_more() {
    for (method, body, repeated) in [
        ("GET", "", true),
        ("HEAD", "", true),
        ("OPTIONS", "", true),
        ("DELETE", "", false),
        ("PUT", "some", false),
        ("PUT", "", false),
        ("POST", "some", false),
        ("POST", "", false),
        ("PATCH", "some", false),
        ("LINK", "", false),
    ] {
        let service = closes_at_the_second();
        let gateway = gateway(service.addr, "", "workers: 1");
        assert_eq!(gateway.get("/first").status, 200);
        let mut client = gateway.connect();
        client.send(format!(
            "{method} /second HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let answer = if method == "HEAD" { client.answer_to_head() } else { client.answer() };
        let line = logged(&gateway, "/second");
        if repeated {
            assert_eq!((method, answer.status, &line["attempts"]), (method, 200, &2.into()));
            assert_eq!(service.requests(), 3, "{method}");
        } else {
            assert_problem(&answer, 502, "BAD_GATEWAY");
            assert_eq!((method, &line["attempts"]), (method, &1.into()));
            assert_eq!(service.requests(), 2, "{method}");
        }
    }
}

#[test]
fn a_repeated_request_is_the_same_request() {
    let service = closes_at_the_second();
    let gateway = gateway(service.addr, "", "workers: 1");
    assert_eq!(gateway.get("/first").status, 200);
    let answer = gateway.request(
        "GET /second?a=b HTTP/1.1\r\nHost: shop.example\r\nX-Mine: yes\r\nX-Correlation-ID: c-1\r\n\r\n",
    );
    assert_eq!(answer.status, 200);
    let seen = service.wait_seen(3);
    assert_eq!(
        (&seen[1].method, &seen[1].target, &seen[1].headers),
        (&seen[2].method, &seen[2].target, &seen[2].headers)
    );
}

#[test]
fn with_one_connection_allowed_the_repetition_still_finds_it() {
    let service = closes_at_the_second();
    let gateway = gateway(service.addr, "connections: { max: 1 }", "workers: 1");
    assert_eq!(gateway.get("/first").status, 200);
    let answer = gateway.get("/second");
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(service.connections(), 2);
}

#[test]
fn a_fresh_connection_that_closes_is_not_tried_again_without_retries() {
    let service = Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.close();
        }
    });
    let gateway = gateway(service.addr, "retry: off", "");
    assert_problem(&gateway.get("/a"), 502, "BAD_GATEWAY");
    assert_eq!((service.connections(), service.requests()), (1, 1));
}

#[test]
fn a_part_of_a_head_on_a_kept_connection_is_not_tried_again() {
    for (part, at_once) in [
        ("H", true),
        ("H", false),
        ("HTTP/1.1 200 O", true),
        ("HTTP/1.1 200 O", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", false),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", true),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", false),
    ] {
        let service = Service::raw(move |mut conn| {
            if conn.next_head().is_none() {
                return;
            }
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            if conn.next_head().is_some() {
                conn.write(part);
                if !at_once {
                    // Nothing comes meanwhile; the gateway reads the part before it finds the end.
                    conn.stream().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                    let _ = conn.stream().peek(&mut [0]);
                }
                conn.close();
            }
        });
        let gateway = gateway(service.addr, "", "workers: 1");
        assert_eq!(gateway.get("/first").status, 200);
        assert_problem(&gateway.get("/second"), 502, "BAD_GATEWAY");
        let asked = service.seen().iter().filter(|request| request.target == "/second").count();
        assert_eq!((service.connections(), asked), (1, 1), "{part:?}, at once: {at_once}");
        assert_eq!(logged(&gateway, "/second")["attempts"], 1, "{part:?}, at once: {at_once}");
    }
}

#[test]
fn a_service_that_closes_after_every_answer_is_always_reached() {
    // It says keep-alive, and closes all the same.
    let service = Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            conn.close();
        }
    });
    let gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    for _ in 0..200 {
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_service_that_says_close_is_not_asked_on_that_connection_again() {
    let service = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    let gateway = gateway(service.addr, "", "workers: 1");
    for round in 1..=5 {
        assert_eq!(gateway.get("/a").status, 200);
        assert_eq!((service.connections(), service.requests()), (round, round));
    }
}
