//! Weights, and what cannot be.

use super::{config, gateway, numbered, reached};
use crate::harness::{Gateway, said_of};

#[test]
fn weights_are_kept_by_every_algorithm_that_goes_by_nothing_else() {
    let services = numbered(3);
    // Of one client that waits for each answer there is never anything in flight.
    for (balance, apart) in [("weighted_round_robin", 1), ("least_requests", 60), ("random", 60)] {
        let text =
            config(&services, &format!("balance: {balance}"), |number| format!("weight: {}", number + 1));
        let gateway = Gateway::start(&text);
        let (mut client, mut got) = (gateway.connect(), [0_i32; 3]);
        for _ in 0..600 {
            got[reached(&mut client, "")] += 1;
        }
        for (got, want) in got.iter().zip([100, 200, 300]) {
            assert!((got - want).abs() <= apart, "{balance}: {got} for {want}");
        }
    }
}

#[test]
fn an_endpoint_of_weight_zero_gets_nothing() {
    let services = numbered(2);
    let gateway = Gateway::start(&config(&services, "balance: random", |number| format!("weight: {number}")));
    let mut client = gateway.connect();
    assert!((0..50).all(|_| reached(&mut client, "") == 1));
}

#[test]
fn every_endpoint_is_shown_as_it_stands() {
    let services = numbered(2);
    let gateway = gateway(&services, "balance: ewma");
    let mut client = gateway.connect();
    for _ in 0..20 {
        reached(&mut client, "");
    }
    let shown = gateway.admin_get("/api/services").json();
    assert_eq!((&shown[0]["service"], &shown[0]["panics"]), (&"up".into(), &false.into()));
    for (number, service) in services.iter().enumerate() {
        let endpoint = &shown[0]["endpoints"][number];
        let address = service.addr.to_string();
        assert_eq!(endpoint["endpoint"], address.as_str());
        assert_eq!((&endpoint["state"], &endpoint["picked"]), (&"available".into(), &true.into()));
        assert_eq!((&endpoint["share"], &endpoint["weight"]), (&100.into(), &1.into()));
        assert!(endpoint["latency"].as_f64().unwrap() > 0.0, "{endpoint}");
        let labels = [("service", "up"), ("endpoint", address.as_str())];
        for (metric, want) in
            [("available", 1.0), ("picked", 1.0), ("weight", 1.0), ("requests_in_flight", 0.0)]
        {
            gateway.wait_metric(&format!("gateway_endpoint_{metric}"), &labels, want);
        }
    }
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    let service =
        |name: &str, words: &str| format!("  {name}: {{ endpoints: [http://127.0.0.1:1], {words} }}\n");
    let text = [
        "services:\n".to_owned(),
        service("a", "balance: ring_hash"),
        service("b", "balance: { algorithm: random, key: ip }"),
        service("c", "balance: { algorithm: maglev, key: query.a }"),
        service("d", "balance: { algorithm: ewma, decay: 0s }"),
        service("e", "balance: fastest"),
        service("f", "panic_threshold: 101"),
        service("g", "prefer_zone: moon"),
        service("h", "sticky: { cookie: 'a b' }"),
        service("i", "sticky: { cookie: a, same_site: none, path: shop }"),
        "routes: [{ path: /*, service: a }]\n".to_owned(),
    ];
    let (said, _) = said_of(&text.concat(), &["check"]);
    for want in [
        ":2:50: error: services.a.balance: this algorithm needs a key",
        ":3:76: error: services.b.balance.key: only `ring_hash` and `maglev`",
        ":4:76: error: services.c.balance.key: key `query.a` is unknown; use `ip`, `header.NAME`",
        ":5:76: error: services.d.balance.decay: nothing would be remembered",
        ":6:50: error: services.e.balance: unknown",
        ":7:58: error: services.f.panic_threshold: more than all cannot be",
        ":8:54: error: services.g.prefer_zone: no endpoint is in zone `moon`",
        ":9:59: error: services.h.sticky.cookie: no cookie can have this name",
        "services.i.sticky.same_site: clients take `none` from secure cookies only",
        "services.i.sticky.path: no cookie can have this path",
    ] {
        assert!(said.contains(want), "{want}: {said}");
    }
}
