//! What endpoints keep from one configuration to the next: their place in the pools, and the count of their connections.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustls::ClientConfig;
use sekisho_exchange::{Errands, Events, NoErrands, Permits};

use crate::breaker::{BreakerState, Settings};
use crate::discover::Discoveries;
use crate::fleet::{Helm, Load, Standing};
use crate::health::HealthMeter;
use crate::hedge::HedgeState;
use crate::limit::LimitState;
use crate::outlier::Watched;
use crate::peer::MirrorMeter;
use crate::retry::Budget;
use crate::tunnel::TunnelMeter;

/// What all endpoints keep, by identity: the service's name and the endpoint's URL.
#[derive(Default)]
pub struct Carry {
    places: Places,
    tunnels: Mutex<HashMap<String, Weak<TunnelMeter>>>,
    breakers: Mutex<HashMap<String, Weak<BreakerState>>>,
    budgets: Mutex<HashMap<String, Weak<Budget>>>,
    hedges: Mutex<HashMap<String, Weak<HedgeState>>>,
    mirrors: Mutex<HashMap<String, Weak<MirrorMeter>>>,
    /// By a service's name and the identity of its settings of TLS.
    clients: Mutex<HashMap<(String, u64), Weak<ClientConfig>>>,
    helms: Mutex<HashMap<String, Weak<Helm>>>,
    checks: Mutex<HashMap<String, Weak<HealthMeter>>>,
    limits: Mutex<HashMap<String, Weak<LimitState>>>,
    events: Option<Arc<dyn Events>>,
    discoveries: Discoveries,
    errands: Option<Arc<dyn Errands>>,
}

/// Where endpoints are known by their identity.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Table>>);

type Identity = (String, String);

#[derive(Default)]
struct Table {
    known: HashMap<Identity, Weak<Kept>>,
    /// Slots that were used before and are free again.
    free: Vec<usize>,
    /// Slots ever used.
    used: usize,
}

/// What one endpoint keeps. It lives as long as a configuration or a connection knows the endpoint.
pub(crate) struct Kept {
    identity: Identity,
    /// Index of its pool in every worker's [`crate::Pools`].
    pub(crate) slot: usize,
    /// A place for each connection that may be open, over all workers.
    pub(crate) permits: Arc<Permits>,
    /// Requests that wait for a connection, over all workers: those who hold unused ones let go of them.
    pub(crate) waiting: AtomicUsize,
    /// What it has to do.
    pub(crate) load: Load,
    /// What keeps it from being asked.
    pub(crate) standing: Standing,
    /// Its ejections.
    watched: Mutex<Watched>,
    /// Where its circuit breaker stands, if it has one of its own.
    breaker: Mutex<Weak<BreakerState>>,
    /// Whether no configuration in force names it any more.
    retired: AtomicBool,
    table: Arc<Mutex<Table>>,
}

impl Places {
    /// What the endpoint `url` of a service keeps, and whether it is new; if so, with places for `max` connections.
    pub(crate) fn of(&self, service: &str, url: &str, max: usize) -> (Arc<Kept>, bool) {
        let identity = (service.to_owned(), url.to_owned());
        let mut table = lock(&self.0);
        if let Some(kept) = table.known.get(&identity).and_then(Weak::upgrade) {
            return (kept, false);
        }
        let slot = table.free.pop().unwrap_or_else(|| {
            table.used += 1;
            table.used - 1
        });
        let kept = Arc::new(Kept {
            identity: identity.clone(),
            slot,
            permits: Permits::new(max),
            waiting: AtomicUsize::new(0),
            load: Load::default(),
            standing: Standing::default(),
            watched: Mutex::default(),
            breaker: Mutex::default(),
            retired: AtomicBool::new(false),
            table: Arc::clone(&self.0),
        });
        table.known.insert(identity, Arc::downgrade(&kept));
        (kept, true)
    }
}

impl Carry {
    /// Where endpoints are known.
    pub(crate) fn places(&self) -> Places {
        self.places.clone()
    }

    /// Where the tunnels of a service are counted: those of an older configuration are still open.
    pub(crate) fn tunnels(&self, service: &str) -> Arc<TunnelMeter> {
        known_or_new(&self.tunnels, service)
    }

    /// What became of the copies that a service was shown.
    pub(crate) fn mirror(&self, service: &str) -> Arc<MirrorMeter> {
        known_or_new(&self.mirrors, service)
    }

    /// Who steers a service.
    pub(crate) fn helm(&self, service: &str) -> Arc<Helm> {
        known_or_new(&self.helms, service)
    }

    /// Where the checks of a service are counted.
    pub(crate) fn checks(&self, service: &str) -> Arc<HealthMeter> {
        known_or_new(&self.checks, service)
    }

    /// What a service has in flight, where that is limited, and what was learned of it.
    pub(crate) fn limit(&self, service: &str) -> Arc<LimitState> {
        known_or_new(&self.limits, service)
    }

