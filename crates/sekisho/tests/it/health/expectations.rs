//! What a check asks and expects.

use std::net::TcpListener;

use crate::harness::certificates::Authority;
use crate::harness::{Gateway, Service, TlsService, said_of, until};
use crate::health::{Moody, config, told, who};

const FAST: &str = "interval: 100ms, timeout: 2s, healthy: 1, unhealthy: 1";

#[test]
fn a_check_asks_as_it_is_told() {
    let a = Moody::new("a");
    let words = format!(
        "health: {{ {FAST}, path: '/ready?full=1', method: HEAD, host: shop.internal, headers: {{ Authorization: Bearer x }} }}"
    );
    let _gateway = Gateway::start(&config(&[&a.service], &words));
    let seen = a.service.wait_seen(1).remove(0);
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("HEAD", "/ready?full=1"));
    assert_eq!(seen.header("host"), Some("shop.internal"));
    assert_eq!(seen.header("authorization"), Some("Bearer x"));
    assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("sekisho/")));
}

#[test]
fn only_the_statuses_and_the_body_that_are_expected_are_well() {
    for (expects, status, body, well) in [
        ("status: 200-399", 302, "", true),
        ("status: 200-399", 404, "", false),
        ("status: [200, 401-403]", 403, "", true),
        ("status: 204", 200, "", false),
        ("body: '\"db\":\"up\"'", 200, "{\"db\":\"up\"}", true),
        ("body: '\"db\":\"up\"'", 200, "{\"db\":\"down\"}", false),
    ] {
        let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let service = Service::fixed(answer);
        let gateway = Gateway::start(&config(&[&service], &format!("health: {{ {FAST}, {expects} }}")));
        if well {
            let good = [("service", "up"), ("result", "success")];
            until("a good check", || {
                (gateway.metric_where("gateway_health_checks_total", &good) >= 2.0).then_some(())
            });
            assert!(
                !gateway.stderr.all().iter().any(|line| line.contains("endpoint_down")),
                "{expects} {status}"
            );
        } else {
            let line = told(&gateway, "endpoint_down", "`up`");
            assert!(line.contains("(health_check_"), "{expects} {status}: {line}");
        }
    }
}

#[test]
fn a_text_is_found_across_pieces_and_not_looked_for_without_end() {
    let late = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n");
            conn.write("5\r\n well\r\n0\r\n\r\n");
        }
    });
    let endless = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\n\r\n");
            while conn.write([b'x'; 4096]) {}
        }
    });
    let words = format!("health: {{ {FAST}, body: all well }}");
    let gateway = Gateway::start(&config(&[&late, &endless], &words));
    let line = told(&gateway, "endpoint_down", &endless.addr.to_string());
    assert!(line.contains("(health_check_body)"), "{line}");
    until("several checks", || (late.requests() > 2).then_some(()));
    assert!(!gateway.stderr.all().iter().any(|line| line.contains(&late.addr.to_string())));
}

#[test]
fn a_tcp_check_asks_for_a_connection_only() {
    let mute = Service::raw(|mut conn| {
        conn.wait_closed();
    });
    let gateway = Gateway::start(&config(&[&mute], &format!("health: {{ {FAST}, kind: tcp }}")));
    let good = [("service", "up"), ("result", "success")];
    until("good checks", || {
        (gateway.metric_where("gateway_health_checks_total", &good) >= 2.0).then_some(())
    });
    assert_eq!(mute.requests(), 0);
    mute.stop();
    let line = told(&gateway, "endpoint_down", "`up`");
    assert!(line.contains("(connection_refused)"), "{line}");
}

#[test]
fn a_check_may_go_to_another_port() {
    let (traffic, health) = (Moody::new("a"), Moody::new("h"));
    let port = health.service.addr.port();
    let gateway =
        Gateway::start(&config(&[&traffic.service], &format!("health: {{ {FAST}, port: {port} }}")));
    until("checks", || (health.checks() > 1).then_some(()));
    assert_eq!((who(&gateway).as_str(), traffic.checks()), ("a", 0));
    health.turns(500);
    told(&gateway, "endpoint_down", &traffic.service.addr.to_string());
}

#[test]
fn what_cannot_be_is_refused_with_a_remedy() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (words, wants) in [
        (
            "health: { path: health }",
            &["services.up.health.path", "`health` is no path", "begins with `/`"][..],
        ),
        ("health: { interval: 1ms }", &["services.up.health.interval", "100ms"]),
        ("health: { unhealthy: 0 }", &["services.up.health.unhealthy", "write 1 or more"]),
        ("health: { status: 2xx }", &["services.up.health.status", "200-399"]),
        ("health: { method: HEAD, body: ok }", &["services.up.health.body", "method: GET"]),
        ("health: { headers: { Host: a } }", &["services.up.health.headers.Host", "`host`"]),
        ("outlier: { max_ejection: 1s }", &["services.up.outlier.max_ejection", "base_ejection"]),
        ("outlier: { consecutive_failures: 0 }", &["services.up.outlier.consecutive_failures", "`off`"]),
        ("outlier: { success_rate: { below: some } }", &["services.up.outlier.success_rate.below", "20%"]),
    ] {
        let text = format!(
            "services:\n  up:\n    endpoints: ['http://{free}']\n    {words}\nroutes: [{{ path: /*, service: up }}]"
        );
        let (said, is_content) = said_of(&text, &["check"]);
        assert!(!is_content, "{words}: {said}");
        for want in wants.iter().chain(&["sekisho.yaml:4:"]) {
            assert!(said.contains(want), "{words}: no `{want}` in\n{said}");
        }
    }
}

#[test]
fn an_endpoint_over_tls_is_checked_over_tls() {
    let authority = Authority::new("health");
    let service = TlsService::echo(&authority.certify(&["127.0.0.1"]));
    let url = format!("https://{}", service.addr);
    let text = |tls: &str| {
        format!(
            "services:\n  up: {{ endpoints: ['{url}'], health: {{ {FAST} }}, tls: {tls} }}\n\
             routes: [{{ path: /*, service: up, public: true }}]"
        )
    };
    let other = Authority::new("other");
    let files = [("ca.pem", authority.pem()), ("other.pem", other.pem())];
    let files = [(files[0].0, files[0].1.as_str()), (files[1].0, files[1].1.as_str())];
    let gateway = Gateway::start_with(&text("{ ca: ca.pem }"), &[], &files);
    let good = [("service", "up"), ("result", "success")];
    until("a good check", || {
        (gateway.metric_where("gateway_health_checks_total", &good) >= 2.0).then_some(())
    });
    assert_eq!(service.seen()[0].target, "/health");
    let gateway = Gateway::start_with(&text("{ ca: other.pem }"), &[], &files);
    told(&gateway, "endpoint_down", "`up`");
}
