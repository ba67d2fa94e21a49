//! The names of events, as logs, alerts and the configuration write them.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// The name of an event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventName {
    /// The circuit breaker of a service or of an endpoint has opened: it is not asked any more.
    CircuitBreakerOpened,
    /// It lets probes through.
    CircuitBreakerHalfOpened,
    /// It has closed: who was not asked is asked again.
    CircuitBreakerClosed,
    /// An endpoint is not asked any more.
    EndpointDown,
    /// It is asked again.
    EndpointUp,
    /// A service has no healthy endpoint left.
    NoHealthyEndpoint,
    /// The shared store does not answer.
    StoreAway,
    /// It answers again.
    StoreBack,
    /// It holds what is no answer of ours.
    StoreGarbage,
    /// An issuer's keys cannot be fetched.
    JwksFailed,
    /// They can be fetched again.
    JwksFetched,
    /// Other endpoints of a service were found.
    EndpointsChanged,
    /// It cannot be told where a service runs; the last endpoints stay.
    DiscoveryFailed,
    /// It can be told again.
    DiscoveryRecovered,
    /// Some of what a registry told could not be understood.
    DiscoverySkipped,
}

/// How urgent an event is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something works less well than it should.
    Warning,
    /// Clients notice.
    Critical,
}

impl EventName {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::CircuitBreakerOpened,
        Self::CircuitBreakerHalfOpened,
        Self::CircuitBreakerClosed,
        Self::EndpointDown,
        Self::EndpointUp,
        Self::NoHealthyEndpoint,
        Self::StoreAway,
        Self::StoreBack,
        Self::StoreGarbage,
        Self::JwksFailed,
        Self::JwksFetched,
        Self::EndpointsChanged,
        Self::DiscoveryFailed,
        Self::DiscoveryRecovered,
        Self::DiscoverySkipped,
    ];

    /// Those that are alerts unless it is said otherwise.
    pub const USUAL: [Self; 7] = [
        Self::CircuitBreakerOpened,
        Self::CircuitBreakerClosed,
        Self::EndpointDown,
        Self::EndpointUp,
        Self::NoHealthyEndpoint,
        Self::StoreAway,
        Self::StoreBack,
    ];

    /// Its text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CircuitBreakerOpened => "circuit_breaker_opened",
            Self::CircuitBreakerHalfOpened => "circuit_breaker_half_opened",
            Self::CircuitBreakerClosed => "circuit_breaker_closed",
            Self::EndpointDown => "endpoint_down",
            Self::EndpointUp => "endpoint_up",
            Self::NoHealthyEndpoint => "no_healthy_endpoint",
            Self::StoreAway => "store_away",
            Self::StoreBack => "store_back",
            Self::StoreGarbage => "store_garbage",
            Self::JwksFailed => "jwks_failed",
            Self::JwksFetched => "jwks_fetched",
            Self::EndpointsChanged => "endpoints_changed",
            Self::DiscoveryFailed => "discovery_failed",
            Self::DiscoveryRecovered => "discovery_recovered",
            Self::DiscoverySkipped => "discovery_skipped",
        }
    }

    /// What all events have in common of which one undoes another: the latest of them tells how things stand.
    pub const fn family(self) -> &'static str {
        match self {
            Self::CircuitBreakerOpened | Self::CircuitBreakerHalfOpened | Self::CircuitBreakerClosed => {
                "circuit_breaker"
            }
            Self::EndpointDown | Self::EndpointUp => "endpoint",
            Self::NoHealthyEndpoint => "no_healthy_endpoint",
            Self::StoreAway | Self::StoreBack => "store",
            Self::StoreGarbage => "store_garbage",
            Self::JwksFailed | Self::JwksFetched => "jwks",
            Self::EndpointsChanged => "endpoints_changed",
            Self::DiscoveryFailed | Self::DiscoveryRecovered => "discovery",
            Self::DiscoverySkipped => "discovery_skipped",
        }
    }

    /// How urgent it is at most.
    pub const fn severity(self) -> Severity {
        match self {
            Self::CircuitBreakerOpened | Self::NoHealthyEndpoint => Severity::Critical,
            Self::EndpointDown
            | Self::StoreAway
            | Self::StoreGarbage
            | Self::JwksFailed
            | Self::DiscoveryFailed
            | Self::DiscoverySkipped => Severity::Warning,
            Self::CircuitBreakerHalfOpened
            | Self::CircuitBreakerClosed
            | Self::EndpointUp
            | Self::StoreBack
            | Self::JwksFetched
            | Self::EndpointsChanged
            | Self::DiscoveryRecovered => Severity::Info,
        }
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Severity {
    /// Its text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
