//! Keys in an etcd.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use super::etcd_server::EtcdServer;
use super::{answered_by, config, discovery, named, told};
use crate::harness::certificates::Authority;
use crate::harness::{Ends, Gateway, until};

fn start(server: &EtcdServer, more: &str) -> Gateway {
    Gateway::start(&config(&format!(
        "discover: {{ etcd: {{ endpoints: [{}], prefix: /services/up/{more} }} }}",
        server.url()
    )))
}

#[test]
fn keys_that_come_and_go_are_endpoints_that_come_and_go() {
    let (server, a, b) = (EtcdServer::start(), named("a"), named("b"));
    server.put("/services/up/1", &a.url());
    server.put("/services/upper/1", "http://127.0.0.1:1");
    // Two gateways share it.
    let gateways = [start(&server, ""), start(&server, "")];
    let are = |names: &[&str]| gateways.iter().for_each(|gateway| answered_by(gateway, names));
    are(&["a"]);
    server.put("/services/up/2", &format!(r#"{{"url": "{}", "weight": 1, "zone": "z"}}"#, b.url()));
    are(&["a", "b"]);
    server.put("/services/up/x", "nonsense");
    let line = told(&gateways[0], "discovery_skipped");
    assert!(line.contains("key `/services/up/x`: `nonsense` has no scheme"), "{line}");
    server.delete("/services/up/1");
    are(&["b"]);
    // Whoever does not renew a lease is gone with it.
    let lease = server.lease(5);
    server.put_with("/services/up/3", &a.url(), &lease);
    are(&["a", "b"]);
    are(&["b"]);
    server.delete("/services/up/2");
    assert!(told(&gateways[0], "discovery_failed").contains("no endpoint was found"));
    are(&["b"]);
    server.put("/services/up/1", &a.url());
    are(&["a"]);
}

#[test]
fn an_etcd_that_is_killed_and_comes_back_costs_no_request_and_no_change() {
    let (mut server, a, b) = (EtcdServer::start(), named("a"), named("b"));
    server.put("/services/up/1", &a.url());
    let gateway = start(&server, "");
    answered_by(&gateway, &["a"]);
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let ends = Ends(&over);
        let load = scope.spawn(|| {
            while !over.load(SeqCst) {
                let answer = gateway.get("/");
                assert_eq!(answer.status, 200, "{}", answer.text());
                served.fetch_add(1, SeqCst);
            }
        });
        server.kill();
        told(&gateway, "discovery_failed: `up` by etcd `/services/up/`: ");
        let before = served.load(SeqCst);
        until("requests without an etcd", || (served.load(SeqCst) > before + 50).then_some(()));
        server.restart();
        server.put("/services/up/2", &b.url());
        answered_by(&gateway, &["a", "b"]);
        told(&gateway, "discovery_recovered");
        drop(ends);
        load.join().unwrap();
    });
}

#[test]
fn changes_that_were_compacted_away_are_listed_anew() {
    let (mut server, a, b) = (EtcdServer::start(), named("a"), named("b"));
    server.put("/services/up/1", &a.url());
    let gateway = start(&server, "");
    answered_by(&gateway, &["a"]);
    server.kill();
    told(&gateway, "discovery_failed");
    let port = server.restart_elsewhere();
    server.put("/services/up/2", &b.url());
    for index in 0..20 {
        server.put("/other", &index.to_string());
    }
    let last = server.delete("/services/up/1");
    server.compact(last);
    server.restart_at(port);
    answered_by(&gateway, &["b"]);
}

#[test]
fn another_etcd_in_the_same_place_is_listed_anew() {
    let (mut server, a, b) = (EtcdServer::start(), named("a"), named("b"));
    for index in 0..20 {
        server.put("/other", &index.to_string());
    }
    server.put("/services/up/1", &a.url());
    let gateway = start(&server, "");
    answered_by(&gateway, &["a"]);
    server.kill();
    server.forget();
    server.restart();
    until("it to be empty", || {
        discovery(&gateway)["failing"]
            .as_str()
            .is_some_and(|why| why.contains("no endpoint was found"))
            .then_some(())
    });
    assert_eq!(gateway.get("/").text(), "a", "an empty one takes nobody away");
    server.put("/services/up/1", &b.url());
    answered_by(&gateway, &["b"]);
}

#[test]
fn a_password_opens_it_and_is_never_told() {
    let (server, a) = (EtcdServer::start(), named("a"));
    server.put("/services/up/1", &a.url());
    server.protect("s3cret-of-etcd");
    let gateway = start(&server, ", user: root, password: s3cret-of-etcd");
    answered_by(&gateway, &["a"]);
    let other = start(&server, ", user: root, password: wrong-s3cret");
    let line = told(&other, "discovery_failed");
    assert!(line.contains("authentication failed") && !line.contains("s3cret"), "{line}");
    assert_eq!(other.get("/").code(), "NO_HEALTHY_ENDPOINT");
    let nobody = start(&server, "");
    told(&nobody, "discovery_failed");
}

#[test]
fn over_tls_it_and_the_gateway_show_each_other_certificates() {
    let (authority, clients) = (Authority::new("of etcd"), Authority::new("of those who may ask"));
    // It asks itself what it is asked over HTTP, by its own certificate: that is a client's, too.
    let server = EtcdServer::start_secure(&clients.certify(&["127.0.0.1"]), &clients);
    let (ours, a, b) = (clients.certify(&["gateway.test"]), named("a"), named("b"));
    server.put("/services/up/1", &a.url());
    server.protect("s3cret-of-etcd");
    let (right, wrong) = (clients.pem(), authority.pem());
    let files: [(&str, &str); 4] =
        [("ca.pem", &right), ("other.pem", &wrong), ("own.pem", &ours.certificate), ("own.key", &ours.key)];
    let start = |tls: &str| {
        let etcd = format!(
            "endpoints: [{}], prefix: /services/up/, user: root, password: s3cret-of-etcd, tls: {{ {tls} }}",
            server.secure_url()
        );
        Gateway::start_with(&config(&format!("discover: {{ etcd: {{ {etcd} }} }}")), &[], &files)
    };
    let gateway = start("ca: ca.pem, certificate: own.pem, key: own.key");
    answered_by(&gateway, &["a"]);
    server.put_as_root("/services/up/1", &b.url(), "s3cret-of-etcd");
    answered_by(&gateway, &["b"]);
    for (tls, why) in [
        ("ca: ca.pem", "ertificate"),
        ("ca: other.pem, certificate: own.pem, key: own.key", "certificate"),
        ("ca: ca.pem, name: other.test, certificate: own.pem, key: own.key", "certificate"),
    ] {
        let line = told(&start(tls), "discovery_failed");
        assert!(line.contains(why) && !line.contains("s3cret"), "{tls}: {line}");
    }
}

#[test]
fn where_one_member_is_away_the_next_is_asked() {
    let (server, a) = (EtcdServer::start(), named("a"));
    server.put("/services/up/1", &a.url());
    let gateway = Gateway::start(&config(&format!(
        "discover: {{ etcd: {{ endpoints: [http://127.0.0.1:1, {}], prefix: /services/up/ }} }}",
        server.url()
    )));
    answered_by(&gateway, &["a"]);
    assert!(discovery(&gateway)["failing"].is_null());
    assert_eq!(discovery(&gateway)["failures"], 0);
}
