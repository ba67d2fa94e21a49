//! Clients that speak TLS, and ports that expect something before HTTP.

mod certificates;
mod proxy;
mod redirect;
mod refused;
mod serving;

use crate::harness::certificates::{Authority, Certified};
use crate::harness::{Gateway, Service};

/// Files of a certificate: `NAME.pem` and `NAME.key`.
fn files<'a>(named: &[(&'a str, &Certified)]) -> Vec<(String, String)> {
    let file = |(name, own): &(&'a str, &Certified)| {
        [(format!("{name}.pem"), own.certificate.clone()), (format!("{name}.key"), own.key.clone())]
    };
    named.iter().flat_map(file).collect()
}

/// The entry of a certificate in a list.
fn entry(name: &str) -> String {
    format!("{{ certificate: {name}.pem, key: {name}.key }}")
}

/// A gateway on `https` and on `http`, in that order, with certificates; `top` are whole lines at the top.
#[track_caller]
fn gateway(service: &Service, certificates: &[(&str, &Certified)], top: &str) -> Gateway {
    let files = files(certificates);
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Gateway::start_with(&config(service, certificates, top), &[], &files)
}

fn config(service: &Service, certificates: &[(&str, &Certified)], top: &str) -> String {
    let entries: Vec<_> = certificates.iter().map(|(name, _)| entry(name)).collect();
    let tls = format!("tls: {{ certificates: [{}] }}", entries.join(", "));
    let listen = "listen: [https://127.0.0.1:0, http://127.0.0.1:0]";
    crate::front::config(service.addr, "", &format!("{listen}\n{tls}\n{top}"))
}

/// An authority, and a certificate of its for `gateway.test`.
fn pair() -> (Authority, Certified) {
    let authority = Authority::new("the clients' authority");
    let own = authority.certify(&["gateway.test"]);
    (authority, own)
}
