//! What is noted about an exchange on its way: who decided, why, and how long the service took.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::Reply;

/// Who gave the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decider {
    /// The service answered.
    Service,
    /// The policy of this name answered.
    Policy(&'static str),
    /// The route's own answer: `respond` or `redirect`.
    Route,
    /// No route took the request.
    Router,
    /// The connection: a malformed, too large or too slow request.
    Listener,
    /// The service could not be asked, or failed to answer.
    Upstream,
    /// Nobody: the client left first.
    Client,
}

impl Decider {
    /// The name in logs and metrics: a policy's own, or one of `service`, `route`, `router`, `listener`, `upstream`, `client`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Policy(name) => name,
            Self::Route => "route",
            Self::Router => "router",
            Self::Listener => "listener",
            Self::Upstream => "upstream",
            Self::Client => "client",
        }
    }
}

/// A refusal that was only watched: the policy runs in shadow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shadowed {
    /// The policy that would have answered.
    pub policy: &'static str,
    /// The status that it would have given.
    pub status: u16,
    /// The code that it would have given.
    pub code: &'static str,
}

/// How an exchange ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ending {
    /// The client has the whole answer.
    #[default]
    Complete,
    /// The client left before it had the whole answer.
    ClientGone,
    /// The client stopped reading the answer for too long.
    ClientSlow,
    /// The service broke off in the middle of its answer, so the client's connection was cut.
    UpstreamBroke,
    /// The service stalled in the middle of its answer, so the client's connection was cut.
    UpstreamStalled,
    /// The request's body was broken off, malformed, too large or too slow after the answer had begun.
    RequestBroke,
    /// The time for the whole request was over after the answer had begun.
    Expired,
    /// A tunnel was silent for too long.
    TunnelIdle,
    /// A tunnel was open for as long as it may be.
    TunnelLifetime,
    /// The gateway stops, and the time of tunnels is over.
    Stopping,
}

impl Ending {
    /// The reason as it stands in the log, or `None` for a whole answer.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Complete => None,
            Self::ClientGone => Some("client_gone"),
            Self::ClientSlow => Some("client_slow"),
            Self::UpstreamBroke => Some("upstream_broke"),
            Self::UpstreamStalled => Some("upstream_stalled"),
            Self::RequestBroke => Some("request_broke"),
            Self::Expired => Some("expired"),
            Self::TunnelIdle => Some("tunnel_idle"),
            Self::TunnelLifetime => Some("tunnel_lifetime"),
            Self::Stopping => Some("gateway_stopping"),
        }
    }
}

/// What a cache did for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CacheNote {
    /// The word of `X-Cache`: `HIT`, `MISS`, `STALE`, `REVALIDATED` or `BYPASS`.
    pub word: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Why the service's answer was not stored, if one came and was not.
    pub not_stored: Option<&'static str>,
}

/// Facts for the access log, metrics and `explain`.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Who gave the answer.
    pub decided_by: Decider,
    /// Why, in one word or a short sentence; `ok` for a service's answer.
    pub reason: Cow<'static, str>,
    /// Refusals in shadow, in walking order.
    pub shadowed: Vec<Shadowed>,
    /// What the cache did, on routes that have one.
    pub cache: Option<CacheNote>,
    /// The version of the interface that the request is for, on routes that have versions; else empty.
    pub version: &'a str,
    /// The service's name, once one was chosen.
    pub service: Option<&'a str>,
    /// The endpoint's `host:port`, once one was chosen.
    pub endpoint: Option<Arc<str>>,
    /// Time from the choice of the service to its response head (or its failure).
    pub upstream_duration: Option<Duration>,
    /// Time from the request's first byte to the change of protocols, if there was one: what comes after is a tunnel.
    pub switched: Option<Duration>,
    /// How many times a service was asked.
    pub attempts: u32,
    /// Bytes of the request's body taken so far.
    pub request_bytes: u64,
    /// Bytes of the response's body given so far.
    pub response_bytes: u64,
    /// How it ended.
    pub ending: Ending,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Self {
            decided_by: Decider::Service,
            reason: Cow::Borrowed("ok"),
            shadowed: Vec::new(),
            cache: None,
            version: "",
            service: None,
            endpoint: None,
            upstream_duration: None,
            switched: None,
            attempts: 0,
            request_bytes: 0,
            response_bytes: 0,
            ending: Ending::Complete,
        }
    }
}

impl Facts<'_> {
    /// Notes that `by` answered with `reply`.
    pub fn decide(&mut self, by: Decider, reply: &Reply) {
        self.decided_by = by;
        self.reason = reply.reason.clone();
    }

    /// Notes a refusal that was only watched.
    pub fn shadow(&mut self, policy: &'static str, reply: &Reply) {
        self.shadowed.push(Shadowed { policy, status: reply.status, code: reply.code });
    }
}
