//! Priorities and zones.

use super::{config, numbered, reached};
use crate::harness::{Gateway, Service};

/// Takes an endpoint out, or back.
fn order(gateway: &Gateway, service: &Service, order: &str) {
    let answer = gateway.admin_post(&format!("/api/services/up/{}/{order}", service.addr));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn the_next_priority_serves_as_long_as_too_few_of_the_first_are_available() {
    let services = numbered(4);
    let text =
        config(&services, "balance: weighted_round_robin", |number| format!("priority: {}", number / 2));
    let gateway = Gateway::start(&text);
    let mut client = gateway.connect();
    let mut who = |count: usize| {
        let got: std::collections::BTreeSet<_> = (0..count).map(|_| reached(&mut client, "")).collect();
        got.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(who(8), [0, 1]);
    order(&gateway, &services[0], "drain");
    assert_eq!(who(8), [1], "half is enough");
    order(&gateway, &services[1], "drain");
    assert_eq!(who(8), [2, 3]);
    let shown = gateway.admin_get("/api/services").json();
    assert_eq!(shown[0]["endpoints"][0]["state"], "drained");
    gateway.reconfigure(&text.replace("priority: 1", "priority: 2"));
    assert_eq!(who(8), [2, 3], "a reload changes nothing about that");
    order(&gateway, &services[0], "restore");
    assert_eq!(who(8), [0]);
    for number in [0, 2, 3] {
        order(&gateway, &services[number], "drain");
    }
    assert_eq!(who(8), [0, 1], "with nobody left all of the first are asked again");
    gateway.wait_metric("gateway_service_panics", &[("service", "up")], 1.0);
}

#[test]
fn without_a_panic_threshold_a_service_without_healthy_endpoints_is_not_asked() {
    let services = numbered(1);
    let gateway = Gateway::start(&config(&services, "panic_threshold: 0", |_| "weight: 1".into()));
    order(&gateway, &services[0], "drain");
    let answer = gateway.get("/");
    assert_eq!((answer.status, answer.code().as_str()), (503, "NO_HEALTHY_ENDPOINT"));
    assert_eq!(
        (&answer.json()["error"], &answer.json()["service"]),
        (&"No healthy instances available".into(), &"up".into())
    );
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "no_healthy_endpoint");
    order(&gateway, &services[0], "restore");
    assert_eq!(gateway.get("/").status, 200);
    assert_eq!(services[0].requests(), 1);
}

#[test]
fn one_that_is_back_begins_with_a_small_share() {
    let services = numbered(2);
    let gateway = Gateway::start(&config(&services, "slow_start: 1h", |_| "weight: 1".into()));
    order(&gateway, &services[0], "drain");
    order(&gateway, &services[0], "restore");
    let mut client = gateway.connect();
    let got = (0..110).filter(|_| reached(&mut client, "") == 0).count();
    assert_eq!(got, 10, "a tenth of the other's");
    assert_eq!(gateway.admin_get("/api/services").json()[0]["endpoints"][0]["share"], 10);
}

#[test]
fn the_first_priority_serves_and_within_it_the_preferred_zone() {
    let services = numbered(4);
    let each = |number: usize| format!("priority: {}, zone: z{}", number / 2, number % 2);
    let gateway = Gateway::start(&config(&services, "balance: random", each));
    let mut client = gateway.connect();
    let got: std::collections::BTreeSet<_> = (0..60).map(|_| reached(&mut client, "")).collect();
    assert_eq!(got.into_iter().collect::<Vec<_>>(), [0, 1]);
    gateway.reconfigure(&config(&services, "balance: random\nprefer_zone: z1", each));
    assert!((0..30).all(|_| reached(&mut client, "") == 1));
    let shown = gateway.admin_get("/api/services").json();
    let picked = |number: usize| shown[0]["endpoints"][number]["picked"] == true;
    assert_eq!([0, 1, 2, 3].map(picked), [false, true, false, false]);
    assert_eq!(shown[0]["endpoints"][3]["zone"], "z1");
}
