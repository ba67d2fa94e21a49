//! Breakers of endpoints: one that fails is passed over, tried, and asked again, while the others serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::Moody;
use crate::harness::{Gateway, Service, ok, until};

fn config(services: &[&Service], breaker: &str) -> String {
    let urls: Vec<_> = services.iter().map(|service| service.url()).collect();
    format!(
        "services:\n  up:\n    endpoints: [{}]\n    breaker: {{ per: endpoint, volume: 2, {breaker} }}\n    retry: off\n    \
         outlier: off\nroutes: [{{ path: /*, service: up }}]",
        urls.join(", ")
    )
}

/// Asks until the breaker of this endpoint is so.
fn until_it_is(gateway: &Gateway, service: &Service, state: &str) {
    let authority = service.addr.to_string();
    until(&format!("the breaker of {authority} to be {state}"), || {
        gateway.get("/");
        let all = gateway.admin_get("/api/breakers").json();
        let ours = all.as_array().unwrap().iter().find(|one| one["endpoint"] == *authority)?;
        (ours["state"] == state).then_some(())
    });
}

#[test]
fn an_endpoint_that_fails_is_passed_over_until_a_probe_succeeds() {
    let (bad, good) = (Moody::new(0), Moody::new(200));
    let gateway = Gateway::start(&config(&[&bad.service, &good.service], "reset: 1h"));
    until_it_is(&gateway, &bad.service, "open");
    let asked = bad.service.requests();
    for _ in 0..20 {
        assert_eq!(gateway.get("/").status, 200);
    }
    assert_eq!(bad.service.requests(), asked, "it is not asked any more");
    let authority = bad.service.addr.to_string();
    gateway.stderr.find(|line| {
        line.contains(&format!("circuit_breaker_opened: {authority} of `up` is not asked any more"))
            .then_some(())
    });
    let labels = [("service", "up"), ("endpoint", authority.as_str())];
    let state = [labels[0], labels[1], ("state", "open")];
    assert_eq!(gateway.metric_where("gateway_circuit_breaker_state", &state), 1.0);
    assert_eq!(gateway.metric_where("gateway_endpoint_available", &labels), 0.0);
    let shown = gateway.admin_get("/api/services").json();
    let endpoints = shown[0]["endpoints"].as_array().unwrap();
    let states: Vec<_> = endpoints.iter().map(|one| (&one["state"], &one["picked"])).collect();
    assert_eq!(
        states,
        [(&"circuit_open".into(), &false.into()), (&"available".into(), &true.into())],
        "{shown}"
    );
}

#[test]
fn a_probe_that_succeeds_brings_an_endpoint_back() {
    let (bad, good) = (Moody::new(0), Moody::new(200));
    let gateway = Gateway::start(&config(&[&bad.service, &good.service], "reset: 100ms"));
    until_it_is(&gateway, &bad.service, "open");
    bad.turns(200);
    until_it_is(&gateway, &bad.service, "closed");
    let before = [bad.service.requests(), good.service.requests()];
    for _ in 0..10 {
        assert_eq!(gateway.get("/").status, 200);
    }
    let after = [bad.service.requests() - before[0], good.service.requests() - before[1]];
    assert_eq!(after, [5, 5]);
    let authority = bad.service.addr.to_string();
    for event in ["circuit_breaker_half_opened", "circuit_breaker_closed", "endpoint_up"] {
        gateway.stderr.find(|line| line.contains(&format!("{event}: {authority} of `up`")).then_some(()));
    }
}

#[test]
fn with_all_endpoints_open_clients_learn_when_the_first_is_tried() {
    let (one, other) = (Moody::new(0), Moody::new(0));
    let gateway = Gateway::start(&config(&[&one.service, &other.service], "reset: 1h"));
    let refused = until("both to be open", || {
        let answer = gateway.get("/");
        (answer.code() != "BAD_GATEWAY").then_some(answer)
    });
    assert_eq!((refused.status, refused.code().as_str()), (503, "CIRCUIT_OPEN"));
    let after: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((3_000..=3_600).contains(&after), "{after}");
    assert_eq!((one.service.requests(), other.service.requests()), (2, 2));
    assert!(gateway.metric_where("gateway_circuit_breaker_refused_total", &[("service", "up")]) >= 1.0);
    assert!(gateway.stderr.find(|line| line.contains("no_healthy_endpoint").then_some(())).is_some());
}

