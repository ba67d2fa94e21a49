//! What operators are told: one type for all events, and one way to tell them.
//!
//! Whoever notices something makes an [`Event`] and calls [`Events::tell`]. The floor that runs the gateway writes the line and
//! sends the alerts. An event's texts come from the configuration, from services and from errors; they hold no secret.

mod name;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use self::name::{EventName, Severity};

/// Told of what operators should know. Must not block: a worker may be the one who tells.
pub trait Events: Send + Sync {
    /// This has happened, just now.
    fn tell(&self, event: Event);
}

/// Something that operators should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A service's circuit breaker, or that of one of its endpoints, refuses requests from now on.
    CircuitBreakerOpened {
        /// The service.
        service: Arc<str>,
        /// The endpoint, if it is not the whole service.
        endpoint: Option<Arc<str>>,
    },
    /// It lets probes through.
    CircuitBreakerHalfOpened {
        /// The service.
        service: Arc<str>,
        /// The endpoint, if it is not the whole service.
        endpoint: Option<Arc<str>>,
    },
    /// It lets requests through again.
    CircuitBreakerClosed {
        /// The service.
        service: Arc<str>,
        /// The endpoint, if it is not the whole service.
        endpoint: Option<Arc<str>>,
    },
    /// An endpoint gets no requests from now on, or only those that nobody else can take. To be told once for each change.
    EndpointDown {
        /// Its service.
        service: Arc<str>,
        /// Its URL, or host and port.
        endpoint: Arc<str>,
        /// A word for how that was found out, as in the log: `connection_refused`, `health_check_status`.
        reason: Arc<str>,
    },
    /// It gets requests again. To be told only after [`Event::EndpointDown`].
    EndpointUp {
        /// Its service.
        service: Arc<str>,
        /// Its URL, or host and port.
        endpoint: Arc<str>,
        /// A word for how that was found out: `health_check`, `ejection_over`.
        reason: Arc<str>,
    },
    /// The last endpoint of a service has gone down. To be told when that becomes so, not for each request.
    NoHealthyEndpoint {
        /// The service.
        service: Arc<str>,
    },
    /// The shared store does not answer.
    StoreAway {
        /// Its address, without user and password.
        store: Arc<str>,
        /// What went wrong.
        reason: Arc<str>,
    },
    /// It answers again.
    StoreBack {
        /// Its address, without user and password.
        store: Arc<str>,
    },
    /// The shared store holds under names of ours what is no answer of ours. Told the more seldom the more there is.
    StoreGarbage {
        /// Its address, without user and password.
        store: Arc<str>,
        /// How much was found so far.
        count: u64,
    },
    /// An issuer's keys cannot be fetched. Told once, until they can be again.
    JwksFailed {
        /// Where they are, without the query.
        source: Arc<str>,
        /// What went wrong.
        reason: Arc<str>,
        /// Whether there are keys from before.
        keys_left: bool,
    },
    /// They can be fetched again.
    JwksFetched {
        /// Where they are, without the query.
        source: Arc<str>,
        /// How many there are.
        keys: usize,
    },
    /// Other endpoints of a service were found.
    EndpointsChanged {
        /// The service.
        service: Arc<str>,
        /// Who has told so.
        source: Arc<str>,
        /// How many are new.
        added: usize,
        /// How many are gone.
        removed: usize,
        /// How many were found in all.
        count: usize,
    },
    /// It cannot be told where a service runs. Told once, until it can be again.
    DiscoveryFailed {
        /// The service.
        service: Arc<str>,
        /// Who was asked.
        source: Arc<str>,
        /// What went wrong.
        reason: Arc<str>,
        /// Whether there are endpoints from before.
        any_left: bool,
    },
    /// It can be told again.
    DiscoveryRecovered {
        /// The service.
        service: Arc<str>,
        /// Who was asked.
        source: Arc<str>,
    },
    /// Some of what was told could not be understood; all else was.
    DiscoverySkipped {
        /// The service.
        service: Arc<str>,
        /// Who has told so.
        source: Arc<str>,
        /// What it was.
        reason: Arc<str>,
    },
}

impl Event {
    /// Its name.
    pub fn name(&self) -> EventName {
        match self {
            Self::CircuitBreakerOpened { .. } => EventName::CircuitBreakerOpened,
            Self::CircuitBreakerHalfOpened { .. } => EventName::CircuitBreakerHalfOpened,
            Self::CircuitBreakerClosed { .. } => EventName::CircuitBreakerClosed,
            Self::EndpointDown { .. } => EventName::EndpointDown,
            Self::EndpointUp { .. } => EventName::EndpointUp,
            Self::NoHealthyEndpoint { .. } => EventName::NoHealthyEndpoint,
            Self::StoreAway { .. } => EventName::StoreAway,
            Self::StoreBack { .. } => EventName::StoreBack,
            Self::StoreGarbage { .. } => EventName::StoreGarbage,
            Self::JwksFailed { .. } => EventName::JwksFailed,
            Self::JwksFetched { .. } => EventName::JwksFetched,
            Self::EndpointsChanged { .. } => EventName::EndpointsChanged,
            Self::DiscoveryFailed { .. } => EventName::DiscoveryFailed,
            Self::DiscoveryRecovered { .. } => EventName::DiscoveryRecovered,
            Self::DiscoverySkipped { .. } => EventName::DiscoverySkipped,
        }
    }

