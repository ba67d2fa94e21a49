//! Whose requests are counted together, from real addresses and routes.

use super::from;
use crate::harness::{Gateway, Service};

fn two_routes(service: &Service, above: &str, beneath: &str) -> Gateway {
    Gateway::start(&format!(
        "trusted_proxies: [127.0.0.9]\nservices: {{ a: {{ endpoints: [{}] }} }}\n\
         routes:\n- path: /api/*\n  public: true\n  policies: {{ {above} }}\n  routes:\n  \
         - {{ path: /api/a/*, service: a }}\n  - {{ path: /api/b/*, service: a, policies: {{ {beneath} }} }}\n",
        service.url()
    ))
}

#[test]
fn a_limit_counts_all_routes_beneath_it_together() {
    let service = Service::echo();
    let gateway = two_routes(&service, "rate_limit: { rate: 2/h }", "");
    let statuses = ["/api/a/1", "/api/b/1", "/api/a/2"].map(|path| gateway.get(path).status);
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(from(&gateway, "127.0.0.2", "/api/a/1", "").status, 200, "another address");
}

#[test]
fn the_key_route_and_a_limit_of_a_routes_own_count_apart() {
    let service = Service::echo();
    let by_route = two_routes(&service, "rate_limit: { rate: 1/h, key: [ip, route] }", "");
    let statuses = ["/api/a/1", "/api/b/1", "/api/a/2"].map(|path| by_route.get(path).status);
    assert_eq!(statuses, [200, 200, 429]);
    let own = two_routes(&service, "rate_limit: { rate: 1/h }", "rate_limit: { rate: 2/h }");
    let statuses =
        ["/api/a/1", "/api/b/1", "/api/b/1", "/api/b/1", "/api/a/1"].map(|path| own.get(path).status);
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    let off = two_routes(&service, "rate_limit: { rate: 1/h }", "rate_limit: off");
    assert_eq!([off.get("/api/a/1").status, off.get("/api/a/1").status], [200, 429]);
    let free = off.get("/api/b/1");
    assert_eq!((free.status, free.header("ratelimit-limit")), (200, None));
}

#[test]
fn an_address_that_a_trusted_proxy_names_is_whose_requests_are_counted() {
    let service = Service::echo();
    let gateway = two_routes(&service, "rate_limit: { rate: 1/h, ipv6_prefix: 56 }", "");
    let get = |ip: &str, named: &str| {
        from(&gateway, ip, "/api/a/1", &format!("X-Forwarded-For: {named}\r\n")).status
    };
    assert_eq!(
        [get("127.0.0.9", "192.0.2.1"), get("127.0.0.9", "192.0.2.2"), get("127.0.0.9", "192.0.2.1")],
        [200, 200, 429]
    );
    assert_eq!(
        [
            get("127.0.0.9", "2001:db8::1"),
            get("127.0.0.9", "2001:db8:0:ff::2"),
            get("127.0.0.9", "2001:db8:0:100::1")
        ],
        [200, 429, 200]
    );
    assert_eq!(
        [get("127.0.0.3", "192.0.2.7"), get("127.0.0.3", "192.0.2.8")],
        [200, 429],
        "nobody else is believed"
    );
}

#[test]
fn the_value_of_a_header_or_else_the_address_counts() {
    let service = Service::echo();
    let gateway = two_routes(&service, "rate_limit: { rate: 1/h, key: header.X-Tenant }", "");
    let long = format!("X-Tenant: {}\r\n", "t".repeat(4_000));
    for (ip, lines, want) in [
        ("127.0.0.1", "X-Tenant: one\r\n", 200),
        ("127.0.0.2", "x-tenant: one\r\n", 429),
        ("127.0.0.1", "X-Tenant: two\r\n", 200),
        ("127.0.0.1", &long, 200),
        ("127.0.0.1", &long, 429),
        ("127.0.0.1", "", 200),
        ("127.0.0.1", "", 429),
        ("127.0.0.2", "", 200),
    ] {
        assert_eq!(from(&gateway, ip, "/api/a/1", lines).status, want, "{ip} {lines:.40}");
    }
}
