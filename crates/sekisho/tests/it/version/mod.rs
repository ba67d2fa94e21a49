//! Routes whose interface has versions.

mod answers;
mod choosing;
mod reload;
mod routing;
mod told;

use serde_json::Value;

use crate::harness::{Answer, Gateway, Service, ok};

/// A service that answers with its name and what it was asked for.
fn named(name: &'static str) -> Service {
    Service::answering(move |request| ok("text/plain", format!("{name} {}", request.target)))
}

/// A gateway with the services `old` and `new` and these routes; `more` stands at the top.
fn gateway(more: &str, routes: &str) -> (Gateway, [Service; 2]) {
    let services = [named("old"), named("new")];
    let gateway = Gateway::start(&config(&services, more, routes));
    (gateway, services)
}

fn config([old, new]: &[Service; 2], more: &str, routes: &str) -> String {
    format!(
        "services:\n  old: {{ endpoints: [{}] }}\n  new: {{ endpoints: [{}] }}\n{more}\nroutes:\n{routes}\n",
        old.url(),
        new.url(),
    )
}

/// Versions 1 and 2 of `/users/*`.
const USERS: &str =
    "- { path: /users/*, public: true, versions: { v1: { service: old }, v2: { service: new } } }";

fn ask(gateway: &Gateway, method: &str, path: &str, headers: &str) -> Answer {
    gateway.request(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n"))
}

fn get(gateway: &Gateway, path: &str, headers: &str) -> Answer {
    ask(gateway, "GET", path, headers)
}

/// The contract's row.
#[track_caller]
fn assert_unsupported(answer: &Answer, supported: &[&str]) {
    let document = answer.json();
    assert_eq!(
        (answer.status, &document["code"]),
        (400, &Value::from("UNSUPPORTED_VERSION")),
        "{document:#}"
    );
    assert_eq!(document["error"], "Unsupported API version");
    assert_eq!(document["supportedVersions"], Value::from(supported));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.header("x-request-id").is_some(), "as on every answer");
}
