//! The share of requests that may be retries.
//!
//! A service that fails altogether would be asked twice as often as when it is well, if each request were tried again; with a
//! budget of 20 % it is asked a fifth more often. Requests and retries are counted by each worker for itself, and half of both
//! is forgotten every [`PERIOD`], so that no worker waits for another and what was long ago does not count. The idea is the
//! retry budget of Finagle; unlike its bucket this one is a bound: retries never exceed the larger of the share and the reserve.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sekisho_units::{Percent, Tick};

/// After this half of what was counted is forgotten.
const PERIOD: Duration = Duration::from_secs(10);
/// Retries that are free, so that a service which is asked little is tried again at all.
const RESERVE: u64 = 10;
/// Workers that have a share of their own; more than that share theirs.
const SHARES: usize = 32;

/// What one service's requests have used. It outlives a configuration.
pub(crate) struct Budget {
    shares: Box<[Share]>,
    pub(crate) meter: RetryMeter,
}

/// What became of retries.
#[derive(Default)]
pub struct RetryMeter {
    /// Retries made.
    pub made: AtomicU64,
    /// Retries that the budget did not allow.
    pub refused: AtomicU64,
}

/// One worker's counts, in a cache line of their own.
#[repr(align(64))]
#[derive(Default)]
struct Share {
    period: AtomicU32,
    requests: AtomicU64,
    retries: AtomicU64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { shares: (0..SHARES).map(|_| Share::default()).collect(), meter: RetryMeter::default() }
    }
}

impl Budget {
    /// Counts a request.
    #[inline]
    pub(crate) fn asked(&self, worker: usize, now: Tick) {
        let share = self.share(worker, now);
        share.requests.store(share.requests.load(Relaxed) + 1, Relaxed);
    }

    /// Takes leave for a retry.
    pub(crate) fn take(&self, worker: usize, allowed: Percent, now: Tick) -> bool {
        let share = self.share(worker, now);
        let requests = share.requests.load(Relaxed);
        let most = (requests * u64::from(allowed.basis_points()) / 10_000).max(RESERVE);
        let retries = share.retries.load(Relaxed);
        let may = retries < most && !allowed.is_zero();
        if may {
            share.retries.store(retries + 1, Relaxed);
            self.meter.made.fetch_add(1, Relaxed);
        } else {
            self.meter.refused.fetch_add(1, Relaxed);
        }
        may
    }

    /// The worker's counts, with what is old forgotten.
    #[inline]
    fn share(&self, worker: usize, now: Tick) -> &Share {
        let share = &self.shares[worker % SHARES];
        let period = (now.since(Tick::ZERO).as_secs() / PERIOD.as_secs()) as u32;
        let known = share.period.load(Relaxed);
        if known != period {
            let halvings = period.wrapping_sub(known).min(63);
            share.period.store(period, Relaxed);
            for count in [&share.requests, &share.retries] {
                count.store(count.load(Relaxed) >> halvings, Relaxed);
            }
        }
        share
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_fifth_of_the_requests_may_be_retried_and_ten_are_free() {
        let budget = Budget::default();
        let mut made = 0;
        for _ in 0..1_000 {
            budget.asked(0, at(1));
            made += u32::from(budget.take(0, Percent::of(20), at(1)));
        }
        assert_eq!(made, 200);
        let quiet = Budget::default();
        quiet.asked(0, at(1));
        let free = (0..100).filter(|_| quiet.take(0, Percent::of(20), at(1))).count();
        assert_eq!(free, 10);
        assert!(!Budget::default().take(0, Percent::of(0), at(1)), "none is none");
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        let budget = Budget::default();
        for _ in 0..1_000 {
            budget.asked(0, at(1));
        }
        let now = at(1_000);
        let free = (0..1_000).filter(|_| budget.take(0, Percent::of(20), now)).count();
        assert_eq!(free, 10);
    }

    #[test]
    fn workers_count_for_themselves() {
        let budget = Budget::default();
        while budget.take(0, Percent::of(20), at(1)) {}
        assert!(budget.take(1, Percent::of(20), at(1)));
    }

    proptest! {
        #[test]
        fn retries_never_exceed_the_share(
            steps in prop::collection::vec((0_u64..30, 0_u32..50), 1..60),
            percent in 1_u16..=100,
        ) {
            let budget = Budget::default();
            let (mut second, mut requests, mut retries) = (0, 0_u64, 0_u64);
            for (passes, asks) in steps {
                second += passes;
                for _ in 0..asks {
                    budget.asked(0, at(second));
                    requests += 1;
                    retries += u64::from(budget.take(0, Percent::of(percent), at(second)));
                }
            }
            let periods = second / 10 + 1;
            prop_assert!(retries <= requests * u64::from(percent) / 100 + RESERVE * periods);
        }
    }
}
