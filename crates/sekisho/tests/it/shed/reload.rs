//! A reload moves limits under load, and forgets nobody.

use super::{held, limit, shed, wait_in_flight, wait_queued};
use crate::front::{config, gateway};
use crate::harness::{Client, Gateway, until};
use crate::pool::ask;

fn asked(gateway: &Gateway, count: usize) -> Vec<Client> {
    (0..count).map(|index| ask(gateway, &format!("/{index}"))).collect()
}

#[test]
fn a_higher_limit_lets_those_go_who_wait() {
    let (service, go) = held();
    let gateway = gateway(service.addr, "limit: { in_flight: 1, queue: 9, wait: 1h }", "workers: 2");
    let mut clients = asked(&gateway, 4);
    wait_in_flight(&gateway, 1);
    wait_queued(&gateway, 3);
    gateway.reconfigure(&config(service.addr, "limit: { in_flight: 3, queue: 9, wait: 1h }", "workers: 2"));
    service.wait_seen(3);
    wait_in_flight(&gateway, 3);
    wait_queued(&gateway, 1);
    assert_eq!(limit(&gateway), 3.0);
    for _ in 0..4 {
        go.send(()).unwrap();
    }
    assert!(clients.iter_mut().all(|client| client.answer().status == 200));
}

#[test]
fn what_is_in_flight_stays_beyond_a_lower_limit_and_counts() {
    let (service, go) = held();
    let gateway = gateway(service.addr, "limit: { in_flight: 3, queue: 0 }", "workers: 2");
    let mut clients = asked(&gateway, 3);
    service.wait_seen(3);
    gateway.reconfigure(&config(service.addr, "limit: { in_flight: 1, queue: 0 }", "workers: 2"));
    wait_in_flight(&gateway, 3);
    for left in (0..3).rev() {
        assert_eq!(gateway.get("/beyond").code(), "OVERLOADED");
        go.send(()).unwrap();
        wait_in_flight(&gateway, left);
    }
    assert!(clients.iter_mut().all(|client| client.answer().status == 200));
    go.send(()).unwrap();
    assert_eq!(gateway.get("/after").status, 200);
    assert_eq!(shed(&gateway, "queue"), 3.0, "counts outlive a reload");
}

#[test]
fn a_limit_comes_and_goes_and_a_service_can_do_without_the_common_one() {
    let (service, go) = held();
    let with = |defaults: &str, own: &str| {
        config(service.addr, own, &format!("workers: 2\nservice_defaults: {{ {defaults} }}"))
    };
    let gateway = Gateway::start(&with("limit: { in_flight: 1, queue: 0 }", ""));
    let mut clients = asked(&gateway, 1);
    service.wait_seen(1);
    assert_eq!(gateway.get("/beyond").code(), "OVERLOADED");
    gateway.reconfigure(&with("limit: { in_flight: 1, queue: 0 }", "limit: off"));
    clients.extend(asked(&gateway, 2));
    service.wait_seen(3);
    assert_eq!(limit(&gateway), 0.0, "there is no row");
    // Those who came without a limit are not known to the new one.
    gateway.reconfigure(&with("limit: { in_flight: 1, queue: 0 }", "limit: { in_flight: 2 }"));
    assert_eq!(limit(&gateway), 2.0);
    for _ in 0..3 {
        go.send(()).unwrap();
    }
    assert!(clients.iter_mut().all(|client| client.answer().status == 200));
    wait_in_flight(&gateway, 0);
    until("it to take requests", || {
        go.send(()).unwrap();
        (gateway.get("/after").status == 200).then_some(())
    });
}
