//! The operators' port: probes, metrics that agree with the traffic to the last request, and nothing for clients.

use std::collections::BTreeMap;

use crate::front::gateway;
use crate::harness::{Client, Gateway, Service, ok, until};

/// Known traffic over two routes and past them: 7 GET 200, 2 POST 201, 3 GET 500, 1 PUT 503, 4 GET 404.
fn after_traffic() -> (Service, Gateway) {
    let service = Service::answering(|request| match request.method.as_str() {
        "POST" => b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nmade".to_vec(),
        _ if request.target == "/shop/fail" => b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => ok("text/plain", "hello"),
    });
    let gateway = Gateway::start(&format!(
        "workers: 2\nservices:\n  shop: {{ endpoints: ['{}'] }}\n  away: {{ endpoints: ['http://127.0.0.1:1'] }}\nroutes:\n  \
         - {{ path: '/shop/{{id}}', service: shop, public: true }}\n  - {{ path: '/away/*', service: away, public: true }}\n",
        service.url()
    ));
    for index in 0..7 {
        assert_eq!(gateway.get(&format!("/shop/{index}")).status, 200);
    }
    for _ in 0..2 {
        assert_eq!(
            gateway.request("POST /shop/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").status,
            201
        );
    }
    for _ in 0..3 {
        assert_eq!(gateway.get("/shop/fail").status, 500);
    }
    assert_eq!(gateway.request("PUT /away/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status, 503);
    for _ in 0..4 {
        assert_eq!(gateway.get("/elsewhere").status, 404);
    }
    gateway.wait_metric("gateway_requests_total", &[], 17.0);
    (service, gateway)
}

/// Samples by their names and labels as written.
fn samples(gateway: &Gateway) -> BTreeMap<String, f64> {
    let text = gateway.admin_get("/metrics").text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples: Vec<_> = lines.map(|line| line.rsplit_once(' ').unwrap()).collect();
    let count = samples.len();
    let samples: BTreeMap<_, _> =
        samples.into_iter().map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect();
    assert_eq!(samples.len(), count, "no sample stands there twice");
    samples
}

#[test]
fn probes_say_that_it_lives_and_is_ready() {
    let gateway = Gateway::start("routes: [{ path: /, respond: hi }]");
    for (path, text) in [("/livez", "alive\n"), ("/readyz", "ready\n")] {
        let answer = gateway.admin_get(path);
        assert_eq!((answer.status, answer.text().as_str()), (200, text));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn requests_and_errors_are_counted_exactly() {
    let (_service, gateway) = after_traffic();
    let samples = samples(&gateway);
    for (name, want) in [
        (r#"gateway_requests_total{service="shop",route="/shop/{id}",method="GET",status="200"}"#, 7.0),
        (r#"gateway_requests_total{service="shop",route="/shop/{id}",method="POST",status="201"}"#, 2.0),
        (r#"gateway_requests_total{service="shop",route="/shop/{id}",method="GET",status="500"}"#, 3.0),
        (r#"gateway_requests_total{service="away",route="/away/*",method="PUT",status="503"}"#, 1.0),
        (r#"gateway_requests_total{service="",route="",method="GET",status="404"}"#, 4.0),
        (r#"gateway_errors_total{service="shop",route="/shop/{id}",type="server"}"#, 3.0),
        (r#"gateway_errors_total{service="away",route="/away/*",type="server"}"#, 1.0),
        (r#"gateway_errors_total{service="",route="",type="client"}"#, 4.0),
        (r#"gateway_request_duration_seconds_count{service="shop",route="/shop/{id}"}"#, 12.0),
        (r#"gateway_request_duration_seconds_count{service="away",route="/away/*"}"#, 1.0),
        (r#"gateway_request_duration_seconds_count{service="",route=""}"#, 4.0),
        (
            r#"http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="201",http_route="/shop/{id}",url_scheme="http"}"#,
            2.0,
        ),
        ("http_server_active_requests", 0.0),
        (r#"gateway_connections_total{result="accepted"}"#, 17.0),
        (r#"gateway_connections_total{result="refused"}"#, 0.0),
        (r#"gateway_access_log_dropped_total{to="stdout"}"#, 0.0),
    ] {
        assert_eq!(samples.get(name), Some(&want), "{name}");
    }
    let all = |family: &str| {
        samples.iter().filter(|(name, _)| name.starts_with(family)).map(|(_, value)| value).sum::<f64>()
    };
    assert_eq!(all("gateway_requests_total{"), 17.0);
    assert_eq!(all("gateway_errors_total{"), 8.0);
}

#[test]
fn histograms_grow_from_bucket_to_bucket_and_add_up() {
    let (_service, gateway) = after_traffic();
    let text = gateway.admin_get("/metrics").text();
    let of = |name: &str| -> Vec<f64> {
        let lines = text
            .lines()
            .filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(r#"route="/shop/{id}""#));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
    };
    let buckets = of("gateway_request_duration_seconds_bucket");
    assert!(buckets.len() >= 15, "{text}");
    assert!(buckets.windows(2).all(|pair| pair[0] <= pair[1]), "{buckets:?}");
    assert_eq!((buckets.last(), of("gateway_request_duration_seconds_count")), (Some(&12.0), vec![12.0]));
    let [sum] = of("gateway_request_duration_seconds_sum")[..] else { panic!("one sum in {text}") };
    // What the log says of the same requests, in milliseconds.
    let lines: Vec<_> = until("all lines", || {
        let lines: Vec<_> =
            gateway.log_lines().into_iter().filter(|line| line["route"] == "/shop/{id}").collect();
        (lines.len() == 12).then_some(lines)
    });
    let logged: f64 = lines.iter().map(|line| line["duration"].as_f64().unwrap()).sum();
    assert!((sum * 1e3 - logged).abs() < 0.05, "{} ms and {logged} ms", sum * 1e3);
    let labels = [("service", "shop"), ("route", "/shop/{id}"), ("le", "+Inf")];
    assert_eq!(gateway.metric_where("gateway_request_duration_seconds_bucket", &labels), 12.0);
}

#[test]
fn throughput_is_what_was_asked_within_the_minute() {
    let (_service, gateway) = after_traffic();
    // It is noted once a second.
    gateway.wait_metric("gateway_throughput", &[], 17.0);
}

#[test]
fn every_family_is_described_before_its_samples() {
    let (_service, gateway) = after_traffic();
    let text = gateway.admin_get("/metrics").text();
    let mut types = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "{name} twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .filter(|name| types.contains_key(*name));
            assert!(types.contains_key(family.unwrap_or(name)), "{name} is not described");
        }
    }
    for (name, kind) in [
        ("gateway_requests_total", "counter"),
        ("gateway_errors_total", "counter"),
        ("gateway_request_duration_seconds", "histogram"),
        ("gateway_throughput", "gauge"),
        ("http_server_request_duration_seconds", "histogram"),
        ("http_server_active_requests", "gauge"),
        ("gateway_connections", "gauge"),
        ("gateway_policy_decisions_total", "counter"),
        ("gateway_build_info", "gauge"),
        ("process_resident_memory_bytes", "gauge"),
    ] {
        assert_eq!(types.get(name).map(String::as_str), Some(kind), "{name}");
    }
}

#[test]
fn policies_tell_what_they_decided() {
    let gateway = Gateway::start(
        "workers: 1\npolicies: { body_limit: { max: 10B } }\nroutes:\n  - { path: '/a', respond: hi, policies: { cors: { origins: ['https://x.example'] } } }\n",
    );
    assert_eq!(gateway.get("/a").status, 200);
    let preflight = "OPTIONS /a HTTP/1.1\r\nHost: a\r\nOrigin: https://x.example\r\nAccess-Control-Request-Method: GET\r\n\r\n";
    assert_eq!(gateway.request(preflight).status / 100, 2);
    let large = gateway
        .request(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n{}", "x".repeat(11)));
    assert_eq!(large.status, 413);
    for (policy, decision, want) in [
        ("cors", "answered", 1.0),
        ("cors", "proceeded", 2.0),
        ("body_limit", "answered", 1.0),
        ("body_limit", "shadowed", 0.0),
    ] {
        let labels = [("route", "/a"), ("policy", policy), ("decision", decision)];
        gateway.wait_metric("gateway_policy_decisions_total", &labels, want);
    }
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let gateway = Gateway::start("routes: [{ path: /, respond: hi }]");
    let mut client = Client::connect(gateway.admin);
    for (accept, content_type, end) in [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", "\n"),
        (
            "application/openmetrics-text;version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# EOF\n",
        ),
    ] {
        client.send(format!("GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)));
        assert!(answer.text().ends_with(end));
    }
}

#[test]
fn what_is_not_there_is_404_and_what_would_change_something_is_405() {
    let gateway = Gateway::start("routes: [{ path: /, respond: hi }]");
    let mut client = Client::connect(gateway.admin);
    for (line, status, code) in [
        ("GET /nothing", 404, "NO_ROUTE"),
        ("GET /livez/", 404, "NO_ROUTE"),
        ("POST /metrics", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE /", 405, "METHOD_NOT_ALLOWED"),
    ] {
        client.send(format!("{line} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{line}");
        assert_eq!(answer.header("allow"), (status == 405).then_some("GET, HEAD"), "{line}");
    }
}

#[test]
fn the_plan_and_the_index_are_there() {
    let (_service, gateway) = after_traffic();
    let plan = gateway.admin_get("/api/plan").json();
    let paths: Vec<_> =
        plan["routes"].as_array().unwrap().iter().map(|route| route["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/away/*", "/shop/{id}"]);
    let index = gateway.admin_get("/");
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    for path in index.text().split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert_eq!(gateway.admin_get(path).status, 200, "{path}");
    }
    assert_eq!(gateway.admin_get("/api/version").json()["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn nothing_of_it_is_on_the_traffic_port() {
    let service = Service::echo();
    let with_nothing = Gateway::start("routes: [{ path: /only, respond: hi }]");
    let with_all = gateway(service.addr, "", "");
    for path in ["/livez", "/readyz", "/metrics", "/api/plan", "/api/version"] {
        assert_eq!(with_nothing.get(path).code(), "NO_ROUTE", "{path}");
        assert_eq!(with_all.get(path).json()["target"], path, "the service's own");
    }
}

#[test]
fn it_can_be_switched_off() {
    let gateway = Gateway::start("admin: off\nroutes: [{ path: /, respond: hi }]");
    assert!(!gateway.stderr.all().iter().any(|line| line.contains("admin on")));
    assert_eq!(gateway.get("/").text(), "hi");
}

#[test]
fn scraping_counts_no_request() {
    let gateway = Gateway::start("routes: [{ path: /, respond: hi }]");
    for _ in 0..5 {
        assert_eq!(gateway.admin_get("/metrics").status, 200);
    }
    assert_eq!(gateway.metric("gateway_requests_total"), 0.0);
    assert!(gateway.log_lines().is_empty());
}
