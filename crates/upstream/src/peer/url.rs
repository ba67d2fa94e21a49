//! A URL as somebody to ask: a service that no configuration names, with one endpoint and few connections.

use std::sync::Arc;

use sekisho_exchange::{Dial, Peer};
use sekisho_units::{At, OrOff, Place, Problem, Problems, Span};
use sekisho_wire::{HeadBuf, Limits};

use crate::carry::Carry;
use crate::config::{Config, ConnectionsConfig, TimeoutsConfig};
use crate::fleet::EndpointConfig;
use crate::prepare::{Files, prepare};
use crate::service::Service;

/// Whoever is at `url`, called `name` in logs and answers, and the target to ask for. TLS is by the system's authorities.
///
/// `None` if the URL is none or cannot be asked; why is among `problems` then, at `path`.
pub fn peer_at(
    name: &'static str,
    url: &At<String>,
    path: &str,
    carry: &Carry,
    problems: &mut Problems,
) -> Option<(Arc<dyn Peer>, String)> {
    let mut refuse = |message: &str, remedy: &str| {
        problems.push(Problem::error(url.place.clone(), path, message).remedy(remedy));
        None
    };
    let (origin, target) = split(url);
    if target.contains('#') {
        return refuse("the URL has a fragment, which nobody is asked for", "leave out `#` and what follows");
    }
    if HeadBuf::default().request(b"GET", target.as_bytes()).is_err() {
        return refuse("the URL holds characters that no URL may hold", "percent-encode them");
    }
    let endpoint = match EndpointConfig::at(origin.to_owned()) {
        Ok(endpoint) => endpoint,
        Err(wrong) => return refuse(&wrong, "write a URL such as `https://host/path`"),
    };
    let config = alone(url, endpoint);
    let mut found = Problems::new();
    let Some(secured) = prepare(&config, "", Files::none(), &mut found) else {
        for problem in found {
            let remedy = "install certificate authorities (`ca-certificates`), or describe a service with `tls: { ca }`";
            problems.push(Problem::error(url.place.clone(), path, problem.message).remedy(remedy));
        }
        return None;
    };
    // By another name it shares no connection with a service, whose limits may be others.
    let mut service = Service::new(&format!("{name} at"), &config, secured, carry, Limits::default());
    service.name = name.into();
    Some((Arc::new(service), target))
}

/// Finds whoever is at URLs that become known only while the gateway runs.
pub struct Dialer(Arc<Carry>);

impl Dialer {
    /// What their endpoints keep is kept here.
    pub fn new(carry: Arc<Carry>) -> Self {
        Self(carry)
    }
}

impl Dial for Dialer {
    fn dial(&self, name: &'static str, url: &str) -> Result<(Arc<dyn Peer>, String), String> {
        let mut problems = Problems::new();
        let at = At::new(Place::none(), url.to_owned());
        peer_at(name, &at, "url", &self.0, &mut problems).ok_or_else(|| {
            let messages: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
            messages.join("; ")
        })
    }
}

/// Scheme and authority, and path and query, which begin with a slash.
fn split(url: &str) -> (&str, String) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    match url[authority..].find(['/', '?', '#']).map(|at| authority + at) {
        None => (url, "/".to_owned()),
        Some(at) if url[at..].starts_with('/') => (&url[..at], url[at..].to_owned()),
        Some(at) => (&url[..at], format!("/{}", &url[at..])),
    }
}

fn alone(url: &At<String>, endpoint: EndpointConfig) -> Config {
    Config {
        endpoints: vec![At::new(url.place.clone(), endpoint)],
        discover: None,
        balance: Default::default(),
        sticky: None,
        panic_threshold: None,
        slow_start: None,
        prefer_zone: None,
        // Whoever asks says how long the whole may take.
        timeouts: TimeoutsConfig::default(),
        preserve_host: false,
        deadline_header: At::nowhere(OrOff::Off),
        breaker: None,
        retry: None,
        health: None,
        outlier: None,
        connections: ConnectionsConfig {
            max: 32,
            queue: 256,
            keep: 4,
            idle: Span::from_secs(30),
            ..ConnectionsConfig::default()
        },
        tls: None,
        tunnels: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_endpoint_and_a_target() {
        for (url, want) in [
            ("http://a.example", Ok("/")),
            ("http://a.example:81/", Ok("/")),
            ("http://a.example/keys/jwks.json?v=1", Ok("/keys/jwks.json?v=1")),
            ("http://a.example?v=1", Ok("/?v=1")),
            ("http://[::1]:8080/x", Ok("/x")),
            ("a.example/keys", Err("has no scheme")),
            ("ftp://a.example/keys", Err("has a scheme that endpoints cannot be asked by")),
            ("http://a.example/keys#1", Err("fragment")),
            ("http://a.example/a b", Err("percent-encode")),
            ("http://u:p4ss@a.example/keys", Err("the URL has a user name")),
            ("http:///keys", Err("does not name a host")),
            ("http://a.example:0/keys", Err("port")),
            ("", Err("has no scheme")),
        ] {
            let mut problems = Problems::new();
            let at = At::new(Place::none(), url.to_owned());
            let got = peer_at("jwt", &at, "policies.jwt.url", &Carry::default(), &mut problems);
            match want {
                Ok(target) => {
                    let (peer, asked) = got.unwrap_or_else(|| panic!("{url}: {problems}"));
                    assert_eq!((peer.name(), asked.as_str(), problems.len()), ("jwt", target, 0), "{url}");
                }
                Err(wrong) => {
                    assert!(got.is_none() && problems.to_string().contains(wrong), "{url}: {problems}");
                    assert!(!problems.to_string().contains("p4ss"), "{problems}");
                }
            }
        }
    }
}
