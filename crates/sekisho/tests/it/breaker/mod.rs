//! The circuit breaker: a service that fails is not asked for a while, then tried, then asked again.

mod endpoints;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use crate::harness::{Answer, Gateway, Service, said_of, until};

/// A service that answers with whatever status it holds; 0 hangs up.
pub(crate) struct Moody {
    pub(crate) service: Service,
    status: Arc<AtomicU16>,
}

impl Moody {
    pub(crate) fn new(status: u16) -> Self {
        let status = Arc::new(AtomicU16::new(status));
        let now = Arc::clone(&status);
        let service = Service::raw(move |mut conn| {
            while conn.next_head().is_some() {
                match now.load(SeqCst) {
                    0 => return conn.reset(),
                    status => conn.write(format!("HTTP/1.1 {status} Said\r\nContent-Length: 2\r\n\r\nok")),
                };
            }
        });
        Self { service, status }
    }

    pub(crate) fn turns(&self, status: u16) {
        self.status.store(status, SeqCst);
    }
}

/// A breaker that opens after four requests of which more than half fail.
fn config(service: &Service, breaker: &str) -> String {
    format!(
        "services:\n  up:\n    endpoints: [{}]\n    breaker: {{ volume: 4, {breaker} }}\n    retry: off\n\
         routes: [{{ path: /*, service: up }}]",
        service.url()
    )
}

fn opens(gateway: &Gateway, with: &str) -> Answer {
    for _ in 0..4 {
        assert_eq!(gateway.get("/").code(), with);
    }
    gateway.get("/")
}

#[test]
fn a_service_that_fails_is_not_asked_until_a_probe_succeeds() {
    let moody = Moody::new(0);
    let gateway = Gateway::start(&config(&moody.service, "reset: 200ms"));
    // On a busy machine a probe may come before a refusal.
    let refused =
        || until("a refusal", || Some(gateway.get("/")).filter(|answer| answer.code() == "CIRCUIT_OPEN"));
    opens(&gateway, "BAD_GATEWAY");
    let first = refused();
    assert_eq!((first.status, first.header("retry-after")), (503, Some("1")));
    let body = first.json();
    assert_eq!(body["error"], "Service circuit breaker is open");
    assert_eq!(body["service"], "up");
    assert_eq!(body["message"], "Service is temporarily unavailable due to repeated failures");
    let line = gateway.wait_log_of(&first);
    assert_eq!(
        (&line["decided_by"], &line["reason"], &line["service"]),
        (&"upstream".into(), &"circuit_open".into(), &"up".into())
    );
    gateway.wait_metric("gateway_circuit_breaker_state", &[("service", "up"), ("state", "closed")], 0.0);
    assert!(gateway.metric_where("gateway_circuit_breaker_refused_total", &[("service", "up")]) >= 1.0);

    // A probe that fails opens it again.
    until("a probe was let through and failed", || (gateway.get("/").code() == "BAD_GATEWAY").then_some(()));
    refused();

    moody.turns(200);
    until("a probe was let through and closed it", || (gateway.get("/").status == 200).then_some(()));
    assert_eq!(gateway.get("/").status, 200);
    for event in ["circuit_breaker_opened", "circuit_breaker_half_opened", "circuit_breaker_closed"] {
        gateway.stderr.find(|line| line.contains(&format!("{event}: `up`")).then_some(()));
    }
    assert_eq!(
        gateway.metric_where(
            "gateway_circuit_breaker_changes_total",
            &[("service", "up"), ("change", "closed")]
        ),
        1.0
    );
}

#[test]
fn a_service_too_slow_for_the_breaker_fails() {
    let slow = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let gateway = Gateway::start(&config(&slow, "timeout: 50ms, reset: 1h"));
    let refused = opens(&gateway, "UPSTREAM_TIMEOUT");
    assert_eq!(refused.code(), "CIRCUIT_OPEN");
    assert_eq!(refused.header("retry-after"), Some("3600"));
}

#[test]
fn answers_of_500_count_only_where_it_is_said() {
    let moody = Moody::new(500);
    let gateway = Gateway::start(&config(&moody.service, "reset: 1h"));
    for _ in 0..10 {
        assert_eq!(gateway.get("/").status, 500);
    }
    let gateway = Gateway::start(&config(&moody.service, "reset: 1h, count_5xx: true"));
    for _ in 0..4 {
        assert_eq!(gateway.get("/").status, 500);
    }
    assert_eq!(gateway.get("/").code(), "CIRCUIT_OPEN");
    moody.turns(404);
    let gateway = Gateway::start(&config(&moody.service, "reset: 1h, count_5xx: true"));
    for _ in 0..10 {
        assert_eq!(gateway.get("/").status, 404, "a client's mistake is no failure");
    }
}

#[test]
fn an_open_breaker_stays_open_over_a_reload() {
    let moody = Moody::new(0);
    let gateway = Gateway::start(&config(&moody.service, "reset: 1h"));
    assert_eq!(opens(&gateway, "BAD_GATEWAY").code(), "CIRCUIT_OPEN");
    moody.turns(200);
    gateway.reconfigure(&config(&moody.service, "reset: 30m"));
    assert_eq!(gateway.get("/").code(), "CIRCUIT_OPEN");
    gateway.reconfigure(
        &config(&moody.service, "reset: 30m").replace("breaker: {", "tunnels: { max: 3 }\n    #"),
    );
    assert_eq!(gateway.get("/").status, 200, "without a breaker it is asked");
}

#[test]
fn an_operator_opens_and_closes_it() {
    let moody = Moody::new(200);
    let gateway = Gateway::start(&config(&moody.service, "reset: 50ms"));
    let order = |order: &str| gateway.admin_post(&format!("/api/breakers/up/{order}"));
    assert_eq!(order("open").json()["state"], "open");
    assert_eq!(gateway.get("/").code(), "CIRCUIT_OPEN");
    assert_eq!(gateway.admin_get("/api/breakers").json()[0]["service"], "up");
    assert_eq!(order("close").json()["state"], "closed");
    assert_eq!(gateway.get("/").status, 200);
    assert_eq!(moody.service.requests(), 1);
    assert_eq!(gateway.admin_post("/api/breakers/other/open").status, 404);
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    let text = "services:\n  up:\n    endpoints: [http://127.0.0.1:1]\n    breaker: { error_percentage: 100, volume: 0, \
                reset: 0s, probes: 0, buckets: 0, timeout: 0s }\nroutes: [{ path: /*, service: up }]\n";
    let (said, _) = said_of(text, &["check"]);
    for field in ["error_percentage", "volume", "reset", "probes", "buckets", "timeout"] {
        assert!(said.contains(&format!("services.up.breaker.{field}: ")), "{field}: {said}");
    }
    assert!(said.contains("sekisho.yaml:4:34"), "{said}");
}
