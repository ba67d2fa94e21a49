//! `limit` of a service: so many requests at once, a short line of those who wait, and 503 at once for the others.

mod adaptive;
mod bounds;
mod line;
mod reload;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use crate::harness::{Gateway, Service, ok};

/// A service whose answers wait until the test lets one go.
fn held() -> (Service, SyncSender<()>) {
    let (go, wait) = sync_channel::<()>(1_000);
    let wait = Arc::new(Mutex::new(wait));
    let service = Service::answering(move |request| {
        // Without a sender the test is over.
        let _ = wait.lock().unwrap().recv();
        ok("text/plain", &request.target)
    });
    (service, go)
}

const SERVICE: [(&str, &str); 1] = [("service", "s")];

fn wait_in_flight(gateway: &Gateway, want: usize) {
    gateway.wait_metric("gateway_service_requests_in_flight", &SERVICE, want as f64);
}

fn wait_queued(gateway: &Gateway, want: usize) {
    gateway.wait_metric("gateway_service_requests_queued", &SERVICE, want as f64);
}

fn limit(gateway: &Gateway) -> f64 {
    gateway.metric_where("gateway_service_limit", &SERVICE)
}

fn shed(gateway: &Gateway, reason: &str) -> f64 {
    gateway.metric_where("gateway_service_requests_shed_total", &[SERVICE[0], ("reason", reason)])
}