    /// The service that it is about.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::CircuitBreakerOpened { service, .. }
            | Self::CircuitBreakerHalfOpened { service, .. }
            | Self::CircuitBreakerClosed { service, .. }
            | Self::EndpointDown { service, .. }
            | Self::EndpointUp { service, .. }
            | Self::NoHealthyEndpoint { service }
            | Self::EndpointsChanged { service, .. }
            | Self::DiscoveryFailed { service, .. }
            | Self::DiscoveryRecovered { service, .. }
            | Self::DiscoverySkipped { service, .. } => Some(service),
            _ => None,
        }
    }

    /// The endpoint that it is about.
    pub fn endpoint(&self) -> Option<&str> {
        match self {
            Self::EndpointDown { endpoint, .. } | Self::EndpointUp { endpoint, .. } => Some(endpoint),
            Self::CircuitBreakerOpened { endpoint, .. }
            | Self::CircuitBreakerHalfOpened { endpoint, .. }
            | Self::CircuitBreakerClosed { endpoint, .. } => endpoint.as_deref(),
            _ => None,
        }
    }

    /// How urgent it is.
    pub fn severity(&self) -> Severity {
        match self {
            // The others are asked in its place.
            Self::CircuitBreakerOpened { endpoint: Some(_), .. } => Severity::Warning,
            _ => self.name().severity(),
        }
    }

    /// The shared store that it is about.
    pub fn store(&self) -> Option<&str> {
        match self {
            Self::StoreAway { store, .. } | Self::StoreBack { store } | Self::StoreGarbage { store, .. } => {
                Some(store)
            }
            _ => None,
        }
    }

    /// Whoever else it is about that the gateway depends on.
    pub fn dependency(&self) -> Option<&str> {
        match self {
            Self::JwksFailed { source, .. } | Self::JwksFetched { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Why it came to that, where that is known.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::EndpointDown { reason, .. }
            | Self::EndpointUp { reason, .. }
            | Self::StoreAway { reason, .. }
            | Self::JwksFailed { reason, .. }
            | Self::DiscoveryFailed { reason, .. }
            | Self::DiscoverySkipped { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// What it means, in one line for people.
    pub fn message(&self) -> String {
        let line = match self {
            Self::CircuitBreakerOpened { service, endpoint } => {
                format!("{} is not asked any more", named(service, endpoint.as_deref()))
            }
            Self::CircuitBreakerHalfOpened { service, endpoint } => {
                format!("{} is tried again", named(service, endpoint.as_deref()))
            }
            Self::CircuitBreakerClosed { service, endpoint } => {
                format!("{} is asked again", named(service, endpoint.as_deref()))
            }
            Self::EndpointDown { service, endpoint, reason } => {
                format!("{endpoint} of `{service}` is not asked any more ({reason})")
            }
            Self::EndpointUp { service, endpoint, reason } => {
                format!("{endpoint} of `{service}` is asked again ({reason})")
            }
            Self::NoHealthyEndpoint { service } => format!("no endpoint of `{service}` is healthy"),
            Self::StoreAway { store, reason } => {
                format!(
                    "{store} does not answer any more ({reason}); limits go by `on_store_failure`, caches miss"
                )
            }
            Self::StoreBack { store } => format!("{store} answers again"),
            Self::StoreGarbage { store, count } => {
                format!(
                    "{store} holds {count} things under names of stored answers that are none; they are removed"
                )
            }
            Self::JwksFailed { source, reason, keys_left } => {
                let meanwhile = match keys_left {
                    true => "the last good ones stay in force",
                    false => "no token can be verified",
                };
                format!("no keys from `{source}`: {reason}; {meanwhile}")
            }
            Self::JwksFetched { source, keys } => format!("{keys} keys from `{source}`"),
            Self::EndpointsChanged { service, source, added, removed, count } => {
                format!("`{service}` by {source}: +{added} -{removed}, {count} in all")
            }
            Self::DiscoveryFailed { service, source, reason, any_left } => {
                let meanwhile = if *any_left { "the last good ones stay" } else { "none is known" };
                format!("`{service}` by {source}: {reason}; {meanwhile}")
            }
            Self::DiscoveryRecovered { service, source } => {
                format!("`{service}` by {source}: there are answers again")
            }
            Self::DiscoverySkipped { service, source, reason } => {
                format!("`{service}` by {source}: {reason}")
            }
        };
        // An error's text may be of several lines, and must not look like another event.
        line.replace(|c: char| c.is_control(), " ")
    }
}

/// A service, or one of its endpoints.
fn named(service: &str, endpoint: Option<&str>) -> String {
    match endpoint {
        Some(endpoint) => format!("{endpoint} of `{service}`"),
        None => format!("`{service}`"),
    }
}

/// The line in the log, which begins with the event's name.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.message())
    }
}
