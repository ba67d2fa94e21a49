//! Whose certificate is believed, and what is said of others.

use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::{assert_unreachable, gateway, gateway_for, pair, verified};
use crate::front::logged;
use crate::harness::certificates::{Authority, Certified};
use crate::harness::{Service, TlsConn, TlsService, temp_dir, tls_config};

#[test]
fn a_verified_service_is_asked_and_its_connection_used_again() {
    let (service, gateway) = verified(TlsConn::echo);
    for path in ["/1", "/2", "/3"] {
        let answer =
            gateway.request(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
        assert_eq!((answer.status, answer.text().as_str()), (200, "hi"));
    }
    assert_eq!(service.connections(), 1);
    let greeting = service.wait_greeting(0);
    assert_eq!(greeting.protocol.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(greeting.version, Some(ProtocolVersion::TLSv1_3));
    assert_eq!(greeting.name, None, "an address is no name to greet by");
    let seen = service.seen();
    assert_eq!(seen[0].header("host"), Some(service.addr.to_string().as_str()));
    assert_eq!(seen[0].header("x-forwarded-proto"), Some("http"), "the client did not come over TLS");
    let line = logged(&gateway, "/1");
    assert_eq!((&line["endpoint"], &line["attempts"]), (&service.addr.to_string().into(), &1.into()));
}

#[test]
fn a_name_is_greeted_by_and_looked_for_in_the_certificate() {
    let authority = Authority::new("a");
    let service = TlsService::echo(&authority.certify(&["localhost"]));
    let url = format!("https://localhost:{}", service.addr.port());
    let gateway = gateway_for(&url, "tls: { ca: ca.pem }", &[], &[("ca.pem", &authority.pem())]);
    assert_eq!(gateway.get("/a").status, 200);
    assert_eq!(service.wait_greeting(0).name.as_deref(), Some("localhost"));
}

#[test]
fn another_name_can_be_asked_for() {
    let authority = Authority::new("a");
    let service = TlsService::echo(&authority.certify(&["orders.internal"]));
    let files = [("ca.pem", &*authority.pem())];
    let named = gateway(service.addr, "tls: { ca: ca.pem, name: orders.internal }", &files);
    assert_eq!(named.get("/a").status, 200);
    assert_eq!(service.wait_greeting(0).name.as_deref(), Some("orders.internal"));
    let unnamed = gateway(service.addr, "tls: { ca: ca.pem }", &files);
    assert_unreachable(&unnamed, "/b", "tls_wrong_name");
}

#[test]
fn the_systems_authorities_are_believed_where_none_is_named() {
    let (authority, own) = pair();
    let service = TlsService::echo(&own);
    let other = Authority::new("another");
    let folder = temp_dir();
    let gateway_with = |name: &str, authority: &Authority| {
        let file = folder.join(name);
        std::fs::write(&file, authority.pem()).unwrap();
        let env = [("SSL_CERT_FILE", file.to_str().unwrap()), ("SSL_CERT_DIR", "")];
        gateway_for(&format!("https://{}", service.addr), "", &env, &[])
    };
    assert_eq!(gateway_with("its.pem", &authority).get("/a").status, 200);
    assert_unreachable(&gateway_with("another.pem", &other), "/b", "tls_unknown_ca");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_certificate_that_is_not_right_is_refused_by_a_word_of_its_own() {
    let authority = Authority::new("a");
    for (own, reason) in [
        (authority.certify(&["127.0.0.2", "localhost"]), "tls_wrong_name"),
        (authority.certify_for(&["127.0.0.1"], (2000, 2001)), "tls_expired"),
        (authority.certify_for(&["127.0.0.1"], (2900, 3000)), "tls_not_yet_valid"),
        (Authority::new("another").certify(&["127.0.0.1"]), "tls_unknown_ca"),
        (Authority::new("a").certify(&["127.0.0.1"]), "tls_unknown_ca"),
        (Certified::by_itself(&["127.0.0.1"], false), "tls_unknown_ca"),
        (Certified::by_itself(&["127.0.0.1"], true), "tls_unknown_ca"),
    ] {
        for version in [&TLS12, &TLS13] {
            let service = TlsService::with(tls_config(&own, &[version], None), |_| {});
            let gateway = gateway(service.addr, "tls: { ca: ca.pem }", &[("ca.pem", &authority.pem())]);
            assert_unreachable(&gateway, "/a", reason);
            assert!(service.wait_greeting(0).error.is_some(), "{reason} by {version:?}");
        }
    }
}

#[test]
fn a_certificate_without_an_authority_is_believed_where_it_is_named_itself() {
    let own = Certified::by_itself(&["127.0.0.1"], false);
    let service = TlsService::echo(&own);
    let gateway = gateway(service.addr, "tls: { ca: own.pem }", &[("own.pem", &own.certificate)]);
    assert_eq!(gateway.get("/a").status, 200);
}

#[test]
fn without_verification_anybody_is_believed() {
    let own = Authority::new("nobody's").certify_for(&["another.name"], (2000, 2001));
    for version in [&TLS12, &TLS13] {
        let service = TlsService::with(tls_config(&own, &[version], None), TlsConn::echo);
        let gateway = gateway(service.addr, "tls: { verify: false }", &[]);
        assert_eq!(gateway.get("/a").status, 200);
        let warned = gateway.stderr.find(|line| line.contains("services.s.tls.verify").then_some(()));
        assert!(warned.is_some(), "{:?}", gateway.stderr.all());
    }
}

#[test]
fn a_service_that_only_speaks_tls_1_2_is_asked_as_well() {
    let (authority, own) = pair();
    let service = TlsService::with(tls_config(&own, &[&TLS12], None), TlsConn::echo);
    let gateway = gateway(service.addr, "tls: { ca: ca.pem }", &[("ca.pem", &authority.pem())]);
    for _ in 0..3 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    assert_eq!(service.connections(), 1);
    assert_eq!(service.wait_greeting(0).version, Some(ProtocolVersion::TLSv1_2));
}

#[test]
fn a_service_that_speaks_no_tls_is_unreachable() {
    let service = Service::raw(|mut conn| {
        conn.read_some();
        conn.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let gateway = gateway(service.addr, "tls: { verify: false }", &[]);
    assert_unreachable(&gateway, "/a", "tls_handshake");
    let closes = Service::raw(|mut conn| {
        conn.read_some();
        conn.close();
    });
    let gateway = super::gateway(closes.addr, "tls: { verify: false }", &[]);
    assert_unreachable(&gateway, "/b", "tls_handshake");
}

#[test]
fn a_greeting_that_never_ends_takes_no_longer_than_connecting_may() {
    let service = Service::raw(|mut conn| {
        conn.wait_closed();
    });
    let words = "timeouts: { connect: 300ms }, tls: { verify: false }, retry: off";
    let gateway = gateway(service.addr, words, &[]);
    crate::front::until_within(300, 2_900, || assert_unreachable(&gateway, "/a", "connect_timeout"));
    crate::harness::until("the connection to be closed", || (service.open() == 0).then_some(()));
}
