//! The certificate that the gateway shows to services that ask for one.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};

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

/// Asks for a certificate, and says of every one only that the greeting has failed.
#[derive(Debug)]
struct Curt;

impl ClientCertVerifier for Curt {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Err(Error::General("no".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn a_service_that_gives_no_reason_after_it_has_asked_is_understood() {
    let (authority, own) = pair();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_client_cert_verifier(Arc::new(Curt))
        .with_single_cert(own.chain(), own.private())
        .unwrap();
    let service = TlsService::with(config, TlsConn::echo);
    let ours = authority.certify(&["gateway"]);
    let files =
        [("ca.pem", &*authority.pem()), ("gateway.pem", &*ours.certificate), ("gateway.key", &*ours.key)];
    let words = "tls: { ca: ca.pem, certificate: gateway.pem, key: gateway.key }";
    let gateway = gateway(service.addr, words, &files);
    assert_unreachable(&gateway, "/a", "tls_client_certificate");
}
