//! Ports that come and go with a configuration.

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{free_port, saying};
use crate::front::config;
use crate::harness::{Client, Gateway, Service, ok, until};

fn get(addr: SocketAddr) -> Option<String> {
    let stream = TcpStream::connect_timeout(&addr, Duration::from_secs(1)).ok()?;
    let mut client = Client::over(stream);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    Some(client.try_answer()?.text())
}

#[test]
fn a_new_port_is_opened_and_one_that_is_gone_is_closed() {
    let (one, two) = (free_port(), free_port());
    let gateway = Gateway::start(&format!("listen: http://{one}\n{}", saying("word")));
    assert_eq!(get(one).as_deref(), Some("word"));
    gateway.reconfigure(&format!("listen: [http://{one}, http://{two}]\n{}", saying("word")));
    assert_eq!((get(one).as_deref(), get(two).as_deref()), (Some("word"), Some("word")));
    gateway.reconfigure(&format!("listen: http://{two}\n{}", saying("word")));
    until("the port to be closed", || get(one).is_none().then_some(()));
    assert_eq!(get(two).as_deref(), Some("word"));
    gateway.reconfigure(&format!("listen: http://{one}\n{}", saying("word")));
    assert_eq!(get(one).as_deref(), Some("word"));
}

#[test]
fn connections_of_a_port_that_is_gone_end_after_their_exchange() {
    let (go, wait) = sync_channel::<()>(1);
    let wait = Arc::new(Mutex::new(wait));
    let service = Service::answering(move |request| {
        let _ = wait.lock().unwrap().recv();
        ok("text/plain", &request.target)
    });
    let (one, two) = (free_port(), free_port());
    let at = |ports: &str| config(service.addr, "", &format!("listen: [{ports}]"));
    let gateway = Gateway::start(&at(&format!("'http://{one}', 'http://{two}'")));
    let [mut idle, mut busy, mut other] = [one, one, two].map(Client::connect);
    busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.wait_metric("gateway_connections", &[], 3.0);
    gateway.reconfigure(&at(&format!("'http://{two}'")));
    assert!(idle.closed(), "it waits for nothing");
    go.send(()).unwrap();
    let answer = busy.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(busy.closed());
    other.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
    go.send(()).unwrap();
    let answer = other.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, None), "the other port is not concerned");
}

#[test]
fn the_operators_port_moves() {
    let new = free_port();
    let gateway = Gateway::start(&saying("one"));
    let report = gateway.reconfigure(&format!("admin: http://{new}\n{}", saying("two")));
    assert_eq!(report["changes"]["settings"]["changed"], serde_json::json!(["admin"]), "{report:#}");
    let mut client = Client::connect(new);
    client.send("GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(client.answer().text(), "ready\n");
    until("the old port to be closed", || {
        TcpStream::connect_timeout(&gateway.admin, Duration::from_secs(1)).err().map(drop)
    });
}
