//! Interim answers (RFC 9110 §15.2) and expectations (§10.1.1).

use std::time::Duration;

use super::gateway;
use crate::harness::{Service, ok};

const EXPECTING: &str = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

fn hinting() -> Service {
    Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n");
            conn.write("HTTP/1.1 102 Processing\r\n\r\n");
            conn.write(ok("text/plain", "final"));
        }
    })
}

#[test]
fn interim_answers_pass_to_http_1_1() {
    let service = hinting();
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.answer();
        let [(103, hints), (102, _)] = &answer.interim[..] else { panic!("{answer:?}") };
        assert_eq!(
            *hints,
            [("Link".to_owned(), "</a.css>; rel=preload".to_owned())],
            "hop-by-hop fields stay behind"
        );
        assert_eq!((answer.status, answer.text().as_str()), (200, "final"));
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn interim_answers_say_nothing_of_a_body() {
    for framing in ["Content-Length: 7", "Transfer-Encoding: chunked"] {
        let service = Service::raw(move |mut conn| {
            while conn.next_head().is_some() {
                conn.write(format!("HTTP/1.1 103 Early Hints\r\n{framing}\r\nLink: </a.css>\r\n\r\n"));
                conn.write(ok("text/plain", "final"));
            }
        });
        let gateway = gateway(&service, "", "");
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let answer = client.answer();
            let want = [(103, vec![("Link".to_owned(), "</a.css>".to_owned())])];
            assert_eq!(
                (answer.status, answer.text().as_str(), &answer.interim[..]),
                (200, "final", &want[..]),
                "{framing}"
            );
        }
    }
}

#[test]
fn interim_answers_are_sent_before_the_final_one_is_there() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
        // Not before the next request of the same connection, which the client sends once it has the hint.
        let next = conn.read_some();
        conn.write(ok("text/plain", next));
    });
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.head_only().status, 103);
    client.send("body");
    assert_eq!(client.answer().text(), "body");
}

#[test]
fn interim_answers_do_not_reach_http_1_0() {
    let service = hinting();
    let gateway = gateway(&service, "", "");
    let answer = gateway.request("GET / HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status, answer.interim.len(), answer.text().as_str()), (200, 0, "final"));
}

#[test]
fn a_service_cannot_send_interim_answers_for_ever() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        while conn.write("HTTP/1.1 102 Processing\r\n\r\n") {}
    });
    let gateway = gateway(&service, "", "");
    let answer = gateway.get("/");
    assert_eq!((answer.status, answer.code().as_str()), (502, "BAD_GATEWAY"));
}

#[test]
fn a_switch_of_protocols_that_nobody_asked_for_is_502() {
    let service =
        Service::fixed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    let gateway = gateway(&service, "", "");
    assert_eq!(gateway.get("/").code(), "BAD_GATEWAY");
}

#[test]
fn an_expectation_is_the_services_to_meet() {
    let service = Service::raw(|mut conn| {
        while let Some(request) = conn.next_head() {
            assert_eq!(request.header("expect"), Some("100-continue"));
            conn.write("HTTP/1.1 100 Continue\r\n\r\n");
            let body = conn.read_body();
            conn.write(ok("text/plain", body));
        }
    });
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    for body in ["first", "other"] {
        client.send(EXPECTING);
        assert_eq!(client.head_only().status, 100);
        client.send(body);
        assert_eq!(client.answer().text(), body);
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn the_gateway_does_not_say_100_on_its_own() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.wait_closed();
    });
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    client.send(EXPECTING);
    service.wait_seen(1);
    assert!(client.nothing_for(Duration::from_millis(100)), "the service has not said 100");
}

#[test]
fn a_service_may_refuse_an_expectation() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
        conn.wait_closed();
    });
    let gateway = gateway(&service, "", "");
    let mut client = gateway.connect();
    client.send(EXPECTING);
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str(), answer.interim.len()), (401, "no", 0));
}

#[test]
fn a_body_that_is_too_long_is_refused_before_it_is_sent() {
    let service = Service::echo();
    let gateway = gateway(&service, ", policies: { body_limit: { max: 4B } }", "");
    let mut client = gateway.connect();
    client.send(EXPECTING);
    let answer = client.answer();
    assert_eq!((answer.status, answer.code().as_str(), answer.interim.len()), (413, "BODY_TOO_LARGE", 0));
    assert_eq!(service.connections(), 0);
}

#[test]
fn an_expectation_of_http_1_0_is_ignored() {
    let service = Service::echo();
    let gateway = gateway(&service, "", "");
    let answer = gateway.request("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!((answer.status, answer.interim.len(), &answer.json()["body"]), (200, 0, &"hi".into()));
    assert_eq!(service.last().header("expect"), None);
}
