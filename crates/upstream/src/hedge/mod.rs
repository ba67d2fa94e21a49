//! Hedging: where an answer is long in coming, another endpoint is asked as well, and whoever gives the head of an answer first is
//! heard. It makes the slowest answers quicker, at the price of a few requests more ("The Tail at Scale", Dean and Barroso, 2013).
//!
//! What may be hedged is safe and has no body, so that two services may have it at once. How much is bounded by a budget.

mod config;
mod quantile;
mod race;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sekisho_exchange::Exchange;
use sekisho_units::{Percent, Tick};
use sekisho_wire::{Framing, Method};

pub use self::config::{After, HedgeConfig};
use self::quantile::Times;
use crate::balance::Asked;
use crate::carry::Carry;
use crate::fleet::Endpoint;
use crate::retry::{Budget, bit};

/// A service's hedging.
pub(crate) struct Hedge {
    after: After,
    /// A bit for each method.
    methods: u16,
    percent: Percent,
    kept: Arc<HedgeState>,
}

/// What one service's hedging has used and measured. It outlives a configuration.
#[derive(Default)]
pub(crate) struct HedgeState {
    budget: Budget,
    times: Times,
    meter: HedgeMeter,
}

/// What became of requests whose answers were long in coming.
#[derive(Default)]
pub struct HedgeMeter([AtomicU64; OUTCOMES.len()]);

/// What can become of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hedged {
    /// The second endpoint answered first.
    Won,
    /// The first one did after all.
    Lost,
    /// Neither answered.
    Failed,
    /// The client left, or the time was over, before either had answered.
    GivenUp,
    /// The budget, or the service's limit, allowed no second request.
    OverBudget,
    /// There was no other endpoint to ask.
    NobodyElse,
}

/// All of them, as metrics name them.
const OUTCOMES: [(Hedged, &str); 6] = [
    (Hedged::Won, "won"),
    (Hedged::Lost, "lost"),
    (Hedged::Failed, "failed"),
    (Hedged::GivenUp, "given_up"),
    (Hedged::OverBudget, "over_budget"),
    (Hedged::NobodyElse, "nobody_else"),
];

impl HedgeMeter {
    /// How often each outcome has come, in the words of metrics.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        OUTCOMES.iter().zip(&self.0).map(|((_, word), count)| (*word, count.load(Relaxed)))
    }

    fn count(&self, outcome: Hedged) {
        self.0[outcome as usize].fetch_add(1, Relaxed);
    }
}

impl Hedge {
    pub(crate) fn new(service: &str, config: &HedgeConfig, carry: &Carry) -> Self {
        let methods = config.methods.iter().map(|name| bit(Method::of(name.value.as_bytes())));
        Self {
            after: config.after.value,
            methods: methods.fold(0, |all, one| all | one),
            percent: config.budget.value,
            kept: carry.hedges(service),
        }
    }

    /// What became of requests whose answers were long in coming.
    pub(crate) fn meter(&self) -> &HedgeMeter {
        &self.kept.meter
    }

    /// Whether this request may be with two endpoints at once, of which `first` is one. A client that comes back to its endpoint is
    /// not: only that one knows it.
    pub(crate) fn takes(&self, exchange: &Exchange<'_>, asked: &Asked, first: &Endpoint) -> bool {
        self.methods & bit(exchange.method) != 0
            && matches!(exchange.body, Framing::None | Framing::Length(0))
            && exchange.to_offer.is_empty()
            && asked.token.is_none_or(|token| token != first.token)
    }

    /// How long the first endpoint has, as far as that is known.
    fn after(&self, worker: usize) -> Option<Duration> {
        match self.after {
            After::Time(time) => Some(time),
            After::Percentile(_) => self.kept.times.told(worker),
        }
    }

    /// The first endpoint took so long to its answer's head, or at least so long if another one was quicker.
    fn took(&self, worker: usize, time: Duration) {
        if let After::Percentile(percent) = self.after {
            self.kept.times.took(worker, time, percent);
        }
    }

    /// Counts a request.
    fn asked(&self, worker: usize, now: Tick) {
        self.kept.budget.asked(worker, now);
    }

    /// Takes leave for a second request.
    fn may(&self, worker: usize, now: Tick) -> bool {
        self.kept.budget.take(worker, self.percent, now)
    }
}
