//! Services that are slow to connect, to begin, to go on, to end.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::LATEST;
use crate::front::{assert_problem, assert_took, gateway, logged, until_within};
use crate::harness::{Conn, Gateway, Service};

/// A port whose queue is full, so that connecting to it never ends; the sockets keep it so.
pub(crate) fn full() -> (SocketAddr, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let address: SockAddr = listener.local_addr().unwrap();
    let mut held = vec![listener];
    // A queue of 0 holds one or two; what no longer gets in shows that it is full.
    loop {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let got_in = socket.connect_timeout(&address, Duration::from_millis(100)).is_ok();
        held.push(socket);
        if !got_in {
            return (address.as_socket().unwrap(), held);
        }
        assert!(held.len() < 20, "the queue never fills");
    }
}

/// Sends a byte of `bytes` every 20 ms until the gateway closes.
fn trickle(conn: &mut Conn, bytes: &[u8]) {
    conn.stream().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    for byte in bytes {
        let mut nothing = [0];
        // The pause is a read in which the end of the connection would show.
        let gone = matches!(std::io::Read::read(&mut conn.stream(), &mut nothing), Ok(0));
        if gone || !conn.write([*byte]) {
            return;
        }
    }
}

fn timed(gateway: &Gateway, path: &str) -> (crate::harness::Answer, Duration) {
    let began = Instant::now();
    let answer = gateway.get(path);
    (answer, began.elapsed())
}

#[test]
fn a_connection_that_is_not_made_in_time_is_503() {
    let (address, _held) = full();
    // Each try has this time, and none has it from the service's other limits.
    let gateway = gateway(address, "timeouts: { connect: 200ms }, retry: off", "");
    until_within(200, 2_900, || assert_problem(&gateway.get("/a"), 503, "UPSTREAM_UNAVAILABLE"));
    assert_eq!(logged(&gateway, "/a")["reason"], "connect_timeout");
    // The system still tries; the gateway must not.
    drop(TcpStream::connect_timeout(&gateway.addr, Duration::from_secs(1)));
}

#[test]
fn an_answer_that_does_not_begin_in_time_is_504() {
    let service = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let gateway = gateway(service.addr, "timeouts: { first_byte: 200ms }", "");
    let (answer, took) = timed(&gateway, "/a");
    assert_problem(&answer, 504, "UPSTREAM_TIMEOUT");
    assert_took(took, 200, LATEST);
    let line = logged(&gateway, "/a");
    assert_eq!((&line["reason"], &line["decided_by"]), (&"first_byte_timeout".into(), &"upstream".into()));
    assert_eq!(service.requests(), 1, "it may be at work on it, so it is not asked again");
}

#[test]
fn a_head_that_trickles_in_is_504_all_the_same() {
    let service = Service::raw(|mut conn| {
        conn.next_head();
        trickle(
            &mut conn,
            format!("HTTP/1.1 200 OK\r\nX-Slow: {}\r\nContent-Length: 0\r\n\r\n", "a".repeat(500)).as_bytes(),
        );
    });
    let gateway = gateway(service.addr, "timeouts: { first_byte: 300ms }", "");
    let (answer, took) = timed(&gateway, "/a");
    assert_problem(&answer, 504, "UPSTREAM_TIMEOUT");
    assert_took(took, 300, LATEST);
}

#[test]
fn a_late_answer_is_not_given_to_the_next_request() {
    let service = Service::raw(|mut conn| {
        while let Some(request) = conn.next_head() {
            if request.target == "/late" {
                // Until the gateway has given up on it.
                conn.wait_closed();
            }
            conn.write(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
                request.target.len(),
                request.target
            ));
        }
    });
    let gateway = gateway(service.addr, "timeouts: { first_byte: 1s }", "workers: 1");
    for (path, status) in [("/a", 200), ("/late", 504), ("/b", 200)] {
        let answer = gateway.get(path);
        assert_eq!((path, answer.status), (path, status));
        assert!(status != 200 || answer.text() == path);
    }
}

#[test]
fn a_pause_within_an_answer_cuts_it() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
    ] {
        let service = Service::raw(move |mut conn| {
            conn.next_head();
            conn.write(answer);
            conn.wait_closed();
        });
        let gateway = gateway(service.addr, "timeouts: { idle: 200ms }", "");
        let (answer, took) = timed(&gateway, "/a");
        assert_eq!((answer.status, answer.complete), (200, false));
        assert_took(took, 200, LATEST);
        let line = logged(&gateway, "/a");
        assert_eq!((&line["reason"], &line["statusCode"]), (&"upstream_stalled".into(), &200.into()));
    }
}

#[test]
fn an_answer_that_goes_on_is_never_idle() {
    let service = Service::raw(|mut conn| {
        conn.next_head();
        conn.write("HTTP/1.1 200 OK\r\nContent-Length: 120\r\n\r\n");
        trickle(&mut conn, &[b'x'; 120]);
    });
    let gateway = gateway(service.addr, "timeouts: { idle: 2s }", "");
    let (answer, took) = timed(&gateway, "/a");
    assert_eq!((answer.status, answer.complete, answer.body.len()), (200, true, 120));
    assert!(took > Duration::from_secs(2), "{took:?}");
}

#[test]
fn the_whole_time_being_over_is_504_before_the_answer_and_a_cut_within_it() {
    let service = Service::raw(|mut conn| {
        let Some(request) = conn.next_head() else { return };
        if request.target == "/within" {
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
            trickle(&mut conn, &[b'x'; 10_000]);
        }
        conn.wait_closed();
    });
    let gateway = gateway(service.addr, "timeouts: { total: 1s }", "");
    let (answer, took) = timed(&gateway, "/before");
    assert_problem(&answer, 504, "UPSTREAM_TIMEOUT");
    assert_took(took, 1_000, LATEST);
    assert_eq!(logged(&gateway, "/before")["reason"], "total_timeout");
    let (answer, took) = timed(&gateway, "/within");
    assert_eq!((answer.status, answer.complete), (200, false));
    assert_took(took, 1_000, LATEST);
    assert_eq!(logged(&gateway, "/within")["reason"], "expired");
}

#[test]
fn a_routes_timeout_holds_as_the_services_total_does() {
    let service = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let gateway = Gateway::start(&format!(
        "services:\n  s: {{ endpoints: ['http://{}'], timeouts: {{ total: 20s }} }}\nroutes:\n  \
         - {{ path: '/*', service: s, public: true, timeout: 200ms }}\n",
        service.addr
    ));
    let (answer, took) = timed(&gateway, "/a");
    assert_problem(&answer, 504, "UPSTREAM_TIMEOUT");
    assert_took(took, 200, LATEST);
}

#[test]
fn a_service_that_takes_no_more_of_an_upload_is_504() {
    let service = Service::raw(|mut conn| {
        conn.next_head();
        // It reads nothing more, and keeps the connection open until it hears that the gateway gave up.
        let _ = conn.stream().peek(&mut [0]);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5)
            && conn.stream().take_error().is_ok_and(|error| error.is_none())
        {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    });
    let gateway =
        gateway(service.addr, "timeouts: { idle: 300ms }", "policies: { body_limit: { max: 1GiB } }");
    let mut client = gateway.connect();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    let mut sender = client.stream().try_clone().unwrap();
    std::thread::spawn(move || {
        let piece = vec![b'x'; 1 << 20];
        while std::io::Write::write_all(&mut sender, &piece).is_ok() {}
    });
    let answer = client.answer();
    assert_problem(&answer, 504, "UPSTREAM_TIMEOUT");
    assert_eq!(logged(&gateway, "/a")["reason"], "send_timeout");
}
