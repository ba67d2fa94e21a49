//! `GET /health`: whether services are well.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::json;

use crate::harness::{Gateway, Service, said_of, until};
use crate::health::Moody;

fn page(services: &[(&str, &Service)], page: &str, routes: &str) -> String {
    let services: Vec<_> = services
        .iter()
        .map(|(name, service)| format!("  {name}: {{ endpoints: ['{}'] }}\n", service.url()))
        .collect();
    let services = services.concat();
    format!("services:\n{services}health: {page}\nroutes: [{routes}]")
}

#[test]
fn it_tells_of_all_services_and_names_only_them() {
    let (a, b) = (Moody::new("a"), Moody::new("b"));
    let services = [("one", &a.service), ("two", &b.service)];
    let gateway = Gateway::start(&page(
        &services,
        "{ timeout: 5s }",
        "{ path: /*, service: one, public: true }, { path: /two, service: two, public: true }",
    ));
    let answer = gateway.get("/health");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let body = answer.json();
    assert_eq!(body["status"], "healthy");
    assert_eq!(body["services"], json!([{"name": "one", "healthy": true}, {"name": "two", "healthy": true}]));
    let time = body["timestamp"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let line = gateway.wait_log_of(&answer);
    assert_eq!(
        (&line["route"], &line["decided_by"], &line["reason"]),
        (&"/health".into(), &"route".into(), &"healthy".into())
    );
    gateway.wait_metric("gateway_requests_total", &[("route", "/health"), ("status", "200")], 1.0);
    assert_eq!(a.service.last().header("host"), Some(a.service.addr.to_string().as_str()));

    b.turns(500);
    let answer = gateway.get("/health");
    assert_eq!(answer.status, 503);
    let body = answer.json();
    assert_eq!(body["status"], "unhealthy");
    assert_eq!(
        body["services"],
        json!([{"name": "one", "healthy": true}, {"name": "two", "healthy": false}])
    );
    assert!(!answer.text().contains("127.0.0.1"));

    let head = gateway.request("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.status, head.text().as_str()), (503, ""));
    assert_eq!(
        gateway.request("POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status,
        200,
        "the route `/*`"
    );
}

#[test]
fn addresses_and_errors_show_only_where_it_is_said() {
    let (a, b, c) = (Moody::new("a"), Moody::new("b"), Moody::new("c"));
    b.turns(418);
    c.service.stop();
    let services = [("one", &a.service), ("two", &b.service), ("three", &c.service)];
    let text = page(
        &services,
        "{ services: [two, one, three], expose: true }",
        "{ path: /x, service: one, public: true }",
    );
    let gateway = Gateway::start(&text);
    let answer = gateway.get("/health");
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json()["services"],
        json!([
            {"name": "two", "healthy": false, "url": b.service.url(), "error": "health_check_status_418"},
            {"name": "one", "healthy": true, "url": a.service.url()},
            {"name": "three", "healthy": false, "url": c.service.url(), "error": "connection_refused"},
        ])
    );
}

#[test]
fn one_endpoint_that_is_well_is_enough_and_its_own_checks_say_what_that_is() {
    let (a, b) = (Moody::new("a"), Moody::new("b"));
    a.turns(500);
    let text = format!(
        "services:\n  up: {{ endpoints: ['{}', '{}'], health: {{ path: /health, status: 203, interval: 1h }} }}\n\
         health: {{}}\nroutes: [{{ path: /x, service: up, public: true }}]",
        a.service.url(),
        b.service.url()
    );
    let gateway = Gateway::start(&text);
    assert_eq!(gateway.get("/health").status, 503);
    b.turns(203);
    assert_eq!(gateway.get("/health").status, 200);
}

/// A service whose checks hang until they may go on.
struct Gate {
    service: Service,
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    fn new() -> Self {
        let open = Arc::new((Mutex::new(false), Condvar::new()));
        let gate = Arc::clone(&open);
        let service = Service::raw(move |mut conn| {
            while conn.next_head().is_some() {
                let (open, changed) = &*gate;
                let waited =
                    changed.wait_timeout_while(open.lock().unwrap(), crate::harness::DEADLINE, |open| !*open);
                drop(waited.unwrap());
                conn.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        Self { service, open }
    }

    fn opens(&self) {
        *self.open.0.lock().unwrap() = true;
        self.open.1.notify_all();
    }
}

#[test]
fn concurrent_callers_share_one_asking_and_services_are_asked_side_by_side() {
    let (a, b) = (Gate::new(), Gate::new());
    let services = [("one", &a.service), ("two", &b.service)];
    let gateway =
        Gateway::start(&page(&services, "{ timeout: 30s }", "{ path: /x, service: one, public: true }"));
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                assert_eq!(gateway.get("/health").status, 200);
                answered.fetch_add(1, SeqCst);
            });
        }
        until("all to have come", || (gateway.metric("http_server_active_requests") >= 10.0).then_some(()));
        gateway.each_worker_answers();
        a.service.wait_seen(1);
        b.service.wait_seen(1);
        assert_eq!(answered.load(SeqCst), 0);
        a.opens();
        b.opens();
    });
    assert_eq!((a.service.requests(), b.service.requests()), (1, 1));
    assert_eq!(gateway.get("/health").status, 200);
    assert_eq!(a.service.requests(), 2, "the next one asks anew");
}

#[test]
fn a_service_that_hangs_is_not_well_after_its_time() {
    let a = Moody::new("a");
    a.turns(0);
    let services = [("one", &a.service)];
    let gateway = Gateway::start(&page(
        &services,
        "{ timeout: 100ms, expose: true }",
        "{ path: /x, service: one, public: true }",
    ));
    let answer = gateway.get("/health");
    assert_eq!((answer.status, &answer.json()["services"][0]["error"]), (503, &json!("timeout")));
}

#[test]
fn a_route_of_the_users_own_goes_before_it_and_policies_at_the_top_apply() {
    let a = Moody::new("a");
    let services = [("one", &a.service)];
    let own =
        page(&services, "{}", "{ path: /health, respond: mine }, { path: /x, service: one, public: true }");
    let gateway = Gateway::start(&own);
    assert_eq!(gateway.get("/health").text(), "mine");
    gateway.stderr.find(|line| line.contains("answers there already").then_some(()));
    let text = page(
        &services,
        "{ path: /status }",
        "{ path: /health, respond: mine }, { path: /x, service: one, public: true }",
    ) + "\npolicies: { ip_filter: { deny: [127.0.0.0/8] } }";
    let gateway = Gateway::start(&text);
    assert_eq!(gateway.get("/status").code(), "IP_FORBIDDEN");
}

#[test]
fn what_cannot_be_is_refused_with_a_remedy() {
    for (page, wants) in [
        ("{ services: [oen] }", &["health.services[0]", "unknown service `oen`", "did you mean `one`?"][..]),
        ("{ path: '/{x}' }", &["health.path", "write one such as `/health`"]),
        ("{ timeout: 0s }", &["health.timeout", "write a time such as `5s`"]),
    ] {
        let text = format!(
            "services: {{ one: {{ endpoints: ['http://127.0.0.1:1'] }} }}\nhealth: {page}\nroutes: [{{ path: /x, service: one, public: true }}]"
        );
        let (said, is_content) = said_of(&text, &["check"]);
        assert!(!is_content, "{page}: {said}");
        for want in wants.iter().chain(&["sekisho.yaml:2:"]) {
            assert!(said.contains(want), "{page}: no `{want}` in\n{said}");
        }
    }
}
