//! Files that TLS to services is made with, and that change while the gateway runs.

use rustls::ALL_VERSIONS;

use super::{assert_unreachable, config_for, pair};
use crate::harness::certificates::Authority;
use crate::harness::{Gateway, TlsConn, TlsService, tls_config};

#[test]
fn an_authority_that_is_replaced_counts_no_more_not_even_for_what_it_has_vouched_for() {
    let (authority, own) = pair();
    let service = TlsService::echo(&own);
    let config = format!(
        "reload: {{ watch: off }}\n{}",
        config_for(&format!("https://{}", service.addr), "tls: { ca: ca.pem }")
    );
    let gateway = Gateway::start_with(&config, &[], &[("ca.pem", &authority.pem())]);
    assert_eq!(gateway.get("/before").status, 200);
    let write = |text: &str| std::fs::write(gateway.dir.join("ca.pem"), text).unwrap();
    write(&Authority::new("another").pem());
    assert_eq!(gateway.reload().0, 200);
    // Neither the connection that is kept nor the session that could be resumed is used for it.
    assert_unreachable(&gateway, "/between", "tls_unknown_ca");
    write(&authority.pem());
    assert_eq!(gateway.reload().0, 200);
    assert_eq!(gateway.get("/after").status, 200);
}

#[test]
fn our_own_certificate_is_renewed_by_a_change_of_its_files() {
    let (authority, own) = pair();
    let clients = Authority::new("the clients' authority");
    let (old, new) = (clients.certify_for(&["gateway"], (2000, 2001)), clients.certify(&["gateway"]));
    let service = TlsService::with(tls_config(&own, ALL_VERSIONS, Some(&clients)), TlsConn::echo);
    let words = "tls: { ca: ca.pem, certificate: gateway.pem, key: gateway.key }, retry: off, outlier: off";
    let url = format!("https://{}", service.addr);
    let config = format!("reload: {{ watch: 100ms }}\n{}", config_for(&url, words));
    let files =
        [("ca.pem", &*authority.pem()), ("gateway.pem", &*old.certificate), ("gateway.key", &*old.key)];
    let gateway = Gateway::start_with(&config, &[], &files);
    assert_unreachable(&gateway, "/old", "tls_client_certificate");
    std::fs::write(gateway.dir.join("gateway.pem"), &new.certificate).unwrap();
    std::fs::write(gateway.dir.join("gateway.key"), &new.key).unwrap();
    crate::harness::until("the renewed certificate", || (gateway.get("/new").status == 200).then_some(()));
}

#[test]
fn a_file_replaced_by_garbage_leaves_the_old_one_in_force() {
    let (authority, own) = pair();
    let service = TlsService::echo(&own);
    let words = "connections: { keep: 0 }, tls: { ca: ca.pem }";
    let config =
        format!("reload: {{ watch: off }}\n{}", config_for(&format!("https://{}", service.addr), words));
    let gateway = Gateway::start_with(&config, &[], &[("ca.pem", &authority.pem())]);
    for (text, told) in [
        ("garbage", "`ca.pem` is no PEM file"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be understood"),
    ] {
        std::fs::write(gateway.dir.join("ca.pem"), text).unwrap();
        let (status, report) = gateway.reload();
        assert!(status == 422 && report["problems"].to_string().contains(told), "{text}: {report:#}");
        assert_eq!(gateway.get("/a").status, 200, "{text}");
    }
}
