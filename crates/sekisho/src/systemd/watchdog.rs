//! The watchdog: systemd restarts a service of which it hears nothing for a while (`WatchdogSec=`, sd_watchdog_enabled(3)).
//!
//! It hears of us only as long as every worker thread runs its tasks: one that hangs would hold its clients for ever while
//! all else looked well.

use std::env;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use sd_notify::NotifyState;
use sekisho_gateway::WorkerMeter;
use tokio::time::MissedTickBehavior;

use super::{SOCKET, tell};
use crate::server::State;

/// The longest time between two beats of a worker; a look takes four of them at most.
const SLOWEST: Duration = Duration::from_secs(1);
/// The shortest: whoever asks for more wants the impossible.
const QUICKEST: Duration = Duration::from_millis(1);

/// That systemd expects to hear of us, and how often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Watchdog {
    /// After so much silence the service is restarted.
    within: Duration,
}

impl Watchdog {
    /// The one that the environment asks for: `WATCHDOG_USEC`, and `WATCHDOG_PID` unless another process is meant.
    pub(crate) fn asked() -> Option<Self> {
        let within = sd_notify::watchdog_enabled().filter(|within| !within.is_zero())?;
        env::var_os(SOCKET).map(|_| Self { within })
    }

    /// How often a worker must show that it runs: several times between two looks, so that a busy one is not missed.
    pub(crate) fn beat_every(self) -> Duration {
        (self.within / 16).clamp(QUICKEST, SLOWEST)
    }

    /// How often to look at the workers: four times within the interval, where the advice is twice.
    fn look_every(self) -> Duration {
        self.beat_every() * 4
    }

    /// Sends signs of life as long as there is life in all workers.
    pub(crate) async fn watch(self, state: Arc<State>) {
        let mut pulse = Pulse::new(&state.workers);
        let mut looks = tokio::time::interval(self.look_every());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if pulse.is_felt(&state.workers) {
                tell(&[NotifyState::Watchdog]);
            }
        }
    }
}

/// The beats of all workers when they last had all moved.
struct Pulse(Box<[u64]>);

impl Pulse {
    fn new(workers: &[Arc<WorkerMeter>]) -> Self {
        Self(beats(workers).collect())
    }

    /// Whether every worker has beaten since this last was so.
    fn is_felt(&mut self, workers: &[Arc<WorkerMeter>]) -> bool {
        let all = beats(workers).zip(&self.0).all(|(now, then)| now != *then);
        if all {
            *self = Self::new(workers);
        }
        all
    }
}

fn beats(workers: &[Arc<WorkerMeter>]) -> impl Iterator<Item = u64> {
    workers.iter().map(|worker| worker.beat.load(Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_that_hangs_is_enough() {
        let workers: [Arc<WorkerMeter>; 2] = [Arc::default(), Arc::default()];
        let mut pulse = Pulse::new(&workers);
        for (beating, felt) in [
            (&[][..], false),
            (&[0, 1], true),
            (&[0, 1], true),
            (&[0], false),
            (&[0], false),
            // Both have by now, though not at the same time.
            (&[1], true),
            (&[1], false),
            (&[], false),
            (&[0], true),
        ] {
            beating.iter().for_each(|worker: &usize| WorkerMeter::up(&workers[*worker].beat));
            assert_eq!(pulse.is_felt(&workers), felt, "{beating:?}");
        }
    }

    #[test]
    fn looks_more_than_twice_within_the_interval() {
        for (micros, beat) in [(200_000, 12_500), (30_000_000, 1_000_000), (u64::MAX, 1_000_000), (1, 1_000)]
        {
            let watchdog = Watchdog { within: Duration::from_micros(micros) };
            assert_eq!(watchdog.beat_every(), Duration::from_micros(beat), "{micros}");
            assert_eq!(watchdog.look_every(), Duration::from_micros(4 * beat), "{micros}");
            assert!(watchdog.look_every() * 2 < watchdog.within || micros == 1, "{micros}");
        }
    }
}
