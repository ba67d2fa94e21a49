//! Names in the DNS.

use serde_json::json;

use super::dns_server::{A, DnsServer, NXDOMAIN, SERVFAIL, SRV, Says, srv};
use super::{answered_by, are, config, discovery, endpoints, named, told};
use crate::harness::{Gateway, Service, until};

fn start(server: &DnsServer, dns: &str, more: &str) -> Gateway {
    let resolver = server.addr;
    Gateway::start(&config(&format!(
        "discover: {{ dns: {{ {dns}, timeout: 300ms, resolver: ['{resolver}'] }}{more} }}"
    )))
}

/// For an address and the port of a service.
fn at(ip: &str, service: &Service) -> String {
    format!("{ip}:{}", service.addr.port())
}

#[test]
fn all_addresses_of_a_name_are_endpoints_and_are_asked_by_the_name() {
    let (server, service) = (DnsServer::start(), Service::echo());
    server.addresses("orders.test", 1, &["127.0.0.1"]);
    let port = service.addr.port();
    let gateway = start(&server, &format!("name: orders.test, port: {port}"), "");
    are(&gateway, &[&at("127.0.0.1", &service)]);
    let headers = gateway.get("/").json()["headers"].clone();
    assert_eq!(headers[0], json!(["Host", format!("orders.test:{port}")]));
    server.addresses("orders.test", 1, &["127.0.0.2", "127.0.0.1"]);
    are(&gateway, &[&at("127.0.0.1", &service), &at("127.0.0.2", &service)]);
    server.addresses("orders.test", 1, &["127.0.0.1"]);
    are(&gateway, &[&at("127.0.0.1", &service)]);
    assert_eq!(gateway.get("/").status, 200);
}

#[test]
fn a_name_is_asked_for_again_when_its_time_is_over_and_not_before() {
    let server = DnsServer::start();
    server.addresses("short.test", 0, &["127.0.0.1"]);
    server.addresses("long.test", 86_400, &["127.0.0.1"]);
    server.addresses("bounded.test", 86_400, &["127.0.0.1"]);
    let dns = |more: &str| format!("discover: {{ dns: {{ {more}, resolver: ['{}'] }} }}", server.addr);
    let gateway = Gateway::start(&format!(
        "services:\n  a: {{ {} }}\n  b: {{ {} }}\n  c: {{ {} }}\nroutes: [{{ path: /*, service: a }}]\n",
        dns("name: short.test, min_refresh: 200ms"),
        dns("name: long.test"),
        dns("name: bounded.test, min_refresh: 200ms, max_refresh: 200ms"),
    ));
    for name in ["short.test", "bounded.test"] {
        until(&format!("{name} to be asked for several times"), || (server.asked(name, A) > 3).then_some(()));
    }
    assert_eq!(server.asked("long.test", A), 1);
    drop(gateway);
}

#[test]
fn whatever_a_server_does_the_last_good_answer_stays() {
    let (server, service) = (DnsServer::start(), named("a"));
    server.addresses("orders.test", 0, &["127.0.0.1"]);
    let port = service.addr.port();
    let dns = format!("name: orders.test, port: {port}, type: a, min_refresh: 100ms");
    let gateway = start(&server, &dns, "");
    answered_by(&gateway, &["a"]);
    let empty = Says::Records(Vec::new());
    for (says, why) in [
        (NXDOMAIN, "`orders.test` does not exist"),
        (SERVFAIL, "A of `orders.test`: "),
        (empty, "`orders.test` has no A records"),
        (Says::Nothing, "A of `orders.test`: "),
    ] {
        server.says("orders.test", A, says);
        until(why, || {
            discovery(&gateway)["failing"].as_str().is_some_and(|said| said.contains(why)).then_some(())
        });
        assert_eq!(gateway.get("/").text(), "a", "{why}");
        server.addresses("orders.test", 0, &["127.0.0.1"]);
        until("a good answer", || discovery(&gateway)["failing"].is_null().then_some(()));
    }
    told(&gateway, "discovery_failed: `up` by dns `orders.test`: ");
    told(&gateway, "discovery_recovered: `up` by dns `orders.test`: ");
    are(&gateway, &[&at("127.0.0.1", &service)]);
}

#[test]
fn a_name_that_is_gone_takes_all_away_only_where_that_is_allowed() {
    let (server, service) = (DnsServer::start(), named("a"));
    server.addresses("orders.test", 0, &["127.0.0.1"]);
    let dns = format!("name: orders.test, port: {}", service.addr.port());
    let gateway = start(&server, &dns, ", allow_empty: true");
    answered_by(&gateway, &["a"]);
    server.says("orders.test", A, NXDOMAIN);
    until("nobody to be left", || (gateway.get("/").status == 503).then_some(()));
    assert_eq!(gateway.get("/").code(), "NO_HEALTHY_ENDPOINT");
}

#[test]
fn service_records_tell_ports_priorities_and_weights() {
    let (server, a, b) = (DnsServer::start(), named("a"), named("b"));
    let (name, target) = ("_http._tcp.orders.test", "one.orders.test");
    server.addresses(target, 1, &["127.0.0.1"]);
    let (first, second) = (srv(1, 7, a.addr.port(), target), srv(2, 0, b.addr.port(), target));
    server.says(name, SRV, Says::Records(vec![(1, first.clone()), (1, second.clone())]));
    let gateway = start(&server, &format!("name: {name}"), "");
    answered_by(&gateway, &["a"]);
    let found = endpoints(&gateway);
    let of = |index: usize, field: &str| found[index][field].clone();
    assert_eq!(
        (of(0, "endpoint"), of(0, "priority"), of(0, "weight")),
        (json!(at("127.0.0.1", &a)), 1.into(), 7.into())
    );
    assert_eq!(
        (of(1, "endpoint"), of(1, "priority"), of(1, "weight")),
        (json!(at("127.0.0.1", &b)), 2.into(), 1.into())
    );
    server.says(name, SRV, Says::Records(vec![(1, second)]));
    answered_by(&gateway, &["b"]);
    // The name that it leads to cannot be found any more: what was found stays.
    server.says(target, A, SERVFAIL);
    until("a failure", || {
        (gateway.metric("gateway_discovery_failures_total{") >= 1.0
            || !discovery(&gateway)["skipped"].as_array().unwrap().is_empty())
        .then_some(())
    });
    assert_eq!(gateway.get("/").text(), "b");
}

#[test]
fn an_answer_too_long_for_udp_comes_by_tcp() {
    let (server, service) = (DnsServer::start(), named("a"));
    let mut records: Vec<_> = (0..=200).map(|index| (60, vec![127, 0, 1, index])).collect();
    records.push((60, vec![127, 0, 0, 1]));
    server.says("orders.test", A, Says::TooLong(records));
    let gateway = start(&server, &format!("name: orders.test, port: {}", service.addr.port()), "");
    until("all addresses", || (endpoints(&gateway).len() == 202).then_some(()));
}

#[test]
fn without_servers_of_its_own_the_systems_settings_hold() {
    let service = named("a");
    let dns = format!("name: localhost, type: a, port: {}", service.addr.port());
    let gateway = Gateway::start(&config(&format!("discover: {{ dns: {{ {dns} }} }}")));
    are(&gateway, &[&at("127.0.0.1", &service)]);
    answered_by(&gateway, &["a"]);
}
