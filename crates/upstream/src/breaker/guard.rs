//! A breaker at its place, a service's or an endpoint's: what counts as a failure, and who is told of changes.

use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{Event, Events};
use sekisho_units::Tick;

use super::{Breaker, BreakerConfig, BreakerState, Change, Ticket};
use crate::carry::Carry;
use crate::failure::Failure;

/// The breaker of a service, or of one of its endpoints.
pub struct Guard {
    /// The breaker itself.
    pub breaker: Breaker,
    whose: Whose,
    count_5xx: bool,
    events: Option<Arc<dyn Events>>,
}

/// Whose breaker it is.
pub(crate) struct Whose {
    pub(crate) service: Arc<str>,
    /// The endpoint, if it is not the whole service.
    pub(crate) endpoint: Option<Arc<str>>,
}

impl Guard {
    /// The breaker of a whole service, that stands where it stood.
    pub(crate) fn of_service(service: &str, config: &BreakerConfig, carry: &Carry) -> Self {
        let whose = Whose { service: service.into(), endpoint: None };
        Self::new(whose, config, carry.breaker(service, &config.settings()), carry.events())
    }

    /// The breaker of `whose` that stands where `state` says.
    pub(crate) fn new(
        whose: Whose,
        config: &BreakerConfig,
        state: Arc<BreakerState>,
        events: Option<Arc<dyn Events>>,
    ) -> Self {
        let breaker = Breaker::new(config.settings(), state);
        Self { breaker, whose, count_5xx: config.count_5xx, events }
    }

    /// Leave to ask the service, or how long there is none.
    #[inline]
    pub(crate) fn admit(&self, now: Tick) -> Result<Ticket, Duration> {
        let (ticket, change) = self.breaker.admit(now).map_err(|open| open.after)?;
        self.tell(change);
        Ok(ticket)
    }

    /// Leave to ask the endpoint, unless others are to be asked.
    #[inline]
    pub(crate) fn ask(&self, now: Tick) -> Option<Ticket> {
        let (ticket, change) = self.breaker.ask(now).ok()?;
        self.tell(change);
        Some(ticket)
    }

    /// Tells the breaker how a request went: the answer's status, or how there was none. Gives what that changes.
    #[inline]
    pub(crate) fn judge(&self, ticket: Ticket, result: Result<u16, &Failure>, now: Tick) -> Option<Change> {
        let change = match result {
            Ok(status) if status < 500 || !self.count_5xx => self.breaker.succeeded(ticket, now),
            Err(failure) if !failure.is_the_services() => None,
            Ok(_) | Err(_) => self.breaker.failed(ticket, now),
        };
        self.tell(change);
        change
    }

    /// An operator opens it, until an operator closes it. Whether that changes anything.
    pub fn hold_open(&self) -> bool {
        let change = self.breaker.hold_open();
        self.tell(change);
        change.is_some()
    }

    /// An operator closes it. Whether that changes anything.
    pub fn close(&self) -> bool {
        let change = self.breaker.close();
        self.tell(change);
        change.is_some()
    }

    #[inline]
    fn tell(&self, change: Option<Change>) {
        if let (Some(change), Some(events)) = (change, &self.events) {
            events.tell(self.event(change));
        }
    }

    fn event(&self, change: Change) -> Event {
        let (service, endpoint) = (Arc::clone(&self.whose.service), self.whose.endpoint.clone());
        match change {
            Change::Opened => Event::CircuitBreakerOpened { service, endpoint },
            Change::HalfOpened => Event::CircuitBreakerHalfOpened { service, endpoint },
            Change::Closed => Event::CircuitBreakerClosed { service, endpoint },
        }
    }
}