/// A service that fails until it is told to hold what it gets, and then until it is told to let go.
struct Held {
    service: Service,
    holds: Arc<AtomicBool>,
    lets_go: Arc<AtomicBool>,
}

impl Held {
    fn new() -> Self {
        let (holds, lets_go) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let seen = (Arc::clone(&holds), Arc::clone(&lets_go));
        let service = Service::raw(move |mut conn| {
            while conn.next_head().is_some() {
                if !seen.0.load(SeqCst) {
                    return conn.reset();
                }
                until("leave to answer", || seen.1.load(SeqCst).then_some(()));
                conn.write(ok("text/plain", "held"));
            }
        });
        Self { service, holds, lets_go }
    }
}

#[test]
fn of_many_requests_at_once_the_probe_alone_reaches_an_endpoint_on_trial() {
    let (held, good) = (Held::new(), Moody::new(200));
    let gateway = Gateway::start(&config(&[&held.service, &good.service], "reset: 100ms, timeout: 1m"));
    until_it_is(&gateway, &held.service, "open");
    let before = held.service.requests();
    held.holds.store(true, SeqCst);
    std::thread::scope(|scope| {
        let probe = scope.spawn(|| {
            // One of them is the probe.
            until("the probe to be answered", || {
                let answer = gateway.get("/");
                assert_eq!(answer.status, 200);
                (answer.text() == "held").then_some(())
            });
        });
        until("the probe to be out", || (held.service.requests() > before).then_some(()));
        let clients: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..10).map(|_| gateway.get("/").text()).collect::<Vec<_>>()))
            .collect();
        for client in clients {
            assert!(client.join().unwrap().iter().all(|text| text == "ok"), "the other one serves");
        }
        assert_eq!(held.service.requests(), before + 1, "one probe, whatever the parallelism");
        held.lets_go.store(true, SeqCst);
        probe.join().unwrap();
    });
    until_it_is(&gateway, &held.service, "closed");
}

#[test]
fn a_retry_goes_past_an_endpoint_that_is_open() {
    let (bad, good) = (Moody::new(0), Moody::new(200));
    let gateway = Gateway::start(
        &config(&[&bad.service, &good.service], "reset: 1h").replace("retry: off", "retry: { attempts: 1 }"),
    );
    for _ in 0..20 {
        assert_eq!(gateway.get("/").status, 200);
    }
    assert_eq!(bad.service.requests(), 2, "two failures opened its breaker");
}

#[test]
fn an_open_endpoint_stays_open_over_a_reload_and_is_asked_again_without_breakers() {
    let (bad, good) = (Moody::new(0), Moody::new(200));
    let services = [&bad.service, &good.service];
    let gateway = Gateway::start(&config(&services, "reset: 1h"));
    until_it_is(&gateway, &bad.service, "open");
    bad.turns(200);
    let asked = bad.service.requests();
    gateway.reconfigure(&config(&services, "reset: 30m"));
    for _ in 0..10 {
        assert_eq!(gateway.get("/").status, 200);
    }
    assert_eq!(bad.service.requests(), asked);
    gateway.reconfigure(&config(&services, "reset: 30m").replace("per: endpoint", "per: service"));
    for _ in 0..10 {
        assert_eq!(gateway.get("/").status, 200);
    }
    assert_eq!(bad.service.requests(), asked + 5);
}

#[test]
fn an_operator_opens_and_closes_the_breaker_of_an_endpoint() {
    let (one, other) = (Moody::new(200), Moody::new(200));
    let gateway = Gateway::start(&config(&[&one.service, &other.service], "reset: 50ms"));
    let order = |order: &str| gateway.admin_post(&format!("/api/breakers/up/{}/{order}", one.service.addr));
    let said = order("open").json();
    assert_eq!((&said["state"], &said["endpoint"]), (&"open".into(), &one.service.addr.to_string().into()));
    for _ in 0..10 {
        assert_eq!(gateway.get("/").status, 200);
    }
    assert_eq!((one.service.requests(), other.service.requests()), (0, 10));
    assert_eq!(order("close").json()["state"], "closed");
    for _ in 0..10 {
        assert_eq!(gateway.get("/").status, 200);
    }
    assert_eq!(one.service.requests(), 5);
    assert_eq!(gateway.admin_post("/api/breakers/up/127.0.0.1:1/open").status, 404);
    assert_eq!(gateway.admin_post("/api/breakers/up/open").status, 404, "there is none of the whole service");
}
