//! Where clients connect: what is configured of it, and what a port is while it is open.

mod admit;
mod certificate;
mod crowd;
mod proxy;
mod secure;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use sekisho_exchange::{Content, Reply, Scheme};
use sekisho_units::{Cidr, Pattern, Tick};

pub use admit::admit;
pub use certificate::Certificate;
pub use crowd::{Crowd, Place};
pub use tls::Tickets;
pub(crate) use tls::{provider, server_config};

/// A place where clients connect, as configured.
pub struct Listener {
    /// The address as written; port 0 stands for any that is free.
    pub address: SocketAddr,
    /// TLS, if it is spoken there.
    pub tls: Option<Tls>,
    /// Who may begin connections with a PROXY header, which all connections must have then; `None` if none may.
    pub proxy_protocol: Option<Box<[Cidr]>>,
    /// Where requests are sent instead of being served.
    pub redirect: Option<SecureRedirect>,
}

/// TLS on a listener.
#[derive(Clone)]
pub struct Tls {
    /// What handshakes go by.
    pub config: Arc<ServerConfig>,
    /// The certificates, for those who watch their expiry.
    pub certificates: Box<[Certificate]>,
}

/// Clients are sent to the same address over TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecureRedirect {
    /// The port there.
    pub port: u16,
    /// Paths that are served all the same.
    pub except: Box<[Pattern]>,
}

/// A port that is not closing.
const OPEN: u64 = u64::MAX;

/// A port that is open: what is configured of it may change, the port itself ends only once.
pub struct Door {
    listener: ArcSwap<Listener>,
    /// Whether the listener redirects: read on every request, where the listener is not.
    redirects: AtomicBool,
    /// Since when it is closing, in nanoseconds of the clock, or [`OPEN`].
    closing: AtomicU64,
}

impl Listener {
    /// What is spoken there.
    pub fn scheme(&self) -> Scheme {
        if self.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }
}

impl Door {
    /// An open port.
    pub fn new(listener: Arc<Listener>) -> Arc<Self> {
        let redirects = AtomicBool::new(listener.redirect.is_some());
        Arc::new(Self { listener: ArcSwap::new(listener), redirects, closing: AtomicU64::new(OPEN) })
    }

    /// What is configured of it now.
    pub fn listener(&self) -> Arc<Listener> {
        self.listener.load_full()
    }

    /// From now on new connections go by `listener`, and so do the redirections of those that are open.
    pub fn renew(&self, listener: Arc<Listener>) {
        self.redirects.store(listener.redirect.is_some(), Relaxed);
        self.listener.store(listener);
    }

    /// From `now` on its connections end after the exchange they are in.
    pub fn close(&self, now: Tick) {
        self.closing.store(now.as_nanos(), Relaxed);
    }

    /// Whether its connections are to end.
    #[inline]
    pub fn is_closing(&self) -> bool {
        self.closing.load(Relaxed) != OPEN
    }

    /// Since when its connections are to end, if they are.
    pub(crate) fn closing_since(&self) -> Option<Tick> {
        Some(self.closing.load(Relaxed)).filter(|since| *since != OPEN).map(Tick::from_nanos)
    }

    /// Where the request for this `path` and `query` on `host` is sent instead of being served, if it is.
    #[inline]
    pub(crate) fn redirect(&self, host: &str, path: &str, query: Option<&str>) -> Option<Reply> {
        if !self.redirects.load(Relaxed) {
            return None;
        }
        self.listener.load().redirect.as_ref()?.reply(host, path, query)
    }
}

impl SecureRedirect {
    fn reply(&self, host: &str, path: &str, query: Option<&str>) -> Option<Reply> {
        if self.except.iter().any(|pattern| pattern.matches(path)) {
            return None;
        }
        // Whoever names no host, as HTTP/1.0 allows, cannot be sent anywhere.
        if host.is_empty() {
            return Some(Reply::secure_port_only());
        }
        let name = without_port(host);
        let port = if self.port == 443 { String::new() } else { format!(":{}", self.port) };
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let to = format!("https://{name}{port}{path}{query}");
        Some(Reply::plain(308, Content::Empty, "redirect_to_https").header("Location", to))
    }
}

/// The host of an authority that was checked; an IPv6 address keeps its brackets.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_clients_to_the_same_place_over_tls() {
        let redirect = |port| SecureRedirect { port, except: Box::new(["/.well-known/*".parse().unwrap()]) };
        for (port, host, path, query, want) in [
            (443, "a.test", "/x", None, Some("https://a.test/x")),
            (443, "a.test:8080", "/x", Some("y=1"), Some("https://a.test/x?y=1")),
            (8443, "[::1]:80", "/", None, Some("https://[::1]:8443/")),
            (8443, "[::1]", "/", Some(""), Some("https://[::1]:8443/?")),
            (443, "a.test", "/.well-known/acme-challenge/z", None, None),
        ] {
            let reply = redirect(port).reply(host, path, query);
            let to = reply.map(|reply| (reply.status, reply.headers[0].1.clone().into_owned()));
            assert_eq!(to, want.map(|want| (308, want.to_owned())), "{host} {path}");
        }
        assert_eq!(redirect(443).reply("", "/", None).unwrap().status, 400);
    }
}
