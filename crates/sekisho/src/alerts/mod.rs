//! Telling operators: every event is a line on standard error, and an alert to whoever the configuration says.
//!
//! Whoever notices something tells it here and goes on. Each channel has a sieve that lets little enough through
//! (`sieve`), a bounded queue, and an errand that tells what is in it, on the thread that serves no client (`running`). A channel
//! that the next configuration has as well goes on as it is.

mod alert;
mod attempt;
mod recent;
mod running;
mod sieve;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sekisho_exchange::{Errands, Event, Events};
use sekisho_gateway::alert::Alerting;
use sekisho_units::Clock;
use serde_json::{Value, json};

use self::recent::Recent;
pub(crate) use self::running::Tally;
use self::running::{About, Running};
pub(crate) use self::store::watch_store;
use crate::output::note;

/// Tells operators, for as long as the gateway runs.
pub(crate) struct Alerts {
    about: Arc<About>,
    channels: ArcSwap<Vec<Arc<Running>>>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self::new(Clock::system())
    }
}

impl Events for Alerts {
    fn tell(&self, event: Event) {
        note(&event.to_string());
        let (now, at) = (self.about.clock.now(), self.about.clock.wall());
        for running in self.channels.load().iter() {
            running.take(&event, at, now);
        }
    }
}

impl Alerts {
    pub(crate) fn new(clock: Clock) -> Self {
        let gateway = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let about = Arc::new(About { clock, gateway, recent: Recent::default() });
        Self { about, channels: ArcSwap::default() }
    }

    /// These channels are told from now on. Those that were there before keep what they have; of the others, what was not told is
    /// dropped.
    pub(crate) fn settle(&self, alerting: &Alerting, errands: &Arc<dyn Errands>) {
        for line in &alerting.left_out {
            note(line);
        }
        let before = self.channels.load_full();
        let goes_on = |identity| before.iter().find(|running| running.channel.identity == identity);
        let now: Vec<_> = alerting
            .channels
            .iter()
            .map(|channel| match goes_on(channel.identity) {
                Some(running) => Arc::clone(running),
                None => self.begin(Running::new(Arc::clone(channel), Arc::clone(&self.about)), errands),
            })
            .collect();
        for running in before.iter().filter(|old| !now.iter().any(|new| Arc::ptr_eq(old, new))) {
            running.close();
        }
        self.channels.store(Arc::new(now));
    }

    fn begin(&self, running: Arc<Running>, errands: &Arc<dyn Errands>) -> Arc<Running> {
        let runs = Arc::clone(&running);
        errands.send(Box::new(move |local| Box::pin(runs.run(local))));
        running
    }

    /// The gateway ends: tells what is not told yet, but takes no longer than `most`.
    pub(crate) async fn flush(&self, most: Duration) {
        let channels = self.channels.load_full();
        channels.iter().for_each(|running| running.hurry());
        let all = async {
            for running in channels.iter() {
                running.idle().await;
            }
        };
        if tokio::time::timeout(most, all).await.is_err() {
            note(&format!("alerts that could not be told within {most:?} are lost"));
        }
    }

    /// Tells every channel that this is a test: which alert it is to each.
    pub(crate) fn test(&self) -> Value {
        let channels = self.channels.load();
        let one = |running: &Arc<Running>| json!({ "channel": *running.channel.name, "id": running.test() });
        json!({ "alerts": channels.iter().map(one).collect::<Vec<_>>() })
    }

    /// The channels by name, and what has come of them.
    pub(crate) fn tallies(&self) -> Vec<(Box<str>, Tally)> {
        let channels = self.channels.load();
        channels.iter().map(|running| (running.channel.name.clone(), running.tally())).collect()
    }

    /// Channels and the last alerts, for operators.
    pub(crate) fn document(&self) -> Value {
        let channels = self.channels.load();
        let one = |running: &Arc<Running>| {
            let tally = running.tally();
            let mut document = json!({
                "name": *running.channel.name,
                "kind": running.channel.way.kind(),
                "on": running.channel.on.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
                "queued": tally.queued,
            });
            for (result, count) in tally.results {
                document[result] = count.into();
            }
            document
        };
        json!({
            "channels": channels.iter().map(one).collect::<Vec<_>>(),
            "alerts": self.about.recent.document(),
        })
    }
}
