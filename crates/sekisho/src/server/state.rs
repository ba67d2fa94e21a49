//! What the parts of a running gateway share: the admin port and the metrics read here what workers do.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use std::time::Duration;

use arc_swap::ArcSwap;
use sekisho_exchange::Errands;
use sekisho_gateway::compile::Carry;
use sekisho_gateway::{Site, WorkerMeter};
use sekisho_policies::Kept;
use sekisho_policies::access_log::Sinks;
use sekisho_units::{Clock, Tick};
use tokio::sync::watch;

use super::reload::Reloads;
use crate::alerts::Alerts;
use crate::metrics::Throughput;

/// Where in its life the gateway is. It only goes forward.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Phase {
    /// Configured, but not yet taking connections.
    Starting,
    /// Taking connections.
    Ready,
    /// No new connections; those there are end after their request.
    Draining,
    /// Their requests have had their time; tunnels still have theirs.
    Late,
    /// Whatever is still open is cut.
    Over,
}

/// Configurations so far, for those who wait for the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sites {
    /// How many have come into force.
    pub(crate) count: u64,
    /// How often one of them closed a port.
    pub(crate) doors_closed: u64,
}

/// Shared by all threads.
pub(crate) struct State {
    /// The configuration in force.
    pub(crate) site: Arc<ArcSwap<Site>>,
    /// Those before it, as far as something may still go by them.
    past: Mutex<Vec<Weak<Site>>>,
    /// Tells of each new configuration.
    pub(crate) sites: watch::Sender<Sites>,
    /// Where logs go.
    pub(crate) sinks: Arc<Sinks>,
    /// What policies keep.
    pub(crate) kept: Arc<Kept>,
    /// What each worker counts.
    pub(crate) workers: Box<[Arc<WorkerMeter>]>,
    /// Client connections that were turned away because too many were open.
    pub(crate) refused: AtomicU64,
    /// Requests over the last minute.
    pub(crate) throughput: Mutex<Throughput>,
    /// The phase; whoever must act on it subscribes.
    pub(crate) phase: watch::Sender<Phase>,
    /// Who tells operators.
    pub(crate) alerts: Arc<Alerts>,
    /// Who tells them by way of others.
    errands: Arc<dyn Errands>,
    /// Where a reload can be asked for, and what came of the last.
    pub(crate) reloads: Reloads,
    /// The clock.
    pub(crate) clock: Clock,
    /// When it was made.
    begun: Tick,
}

impl State {
    /// The state at the start, with what outlives the configuration. From now on operators are told as it says.
    pub(crate) fn new(site: Site, carry: &Carry, alerts: Arc<Alerts>) -> Arc<Self> {
        alerts.settle(&site.alerts, &carry.errands);
        site.begin();
        let clock = Clock::system();
        Arc::new(Self {
            workers: (0..site.settings.workers).map(|_| Arc::default()).collect(),
            site: Arc::new(ArcSwap::from_pointee(site)),
            past: Mutex::default(),
            sites: watch::Sender::default(),
            sinks: Arc::clone(&carry.sinks),
            kept: Arc::clone(&carry.kept),
            refused: AtomicU64::new(0),
            throughput: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
            alerts,
            errands: Arc::clone(&carry.errands),
            reloads: Reloads::default(),
            begun: clock.now(),
            clock,
        })
    }

    /// `site` is the configuration in force from now on. Gives the one before.
    pub(crate) fn replace(&self, site: Arc<Site>) -> Arc<Site> {
        let old = self.site.load_full();
        site.succeed(&old);
        self.alerts.settle(&site.alerts, &self.errands);
        self.site.store(site);
        self.sites.send_modify(|sites| sites.count += 1);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.retain(|site| site.strong_count() > 0);
        past.push(Arc::downgrade(&old));
        old
    }

    /// Configurations in memory: the one in force, and those before it that requests still go by.
    pub(crate) fn configurations(&self) -> usize {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        1 + past.iter().filter(|site| site.strong_count() > 0).count()
    }

    /// Tunnels open.
    pub(super) fn tunnels(&self) -> usize {
        self.sum(|worker| &worker.tunnels)
    }

    /// Client connections open, tunnels among them.
    pub(super) fn connections(&self) -> usize {
        self.sum(|worker| &worker.connections)
    }

    fn sum(&self, count: fn(&WorkerMeter) -> &AtomicU64) -> usize {
        let sum: u64 = self.workers.iter().map(|worker| count(worker).load(Relaxed)).sum();
        usize::try_from(sum).unwrap_or(usize::MAX)
    }

    /// A port was closed: its connections must learn of it.
    pub(crate) fn doors_closed(&self) {
        self.sites.send_modify(|sites| sites.doors_closed += 1);
    }

    /// How long it has been there.
    pub(crate) fn age(&self) -> Duration {
        self.clock.now().since(self.begun)
    }

    /// The phase now.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }
}
