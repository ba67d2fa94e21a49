//! Services that are asked over TLS.

mod bodies;
mod certificates;
mod ours;
mod renewed;
mod settings;
mod unused;

use std::net::SocketAddr;

use crate::front::{assert_problem, logged};
use crate::harness::certificates::{Authority, Certified};
use crate::harness::{Gateway, TlsConn, TlsService};

/// A gateway with one worker in front of `https://127.0.0.1`; `service` are further words of the service `s`.
#[track_caller]
fn gateway(address: SocketAddr, service: &str, files: &[(&str, &str)]) -> Gateway {
    gateway_for(&format!("https://{address}"), service, &[], files)
}

/// A gateway in front of a URL, with environment variables.
#[track_caller]
fn gateway_for(url: &str, service: &str, env: &[(&str, &str)], files: &[(&str, &str)]) -> Gateway {
    Gateway::start_with(&config_for(url, service), env, files)
}

fn config_for(url: &str, service: &str) -> String {
    format!(
        "workers: 1\nservices:\n  s: {{ endpoints: ['{url}'], {service} }}\nroutes:\n  \
         - {{ path: '/*', service: s, public: true }}\n"
    )
}

/// An authority, and a certificate of its for 127.0.0.1.
fn pair() -> (Authority, Certified) {
    let authority = Authority::new("the services' authority");
    let own = authority.certify(&["127.0.0.1"]);
    (authority, own)
}

/// A service, and a gateway in front of it that believes its authority.
fn verified(serve: impl Fn(TlsConn) + Send + Sync + 'static) -> (TlsService, Gateway) {
    let (authority, own) = pair();
    let service = TlsService::with(crate::harness::tls_config(&own, rustls::ALL_VERSIONS, None), serve);
    let gateway = gateway(service.addr, "tls: { ca: ca.pem }", &[("ca.pem", &authority.pem())]);
    (service, gateway)
}

/// Asserts that a request finds no service, that the log says why, and that the client does not hear of it.
#[track_caller]
fn assert_unreachable(gateway: &Gateway, path: &str, reason: &str) {
    let answer = gateway.get(path);
    assert_problem(&answer, 503, "UPSTREAM_UNAVAILABLE");
    let text = answer.text().to_lowercase();
    for inner in ["tls", "certificate", "handshake", "connect_timeout"] {
        assert!(!text.contains(inner), "{inner} in {text}");
    }
    assert_eq!(logged(gateway, path)["reason"], reason, "{path}");
}
