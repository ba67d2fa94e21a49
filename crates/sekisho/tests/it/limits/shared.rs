//! Counts that gateways share in a real redis-server.

use super::{config, crowd, gateway, store, told};
use crate::harness::certificates::Authority;
use crate::harness::{Gateway, Service, temp_dir, until};
use crate::redis_server::RedisServer;

#[test]
fn of_200_requests_at_once_at_two_gateways_exactly_100_pass() {
    let (service, server) = (Service::echo(), RedisServer::start());
    for algorithm in ["sliding_window", "token_bucket", "fixed_window"] {
        server.ask(&["FLUSHALL"]);
        let policies = format!("rate_limit: {{ rate: 100/h, algorithm: {algorithm} }}");
        let top = format!("workers: 2\n{}", store(&server));
        let (one, other) = (gateway(&service, &policies, &top), gateway(&service, &policies, &top));
        assert_eq!(crowd(&[&one, &other], 200), 100, "{algorithm}");
        for gateway in [&one, &other] {
            gateway.wait_metric("gateway_store_decisions_total", &[("by", "shared")], 100.0);
            gateway.wait_metric("gateway_store_decisions_total", &[("by", "local")], 0.0);
        }
    }
}

#[test]
fn both_stores_tell_clients_the_same() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let policies =
        "rate_limit: { rate: 2/h, algorithm: fixed_window }, quota: { rate: 9/d, algorithm: fixed_window }";
    let here = gateway(&service, policies, "");
    let shared = gateway(&service, policies, &store(&server));
    for want in [200, 200, 429] {
        let (one, other) = (here.get("/"), shared.get("/"));
        assert_eq!((one.status, other.status), (want, want));
        // Seconds may differ by the time between the two; those of windows do not.
        let strip = |all: Vec<String>| -> Vec<String> {
            all.into_iter()
                .filter(|line| !line.contains("Reset"))
                .map(|line| line.split(";t=").next().unwrap().to_owned())
                .collect()
        };
        assert_eq!(strip(told(&one)), strip(told(&other)));
        assert_eq!(one.json()["error"], other.json()["error"]);
    }
}

#[test]
fn counts_are_found_again_after_a_reload_and_after_a_restart() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let policies = "rate_limit: { rate: 4/h, algorithm: fixed_window }";
    let first = gateway(&service, policies, &store(&server));
    assert_eq!(first.get("/").header("ratelimit-remaining"), Some("3"));
    first.reconfigure(&config(&service, &format!("{policies}, cors: {{ origins: ['*'] }}"), &store(&server)));
    assert_eq!(first.get("/").header("ratelimit-remaining"), Some("2"));
    let connections = || server.ask(&["CLIENT", "LIST", "TYPE", "normal"]).lines().count() - 1;
    let before = connections();
    first.reconfigure(&config(&service, policies, &store(&server)));
    assert_eq!((first.get("/").header("ratelimit-remaining"), connections()), (Some("1"), before));
    drop(first);
    let second = gateway(&service, policies, &store(&server));
    assert_eq!(second.get("/").header("ratelimit-remaining"), Some("0"));
    let elsewhere = gateway(
        &service,
        policies,
        &format!("store: {{ url: '{}', timeout: 5s, prefix: other }}", server.url()),
    );
    assert_eq!(elsewhere.get("/").header("ratelimit-remaining"), Some("3"), "another prefix, another count");
}

const MALFORMED: &str = "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n";

/// A gateway that counts every request in `server`, however long that takes.
fn limited_everywhere(service: &Service, server: &RedisServer, rate: &str) -> Gateway {
    Gateway::start(&format!(
        "workers: 1\nstore: {{ url: '{}', timeout: 60s }}\nservices: {{ a: {{ endpoints: [{}] }} }}\n\
         policies: {{ rate_limit: {{ rate: {rate}, algorithm: fixed_window }} }}\n\
         routes: [{{ path: /a, service: a, public: true }}]\n",
        server.url(),
        service.url()
    ))
}

