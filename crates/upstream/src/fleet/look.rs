//! A fleet for those who look: the admin port and metrics.

use std::sync::Arc;

use sekisho_units::Tick;

use super::{Decay, Endpoint, Fault, Fleet};

/// An endpoint as it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// Its `host:port`.
    pub authority: Arc<str>,
    /// Its weight.
    pub weight: u32,
    /// Its priority.
    pub priority: u32,
    /// Its zone.
    pub zone: Option<Arc<str>>,
    /// What keeps it from being asked, and why.
    pub fault: Option<(Fault, Box<str>)>,
    /// Whether it passes its checks, if it is checked.
    pub healthy: bool,
    /// How often it was ejected.
    pub ejections: u64,
    /// Whether it can be picked now.
    pub picked: bool,
    /// The part of its share that it has, in percent.
    pub share: u64,
    /// Requests that it has.
    pub in_flight: u32,
    /// Seconds that its answers take, as far as that is measured.
    pub latency: Option<f32>,
}

impl Fleet {
    /// Everybody, in the order told.
    pub fn look(&self, now: Tick) -> Vec<Seen> {
        let rota = self.rota.load();
        let on = rota.on();
        let seen = rota.all.iter().map(|endpoint| {
            let standing = &endpoint.kept.standing;
            Seen {
                authority: Arc::clone(&endpoint.authority),
                weight: endpoint.weight,
                priority: endpoint.priority,
                zone: endpoint.zone.clone(),
                fault: standing.fault(),
                healthy: !standing.has(Fault::Unhealthy),
                ejections: endpoint.kept.watched().sentence.total(),
                picked: on.contains(&endpoint.slot()),
                share: standing.percent(Some(now), self.settings.slow_start),
                in_flight: endpoint.load().in_flight(),
                latency: self.decay.and_then(|decay| seconds(endpoint, now, decay)),
            }
        });
        seen.collect()
    }
}

fn seconds(endpoint: &Endpoint, now: Tick, decay: Decay) -> Option<f32> {
    let micros = endpoint.load().latency(now, decay);
    (micros > 0.0).then_some(micros / 1e6)
}
