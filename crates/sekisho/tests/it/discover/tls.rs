//! Endpoints that are found and asked over TLS.

use super::dns_server::DnsServer;
use super::{answered_by, are, config, told};
use crate::harness::certificates::Authority;
use crate::harness::{Gateway, TlsService, ok, tls_config};

#[test]
fn an_address_must_have_a_certificate_for_the_name_that_led_to_it() {
    let authority = Authority::new("the services' authority");
    let own = authority.certify(&["orders.test"]);
    let service = TlsService::with(tls_config(&own, rustls::ALL_VERSIONS, None), |mut conn| {
        while conn.next_head().is_some() {
            conn.write(ok("text/plain", "a"));
        }
    });
    let server = DnsServer::start();
    let start = |name: &str| {
        server.addresses(name, 60, &["127.0.0.1"]);
        let dns = format!(
            "name: {name}, port: {}, scheme: https, resolver: ['{}']",
            service.addr.port(),
            server.addr
        );
        let config = config(&format!("discover: {{ dns: {{ {dns} }} }}, tls: {{ ca: ca.pem }}"));
        Gateway::start_with(&config, &[], &[("ca.pem", &authority.pem())])
    };
    let gateway = start("orders.test");
    answered_by(&gateway, &["a"]);
    assert_eq!(service.wait_greeting(0).name.as_deref(), Some("orders.test"));
    let other = start("other.test");
    are(&other, &[&service.addr.to_string()]);
    told(&other, "endpoints_changed");
    let answer = other.get("/");
    assert_eq!(answer.code(), "UPSTREAM_UNAVAILABLE");
    assert_eq!(other.wait_log_of(&answer)["reason"], "tls_wrong_name");
}