    /// What hedging of a service has used and measured.
    pub(crate) fn hedges(&self, service: &str) -> Arc<HedgeState> {
        known_or_new(&self.hedges, service)
    }

    /// What retries of a service have used.
    pub(crate) fn budget(&self, service: &str) -> Arc<Budget> {
        known_or_new(&self.budgets, service)
    }
}

/// What somebody still holds of a service, or a new one.
fn known_or_new<T: Default>(all: &Mutex<HashMap<String, Weak<T>>>, service: &str) -> Arc<T> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(service).and_then(Weak::upgrade) {
        return known;
    }
    all.retain(|_, one| one.strong_count() > 0);
    let new = Arc::default();
    all.insert(service.to_owned(), Arc::downgrade(&new));
    new
}

impl Carry {
    /// What connections of a service are made with that has such settings of TLS: `new`, unless there is one already.
    pub(crate) fn client(&self, service: &str, identity: u64, new: Arc<ClientConfig>) -> Arc<ClientConfig> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (service.to_owned(), identity);
        if let Some(known) = clients.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        clients.retain(|_, client| client.strong_count() > 0);
        clients.insert(key, Arc::downgrade(&new));
        new
    }
}

impl Carry {
    /// With somebody who is told what happens to services.
    pub fn telling(events: Arc<dyn Events>) -> Self {
        Self { events: Some(events), ..Self::default() }
    }

    /// With somebody who runs what no request waits for.
    #[must_use]
    pub fn running(self, errands: Arc<dyn Errands>) -> Self {
        Self { errands: Some(errands), ..self }
    }

    /// Where endpoints are found, by service.
    pub(crate) fn discoveries(&self) -> &Discoveries {
        &self.discoveries
    }

    /// Who runs what no request waits for.
    pub(crate) fn errands(&self) -> Arc<dyn Errands> {
        self.errands.clone().unwrap_or_else(|| Arc::new(NoErrands))
    }

    pub(crate) fn events(&self) -> Option<Arc<dyn Events>> {
        self.events.clone()
    }

    /// Where the breaker of a service stands; anew, if its window has changed.
    pub(crate) fn breaker(&self, service: &str, settings: &Settings) -> Arc<BreakerState> {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = breakers.get(service).and_then(Weak::upgrade);
        if let Some(known) = known.filter(|state| state.suits(settings)) {
            return known;
        }
        breakers.retain(|_, state| state.strong_count() > 0);
        let state = Arc::new(BreakerState::new(settings));
        breakers.insert(service.to_owned(), Arc::downgrade(&state));
        state
    }
}

impl Kept {
    /// A configuration that names it comes into force, with `max` connections at most.
    pub(crate) fn settle(&self, max: usize) {
        self.retired.store(false, Relaxed);
        self.permits.rebound(max);
    }

    /// The configuration in force names it no more.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Relaxed);
    }

    /// Where its circuit breaker stands; anew, if its window has changed.
    pub(crate) fn breaker(&self, settings: &Settings) -> Arc<BreakerState> {
        let mut known = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = known.upgrade().filter(|state| state.suits(settings)) {
            return state;
        }
        let state = Arc::new(BreakerState::new(settings));
        *known = Arc::downgrade(&state);
        state
    }

    /// Its ejections, for a moment.
    pub(crate) fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its unused connections are to be closed.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Relaxed)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Nobody holds a connection of it any more, so its pools are empty and the slot can be another's.
        let mut table = lock(&self.table);
        table.free.push(self.slot);
        if table.known.get(&self.identity).is_some_and(|known| known.strong_count() == 0) {
            table.known.remove(&self.identity);
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_endpoint_keeps_its_place_and_a_dead_ones_place_is_used_again() {
        let carry = Carry::default();
        let of = |service, url| carry.places.of(service, url, 5);
        let ((a, new), (b, _)) = (of("s", "http://a"), of("s", "http://b"));
        assert!(new);
        assert_eq!((a.slot, b.slot, of("other", "http://a").0.slot), (0, 1, 2));
        let (same, new) = of("s", "http://a");
        assert!(Arc::ptr_eq(&a, &same) && !new);
        drop((a, same));
        let places = [of("s", "http://c"), of("s", "http://a")].map(|(kept, _)| kept.slot);
        assert!(places.iter().all(|slot| *slot != b.slot && *slot <= 2), "{places:?}");
        assert_eq!(lock(&carry.places.0).known.len(), 1, "what nobody knows any more is forgotten");
    }

    #[test]
    fn limits_change_with_the_configuration_in_force() {
        let carry = Carry::default();
        let (kept, _) = carry.places.of("s", "http://a", 1);
        let taken = kept.permits.try_take();
        assert!(taken.is_some() && kept.permits.try_take().is_none());
        kept.settle(2);
        let second = kept.permits.try_take();
        assert!(second.is_some() && kept.permits.try_take().is_none());
    }
}
