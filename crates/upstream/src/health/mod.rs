//! Active health: each endpoint is asked every so often whether it is well, whether or not requests come.
//!
//! One [`Rounds`] sees to the checks of all services in force, on a thread that serves no client, by connections of its own and past
//! the circuit breaker. What they find the fleet is told. The same question, asked once for somebody who waits, is an [`Asker`].

mod asker;
mod check;
mod config;
mod probe;
mod rounds;
mod statuses;
mod tally;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub use self::asker::Asker;
pub use self::check::Check;
pub use self::config::{CheckKind, HealthConfig};
pub use self::rounds::Rounds;
pub use self::statuses::Statuses;

/// Checks of a service, by what came of them.
#[derive(Default)]
pub struct HealthMeter {
    good: AtomicU64,
    bad: AtomicU64,
}

impl HealthMeter {
    fn count(&self, is_good: bool) {
        let counter = if is_good { &self.good } else { &self.bad };
        counter.fetch_add(1, Relaxed);
    }

    /// Those that found the endpoint well, and the others.
    pub fn counts(&self) -> (u64, u64) {
        (self.good.load(Relaxed), self.bad.load(Relaxed))
    }
}
