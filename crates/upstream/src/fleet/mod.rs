//! Who serves a service now, and who is asked next.
//!
//! A [`Fleet`] holds a rota: an immutable picture of all endpoints, with an algorithm laid out over those that can be picked.
//! A pick reads it with one atomic load and takes no lock. Whatever changes who may be picked, or how often, lays out another
//! rota: endpoints found or lost ([`Fleet::replace`]), somebody's health ([`Fleet::mark`]), a share that grows. So a pick
//! never asks about health: who is in the rota may be picked. A ring or a table takes milliseconds to lay out, which no worker
//! has: what a request finds out goes by an errand there.

mod config;
mod ejection;
mod endpoint;
mod helm;
mod load;
mod look;
mod rota;
mod standing;
mod sticky;
#[cfg(test)]
pub(crate) mod tests;
mod trial;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sekisho_exchange::Exchange;
use sekisho_units::Tick;

pub use self::config::{Alias, Authority, EndpointConfig, Scheme};
pub use self::endpoint::{ConnectionLimits, Endpoint, Member, Target};
pub(crate) use self::endpoint::{Flight, Maker};
pub(crate) use self::helm::Helm;
pub(crate) use self::load::{Decay, Load};
pub use self::look::Seen;
use self::rota::{Circuit, Due, Rota, Stand, on, shares};
pub use self::standing::Fault;
pub(crate) use self::standing::Standing;
use self::standing::{Warming, step};
use self::sticky::Sticky;
pub use self::sticky::{SameSite, StickyConfig};
pub use crate::balance::Asked;
use crate::balance::{Algorithm, BalanceConfig, Known, Picker, is_heavy};
use crate::config::Config;
use crate::outlier::Outlier;

/// Who serves a service.
pub struct Fleet {
    rota: ArcSwap<Rota>,
    settings: Settings,
    maker: Maker,
    /// How the time that answers take is remembered, where anybody goes by it.
    decay: Option<Decay>,
}

/// How a fleet decides.
pub(crate) struct Settings {
    /// Percentage of a priority's endpoints that must be available for it to serve, if it is told.
    pub(crate) panic_threshold: Option<u32>,
    /// The zone whose endpoints are preferred.
    pub(crate) zone: Option<Box<str>>,
    pub(crate) balance: BalanceConfig,
    pub(crate) sticky: Option<Sticky>,
    /// In what time the share of a new endpoint grows to its whole; zero: at once.
    pub(crate) slow_start: Duration,
    /// When an endpoint is ejected, if ever.
    pub(crate) outlier: Option<Outlier>,
}

impl Settings {
    pub(crate) fn of(service: &str, config: &Config) -> Self {
        Self {
            panic_threshold: config.panic_threshold.as_ref().map(|threshold| threshold.value),
            zone: config.prefer_zone.as_ref().map(|zone| zone.value.as_str().into()),
            balance: config.balance.value.clone(),
            sticky: config.sticky().map(|sticky| Sticky::new(service, sticky)),
            slow_start: config.slow_start(),
            outlier: config.outlier(),
        }
    }
}

/// What [`Fleet::replace`] has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Replaced {
    /// Endpoints that were not there before.
    pub added: usize,
    /// Endpoints that are there no more.
    pub removed: usize,
}

/// Nobody is left: what was there before stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Empty;

impl Fleet {
    pub(crate) fn new(members: Vec<Member>, settings: Settings, maker: Maker) -> Self {
        let never = Due { at: FAR, is_heavy: false };
        let nobody = Rota::new(Box::default(), Box::default(), None, Vec::new(), false, never);
        let decay =
            (settings.balance.algorithm == Algorithm::Ewma).then(|| Decay::new(settings.balance.decay()));
        let rota = ArcSwap::from_pointee(nobody);
        let fleet = Self { rota, settings, maker, decay };
        let made: Vec<_> = members.into_iter().map(|member| fleet.make(member)).collect();
        // At the start all are new, and a share is one beside others.
        let any_known = made.iter().any(|(_, new)| !new);
        fleet.welcome(&made, any_known);
        fleet.lay_out(made.into_iter().map(|(endpoint, _)| endpoint).collect(), None);
        fleet
    }

    fn make(&self, member: Member) -> (Arc<Endpoint>, bool) {
        let sticky = self.settings.sticky.as_ref();
        self.maker.make(member, |url| sticky.map_or(0, |sticky| sticky.token(url)))
    }

    /// Those that nobody knew before begin with little, if others are there already.
    fn welcome(&self, made: &[(Arc<Endpoint>, bool)], others: bool) {
        if others && !self.settings.slow_start.is_zero() {
            for (endpoint, _) in made.iter().filter(|(_, new)| *new) {
                endpoint.kept.standing.warm(Warming::Waits);
            }
        }
    }

    /// What a pick depends on for this request.
    #[inline]
    pub fn asked(&self, exchange: &Exchange<'_>, now: Tick) -> Asked {
        let Settings { balance, sticky, .. } = &self.settings;
        let random = if balance.algorithm == Algorithm::WeightedRoundRobin { 0 } else { fastrand::u64(..) };
        Asked {
            now,
            random,
            key: balance.key.as_ref().and_then(|key| key.of(exchange)),
            token: sticky.as_ref().and_then(|sticky| sticky.asked(exchange.head)),
        }
    }

