//! Failures before there is an answer to pass on: 503 where nobody was reached, 502 where somebody talked nonsense.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use crate::front::{assert_problem, gateway, logged};
use crate::harness::{Gateway, Service};

/// An address where nobody listens, and the socket that keeps others from it.
pub(crate) fn nobody() -> (SocketAddr, Socket) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    (socket.local_addr().unwrap().as_socket().unwrap(), socket)
}

#[test]
fn a_refused_connection_is_503_with_the_services_name_only() {
    let (address, _held) = nobody();
    let gateway = gateway(address, "", "");
    assert_problem(&gateway.get("/a"), 503, "UPSTREAM_UNAVAILABLE");
    let line = logged(&gateway, "/a");
    assert_eq!(line["reason"], "connection_refused");
    assert_eq!(
        (&line["decided_by"], &line["statusCode"], &line["attempts"]),
        (&"upstream".into(), &503.into(), &2.into())
    );
    assert_eq!(line["endpoint"], address.to_string());
}

#[test]
fn a_refused_connection_does_not_cost_the_clients() {
    let (address, _held) = nobody();
    let gateway = gateway(address, "", "");
    let mut client = gateway.connect();
    for _ in 0..3 {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        assert_problem(&client.answer(), 503, "UPSTREAM_UNAVAILABLE");
    }
}

#[test]
fn a_name_that_does_not_resolve_is_503() {
    let config = "services:\n  s: { endpoints: ['http://nowhere.invalid:81'], timeouts: { connect: 2s } }\nroutes:\n  \
                  - { path: '/*', service: s, public: true }\n";
    let gateway = Gateway::start(config);
    assert_problem(&gateway.get("/a"), 503, "UPSTREAM_UNAVAILABLE");
    let reason = logged(&gateway, "/a")["reason"].clone();
    // Where there is no resolver to ask, its silence is what ends the wait.
    assert!(reason == "name_not_resolved" || reason == "connect_timeout", "{reason}");
}

/// Path, what the service says to a request for it, and the log's reason.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let with = |head: &str| head.as_bytes().to_vec();
    vec![
        ("/garbage", with("HELLO WORLD\r\n\r\n")),
        ("/http2", with("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")),
        ("/short-status", with("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n")),
        ("/bare-lf", with("HTTP/1.1 200 OK\nContent-Length: 0\n\n")),
        ("/bare-lf-in-fields", with("HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n")),
        ("/bare-cr", with("HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n")),
        ("/nul", with("HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n")),
        ("/fold", with("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n")),
        ("/space-before-colon", with("HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n")),
        ("/two-lengths", with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi")),
        ("/length-list", with("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi")),
        ("/negative", with("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")),
        (
            "/length-and-chunked",
            with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        ("/gzip", with("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")),
        ("/gzip-chunked", with("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")),
        (
            "/chunked-twice",
            with(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
        ),
        ("/chunked-in-1.0", with("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        ("/switched", with("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")),
        ("/huge", [with("HTTP/1.1 200 OK\r\nA: "), vec![b'a'; 70_000], with("\r\n\r\n")].concat()),
        ("/endless-interim", with(&"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100))),
    ]
}

#[test]
fn nonsense_in_place_of_a_head_is_502() {
    let service = Service::raw(|mut conn| {
        let Some(request) = conn.next_head() else { return };
        let said = nonsense().into_iter().find(|(path, _)| *path == request.target);
        conn.write(said.map(|(_, said)| said).unwrap_or_default());
        conn.wait_closed();
    });
    let gateway = gateway(service.addr, "timeouts: { first_byte: 5s }", "");
    for (index, (path, _)) in nonsense().into_iter().enumerate() {
        let answer = gateway.get(path);
        assert_eq!((path, answer.status, answer.code().as_str()), (path, 502, "BAD_GATEWAY"));
        assert_problem(&answer, 502, "BAD_GATEWAY");
        // Whatever else was on that connection belongs to nobody.
        assert_eq!(service.connections(), index + 1, "{path}");
    }
    for (path, _) in nonsense() {
        let line = logged(&gateway, path);
        assert_eq!((&line["decided_by"], &line["statusCode"]), (&"upstream".into(), &502.into()), "{path}");
        assert!(line["reason"].as_str().is_some_and(|reason| reason != "ok"), "{path}: {line}");
    }
}

#[test]
fn nonsense_is_not_asked_for_twice() {
    let service = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi");
        }
    });
    let gateway = gateway(service.addr, "", "");
    assert_eq!(gateway.get("/a").status, 502);
    assert_eq!(logged(&gateway, "/a")["attempts"], 1);
    assert_eq!((service.requests(), service.connections()), (1, 1));
}

#[test]
fn an_end_before_the_head_is_502() {
    let service = Service::raw(|mut conn| {
        let Some(request) = conn.next_head() else { return };
        match request.target.as_str() {
            "/closed" => conn.close(),
            "/reset" => conn.reset(),
            "/closed-within" => {
                conn.write(b"HTTP/1.1 200 OK\r\nContent-Le");
                conn.close();
            }
            "/closed-after-interim" => {
                conn.write(b"HTTP/1.1 103 Early Hints\r\n\r\n");
                conn.close();
            }
            other => panic!("{other}"),
        }
    });
    let gateway = gateway(service.addr, "", "");
    for path in ["/closed", "/reset", "/closed-within"] {
        assert_problem(&gateway.get(path), 502, "BAD_GATEWAY");
    }
    for path in ["/closed", "/reset", "/closed-within"] {
        assert_eq!(logged(&gateway, path)["reason"], "closed_before_head", "{path}");
    }
    let mut client = gateway.connect();
    client.send("GET /closed-after-interim HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.answer();
    assert_eq!(answer.interim.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [103]);
    assert_problem(&answer, 502, "BAD_GATEWAY");
}

#[test]
fn the_clients_connection_outlives_the_services_nonsense() {
    let service = Service::raw(|mut conn| {
        while let Some(request) = conn.next_head() {
            match request.target.as_str() {
                "/good" => conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"),
                _ => conn.write(b"what?\r\n\r\n"),
            };
        }
    });
    let gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    for (path, status) in [("/bad", 502), ("/good", 200), ("/bad", 502), ("/good", 200)] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(client.answer().status, status);
    }
}
