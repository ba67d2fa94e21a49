//! The text that Prometheus reads, from a site whose meters are set by hand.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use sekisho_exchange::Scheme;
use sekisho_wire::Method;

use super::*;
use crate::configuration::compile_text;

const YAML: &str = "
workers: 2
services:
  orders: { endpoints: ['http://127.0.0.1:1'] }
routes:
  - { path: /orders/*, service: orders, methods: [GET], policies: { headers: { response: { set: { a: b } }, mode: shadow } } }
  - { path: /orders/*, service: orders, methods: [POST], public: true }
  - { path: /hello, respond: hello }
";

fn state() -> Arc<State> {
    let loaded = compile_text("test.yaml", YAML, |_| None, Default::default());
    let site = loaded.site.unwrap_or_else(|| panic!("{}", loaded.problems));
    let plan =
        |route: &str, nth: usize| site.plans.iter().filter(|plan| &*plan.route == route).nth(nth).unwrap();
    let read = &plan("/orders/*", 0).meter;
    read.record(0, (Method::Get, 200, Scheme::Http), Duration::from_micros(900), (0, 10));
    read.record(1, (Method::Get, 200, Scheme::Http), Duration::from_millis(20), (0, 10));
    read.record(1, (Method::Get, 503, Scheme::Http), Duration::from_secs(60), (0, 10));
    // The same pattern again: one row for both, not two of one name.
    let write = &plan("/orders/*", 1).meter;
    write.record(0, (Method::Post, 200, Scheme::Http), Duration::from_micros(900), (0, 0));
    write.record(0, (Method::Get, 200, Scheme::Http), Duration::from_micros(900), (0, 0));
    site.fallback.meter.record(0, (Method::Other, 404, Scheme::Http), Duration::ZERO, (0, 0));
    plan("/hello", 0).meter.record(0, (Method::Get, 200, Scheme::Http), Duration::ZERO, (0, 0));
    let step = plan("/orders/*", 0).steps.iter().find(|step| step.step.name() == "headers").unwrap();
    step.meter.proceeded(0);
    step.meter.shadowed(1);
    step.meter.took(0, Duration::from_millis(500));
    let mut tunnel = site.services[0].tunnels.enter(0).unwrap();
    tunnel.open();
    tunnel.moved(3, 4);
    tunnel.ended("tunnel_idle");
    // One that is still open.
    std::mem::forget(tunnel);
    let state = State::new(site, &loaded.carry, Arc::default());
    state.workers[0].connections.store(2, Relaxed);
    state.workers[1].connections.store(1, Relaxed);
    state.workers[1].accepted.store(7, Relaxed);
    state.workers[0].active.store(1, Relaxed);
    state.refused.store(4, Relaxed);
    state
}

fn text(exposition: Exposition) -> String {
    Metrics::new(state()).expose(exposition)
}

#[test]
fn rows_are_named_as_the_contract_names_them() {
    let text = text(Exposition::Text);
    for row in [
        r#"gateway_access_log_dropped_total{to="stdout"} 0"#,
        r#"gateway_requests_total{service="orders",route="/orders/*",method="GET",status="200"} 3"#,
        r#"gateway_requests_total{service="orders",route="/orders/*",method="GET",status="503"} 1"#,
        r#"gateway_requests_total{service="orders",route="/orders/*",method="POST",status="200"} 1"#,
        r#"gateway_requests_total{service="",route="",method="OTHER",status="404"} 1"#,
        r#"gateway_requests_total{service="",route="/hello",method="GET",status="200"} 1"#,
        r#"gateway_errors_total{service="orders",route="/orders/*",type="server"} 1"#,
        r#"gateway_errors_total{service="",route="",type="client"} 1"#,
        r#"gateway_request_duration_seconds_count{service="orders",route="/orders/*"} 5"#,
        r#"gateway_request_duration_seconds_bucket{le="0.001",service="orders",route="/orders/*"} 3"#,
        r#"gateway_request_duration_seconds_bucket{le="10.0",service="orders",route="/orders/*"} 4"#,
        r#"gateway_request_duration_seconds_bucket{le="+Inf",service="orders",route="/orders/*"} 5"#,
        r#"http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/orders/*",url_scheme="http"} 3"#,
        r#"http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="404",http_route="",url_scheme="http"} 1"#,
        "http_server_active_requests 1",
        "gateway_throughput 0",
        r#"gateway_policy_decisions_total{route="/orders/*",policy="headers",mode="shadow",decision="proceeded"} 1"#,
        r#"gateway_policy_decisions_total{route="/orders/*",policy="headers",mode="shadow",decision="answered"} 0"#,
        r#"gateway_policy_decisions_total{route="/orders/*",policy="headers",mode="shadow",decision="shadowed"} 1"#,
        r#"gateway_policy_seconds_total{route="/orders/*",policy="headers"} 0.5"#,
        r#"gateway_policy_timed_total{route="/orders/*",policy="headers"} 1"#,
        "gateway_connections 3",
        r#"gateway_worker_stall_seconds_count{worker="1"} 0"#,
        r#"gateway_worker_stall_seconds_bucket{le="0.001",worker="0"} 0"#,
        r#"gateway_worker_longest_stall_seconds{worker="1"} 0.0"#,
        r#"gateway_tunnels{service="orders"} 1"#,
        r#"gateway_tunnels_total{service="orders",ending="tunnel_idle"} 1"#,
        r#"gateway_tunnels_total{service="orders",ending="ok"} 0"#,
        r#"gateway_tunnel_bytes_total{service="orders",direction="to_service"} 3"#,
        r#"gateway_tunnel_bytes_total{service="orders",direction="to_client"} 4"#,
        r#"gateway_connections_total{result="accepted"} 7"#,
        r#"gateway_connections_total{result="refused"} 4"#,
        &format!(r#"gateway_build_info{{version="{}"}} 1"#, env!("CARGO_PKG_VERSION")),
    ] {
        assert!(text.lines().any(|line| line == row), "{row} in\n{text}");
    }
}

#[test]
fn no_row_and_no_family_stands_there_twice() {
    for exposition in [Exposition::OpenMetrics, Exposition::Text] {
        let text = text(exposition);
        let mut names: Vec<_> = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(comment) => comment.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" "),
                None => line.rsplit_once(' ').map_or(line, |(name, _)| name).to_owned(),
            })
            .collect();
        names.sort();
        for pair in names.windows(2) {
            assert_ne!(pair[0], pair[1], "{exposition:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_measured() {
    let text = text(Exposition::Text);
    let value = |name: &str| -> f64 {
        let row = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        row.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes") > 1e5);
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_cpu_seconds_total") >= 0.0);
    // Later than 2025, so that it is counted from 1970 and in seconds.
    assert!(value("process_start_time_seconds") > 1.7e9);
}

#[test]
fn open_metrics_names_its_families_without_total_and_says_where_it_ends() {
    let text = text(Exposition::OpenMetrics);
    assert!(text.contains("# TYPE gateway_requests counter\n"), "{text}");
    assert!(text.contains("# TYPE gateway_connections_total unknown\n"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}
