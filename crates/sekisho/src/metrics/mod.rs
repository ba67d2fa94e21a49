//! Metrics for Prometheus: read from what the workers count at the moment they are asked for, so that counting itself costs
//! a request next to nothing.

mod exposition;
mod family;
mod kept;
mod policies;
mod process;
mod throughput;
mod traffic;
mod upstream;
mod workers;

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
use sekisho_gateway::{Cell, Plan, Site};

pub(crate) use self::exposition::Exposition;
pub(crate) use self::throughput::Throughput;
use crate::server::State;

/// All metrics of a gateway.
pub(crate) struct Metrics(Registry);

impl Metrics {
    /// The metrics of the gateway with this state.
    pub(crate) fn new(state: Arc<State>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Reader(state)));
        Self(registry)
    }

    /// All of them as text.
    pub(crate) fn expose(&self, exposition: Exposition) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0)
            .expect("a String takes all that is written to it");
        exposition.lay_out(text)
    }
}

/// Reads the state at each scrape.
struct Reader(Arc<State>);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl Collector for Reader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let site = self.0.site.load();
        traffic::encode(&mut encoder, &site, &self.0)?;
        traffic::configuration(&mut encoder, &site, &self.0)?;
        upstream::encode(&mut encoder, &site, self.0.clock.now())?;
        policies::encode(&mut encoder, &site)?;
        workers::encode(&mut encoder, &self.0)?;
        kept::encode(&mut encoder, &self.0, &site.store)?;
        process::encode(&mut encoder)
    }
}

/// All plans, the one for requests without a route last.
fn plans(site: &Site) -> impl Iterator<Item = &Plan> {
    site.plans.iter().chain([&site.fallback])
}

/// Notes the number of requests once a second, for as long as the background runtime lives.
pub(crate) async fn sample(state: Arc<State>) {
    let note = |total| {
        state.throughput.lock().unwrap_or_else(PoisonError::into_inner).note(state.clock.now(), total);
    };
    // What was asked before the first second is counted, too.
    note(0);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        second.tick().await;
        note(
            plans(&state.site.load()).flat_map(|plan| plan.meter.read()).map(|cell| Cell::count(&cell)).sum(),
        );
    }
}

#[cfg(test)]
mod tests;
