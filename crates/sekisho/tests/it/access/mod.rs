//! Who may pass: addresses, crowds, keys, passwords, permissions; and what services learn of those who do.

pub(crate) mod api_key;
mod authorize;
pub(crate) mod basic_auth;
mod concurrency;
mod ip_filter;
mod several;

use serde_json::Value;

use crate::harness::{Answer, Gateway, Service};

/// A gateway in front of `service`, called `a`, with security headers and these policies on its route.
fn gateway(service: &Service, policies: &str) -> Gateway {
    gateway_with(service, policies, &[])
}

/// The same with files beside its configuration.
fn gateway_with(service: &Service, policies: &str, files: &[(&str, &str)]) -> Gateway {
    Gateway::start_with(&config(service, policies), &[], files)
}

fn config(service: &Service, policies: &str) -> String {
    format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         policies: {{ security_headers: {{}} }}\n\
         routes: [{{ path: /*, service: a, public: true, policies: {{ {policies} }} }}]\n",
        service.url()
    )
}

/// Checks everything about an answer of the gateway's own but what is particular to its kind: `more` are the further members
/// of its problem document. Gives the document.
#[track_caller]
pub(crate) fn assert_problem(
    answer: &Answer,
    (status, code, error): (u16, &str, &str),
    more: &[&str],
) -> Value {
    let problem = answer.json();
    assert_eq!(
        (answer.status, &problem["code"], &problem["error"]),
        (status, &code.into(), &error.into()),
        "{problem}"
    );
    assert_eq!(answer.headers_all("content-type"), ["application/problem+json"]);
    assert_eq!(answer.headers_all("x-frame-options"), ["SAMEORIGIN"], "security headers are on every answer");
    assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()));
    assert_eq!(answer.header("x-request-id"), problem["request_id"].as_str());
    assert!(answer.header("x-correlation-id").is_some());
    for word in ["title", "detail", "timestamp"] {
        assert!(problem[word].as_str().is_some_and(|text| !text.is_empty()), "{word}: {problem}");
    }
    let usual = ["type", "title", "status", "detail", "error", "code", "request_id", "timestamp"];
    let mut members: Vec<_> = problem.as_object().unwrap().keys().map(String::as_str).collect();
    members.retain(|member| !usual.contains(member));
    members.sort_unstable();
    assert_eq!(members, more, "{problem}");
    problem
}

/// Who decided about an answer, and why, as the log says it.
#[track_caller]
pub(crate) fn decided(gateway: &Gateway, answer: &Answer) -> (String, String) {
    let line = gateway.wait_log_of(answer);
    let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    (word("decided_by"), word("reason"))
}
