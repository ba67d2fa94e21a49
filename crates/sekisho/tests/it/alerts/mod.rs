//! Alerts: what a real receiver is sent, and a real program, when something happens to services and to the store.

mod commands;
mod events;
mod failing;
mod few;
mod reload;
mod seen;

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::Value;

use crate::harness::{Gateway, Request, Service, until};

/// Takes alerts: answers with these statuses, one after another, and then with 200.
struct Receiver {
    service: Service,
}

impl Receiver {
    fn new() -> Self {
        Self::saying(&[])
    }

    fn saying(statuses: &[u16]) -> Self {
        let statuses: Mutex<VecDeque<u16>> = Mutex::new(statuses.iter().copied().collect());
        let service = Service::answering(move |_| {
            let status = statuses.lock().unwrap().pop_front().unwrap_or(200);
            format!("HTTP/1.1 {status} Said\r\nContent-Length: 2\r\n\r\nok").into_bytes()
        });
        Self { service }
    }

    fn url(&self) -> String {
        format!("{}/hook", self.service.url())
    }

    /// Waits until so many requests have come whole.
    #[track_caller]
    fn heard(&self, count: usize) -> Vec<Request> {
        self.service.wait_seen(count);
        until("the bodies", || {
            let seen = self.service.seen();
            seen.iter().take(count).all(|request| request.whole).then_some(seen)
        })
    }

    /// What they say.
    #[track_caller]
    fn told(&self, count: usize) -> Vec<Value> {
        self.heard(count).iter().map(document).collect()
    }
}

fn document(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_else(|error| panic!("{error}: {}", request.text()))
}

/// What an alert is about: its event and its service.
fn about(document: &Value) -> (&str, &str) {
    (document["event"].as_str().unwrap(), document["service"].as_str().unwrap_or_default())
}

/// A configuration with a service `up` whose breaker is moved by hand, and this list of channels.
fn config(service: &Service, alerts: &str) -> String {
    format!(
        "services:\n  up:\n    endpoints: [{}]\n    breaker: {{ volume: 4, reset: 50ms }}\n    retry: off\n\
         routes: [{{ path: /*, service: up, public: true }}]\nalerts:\n{alerts}\n",
        service.url()
    )
}

/// Opens (or closes) the breaker of `up`, if it is not so already.
#[track_caller]
fn order(gateway: &Gateway, order: &str) {
    assert_eq!(gateway.admin_post(&format!("/api/breakers/up/{order}")).status, 200);
}

/// How many alerts have come to this.
fn count(gateway: &Gateway, result: &str) -> f64 {
    gateway.metric_where("gateway_alerts_total", &[("result", result)])
}

#[track_caller]
fn wait_count(gateway: &Gateway, result: &str, want: f64) {
    gateway.wait_metric("gateway_alerts_total", &[("result", result)], want);
}

/// A service that is well.
fn well() -> Service {
    Service::echo()
}

/// Lines of standard error that say so.
fn said(gateway: &Gateway, word: &str) -> Vec<String> {
    gateway.stderr.all().into_iter().filter(|line| line.contains(word)).collect()
}

/// Waits for such a line.
#[track_caller]
fn wait_said(gateway: &Gateway, word: &str) -> String {
    until(word, || said(gateway, word).pop())
}
