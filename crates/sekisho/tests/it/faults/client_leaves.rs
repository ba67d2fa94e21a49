//! A client that leaves early: its service is let go of at once, and the log tells.

use std::sync::mpsc;
use std::time::Duration;

use crate::front::{gateway, logged};
use crate::harness::{Client, Conn, Service, until};

/// A service that does `first` with each connection, and tells once the gateway has closed it.
fn told(first: impl Fn(&mut Conn) + Send + Sync + 'static) -> (Service, mpsc::Receiver<bool>) {
    let (tell, told) = mpsc::sync_channel(64);
    let tell = std::sync::Mutex::new(tell);
    let service = Service::raw(move |mut conn| {
        first(&mut conn);
        let closed = conn.wait_closed();
        // The test may be over.
        let _ = tell.lock().unwrap().send(closed);
    });
    (service, told)
}

fn closed(told: &mpsc::Receiver<bool>) -> bool {
    told.recv_timeout(Duration::from_secs(5)).unwrap_or(false)
}

#[test]
fn while_the_service_works_its_connection_is_closed() {
    leaves_while_the_service_works(drop);
}

#[test]
fn a_client_that_resets_has_left_too() {
    leaves_while_the_service_works(Client::reset);
}

fn leaves_while_the_service_works(leave: impl FnOnce(Client)) {
    let (service, told) = told(|conn| drop(conn.next_head()));
    let gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    leave(client);
    assert!(closed(&told));
    let line = logged(&gateway, "/a");
    assert_eq!(
        (&line["statusCode"], &line["reason"], &line["decided_by"]),
        (&499.into(), &"client_gone".into(), &"client".into())
    );
    assert!(line["duration"].as_f64().unwrap() < 5_000.0);
}

#[test]
fn while_a_connection_is_awaited_its_place_in_the_queue_is_given_up() {
    let (service, _told) = told(|conn| drop(conn.next_head()));
    let gateway = gateway(service.addr, "connections: { max: 1, queue: 1, wait: 30s }", "workers: 1");
    let mut first = gateway.connect();
    first.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    let mut second = gateway.connect();
    second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    drop(second);
    let line = logged(&gateway, "/second");
    assert_eq!((&line["statusCode"], &line["reason"]), (&499.into(), &"client_gone".into()));
    // The queue has its one place again: the next one waits in it rather than being turned away.
    let mut third = gateway.connect();
    third.send("GET /third HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(third.nothing_for(Duration::from_millis(100)));
}

#[test]
fn in_the_middle_of_an_upload_the_service_never_sees_its_end() {
    for (framing, body) in [("Content-Length: 1000", "part"), ("Transfer-Encoding: chunked", "4\r\npart\r\n")]
    {
        let (service, told) = told(|conn| {
            conn.next_head();
            conn.read_body();
        });
        let gateway = gateway(service.addr, "", "");
        let mut client = gateway.connect();
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}"));
        service.wait_seen(1);
        drop(client);
        assert!(closed(&told), "{framing}");
        let seen = service.last();
        assert_eq!((seen.whole, seen.text().as_str()), (false, "part"), "{framing}");
        let line = logged(&gateway, "/a");
        assert_eq!((&line["statusCode"], &line["reason"]), (&499.into(), &"client_gone".into()), "{framing}");
    }
}

#[test]
fn in_the_middle_of_a_download_the_service_is_let_go_of() {
    let (service, told) = told(|conn| {
        conn.next_head();
        conn.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
    });
    let gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!client.read_some().is_empty());
    drop(client);
    assert!(closed(&told));
    let line = logged(&gateway, "/a");
    assert_eq!((&line["statusCode"], &line["reason"]), (&200.into(), &"client_gone".into()));
}

#[test]
fn in_the_middle_of_a_large_download_the_service_is_let_go_of() {
    let (service, told) = told(|conn| {
        conn.next_head();
        conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        // More than the buffers on the way hold; it ends when the gateway closes.
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..64 {
            conn.write(&piece);
        }
    });
    let gateway = gateway(service.addr, "", "");
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!client.read_some().is_empty());
    drop(client);
    assert!(closed(&told));
    assert_eq!(logged(&gateway, "/a")["reason"], "client_gone");
}

#[test]
fn nothing_of_those_who_left_stays_behind() {
    let (service, _told) = told(|conn| drop(conn.next_head()));
    let gateway = gateway(service.addr, "", "");
    for index in 0..50 {
        let mut client = gateway.connect();
        client.send(format!("GET /{index} HTTP/1.1\r\nHost: a\r\n\r\n"));
        service.wait_seen(index + 1);
        drop(client);
    }
    gateway.wait_metric(
        "gateway_requests_total",
        &[("service", "s"), ("method", "GET"), ("status", "499")],
        50.0,
    );
    gateway.wait_metric("http_server_active_requests", &[], 0.0);
    gateway.wait_metric("gateway_connections", &[], 0.0);
    until("the service's connections to be closed", || (service.open() == 0).then_some(()));
}