    /// The endpoint to ask. `None`: there is nobody who may be asked.
    #[inline]
    pub fn pick(&self, asked: &Asked) -> Option<Arc<Endpoint>> {
        let rota = self.rota.load();
        if rota.due_here <= asked.now {
            drop(rota);
            self.step(asked.now);
            return self.rota.load().pick(asked).cloned();
        }
        rota.pick(asked).cloned()
    }

    /// The endpoint to ask after those in the slots `tried` were asked in vain: another one if there is any, else any.
    pub fn pick_other(&self, asked: &Asked, tried: &[usize]) -> Option<Arc<Endpoint>> {
        self.rota.load().pick_other(asked, tried).cloned()
    }

    /// Has the client come back to the endpoint that answered it, if it is to and does not already.
    #[inline]
    pub(crate) fn keep(&self, asked: &Asked, endpoint: &Endpoint, exchange: &mut Exchange<'_>) {
        if let Some(sticky) = &self.settings.sticky
            && asked.token != Some(endpoint.token)
        {
            sticky.give(exchange, endpoint.token);
        }
    }

    /// An endpoint's answer took so long to its head, or there was none for its own fault.
    #[inline]
    pub(crate) fn took(&self, endpoint: &Endpoint, time: Result<Duration, Duration>, now: Tick) {
        if let Some(decay) = self.decay {
            endpoint.load().took(time.unwrap_or_else(|time| time.max(FAILED)), now, decay);
        }
    }

    /// An endpoint was let go of after this time, since another one was quicker.
    #[cold]
    pub(crate) fn waited(&self, endpoint: &Endpoint, time: Duration, now: Tick) {
        if let Some(decay) = self.decay {
            endpoint.load().waited(time, now, decay);
        }
    }

    /// Another than `own` to ask as well, who is well in every way, if there is one.
    #[cold]
    pub(crate) fn rival(&self, asked: &Asked, own: &Endpoint) -> Option<Arc<Endpoint>> {
        let rota = self.rota.load();
        let well = |other: &&Arc<Endpoint>| other.slot() != own.slot() && other.is_available();
        rota.others(asked, 1).find(well).cloned()
    }

    /// Everybody, available or not, in the order told.
    pub fn endpoints(&self) -> Vec<Arc<Endpoint>> {
        self.rota.load().all.to_vec()
    }

    /// Whether so few are available that all are used.
    pub fn panics(&self) -> bool {
        self.rota.load().panics
    }

    /// From now on these serve. Who stays keeps connections, load and health; who goes ends what it has. For fleets in
    /// force only.
    ///
    /// # Errors
    /// [`Empty`] if there is nobody, unless that `may_be`: then nothing changes.
    pub fn replace(&self, members: Vec<Member>, may_be_empty: bool, now: Tick) -> Result<Replaced, Empty> {
        if members.is_empty() && !may_be_empty {
            return Err(Empty);
        }
        let _helm = self.maker.helm.take();
        let before = self.endpoints();
        let made: Vec<_> = members.into_iter().map(|member| self.make(member)).collect();
        self.welcome(&made, !before.is_empty());
        let all: Box<[_]> = made.into_iter().map(|(endpoint, _)| endpoint).collect();
        let slots =
            |all: &[Arc<Endpoint>]| all.iter().map(|endpoint| endpoint.slot()).collect::<HashSet<_>>();
        let (then, now_there) = (slots(&before), slots(&all));
        let added = all.iter().filter(|endpoint| !then.contains(&endpoint.slot())).count();
        let gone: Vec<_> = before.iter().filter(|endpoint| !now_there.contains(&endpoint.slot())).collect();
        all.iter().for_each(|endpoint| endpoint.settle());
        let turned = self.compare_all(&all, Some(now));
        self.lay_out(all, Some(now));
        turned.iter().for_each(|(endpoint, changed)| self.tell_of(endpoint, *changed));
        // Only now, when they are picked no more.
        gone.iter().for_each(|endpoint| endpoint.retire());
        Ok(Replaced { added, removed: gone.len() })
    }

    /// Sets a fault of an endpoint, with the reason, or lifts it; here, and in the fleet that is in force in place of this one.
    /// Whether that changes that it is available.
    pub fn mark(&self, endpoint: &Endpoint, fault: Fault, reason: Option<&str>, now: Tick) -> bool {
        let helm = self.maker.helm.take();
        let in_force = helm.upgrade();
        let fleet = in_force.as_deref().unwrap_or(self);
        if !fleet.set(endpoint, fault, reason, now) {
            return false;
        }
        fleet.lay_out(fleet.rota.load().all.clone(), Some(now));
        fleet.tell(endpoint, reason.ok_or(fault));
        true
    }

