//! Certificates: chosen by name, renewed by a reload, and what is wrong with them.

use rustls::ALL_VERSIONS;

use super::{config, entry, files, gateway, pair};
use crate::harness::certificates::{Authority, Certified};
use crate::harness::{Gateway, Service, binary, secure, temp_dir, trusting, until};

/// The certificate that a client gets that asks for `name`; it need not be for that name.
fn shown(gateway: &Gateway, name: &str, authority: &Authority) -> Option<Vec<u8>> {
    let config = crate::harness::unverified(authority);
    let mut client = secure(gateway.addr, name, &config).ok()?;
    client.inner().conn.peer_certificates().map(|chain| chain[0].to_vec())
}

fn der(own: &Certified) -> Option<Vec<u8>> {
    Some(own.chain()[0].to_vec())
}

#[test]
fn each_client_gets_the_certificate_for_the_name_that_it_asks_for() {
    let authority = Authority::new("the clients' authority");
    let certified = |names: &[&str]| authority.certify(names);
    let (first, second, wild) = (
        certified(&["one.test", "uno.test"]),
        certified(&["two.test"]),
        certified(&["*.wild.test", "special.wild.test.example"]),
    );
    let service = Service::echo();
    let gateway = gateway(&service, &[("first", &first), ("second", &second), ("wild", &wild)], "");
    for (name, want) in [
        ("one.test", &first),
        ("uno.test", &first),
        ("two.test", &second),
        ("TWO.test", &second),
        ("a.wild.test", &wild),
        ("a.b.wild.test", &first),
        ("wild.test", &first),
        ("unknown.test", &first),
        ("127.0.0.1", &first),
    ] {
        assert_eq!(shown(&gateway, name, &authority), der(want), "{name}");
    }
}

#[test]
fn an_unknown_name_can_be_refused() {
    let (authority, own) = pair();
    let service = Service::echo();
    let tls = format!("tls: {{ certificates: [{}], unknown_name: refuse }}", entry("own"));
    let text = crate::front::config(service.addr, "", &format!("listen: https://127.0.0.1:0\n{tls}"));
    let files = files(&[("own", &own)]);
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let gateway = Gateway::start_with(&text, &[], &files);
    assert_eq!(shown(&gateway, "gateway.test", &authority), der(&own));
    assert_eq!(shown(&gateway, "unknown.test", &authority), None);
    assert_eq!(shown(&gateway, "127.0.0.1", &authority), der(&own), "who names nobody gets the first");
}

#[test]
fn a_renewed_certificate_is_shown_to_new_clients_while_old_connections_live_on() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "reload: { watch: 100ms }");
    let mut old = secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).unwrap();
    let renewed = authority.certify(&["gateway.test"]);
    // As a renewing program may do it: certificate and key do not change in the same instant.
    std::fs::write(gateway.dir.join("own.pem"), &renewed.certificate).unwrap();
    std::fs::write(gateway.dir.join("own.key"), &renewed.key).unwrap();
    until("the renewed certificate", || {
        (shown(&gateway, "gateway.test", &authority) == der(&renewed)).then_some(())
    });
    old.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    assert_eq!(old.answer().status, 200);
}

#[test]
fn a_certificate_replaced_by_garbage_leaves_the_old_one_in_force() {
    let (authority, own) = pair();
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "reload: { watch: off }");
    let other = authority.certify(&["gateway.test"]);
    for (file, text, told) in [
        ("own.pem", "garbage", "there is no certificate in `own.pem`"),
        ("own.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be understood"),
        ("own.key", "garbage", "there is no private key in `own.key`"),
        ("own.key", other.key.as_str(), "is not that of the certificate in"),
    ] {
        let before = std::fs::read_to_string(gateway.dir.join(file)).unwrap();
        std::fs::write(gateway.dir.join(file), text).unwrap();
        let (status, report) = gateway.reload();
        let problems = report["problems"].to_string();
        assert!(status == 422 && problems.contains(told), "{file}: {report:#}");
        assert!(!problems.contains("BEGIN PRIVATE KEY-----\\n"), "{problems}");
        assert_eq!(shown(&gateway, "gateway.test", &authority), der(&own));
        std::fs::write(gateway.dir.join(file), before).unwrap();
    }
    std::fs::remove_file(gateway.dir.join("own.key")).unwrap();
    let (status, report) = gateway.reload();
    assert!(status == 422 && report["problems"].to_string().contains("own.key"), "{report:#}");
    assert_eq!(shown(&gateway, "gateway.test", &authority), der(&own));
}

#[test]
fn an_expired_certificate_is_served_and_told_of() {
    let authority = Authority::new("the clients' authority");
    let own = authority.certify_for(&["gateway.test"], (2000, 2020));
    let service = Service::echo();
    let gateway = gateway(&service, &[("own", &own)], "");
    let told = gateway.stderr.find(|line| line.contains("the certificate has expired").then_some(()));
    assert!(told.is_some());
    assert_eq!(shown(&gateway, "gateway.test", &authority), der(&own));
    assert!(secure(gateway.addr, "gateway.test", &trusting(&authority, ALL_VERSIONS)).is_err());
    gateway.wait_metric("gateway_tls_handshakes_total", &[("result", "certificate_refused")], 1.0);
    let expiry = gateway.metric_where("gateway_certificate_expiry_seconds", &[("name", "gateway.test")]);
    assert_eq!(expiry, 1_577_836_800.0);
}

#[test]
fn nothing_starts_without_the_files() {
    let (_, own) = pair();
    let service = Service::echo();
    let dir = temp_dir();
    std::fs::write(dir.join("sekisho.yaml"), config(&service, &[("own", &own)], "admin: off")).unwrap();
    let output = binary().args(["run", "-c"]).arg(dir.join("sekisho.yaml")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(
            "sekisho.yaml:2:38: error: tls.certificates[0].certificate: the file `own.pem` cannot be read"
        ),
        "{said}"
    );
    assert!(said.contains("tls.certificates[0].key: the file `own.key` cannot be read"), "{said}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn certificate_and_key_may_stand_in_one_file_or_come_from_the_environment() {
    let (authority, own) = pair();
    let service = Service::echo();
    let both = format!("{}{}", own.certificate, own.key);
    for (tls, env, files) in [
        ("tls: { certificates: [{ certificate: both.pem }] }", vec![], vec![("both.pem", both.as_str())]),
        ("tls: { certificates: [{ certificate: '${PEM}' }] }", vec![("PEM", both.as_str())], vec![]),
    ] {
        let text = crate::front::config(service.addr, "", &format!("listen: https://127.0.0.1:0\n{tls}"));
        let gateway = Gateway::start_with(&text, &env, &files);
        assert_eq!(shown(&gateway, "gateway.test", &authority), der(&own), "{tls}");
    }
}
