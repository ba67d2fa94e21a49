//! A plain port that sends its clients to the one with TLS.

use super::{entry, files, pair};
use crate::harness::{Client, Gateway, Service};

#[track_caller]
fn redirecting(service: &Service, redirect: &str, top: &str) -> Gateway {
    let (_, own) = pair();
    let listen = format!(
        "listen:\n  - https://127.0.0.1:0\n  - {{ url: http://127.0.0.1:0, redirect: {redirect} }}\n\
         tls: {{ certificates: [{}] }}\n{top}",
        entry("own")
    );
    let files = files(&[("own", &own)]);
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Gateway::start_with(&crate::front::config(service.addr, "", &listen), &[], &files)
}

fn ask(gateway: &Gateway, request: &str) -> crate::harness::Answer {
    let mut client = Client::connect(gateway.ports[1]);
    client.send(request);
    client.answer()
}

#[test]
fn requests_are_sent_to_the_same_place_over_tls() {
    let service = Service::echo();
    let gateway = redirecting(&service, "{ port: 8443 }", "policies: { security_headers: {} }");
    let answer = ask(&gateway, "POST /a/b?c=d HTTP/1.1\r\nHost: shop.test:80\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((answer.status, answer.header("location")), (308, Some("https://shop.test:8443/a/b?c=d")));
    assert!(answer.header("strict-transport-security").is_some() && answer.header("x-request-id").is_some());
    let line = gateway.wait_log_of(&answer);
    assert_eq!(
        (line["decided_by"].as_str(), line["reason"].as_str()),
        (Some("listener"), Some("redirect_to_https"))
    );
    assert_eq!(service.requests(), 0);
}

#[test]
fn some_paths_can_be_served_all_the_same() {
    let service = Service::echo();
    let gateway = redirecting(&service, "{ port: 443, except: [/.well-known/acme-challenge/*] }", "");
    let answer = ask(&gateway, "GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        (answer.status, answer.json()["target"].as_str()),
        (200, Some("/.well-known/acme-challenge/x"))
    );
    let answer = ask(&gateway, "GET /.well-known/acme-challenge/../x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status, answer.header("location")), (308, Some("https://a/.well-known/x")));
}

#[test]
fn who_names_no_host_is_told_so() {
    let service = Service::echo();
    let gateway = redirecting(&service, "{ port: 443 }", "");
    let answer = ask(&gateway, "GET /a HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status, answer.header("location")), (400, None));
}

#[test]
fn a_trusted_proxy_that_speaks_tls_to_the_client_is_served() {
    let service = Service::echo();
    let gateway = redirecting(&service, "{ port: 443 }", "trusted_proxies: [127.0.0.1]");
    let answer = ask(&gateway, "GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n");
    assert_eq!(answer.status, 200);
    let answer = ask(&gateway, "GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\n\r\n");
    assert_eq!(answer.status, 308);
}
