//! A gateway in front of one service: what most tests of failures, timeouts and connections need.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Answer, Gateway, until};

/// The configuration: `service` are further words of the service `s`, as in `timeouts: { idle: 1s }`; `top` are whole
/// lines at the top.
pub(crate) fn config(address: SocketAddr, service: &str, top: &str) -> String {
    format!(
        "{top}\nservices:\n  s: {{ endpoints: ['http://{address}'], {service} }}\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n"
    )
}

/// The gateway.
pub(crate) fn gateway(address: SocketAddr, service: &str, top: &str) -> Gateway {
    Gateway::start(&config(address, service, top))
}

/// The log's line about a path.
pub(crate) fn logged(gateway: &Gateway, path: &str) -> Value {
    gateway.wait_log(|line| line["event"] == "request_end" && line["path"] == path)
}

/// Asserts that a duration lies within bounds, in milliseconds. What is the least must be measured from before the gateway's
/// clock begins; the most must be what only another limit would take, since any machine may stall for seconds.
#[track_caller]
pub(crate) fn assert_took(took: Duration, least: u64, most: u64) {
    let took = took.as_millis();
    assert!((u128::from(least)..=u128::from(most)).contains(&took), "took {took} ms, not {least} to {most}");
}

/// Asks again until an answer came before only another limit would have ended it, since any machine may stall for seconds. It
/// always takes `least` milliseconds.
#[track_caller]
pub(crate) fn until_within(least: u64, most: u64, mut ask: impl FnMut()) {
    until("an answer in time", || {
        let began = Instant::now();
        ask();
        let took = began.elapsed().as_millis();
        assert!(took >= u128::from(least), "took {took} ms, not {least}");
        (took <= u128::from(most)).then_some(())
    });
}

/// Asserts an answer of the gateway's own about the service `s`, and that it betrays nothing of where that runs.
#[track_caller]
pub(crate) fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (status, code),
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert!(answer.complete);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!(body["status"], status);
    assert_eq!(body["service"], "s");
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
    let mut whole = String::from_utf8_lossy(&answer.body).into_owned();
    for (name, value) in &answer.headers {
        whole.push_str(&format!("\n{name}: {value}"));
    }
    for inner in ["127.0.0.1", "localhost", "os error", ".invalid", "refused", "panicked"] {
        assert!(!whole.contains(inner), "{inner} in {whole}");
    }
}
