//! A service's breaker at its place: what counts as a failure, and who is told of changes.

use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{Event, Events};
use sekisho_units::Tick;

use super::{Breaker, BreakerConfig, Change, Ticket};
use crate::carry::Carry;
use crate::failure::Failure;

/// The breaker of a service.
pub struct Guard {
    /// The breaker itself.
    pub breaker: Breaker,
    service: Arc<str>,
    count_5xx: bool,
    events: Option<Arc<dyn Events>>,
}

impl Guard {
    pub(crate) fn new(service: &str, config: &BreakerConfig, carry: &Carry) -> Self {
        let settings = config.settings();
        Self {
            breaker: Breaker::new(settings, carry.breaker(service, &settings)),
            service: service.into(),
            count_5xx: config.count_5xx,
            events: carry.events(),
        }
    }

    /// Leave to ask the service, or how long there is none.
    #[inline]
    pub(crate) fn admit(&self, now: Tick) -> Result<Ticket, Duration> {
        let (ticket, change) = self.breaker.admit(now).map_err(|open| open.after)?;
        self.tell(change);
        Ok(ticket)
    }

    /// Tells the breaker how a request went: the answer's status, or how there was none.
    #[inline]
    pub(crate) fn judge(&self, ticket: Ticket, result: Result<u16, &Failure>, now: Tick) {
        let change = match result {
            Ok(status) if status < 500 || !self.count_5xx => self.breaker.succeeded(ticket, now),
            Err(failure) if !failure.is_the_services() => None,
            Ok(_) | Err(_) => self.breaker.failed(ticket, now),
        };
        self.tell(change);
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
            events.tell(event(change, Arc::clone(&self.service)));
        }
    }
}

fn event(change: Change, service: Arc<str>) -> Event {
    match change {
        Change::Opened => Event::CircuitBreakerOpened { service },
        Change::HalfOpened => Event::CircuitBreakerHalfOpened { service },
        Change::Closed => Event::CircuitBreakerClosed { service },
    }
}
