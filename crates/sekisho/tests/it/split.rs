//! Routes whose requests several services share.

use crate::harness::{Answer, Gateway, Service, ok};

fn named(name: &'static str) -> Service {
    Service::answering(move |_| ok("text/plain", name))
}

/// A gateway with the services `old` and `new`, and a route with this `split`.
fn gateway(split: &str) -> (Gateway, [Service; 2]) {
    let (old, new) = (named("old"), named("new"));
    let gateway = Gateway::start(&format!(
        "services:\n  old: {{ endpoints: [{}] }}\n  new: {{ endpoints: [{}] }}\n\
         routes: [{{ path: /*, split: {split}, public: true }}]",
        old.url(),
        new.url(),
    ));
    (gateway, [old, new])
}

fn ask(gateway: &Gateway, headers: &str) -> Answer {
    let mut client = gateway.connect();
    client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\n{headers}\r\n"));
    client.answer()
}

#[test]
fn each_service_gets_its_share_and_is_counted_by_itself() {
    let (gateway, services) = gateway("[{ service: old, weight: 90 }, { service: new, weight: 10 }]");
    let mut client = gateway.connect();
    for _ in 0..200 {
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    let got = services.each_ref().map(Service::requests);
    assert!((178..=182).contains(&got[0]) && got[0] + got[1] == 200, "{got:?}");
    for (service, count) in ["old", "new"].into_iter().zip(got) {
        gateway.wait_metric("gateway_requests_total", &[("service", service), ("route", "/*")], count as f64);
    }
    let line = gateway.wait_log(|line| line["event"] == "request_end" && line["service"] == "new");
    assert_eq!((&line["route"], &line["endpoint"]), (&"/*".into(), &services[1].addr.to_string().into()));
}

#[test]
fn what_a_request_says_comes_before_shares() {
    let split = "[{ service: old }, { service: new, headers: { X-Canary: { present: true } } }, \
                 { service: new, cookies: { canary: 'yes' } }]";
    let (gateway, _services) = gateway(split);
    for (headers, want) in [
        ("", "old"),
        ("X-Canary: 1\r\n", "new"),
        ("Cookie: canary=yes\r\n", "new"),
        ("Cookie: a=b; canary=yes\r\n", "new"),
        ("Cookie: canary=no\r\n", "old"),
        ("Cookie: xcanary=yes\r\n", "old"),
    ] {
        assert_eq!(ask(&gateway, headers).text(), want, "{headers}");
    }
}

#[test]
fn requests_with_one_key_go_one_way() {
    let (gateway, services) = gateway("{ by: cookie.session, to: [{ service: old }, { service: new }] }");
    let way = |session: u32| ask(&gateway, &format!("Cookie: session={session}\r\n")).text();
    let first: Vec<_> = (0..40).map(way).collect();
    assert_eq!((0..40).map(way).collect::<Vec<_>>(), first);
    assert!(services.iter().all(|service| service.requests() >= 16), "both get some: {first:?}");
}

#[test]
fn counters_outlive_a_change_of_shares() {
    let (gateway, services) = gateway("[{ service: old, weight: 1 }, { service: new, weight: 0 }]");
    assert_eq!(ask(&gateway, "").text(), "old");
    gateway.wait_metric("gateway_requests_total", &[("service", "old"), ("route", "/*")], 1.0);
    gateway.reconfigure(&format!(
        "services:\n  old: {{ endpoints: [{}] }}\n  new: {{ endpoints: [{}] }}\n\
         routes: [{{ path: /*, split: [{{ service: new }}, {{ service: old, weight: 0 }}], public: true }}]",
        services[0].url(),
        services[1].url(),
    ));
    assert_eq!(ask(&gateway, "").text(), "new");
    for service in ["old", "new"] {
        gateway.wait_metric("gateway_requests_total", &[("service", service), ("route", "/*")], 1.0);
    }
}

/// What a command says of a configuration with this route.
fn said_of(route: &str, words: &[&str]) -> String {
    let config = format!(
        "services: {{ old: {{ endpoints: ['http://127.0.0.1:1'] }}, new: {{ endpoints: ['http://127.0.0.1:2'] }} }}\n\
         routes: [{{ path: /*, public: true, {route} }}]"
    );
    crate::harness::said_of(&config, words).0
}

#[test]
fn plan_and_explain_tell_who_gets_what() {
    let split = "split: [{ service: old, weight: 3 }, { service: new }, { service: new, headers: { X-Canary: '1' } }]";
    let plan = said_of(split, &["plan"]);
    let want = "service new where x-canary is `1`, service old 75%, service new 25%";
    assert!(plan.contains(want), "{plan}");
    let explained = said_of(split, &["plan", "GET", "/a"]);
    assert!(explained.contains(want), "{explained}");
    let decided = said_of(split, &["plan", "GET", "/a", "--header", "X-Canary: 1"]);
    assert!(
        decided.contains("→ service new\n") || decided.trim_end().ends_with("→ service new"),
        "{decided}"
    );
}

#[test]
fn what_cannot_be_is_reported_at_its_place_with_a_remedy() {
    for (route, want) in [
        ("split: []", "requests that no condition decides go nowhere; list a service with a `weight`"),
        ("split: [{ service: old, weight: 0 }]", "requests that no condition decides go nowhere"),
        (
            "split: [{ service: olt }]",
            "routes[0].split[0].service: unknown service `olt`; did you mean `old`?",
        ),
        ("split: [{ service: old }, { service: old }]", "routes[0].split[1]: `old` has a share already"),
        (
            "split: { by: session, to: [{ service: old }] }",
            "key `session` is unknown; use `ip`, `header.NAME` or `cookie.NAME`",
        ),
        (
            "split: [{ service: old }, { service: new, weight: 1, cookies: { a: b } }]",
            "split[1].weight: requests go here by what they say, so a weight means nothing",
        ),
        (
            "service: old, split: [{ service: new }]",
            "the route has both `service` and `split`; keep one of them",
        ),
        (
            "split: [{ service: old }, { service: new, headers: { 'a b': c } }]",
            "`a b` is no name of a header field",
        ),
    ] {
        let said = said_of(route, &["check"]);
        assert!(said.contains(want) && said.contains("sekisho.yaml:2:"), "{route}: {want}\nin\n{said}");
    }
}
