//! How a call fails before its response's head, and what the client is told.

use std::time::Duration;

use sekisho_exchange::{BrokenBody, Refused, Reply};
use sekisho_wire::Malformed;

/// Why there is no response head.
#[derive(Debug)]
pub enum Failure {
    /// No connection: refused, unreachable, not resolved, or not made in time. The word is for the log.
    Unreachable(&'static str),
    /// All connections are taken, and the queue is full or the wait was too long. The word is for the log.
    Overloaded(&'static str),
    /// The service has as many requests as it may have at once. The word is for the log; after so many seconds there may be a place.
    Shed(&'static str, u64),
    /// Nobody is there who may be asked.
    NoHealthyEndpoint,
    /// The circuit breaker is open; the next probe may come after this.
    CircuitOpen(Duration),
    /// No response head in time. The word is for the log.
    Slow(&'static str),
    /// The time for the whole exchange is over.
    Expired,
    /// The connection ended before a response head.
    Broke,
    /// A kept connection ended before a byte of the response came: the service had closed it meanwhile.
    Stale,
    /// The response's head is no HTTP/1 head.
    Garbage(Malformed),
    /// The service changed protocols unasked.
    Switched,
    /// The service changed to a protocol that it was not offered, or does not say to which.
    WrongProtocol,
    /// The gateway stops, and its time for exchanges in flight is over.
    Stopping,
    /// The client left.
    ClientGone,
    /// The client's body came too slowly.
    ClientSlow,
    /// The client's body was refused.
    Refused(Refused),
    /// The client's body could not be read.
    Body(BrokenBody),
}

impl Failure {
    /// Whether it is the service's fault, and so its circuit breaker's business.
    pub(crate) fn is_the_services(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Slow(_)
            | Self::Expired
            | Self::Broke
            | Self::Stale
            | Self::Garbage(_)
            | Self::Switched
            | Self::WrongProtocol => true,
            Self::Overloaded(_)
            | Self::Shed(..)
            | Self::NoHealthyEndpoint
            | Self::CircuitOpen(_)
            | Self::Stopping
            | Self::ClientGone
            | Self::ClientSlow
            | Self::Refused(_)
            | Self::Body(_) => false,
        }
    }

    /// The answer to the client, or `None` if there is no client any more.
    pub fn reply(self, service: &str) -> Option<Reply> {
        Some(match self {
            Self::Unreachable(reason) => Reply::upstream_unavailable(service, reason),
            Self::Overloaded(reason) => Reply::overloaded(service, 1, reason),
            Self::Shed(reason, after) => Reply::overloaded(service, after, reason),
            Self::NoHealthyEndpoint => Reply::no_healthy_endpoint(service),
            Self::CircuitOpen(after) => Reply::circuit_open(service, after),
            Self::Slow(reason) => Reply::upstream_timeout(service, reason),
            Self::Expired => Reply::upstream_timeout(service, "total_timeout"),
            Self::Broke | Self::Stale => Reply::bad_gateway(service, "closed_before_head"),
            Self::Garbage(malformed) => Reply::bad_gateway(service, malformed.detail()),
            Self::Switched => Reply::bad_gateway(service, "switched_protocols_unasked"),
            Self::WrongProtocol => Reply::bad_gateway(service, "switched_to_wrong_protocol"),
            Self::Stopping => Reply::upstream_unavailable(service, "gateway_stopping"),
            Self::ClientSlow => Reply::request_timeout("slow_body"),
            Self::Refused(refused) => *refused.reply,
            Self::Body(BrokenBody::Malformed(bad)) => Reply::bad_body(bad.detail()),
            Self::Body(BrokenBody::Gone) | Self::ClientGone => return None,
        })
    }
}