#[test]
fn malformed_requests_and_those_without_a_route_count_in_the_server_and_wait_for_nobody() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let gateway = limited_everywhere(&service, &server, "3/h");
    // The window's start, and how many have passed in it.
    let passed = || {
        let kept = server.ask(&["GET", server.ask(&["KEYS", "*"]).trim()]);
        kept.split(':').nth(1).map(str::to_owned)
    };
    assert_eq!(gateway.get("/nowhere").status, 404);
    until("the first to count", || (passed().as_deref() == Some("1")).then_some(()));
    server.hang();
    assert_eq!(gateway.request(MALFORMED).status, 400, "who is refused already does not wait for a count");
    server.go_on();
    until("the second to count", || (passed().as_deref() == Some("2")).then_some(()));
    let statuses =
        [gateway.get("/a"), gateway.get("/a"), gateway.request(MALFORMED)].map(|answer| answer.status);
    assert_eq!(statuses, [200, 429, 400]);
    gateway.wait_metric("gateway_store_decisions_total", &[("by", "shared")], 5.0);
}

#[test]
fn a_flood_of_malformed_requests_while_the_server_hangs_leaves_room_for_the_others() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let gateway = limited_everywhere(&service, &server, "100000/h");
    assert_eq!(gateway.get("/a").status, 200);
    server.hang();
    for _ in 0..2_000 {
        assert_eq!(gateway.request(MALFORMED).status, 400);
    }
    // More than so many are not kept, and that shows.
    gateway.wait_metric("gateway_store_errors_total", &[("reason", "busy")], 2_000.0 - 256.0);
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    server.go_on();
    assert_eq!(client.answer().header("ratelimit-limit"), Some("100000"));
    gateway.wait_metric("gateway_store_decisions_total", &[("by", "shared")], 258.0);
}

#[test]
fn a_reload_moves_to_another_server_and_leaves_the_old_one() {
    let (service, one, other) = (Service::echo(), RedisServer::start(), RedisServer::start());
    let policies = "rate_limit: { rate: 4/h, algorithm: fixed_window }";
    let gateway = gateway(&service, policies, &store(&one));
    assert_eq!(gateway.get("/").header("ratelimit-remaining"), Some("3"));
    gateway.reconfigure(&config(&service, policies, &store(&other)));
    assert_eq!(gateway.get("/").header("ratelimit-remaining"), Some("3"));
    assert!(other.ask(&["KEYS", "*"]).starts_with("sekisho:1:f:"));
    until("the connection to the first to end", || {
        (one.ask(&["CLIENT", "LIST", "TYPE", "normal"]).lines().count() == 1).then_some(())
    });
}

#[test]
fn a_password_opens_the_server_and_stands_nowhere() {
    let server = RedisServer::start_with(&["--requirepass", "s3cr3t-w0rd"]);
    let service = Service::echo();
    let url = server.url().replace("://", "://:s3cr3t-w0rd@");
    let policies = "rate_limit: { rate: 4/h, on_store_failure: deny }";
    let good = gateway(&service, policies, &format!("store: {{ url: '{url}', timeout: 5s }}"));
    assert_eq!(good.get("/").status, 200);
    let wrong = url.replace("w0rd", "wrong");
    let bad = gateway(&service, policies, &format!("store: {{ url: '{wrong}', timeout: 5s }}"));
    until("the wrong password to be found out", || (bad.get("/").status == 503).then_some(()));
    super::wait_said(&bad, "store_away");
    for gateway in [&good, &bad] {
        let metrics = gateway.admin_get("/metrics").text();
        let said = gateway.stderr.all().join("\n") + &gateway.stdout.all().join("\n") + &metrics;
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}

#[test]
fn over_tls_the_server_and_the_gateway_show_each_other_certificates() {
    let (authority, dir) = (Authority::new("store authority"), temp_dir());
    let (theirs, ours) = (authority.certify(&["localhost"]), authority.certify(&["gateway"]));
    let file = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name).display().to_string()
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = RedisServer::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("certificate", &theirs.certificate),
        "--tls-key-file",
        &file("key", &theirs.key),
        "--tls-ca-cert-file",
        &file("ca", &authority.pem()),
    ]);
    let service = Service::echo();
    let files = [("ca.pem", &*authority.pem()), ("ours.pem", &ours.certificate), ("key.pem", &ours.key)];
    for (tls, want) in [("ca: ca.pem, certificate: ours.pem, key: key.pem", 200), ("ca: ca.pem", 503)] {
        let top = format!("store: {{ url: 'rediss://localhost:{port}', timeout: 5s, tls: {{ {tls} }} }}");
        let config = config(&service, "rate_limit: { rate: 9/h, on_store_failure: deny }", &top);
        let gateway = Gateway::start_with(&config, &[], &files);
        assert_eq!(gateway.get("/").status, want, "{tls}");
    }
    assert!(server.ask(&["KEYS", "*"]).starts_with("sekisho:1:s:"));
    drop(server);
    std::fs::remove_dir_all(dir).unwrap();
}
