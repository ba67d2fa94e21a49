//! Requests that wait for a decision of the shared store: nobody else does, and nobody waits for ever.

use std::time::Instant;

use super::{GET, gateway};
use crate::harness::{Client, DEADLINE, Gateway, Service, until};
use crate::redis_server::RedisServer;

/// A store that is given more time than a test takes.
fn patient(server: &RedisServer) -> String {
    format!("workers: 1\nstore: {{ url: '{}', timeout: 60s }}", server.url())
}

/// A request that waits for the server, which hangs.
#[track_caller]
fn waiting(gateway: &Gateway) -> Client {
    // A request counts as under way until just after its answer was sent.
    gateway.wait_metric("http_server_active_requests", &[], 0.0);
    let mut client = gateway.connect();
    client.send(GET);
    gateway.wait_metric("http_server_active_requests", &[], 1.0);
    client
}

#[test]
fn a_client_that_leaves_while_the_store_is_asked_takes_nothing_with_it() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let gateway = gateway(&service, "rate_limit: { rate: 1000/h }", &patient(&server));
    assert_eq!(gateway.get("/").status, 200);
    server.hang();
    let mut leaving: Vec<_> = (0..20).map(|_| gateway.connect()).collect();
    for client in &mut leaving {
        client.send(GET);
    }
    gateway.wait_metric("http_server_active_requests", &[], 20.0);
    leaving.into_iter().for_each(Client::reset);
    gateway.wait_metric("http_server_active_requests", &[], 0.0);
    let mut waiting = gateway.connect();
    waiting.send(GET);
    server.go_on();
    assert_eq!(waiting.answer().status, 200);
    assert_eq!(service.requests(), 2, "who has left is not served");
}

#[test]
fn while_a_request_waits_for_the_store_its_worker_serves_others() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let config = format!(
        "{}\nservices: {{ a: {{ endpoints: [{}] }} }}\nroutes:\n\
         - {{ path: /, service: a, public: true, policies: {{ rate_limit: {{ rate: 9/h }} }} }}\n\
         - {{ path: /free, service: a, public: true }}\n",
        patient(&server),
        service.url()
    );
    let gateway = Gateway::start(&config);
    assert_eq!(gateway.get("/").status, 200);
    server.hang();
    let mut client = waiting(&gateway);
    for _ in 0..100 {
        assert_eq!(gateway.get("/free").status, 200);
    }
    server.go_on();
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_request_waits_no_longer_than_its_own_time() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let config = format!(
        "{}\nservices: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: /, service: a, public: true, timeout: 300ms, policies: {{ rate_limit: {{ rate: 9/h }} }} }}]\n",
        patient(&server),
        service.url()
    );
    let gateway = Gateway::start(&config);
    until("the server to decide", || (gateway.get("/").status == 200).then_some(()));
    server.hang();
    let began = Instant::now();
    let answer = gateway.get("/");
    assert_eq!((answer.status, answer.code().as_str()), (504, "UPSTREAM_TIMEOUT"));
    assert!(began.elapsed() < DEADLINE);
    server.go_on();
    until("the server to decide again", || (gateway.get("/").status == 200).then_some(()));
}

#[test]
fn a_drain_lets_who_waits_have_the_answer() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let mut gateway = gateway(&service, "rate_limit: { rate: 9/h }", &patient(&server));
    assert_eq!(gateway.get("/").status, 200);
    server.hang();
    let mut client = waiting(&gateway);
    gateway.signal("TERM");
    until("the drain", || (gateway.admin_get("/readyz").status == 503).then_some(()));
    server.go_on();
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    drop(client);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}
