//! Endpoints that fail their requests, out of the fleet and back into it.

use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::Event;
use sekisho_units::Tick;

use super::rota::Rota;
use super::standing::Fault;
use super::{Endpoint, FAR, Fleet};
use crate::failure::Failure;
use crate::outlier::Heard;

impl Fleet {
    /// A try of an endpoint went so: the answer's status, or why there was none.
    #[inline]
    pub(crate) fn heard(&self, endpoint: &Endpoint, result: Result<u16, &Failure>, now: Tick) {
        let Some(outlier) = &self.settings.outlier else { return };
        let Some(heard) = Heard::of(result) else { return };
        if let Some(reason) = outlier.count(&endpoint.load().record, heard) {
            self.too_much(endpoint, reason, now);
        }
    }

    /// Leaves an endpoint alone for what a request has found; soon, if a worker has no time for it.
    #[cold]
    fn too_much(&self, endpoint: &Endpoint, reason: &'static str, now: Tick) {
        let rota = self.rota.load();
        if !rota.is_heavy(&self.settings.balance) {
            drop(rota);
            self.eject(endpoint, reason, now);
            return;
        }
        // As a whole row means it, not the next failure as well.
        endpoint.load().record.begin_anew();
        self.soon(&rota, endpoint, move |fleet, endpoint, now| {
            fleet.eject(endpoint, reason, now);
        });
    }

    /// Leaves what lays out another rota to those who have time for it.
    pub(super) fn soon(
        &self,
        rota: &Rota,
        endpoint: &Endpoint,
        work: impl FnOnce(&Self, &Endpoint, Tick) + Send + 'static,
    ) {
        let Some(endpoint) = rota.all.iter().find(|known| known.slot() == endpoint.slot()) else { return };
        let (helm, endpoint) = (Arc::clone(&self.maker.helm), Arc::clone(endpoint));
        self.maker.errands.send(Box::new(move |local| {
            Box::pin(async move {
                let in_force = helm.take().upgrade();
                if let Some(fleet) = in_force {
                    work(&fleet, &endpoint, local.clock.now());
                }
            })
        }));
    }

    /// Leaves an endpoint alone for a while, if that is allowed. Whether it is.
    #[cold]
    fn eject(&self, endpoint: &Endpoint, reason: &str, now: Tick) -> bool {
        // Whatever comes of it: the next row is another one.
        endpoint.load().record.begin_anew();
        let helm = self.maker.helm.take();
        let in_force = helm.upgrade();
        let fleet = in_force.as_deref().unwrap_or(self);
        let Some(outlier) = &fleet.settings.outlier else { return false };
        let all = fleet.rota.load().all.clone();
        let standing = &endpoint.kept.standing;
        let others = all.iter().filter(|other| other.slot() != endpoint.slot());
        let is_known = all.iter().any(|other| other.slot() == endpoint.slot());
        if !is_known || !standing.is_available() || !others.clone().any(|other| serves(other)) {
            return false;
        }
        let ejected = others.filter(|other| other.kept.standing.has(Fault::Ejected)).count();
        if ejected >= outlier.most_of(all.len()) {
            return false;
        }
        {
            let mut watched = endpoint.kept.watched();
            watched.sentence.begin(&outlier.terms, now);
            watched.window.begin_anew();
        }
        fleet.set(endpoint, Fault::Ejected, Some(reason), now);
        fleet.lay_out(all, Some(now));
        fleet.tell(endpoint, Ok(reason));
        true
    }

    /// Takes back those whose time is over, also if nobody is ejected here any more; gives when that of the next one is, and who is
    /// available again. Whoever calls it has the helm, lays out another rota then, and tells of it.
    pub(super) fn release(&self, all: &[Arc<Endpoint>], now: Option<Tick>) -> (Tick, Vec<Arc<Endpoint>>) {
        let (mut next, mut back) = (FAR, Vec::new());
        for endpoint in all {
            let mut watched = endpoint.kept.watched();
            let Some(until) = watched.sentence.until() else { continue };
            let Some(now) = now else {
                next = Tick::ZERO;
                continue;
            };
            if until > now && self.settings.outlier.is_some() {
                next = next.min(until);
                continue;
            }
            watched.sentence.end(now);
            watched.window.begin_anew();
            drop(watched);
            // What those have met with that were under way meanwhile is no news.
            endpoint.load().record.begin_anew();
            if self.set(endpoint, Fault::Ejected, None, now) {
                back.push(Arc::clone(endpoint));
            }
        }
        (next, back)
    }

    /// Does what is due beside requests: takes endpoints back, and looks at their shares of success. Gives after what time it is
    /// to be called again at the latest, if there is anything to do then.
    pub fn tend(&self, now: Tick) -> Option<Duration> {
        if self.rota.load().due <= now {
            self.step(now);
        }
        let Some(rule) = self.settings.outlier.as_ref().and_then(|outlier| outlier.rate) else {
            let due = self.rota.load().due;
            return (due < FAR).then(|| due.since(now));
        };
        let all = self.endpoints();
        if all.len() > 1 {
            let note = |endpoint: &Arc<Endpoint>| {
                let tries = endpoint.load().record.tries();
                endpoint.kept.watched().window.note(tries, &rule, now)
            };
            let counts: Vec<_> = all.iter().map(note).collect();
            for index in rule.outliers(&counts) {
                self.eject(&all[index], "success_rate", now);
            }
        }
        Some(rule.step())
    }

    /// Tells operators that an endpoint is down for a reason, and if it was the last; or up, as this fault was lifted. Whoever calls it
    /// has the helm.
    pub(super) fn tell(&self, endpoint: &Endpoint, reason: Result<&str, Fault>) {
        let Some(events) = &self.maker.events else { return };
        let all = &self.rota.load().all;
        let (service, name) = (Arc::clone(&self.maker.service), Arc::clone(&endpoint.authority));
        // One that was removed meanwhile is nobody's business any more.
        if !all.iter().any(|known| known.slot() == endpoint.slot()) {
            return;
        }
        let reason = match reason {
            Ok(reason) => reason,
            Err(lifted) => {
                return events.tell(Event::EndpointUp {
                    service,
                    endpoint: name,
                    reason: lifted.lifted().into(),
                });
            }
        };
        events.tell(Event::EndpointDown {
            service: Arc::clone(&service),
            endpoint: name,
            reason: reason.into(),
        });
        if !all.iter().any(|endpoint| endpoint.is_available()) {
            events.tell(Event::NoHealthyEndpoint { service });
        }
    }
}

/// Whether requests can go to it in another's place.
fn serves(endpoint: &Endpoint) -> bool {
    endpoint.weight > 0 && endpoint.is_available()
}
