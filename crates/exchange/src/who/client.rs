//! Who sent the request, as far as the connection and trusted proxies tell.

use std::net::{IpAddr, SocketAddr};

/// The scheme by which the client reached the gateway or the first trusted proxy before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The sender of a request.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The other end of the TCP connection.
    pub peer: SocketAddr,
    /// The client's address: the peer's, or what trusted proxies said of it. IPv4-mapped IPv6 is given as IPv4.
    pub ip: IpAddr,
    /// Whether the peer is one of the configured trusted proxies.
    pub trusted: bool,
    /// The scheme that the client used.
    pub scheme: Scheme,
}

impl Client {
    /// A client that speaks for itself: the peer's address counts.
    pub fn direct(peer: SocketAddr, scheme: Scheme) -> Self {
        Self { peer, ip: peer.ip().to_canonical(), trusted: false, scheme }
    }
}
