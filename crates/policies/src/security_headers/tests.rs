//! Which headers an answer has.

use serde_json::json;

use super::*;
use crate::fixture::{Fixture, answer, compile, lines, through};

const HELMET: &str = "\
Content-Security-Policy: default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests
Cross-Origin-Opener-Policy: same-origin
Cross-Origin-Resource-Policy: same-origin
Origin-Agent-Cluster: ?1
Referrer-Policy: no-referrer
Strict-Transport-Security: max-age=31536000; includeSubDomains
X-Content-Type-Options: nosniff
X-DNS-Prefetch-Control: off
X-Download-Options: noopen
X-Frame-Options: SAMEORIGIN
X-Permitted-Cross-Domain-Policies: none
X-XSS-Protection: 0
";

fn sent(settings: serde_json::Value, response: &str, before: impl FnOnce(&mut Exchange<'_>)) -> String {
    let policy = compile::<Config>(settings).unwrap();
    let fixture = Fixture::new("GET / HTTP/1.1\nHost: a.example\n");
    let mut exchange = fixture.exchange();
    before(&mut exchange);
    let response = answer(response);
    through(&policy, &mut exchange, &response);
    lines(&exchange.to_client, response.view())
}

#[test]
fn the_default_is_what_helmet_8_sends() {
    assert_eq!(sent(json!({}), "HTTP/1.1 200 OK\n", |_| ()), HELMET);
}

#[test]
fn what_a_service_says_gives_way_and_what_it_runs_on_is_hidden() {
    let response = "HTTP/1.1 200 OK\nServer: old\nx-powered-by: Express\nX-Frame-Options: DENY\nX-Kept: 1\n";
    assert_eq!(sent(json!({}), response, |_| ()), format!("X-Kept: 1\n{HELMET}"));
}

#[test]
fn a_header_is_changed_added_or_left_to_the_service() {
    let settings = json!({
        "content_security_policy": "default-src 'none'", "x_frame_options": "off", "x_dns_prefetch_control": "on",
        "permissions_policy": "camera=()", "cross_origin_embedder_policy": "require-corp", "hide": ["X-Odd"],
    });
    let response = "HTTP/1.1 200 OK\nServer: kept\nX-Frame-Options: DENY\nX-odd: 1\n";
    let sent = sent(settings, response, |_| ());
    let lines: Vec<_> = sent.lines().collect();
    for (line, there) in [
        ("Content-Security-Policy: default-src 'none'", true),
        ("X-Frame-Options: DENY", true),
        ("X-Frame-Options: SAMEORIGIN", false),
        ("X-DNS-Prefetch-Control: on", true),
        ("Permissions-Policy: camera=()", true),
        ("Cross-Origin-Embedder-Policy: require-corp", true),
        ("Server: kept", true),
        ("X-odd: 1", false),
    ] {
        assert_eq!(lines.contains(&line), there, "{line} in {sent}");
    }
}

#[test]
fn an_operators_explicit_header_wins() {
    let sent = sent(json!({}), "HTTP/1.1 200 OK\nServer: old\n", |exchange| {
        exchange.to_client.set("X-Frame-Options", b"DENY").unwrap();
        exchange.to_client.set("Server", b"shop").unwrap();
        exchange.to_client.remove(Known::OriginAgentCluster);
    });
    let want = HELMET.replace("X-Frame-Options: SAMEORIGIN\n", "").replace("Origin-Agent-Cluster: ?1\n", "");
    assert_eq!(sent, format!("X-Frame-Options: DENY\nServer: shop\n{want}"));
}

#[test]
fn refuses_values_that_are_no_line() {
    for (settings, want) in [
        (json!({"referrer_policy": "a\nb"}), "policies.it.referrer_policy: a field value"),
        (json!({"referrer_policy": ""}), "write `off` to leave the header out"),
        (json!({"hide": ["a b"]}), "policies.it.hide: `a b` is no header's name"),
        (json!({"frame_options": "x"}), "unknown field"),
    ] {
        let error = compile::<Config>(settings).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}
