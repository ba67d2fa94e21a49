//! `concurrency`: one request more than may be under way gets 503, and every end of a request gives its place back.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::{assert_problem, config, decided, gateway};
use crate::harness::{Client, Gateway, Service, until};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const REFUSED: (u16, &str, &str) = (503, "OVERLOADED", "Service is busy");

/// A service that answers head and half of the body, and the rest once it is told to.
fn slow() -> (Service, mpsc::SyncSender<()>) {
    let (go, gone) = mpsc::sync_channel(8);
    let gone = Arc::new(Mutex::new(gone));
    let service = Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
            if gone.lock().unwrap().recv().is_err() {
                return;
            }
            conn.write("lf");
        }
    });
    (service, go)
}

/// A client whose request is under way: it has the answer's head.
#[track_caller]
fn under_way(gateway: &Gateway) -> Client {
    let mut client = gateway.connect();
    client.send(GET);
    assert_eq!(client.head_only().status, 200);
    client
}

#[track_caller]
fn wait_for_a_place(gateway: &Gateway) -> Client {
    until("a place", || {
        let mut client = gateway.connect();
        client.send(GET);
        (client.head_only().status == 200).then_some(client)
    })
}

#[test]
fn a_place_is_taken_until_the_last_byte_of_the_answer() {
    let (service, go) = slow();
    let gateway = gateway(&service, "concurrency: { max: 2 }");
    let (mut first, second) = (under_way(&gateway), under_way(&gateway));
    let refused = gateway.get("/");
    let problem = assert_problem(&refused, REFUSED, &["service"]);
    assert_eq!((&problem["service"], refused.headers_all("retry-after")), (&"a".into(), vec!["1"]));
    assert_eq!(decided(&gateway, &refused), ("concurrency".to_owned(), "concurrency".to_owned()));
    go.send(()).unwrap();
    go.send(()).unwrap();
    let mut body = first.read_some();
    while body.len() < 4 {
        body.extend(first.read_some());
    }
    assert_eq!(body, b"half");
    wait_for_a_place(&gateway);
    drop(second);
}

#[test]
fn a_client_that_leaves_gives_its_place_back() {
    let (service, _go) = slow();
    let gateway = gateway(&service, "concurrency: { max: 1 }");
    let leaving = under_way(&gateway);
    assert_eq!(gateway.get("/").status, 503);
    drop(leaving);
    wait_for_a_place(&gateway);
}

#[test]
fn a_service_that_cannot_be_reached_gives_the_place_back() {
    let gone = Service::echo();
    let gateway = gateway(&gone, "concurrency: { max: 1 }");
    gone.stop();
    for _ in 0..3 {
        // The answer is there a moment before the place.
        until("the place of the one before", || match gateway.get("/").code().as_str() {
            "OVERLOADED" => None,
            code => {
                assert_eq!(code, "UPSTREAM_UNAVAILABLE");
                Some(())
            }
        });
    }
}

#[test]
fn a_tunnel_takes_a_place_until_it_ends() {
    let service = Service::raw(|mut conn| {
        while let Some(request) = conn.next_head() {
            if request.header("upgrade").is_none() {
                conn.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
                continue;
            }
            conn.write(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            );
            while !conn.read_some().is_empty() {}
            return;
        }
    });
    let gateway = gateway(&service, "concurrency: { max: 1 }");
    let mut tunnel = gateway.connect();
    tunnel.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(tunnel.head_only().status, 101);
    assert_eq!(gateway.get("/").status, 503);
    drop(tunnel);
    wait_for_a_place(&gateway);
}

#[test]
fn exactly_as_many_of_a_crowd_pass_as_may() {
    let (service, _go) = slow();
    let gateway = gateway(&service, "concurrency: { max: 5 }");
    let mut clients: Vec<Client> = (0..20).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(GET);
    }
    let statuses: Vec<u16> = clients.iter_mut().map(|client| client.head_only().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 15, "{statuses:?}");
}

#[test]
fn addresses_are_counted_apart() {
    let (service, _go) = slow();
    let gateway = gateway(&service, "concurrency: { max: 1, key: ip }");
    let _first = under_way(&gateway);
    assert_eq!(gateway.get("/").status, 503);
    let mut other = Client::connect_from("127.0.0.2", gateway.addr);
    other.send(GET);
    assert_eq!(other.head_only().status, 200);
}

#[test]
fn counts_go_on_over_a_reload() {
    let (service, _go) = slow();
    let gateway = gateway(&service, "concurrency: { max: 1 }");
    let first = under_way(&gateway);
    gateway.reconfigure(&config(&service, "concurrency: { max: 2 }"));
    let _second = under_way(&gateway);
    assert_eq!(gateway.get("/").status, 503, "the one from before still counts");
    drop(first);
    wait_for_a_place(&gateway);
}