    /// As [`Fleet::mark`], for those who hold the helm, lay out another rota then, and tell of it.
    fn set(&self, endpoint: &Endpoint, fault: Fault, reason: Option<&str>, now: Tick) -> bool {
        let standing = &endpoint.kept.standing;
        if !standing.mark(fault, reason) {
            return false;
        }
        if standing.is_available() && !self.settings.slow_start.is_zero() {
            standing.warm(Warming::Since(now));
        }
        true
    }

    /// Comes into force: its limits hold from now on, and what has happened since it was made counts.
    pub(crate) fn settle(self: &Arc<Self>) {
        let mut helm = self.maker.helm.take();
        *helm = Arc::downgrade(self);
        let all = self.rota.load().all.clone();
        all.iter().for_each(|endpoint| endpoint.settle());
        let turned = self.compare_all(&all, None);
        self.lay_out(all, None);
        turned.iter().for_each(|(endpoint, changed)| self.tell_of(endpoint, *changed));
    }

    /// Has endpoints of `old`, of the same service, retire that do not serve here. What both have never does, not even for a moment: a
    /// connection given back just then would be lost. Nor does one that a registry finds again meanwhile, which the helm keeps out.
    pub fn succeed(&self, old: &Self) {
        let _helm = self.maker.helm.take();
        let here: HashSet<usize> = self.rota.load().all.iter().map(|endpoint| endpoint.slot()).collect();
        let gone = old.endpoints().into_iter().filter(|endpoint| !here.contains(&endpoint.slot()));
        gone.for_each(|endpoint| endpoint.retire());
    }

    /// Somebody's share has grown, or somebody is back. By a pick, if that is quickly done; else only by [`Fleet::tend`], which
    /// comes once a second at the latest.
    #[cold]
    fn step(&self, now: Tick) {
        // Whoever comes first does it, and the others go on with what there is.
        let Some(_helm) = self.maker.helm.try_take() else { return };
        let rota = self.rota.load();
        if rota.due <= now {
            self.lay_out(rota.all.clone(), Some(now));
        }
    }

    /// Lays out another rota. Whoever calls it has the helm. Where nobody knows the time, the next pick tells it.
    fn lay_out(&self, all: Box<[Arc<Endpoint>]>, now: Option<Tick>) {
        let (release, back) = self.release(&all, now);
        // Weights of 0 get nothing, unless nobody has another.
        let any = all.iter().any(|endpoint| endpoint.weight > 0);
        let weighty: Vec<_> = all.iter().filter(|endpoint| endpoint.weight > 0 || !any).collect();
        let circuits: Vec<_> = weighty.iter().map(|endpoint| endpoint.circuit(now)).collect();
        let release = circuits.iter().fold(release, |due, (_, at)| due.min(*at));
        let stands =
            weighty.iter().zip(circuits).map(|(endpoint, (circuit, _))| self.stand(endpoint, circuit));
        let stands: Vec<_> = stands.collect();
        let (places, panics) = on(&stands, self.settings.panic_threshold);
        let on: Box<[_]> = places.into_iter().map(|index| Arc::clone(weighty[index])).collect();
        let time = self.settings.slow_start;
        let shares = shares(&on, |endpoint| endpoint.kept.standing.percent(now, time));
        let grows =
            on.iter().zip(&shares).any(|(endpoint, share)| share.weight < u64::from(endpoint.weight) * 100);
        let due = match grows {
            true => now.map_or(Tick::ZERO, |now| now + step(time)).min(release),
            false => release,
        };
        let weight = weighty.iter().map(|endpoint| u64::from(endpoint.weight.max(1)) * 100).sum();
        let known = Known { count: weighty.len(), weight };
        let first = self.rota.load().taken();
        let picker = (!on.is_empty()).then(|| Picker::new(&self.settings.balance, &shares, known, first));
        let tokens = self.tokens(&all, &on);
        let due = Due { at: due, is_heavy: is_heavy(&self.settings.balance, all.len(), picker.as_ref()) };
        self.rota.store(Arc::new(Rota::new(all, on, picker, tokens, panics, due)));
        // Only now, when it is so.
        back.iter().for_each(|endpoint| self.tell(endpoint, Err(Fault::Ejected)));
    }

    /// Whom clients may come back to: whoever is available, even one that gets nobody else any more.
    fn tokens(&self, all: &[Arc<Endpoint>], on: &[Arc<Endpoint>]) -> Vec<(u64, Arc<Endpoint>)> {
        if self.settings.sticky.is_none() {
            return Vec::new();
        }
        let up = all.iter().filter(|endpoint| endpoint.is_available());
        let all: Vec<_> = up.chain(on).map(|endpoint| (endpoint.token, Arc::clone(endpoint))).collect();
        all
    }

    fn stand(&self, endpoint: &Endpoint, circuit: Circuit) -> Stand {
        let near = self.settings.zone.is_some() && endpoint.zone.as_deref() == self.settings.zone.as_deref();
        let available = endpoint.is_available() && circuit == Circuit::Closed;
        Stand { priority: endpoint.priority, available, near, circuit }
    }
}

/// What a failure counts as beside answers: an endpoint that refuses at once is not the quickest.
const FAILED: Duration = Duration::from_secs(1);
/// Never.
const FAR: Tick = Tick::from_nanos(u64::MAX);
