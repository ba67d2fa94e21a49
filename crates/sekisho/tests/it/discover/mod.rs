//! Endpoints that come and go: in files, in the DNS, in an etcd. The gateway follows without a restart, loses nobody for what a
//! registry does, and ends what it began.

mod dns;
pub(crate) mod dns_server;
mod etcd;
pub(crate) mod etcd_server;
mod file;
mod in_flight;
mod reload;
mod settings;
mod tls;

use serde_json::Value;

use crate::harness::{Gateway, Service, ok, until};

/// A service that says its name.
fn named(name: &'static str) -> Service {
    Service::fixed(ok("text/plain", name))
}

/// A configuration with one service `up`, whose settings these are, and one route to it.
fn config(service: &str) -> String {
    format!("services:\n  up: {{ {service} }}\nroutes: [{{ path: /*, service: up }}]\n")
}

/// Waits until requests are answered by these and by nobody else.
#[track_caller]
fn answered_by(gateway: &Gateway, names: &[&str]) {
    until(&format!("answers by {names:?}"), || {
        let mut seen: Vec<_> = (0..names.len() * 3).map(|_| gateway.get("/").text()).collect();
        seen.sort();
        seen.dedup();
        (seen == names).then_some(())
    });
}

/// The endpoints of `up`, as the admin port shows them.
fn endpoints(gateway: &Gateway) -> Vec<Value> {
    let services = gateway.admin_get("/api/services").json();
    services[0]["endpoints"].as_array().cloned().unwrap_or_default()
}

/// How they are found.
fn discovery(gateway: &Gateway) -> Value {
    gateway.admin_get("/api/services").json()[0]["discovery"].clone()
}

/// Waits until the endpoints of `up` are these addresses.
#[track_caller]
fn are(gateway: &Gateway, want: &[&str]) {
    until(&format!("endpoints {want:?}; there are {:?}", endpoints(gateway)), || {
        let found = endpoints(gateway);
        let mut found: Vec<_> = found.iter().filter_map(|one| one["endpoint"].as_str()).collect();
        found.sort_unstable();
        (found == want).then_some(())
    });
}

/// Waits for a line on standard error that begins so.
#[track_caller]
fn told(gateway: &Gateway, event: &str) -> String {
    let line = gateway.stderr.find(|line| line.contains(event).then(|| line.to_owned()));
    line.unwrap_or_else(|| panic!("nothing was told of `{event}`:\n{}", gateway.stderr.all().join("\n")))
}

/// How often something was told.
fn times_told(gateway: &Gateway, event: &str) -> usize {
    gateway.stderr.all().iter().filter(|line| line.contains(event)).count()
}
