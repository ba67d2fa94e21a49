//! What does not become a tunnel, and what happens instead.

use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::{ASK, SWITCHED, gateway};
use crate::front::assert_problem;
use crate::harness::{Service, until};

/// A service that answers every request so.
fn answers(bytes: &'static str) -> Service {
    Service::fixed(bytes)
}

#[test]
fn what_a_client_sends_before_the_101_is_never_part_of_the_tunnel() {
    for later in [false, true] {
        let (go, wait) = sync_channel::<()>(1);
        let (tell, told) = sync_channel(1);
        let (wait, tell) = (Mutex::new(wait), Mutex::new(tell));
        let service = Service::raw(move |mut conn| {
            conn.read_head();
            wait.lock().unwrap().recv().unwrap();
            conn.write(SWITCHED);
            tell.lock().unwrap().send(conn.read_some()).unwrap();
        });
        let gateway = gateway(&service, "", "", "");
        let mut client = gateway.connect();
        let early = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
        client.send(if later { ASK.to_owned() } else { format!("{ASK}{early}") });
        service.wait_seen(1);
        if later {
            client.send(early);
        }
        go.send(()).unwrap();
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (400, "BAD_REQUEST"), "later: {later}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.closed());
        let reached = told.recv_timeout(Duration::from_secs(5)).unwrap();
        assert!(reached.is_empty(), "{}", reached.escape_ascii());
        let line = gateway.wait_log_of(&answer);
        assert_eq!(
            (&line["decided_by"], &line["reason"]),
            (&"listener".into(), &"data_before_upgrade".into())
        );
        assert_eq!(service.requests(), 1);
    }
}

#[test]
fn a_service_that_refuses_leaves_an_ordinary_exchange() {
    for (refusal, status) in [
        ("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nno!", 426),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n", 200),
    ] {
        let service = answers(refusal);
        let gateway = gateway(&service, "tunnels: { max: 1 }", "", "");
        let mut client = gateway.connect();
        // What is pipelined behind it is the next request, as ever.
        client.send(format!("{ASK}GET /next HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.complete, answer.text().as_str()), (status, true, "no!"));
        assert!(answer.header("upgrade").is_none() && answer.header("connection").is_none());
        assert_eq!(client.answer().status, status);
        let seen = service.seen();
        assert_eq!((seen.len(), seen[1].target.as_str(), seen[1].header("upgrade")), (2, "/next", None));
        assert_eq!(service.connections(), 1, "the service's connection is kept");
        // The place among the tunnels is free again.
        client.send(ASK);
        assert_eq!(client.answer().status, status);
        assert_eq!(service.last().header("upgrade"), Some("websocket"));
    }
}

#[test]
fn only_what_the_route_allows_is_offered() {
    let ask = |upgrade: &str| {
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, x-y\r\nUpgrade: {upgrade}\r\n\r\n")
    };
    for (route, request, want) in [
        ("", ask("websocket"), Some("websocket")),
        ("", ask("WebSocket"), Some("WebSocket")),
        ("", ask("h2c, websocket"), Some("websocket")),
        ("", ask("h2c"), None),
        ("", ask("chat"), None),
        ("upgrade: off", ask("websocket"), None),
        ("upgrade: [chat]", ask("websocket"), None),
        ("upgrade: [chat]", ask("websocket, Chat/2"), Some("Chat/2")),
        ("upgrade: [Chat, websocket]", ask("chat/1, other, websocket"), Some("chat/1, websocket")),
        ("", ask("websocket").replace("upgrade, x-y", "keep-alive"), None),
        ("", ask("websocket").replace("GET", "POST"), None),
        ("", ask("websocket").replace("GET", "HEAD"), None),
        ("", ask("websocket").replace("HTTP/1.1", "HTTP/1.0"), None),
        ("", ask("websocket").replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi"), None),
    ] {
        let service = Service::echo();
        let gateway = gateway(&service, "", route, "");
        let answer = gateway.request(&request);
        assert_eq!(answer.status, 200, "{route} {request}");
        let seen = service.last();
        assert_eq!(seen.header("upgrade"), want, "{route} {request}");
        assert_eq!(seen.header("connection"), want.map(|_| "upgrade"), "{route} {request}");
    }
}

#[test]
fn a_101_that_nobody_asked_for_or_that_names_another_protocol_is_a_bad_answer() {
    let plain = "GET /live HTTP/1.1\r\nHost: a\r\n\r\n";
    for (request, upgrade, reason) in [
        (plain, "Upgrade: websocket\r\n", "switched_protocols_unasked"),
        (ASK, "Upgrade: h2c\r\n", "switched_to_wrong_protocol"),
        (ASK, "Upgrade: websocket, h2c\r\n", "switched_to_wrong_protocol"),
        (ASK, "", "switched_to_wrong_protocol"),
    ] {
        let service = Service::raw(move |mut conn| {
            conn.read_head();
            conn.write(format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n{upgrade}\r\nhello"
            ));
            assert!(conn.wait_closed());
        });
        let gateway = gateway(&service, "", "", "");
        let answer = gateway.request(request);
        assert_problem(&answer, 502, "BAD_GATEWAY");
        assert_eq!(gateway.wait_log_of(&answer)["reason"], reason);
        until("the service's connection to be dropped", || (service.open() == 0).then_some(()));
    }
}

#[test]
fn policies_come_before_a_tunnel() {
    let service = Service::echo();
    let gateway = gateway(&service, "", "policies: { rate_limit: { rate: 1/h } }", "");
    assert_eq!(gateway.request(ASK).status, 200);
    let answer = gateway.request(ASK);
    assert_eq!((answer.status, answer.code().as_str()), (429, "RATE_LIMITED"));
    assert_eq!(gateway.wait_log_of(&answer)["decided_by"], "rate_limit");
    assert_eq!(service.requests(), 1);
}
