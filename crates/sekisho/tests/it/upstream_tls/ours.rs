//! The certificate that the gateway shows to services that ask for one.

use rustls::version::{TLS12, TLS13};

use super::{assert_unreachable, gateway, pair};
use crate::harness::certificates::Authority;
use crate::harness::{TlsConn, TlsService, tls_config};

#[test]
fn a_certificate_is_shown_to_a_service_that_asks_for_one() {
    let (authority, own) = pair();
    let clients = Authority::new("the clients' authority");
    let ours = clients.certify(&["gateway"]);
    let files =
        [("ca.pem", &*authority.pem()), ("gateway.pem", &*ours.certificate), ("gateway.key", &*ours.key)];
    let words = "tls: { ca: ca.pem, certificate: gateway.pem, key: gateway.key }";
    for version in [&TLS12, &TLS13] {
        let service = TlsService::with(tls_config(&own, &[version], Some(&clients)), TlsConn::echo);
        let gateway = gateway(service.addr, words, &files);
        for _ in 0..2 {
            assert_eq!(gateway.get("/a").status, 200);
        }
        assert_eq!(service.connections(), 1);
        assert!(service.wait_greeting(0).certified);
    }
}

#[test]
fn a_service_that_does_not_accept_our_certificate_is_unreachable() {
    let (authority, own) = pair();
    let clients = Authority::new("the clients' authority");
    let strange = Authority::new("another").certify(&["gateway"]);
    let old = clients.certify_for(&["gateway"], (2000, 2001));
    for version in [&TLS12, &TLS13] {
        let service = TlsService::with(tls_config(&own, &[version], Some(&clients)), TlsConn::echo);
        let none = gateway(service.addr, "tls: { ca: ca.pem }", &[("ca.pem", &authority.pem())]);
        assert_unreachable(&none, "/none", "tls_client_certificate");
        for ours in [&strange, &old] {
            let files = [
                ("ca.pem", &*authority.pem()),
                ("gateway.pem", &*ours.certificate),
                ("gateway.key", &*ours.key),
            ];
            let words = "tls: { ca: ca.pem, certificate: gateway.pem, key: gateway.key }";
            let gateway = gateway(service.addr, words, &files);
            assert_unreachable(&gateway, "/refused", "tls_client_certificate");
            // A body on its way does not hide why.
            let answer = gateway.request(format!(
                "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n{}",
                "x".repeat(500_000)
            ));
            assert_eq!((answer.status, answer.code().as_str()), (503, "UPSTREAM_UNAVAILABLE"));
        }
        assert!(service.seen().is_empty());
    }
}
