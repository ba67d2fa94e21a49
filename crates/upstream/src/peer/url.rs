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
use crate::tls::Config as TlsConfig;

/// TLS settings of whoever is asked by a URL.
#[derive(Clone, Copy)]
pub struct Over<'a> {
    /// The settings.
    pub tls: &'a TlsConfig,
    /// What they stand in: they are the `tls` of this path.
    pub path: &'a str,
    /// The files that they name.
    pub files: Files<'a>,
}

/// Somebody to ask.
pub struct AtUrl {
    /// Who it is.
    pub peer: Arc<dyn Peer>,
    /// The target to ask for.
    pub target: String,
    /// Another number as soon as the settings of TLS or their files say something else.
    pub identity: u64,
}

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
    peer_over(name, url, path, None, carry, problems).map(|asked| (asked.peer, asked.target))
}

/// The same with TLS settings of its own, where there are some.
pub fn peer_over(
    name: &'static str,
    url: &At<String>,
    path: &str,
    over: Option<Over<'_>>,
    carry: &Carry,
    problems: &mut Problems,
) -> Option<AtUrl> {
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
    let mut config = alone(url, endpoint);
    config.tls = over.map(|over| over.tls.clone());
    let (parent, files) = over.map_or(("", Files::none()), |over| (over.path, over.files));
    let mut found = Problems::new();
    let secured = prepare(&config, parent, files, &mut found);
    let of_tls = format!("{parent}.tls");
    for problem in found {
        problems.push(match over.is_some() && problem.path.starts_with(&of_tls) {
            true => problem,
            false => Problem::error(url.place.clone(), path, problem.message).remedy(match over {
                Some(_) => "install certificate authorities (`ca-certificates`), or name a file in `tls.ca`",
                None => "install certificate authorities (`ca-certificates`), or describe a service with `tls: { ca }`",
            }),
        });
    }
    let secured = secured?;
    let identity = secured.tls.written.iter().flatten().map(|tls| tls.identity).next().unwrap_or_default();
    // By another name it shares no connection with a service, whose limits may be others.
    let mut service = Service::new(&format!("{name} at"), &config, secured, carry, Limits::default());
    service.name = name.into();
    Some(AtUrl { peer: Arc::new(service), target, identity })
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
        limit: None,
        breaker: None,
        retry: None,
        hedge: None,
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
