//! Endpoints whose own circuit breakers are open: out of the rota, back for probes, and back for good.

use std::sync::Arc;

use sekisho_units::Tick;

use super::rota::Circuit;
use super::standing::Fault;
use super::{Asked, Endpoint, FAR, Fleet, Warming};
use crate::breaker::{Guard, Standing, Ticket};
use crate::failure::Failure;

impl Fleet {
    /// The endpoint to ask, with leave of its circuit breaker.
    ///
    /// # Errors
    /// [`Failure::CircuitOpen`], if all that could be asked have open ones; [`Failure::NoHealthyEndpoint`], if there is nobody.
    #[inline]
    pub(crate) fn admitted(
        &self,
        picked: Option<Arc<Endpoint>>,
        asked: &Asked,
        tried: &[usize],
        now: Tick,
    ) -> Result<(Arc<Endpoint>, Option<Ticket>), Failure> {
        match picked {
            Some(endpoint) => match endpoint.admit(now) {
                Some(ticket) => Ok((endpoint, ticket)),
                None => self.another(asked, tried, now),
            },
            None => Err(self.nobody(now)),
        }
    }

    /// Somebody in the place of one whose probes are all out, or who has opened this moment.
    #[cold]
    fn another(
        &self,
        asked: &Asked,
        tried: &[usize],
        now: Tick,
    ) -> Result<(Arc<Endpoint>, Option<Ticket>), Failure> {
        let rota = self.rota.load();
        let fresh = rota.others(asked, tried.len()).filter(|endpoint| !tried.contains(&endpoint.slot()));
        let mut all = fresh.chain(rota.others(asked, tried.len()));
        let admitted = all.find_map(|endpoint| Some((Arc::clone(endpoint), endpoint.admit(now)?)));
        admitted.ok_or_else(|| self.nobody(now))
    }

    /// Why nobody can be asked: because of breakers, if it would be otherwise without them. The one that opens first is told.
    #[cold]
    fn nobody(&self, now: Tick) -> Failure {
        let rota = self.rota.load();
        let waits = rota.all.iter().filter_map(|endpoint| {
            let guard = endpoint.breaker.as_ref()?;
            match endpoint.kept.standing.fault() {
                None | Some((Fault::CircuitOpen, _)) => Some((guard.breaker.after(now)?, guard)),
                Some(_) => None,
            }
        });
        match waits.min_by_key(|(after, _)| *after) {
            Some((after, guard)) => {
                guard.breaker.refuse();
                Failure::CircuitOpen(after)
            }
            None => Failure::NoHealthyEndpoint,
        }
    }

    /// Tells an endpoint's circuit breaker how a try went.
    #[inline]
    pub(crate) fn judge(
        &self,
        endpoint: &Endpoint,
        ticket: Ticket,
        result: Result<u16, &Failure>,
        now: Tick,
    ) {
        let Some(guard) = &endpoint.breaker else { return };
        if guard.judge(ticket, result, now).is_some() {
            self.has_turned(endpoint, now);
        }
    }

    /// A try has opened or closed the breaker of an endpoint: the rota follows at once, or soon if a worker has no time for it.
    /// Meanwhile the breaker says by itself who is let through.
    #[cold]
    fn has_turned(&self, endpoint: &Endpoint, now: Tick) {
        let rota = self.rota.load();
        if rota.is_heavy(&self.settings.balance) {
            self.soon(&rota, endpoint, Self::turned);
        } else {
            drop(rota);
            self.turned(endpoint, now);
        }
    }

    /// An operator opens the circuit breaker of an endpoint, until an operator closes it.
    pub fn hold_open(&self, endpoint: &Endpoint, now: Tick) {
        if endpoint.breaker.as_ref().is_some_and(Guard::hold_open) {
            self.turned(endpoint, now);
        }
    }

    /// An operator closes it.
    pub fn close(&self, endpoint: &Endpoint, now: Tick) {
        if endpoint.breaker.as_ref().is_some_and(Guard::close) {
            self.turned(endpoint, now);
        }
    }

    /// The breaker of an endpoint has opened or closed: it goes out of the rota or comes back.
    #[cold]
    fn turned(&self, endpoint: &Endpoint, now: Tick) {
        let helm = self.maker.helm.take();
        let in_force = helm.upgrade();
        let fleet = in_force.as_deref().unwrap_or(self);
        let all = fleet.rota.load().all.clone();
        // Whoever was removed meanwhile is looked at when it comes back.
        let Some(known) = all.iter().find(|known| known.slot() == endpoint.slot()).cloned() else { return };
        let changed = fleet.compare(&known, Some(now));
        fleet.lay_out(all, Some(now));
        fleet.tell_of(&known, changed);
    }

    /// As breakers stand, so do their endpoints; gives of whom that is news. Whoever calls it has the helm, lays out another rota
    /// then, and tells of it.
    pub(super) fn compare_all(
        &self,
        all: &[Arc<Endpoint>],
        now: Option<Tick>,
    ) -> Vec<(Arc<Endpoint>, Option<bool>)> {
        let compared = all.iter().map(|endpoint| (Arc::clone(endpoint), self.compare(endpoint, now)));
        compared.filter(|(_, changed)| changed.is_some()).collect()
    }

    /// Whether its breaker has the endpoint not available any more, or available again; `None` if neither.
    fn compare(&self, endpoint: &Endpoint, now: Option<Tick>) -> Option<bool> {
        // What is decided here is decided under the helm, so that the last change of a breaker is the one that stays.
        let open = endpoint.breaker.as_ref().is_some_and(|guard| !guard.breaker.is_closed());
        let standing = &endpoint.kept.standing;
        if standing.has(Fault::CircuitOpen) == open
            || !standing.mark(Fault::CircuitOpen, open.then_some(Fault::CircuitOpen.as_str()))
        {
            return None;
        }
        if !open && !self.settings.slow_start.is_zero() {
            standing.warm(now.map_or(Warming::Waits, Warming::Since));
        }
        Some(open)
    }

    /// Tells operators what [`Fleet::compare_all`] has found of an endpoint.
    pub(super) fn tell_of(&self, endpoint: &Endpoint, changed: Option<bool>) {
        match changed {
            Some(true) => self.tell(endpoint, Ok(Fault::CircuitOpen.as_str())),
            Some(false) => self.tell(endpoint, Err(Fault::CircuitOpen)),
            None => {}
        }
    }
}

impl Endpoint {
    /// How its circuit breaker stands, as far as the rota goes, and when that changes by itself.
    pub(super) fn circuit(&self, now: Option<Tick>) -> (Circuit, Tick) {
        let fault = self.kept.standing.fault();
        let Some(guard) = &self.breaker else { return (Circuit::Closed, FAR) };
        if !self.kept.standing.has(Fault::CircuitOpen) {
            return (Circuit::Closed, FAR);
        }
        // The next pick tells the time.
        let Some(now) = now else { return (Circuit::Open, Tick::ZERO) };
        let due = guard.breaker.until().filter(|until| *until > now).unwrap_or(FAR);
        let only = fault.is_some_and(|(fault, _)| fault == Fault::CircuitOpen);
        match guard.breaker.standing(now) {
            Standing::HalfOpen if only => (Circuit::OnTrial, due),
            _ => (Circuit::Open, due),
        }
    }
}
