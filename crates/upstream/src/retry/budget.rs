//! The share of requests that may be retries.
//!
//! A service that fails altogether would be asked twice as often as when it is well, if each request were tried again; with a
//! budget of 20 % it is asked a fifth more often. An endpoint that dies takes with it what it had under way, all at once. So
//! requests are saved up, as in Finagle's retry budget: what two seconds could have used can be used in a moment. What is saved up
//! must not make a storm of it, so each request pays in only three quarters of its share: over eight seconds or more of the same
//! traffic retries never exceed the whole share, whatever was saved before (two quarters of eight seconds are two seconds).
//! Each worker counts for itself, so that none waits for another.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

use sekisho_units::{Percent, Tick};

/// Retries that are free, so that a service which is asked little is tried again at all.
const FREE: u32 = 10;
/// A free one comes back after so many seconds.
const FREE_AFTER: u64 = 2;
/// So many seconds of requests can be saved up.
const SAVED: i64 = 2;
/// What a request pays in, and what it is, in the unit in which is saved.
const PAID: i64 = 3;
const WHOLE: i64 = 4;
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
struct Share {
    /// The second that is counted.
    second: AtomicU64,
    /// Requests in it, and in the second before in which there were any.
    requests: AtomicU64,
    last: AtomicU64,
    /// Saved up before it, less what was spent in it.
    saved: AtomicI64,
    free: AtomicU32,
    /// When the last free one came back.
    freed: AtomicU64,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            second: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            last: AtomicU64::new(0),
            saved: AtomicI64::new(0),
            free: AtomicU32::new(FREE),
            freed: AtomicU64::new(0),
        }
    }
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

    /// Takes leave for a retry. Whether it is made may depend on others, too.
    pub(crate) fn take(&self, worker: usize, allowed: Percent, now: Tick) -> bool {
        let may = !allowed.is_zero() && self.share(worker, now).spend(allowed);
        if !may {
            self.meter.refused.fetch_add(1, Relaxed);
        }
        may
    }

    /// The worker's counts of this second.
    #[inline]
    fn share(&self, worker: usize, now: Tick) -> &Share {
        let share = &self.shares[worker % SHARES];
        let second = now.since(Tick::ZERO).as_secs();
        if share.second.load(Relaxed) != second {
            share.save(second);
        }
        share
    }
}

impl Share {
    /// What there is to be spent.
    fn purse(&self) -> i64 {
        let requests = self.requests.load(Relaxed);
        let most = requests.max(self.last.load(Relaxed)) as i64 * WHOLE * SAVED;
        (self.saved.load(Relaxed) + requests as i64 * PAID).min(most)
    }

    /// Begins another second.
    #[cold]
    fn save(&self, second: u64) {
        self.saved.store(self.purse(), Relaxed);
        self.last.store(self.requests.swap(0, Relaxed), Relaxed);
        self.second.store(second, Relaxed);
        let back = second.saturating_sub(self.freed.load(Relaxed)) / FREE_AFTER;
        if back > 0 {
            self.freed.store(second, Relaxed);
            let free = u64::from(self.free.load(Relaxed)) + back;
            self.free.store(free.min(FREE.into()) as u32, Relaxed);
        }
    }

    /// Pays for a retry: by as many requests as it is a share of, or by a free one.
    fn spend(&self, allowed: Percent) -> bool {
        let price = WHOLE * 10_000 / i64::from(allowed.basis_points());
        let purse = self.purse();
        if purse >= price {
            // What does not fit into the purse is lost as soon as something is taken from it.
            self.saved.store(purse - price - self.requests.load(Relaxed) as i64 * PAID, Relaxed);
            return true;
        }
        let free = self.free.load(Relaxed);
        self.free.store(free.saturating_sub(1), Relaxed);
        free > 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIFTH: Percent = Percent::of(20);

    fn at(seconds: u64) -> Tick {
        Tick::ZERO + std::time::Duration::from_secs(seconds)
    }

    /// Retries of a storm in which every request of so many seconds wants one, at so many requests a second.
    fn storm(budget: &Budget, rate: u64, seconds: std::ops::Range<u64>) -> u64 {
        let mut made = 0;
        for second in seconds {
            for _ in 0..rate {
                budget.asked(0, at(second));
                made += u64::from(budget.take(0, FIFTH, at(second)));
            }
        }
        made
    }

    fn calm(budget: &Budget, rate: u64, seconds: std::ops::Range<u64>) {
        for second in seconds {
            (0..rate).for_each(|_| budget.asked(0, at(second)));
        }
    }

    #[test]
    fn three_quarters_of_a_fifth_are_paid_in_and_ten_are_free() {
        assert_eq!(storm(&Budget::default(), 1_000, 1..2), 150 + 10);
        let quiet = Budget::default();
        quiet.asked(0, at(1));
        let free = (0..100).filter(|_| quiet.take(0, FIFTH, at(1))).count();
        assert_eq!(free, 10);
        assert!(!Budget::default().take(0, Percent::of(0), at(1)), "none is none");
    }

    #[test]
    fn free_ones_come_back_one_by_one() {
        let budget = Budget::default();
        let free = |second| (0..100).filter(|_| budget.take(0, FIFTH, at(second))).count();
        assert_eq!([1, 2, 4, 5, 10, 1_000].map(free), [10, 1, 1, 0, 3, 10]);
    }

    #[test]
    fn what_two_seconds_could_use_can_be_used_at_once() {
        let budget = Budget::default();
        calm(&budget, 1_000, 1..60);
        budget.asked(0, at(60));
        let burst = (0..10_000).filter(|_| budget.take(0, FIFTH, at(60))).count();
        assert_eq!(burst, 400 + 10);
    }

    #[test]
    fn what_was_saved_by_much_traffic_is_not_kept_for_little() {
        let budget = Budget::default();
        calm(&budget, 1_000, 1..60);
        calm(&budget, 10, 60..70);
        let burst = (0..10_000).filter(|_| budget.take(0, FIFTH, at(70))).count();
        assert_eq!(burst, 4 + 10);
    }

    #[test]
    fn workers_count_for_themselves() {
        let budget = Budget::default();
        while budget.take(0, FIFTH, at(1)) {}
        assert!(budget.take(1, FIFTH, at(1)));
    }

    proptest! {
        #[test]
        fn a_storm_of_eight_seconds_or_more_is_a_fifth_whatever_went_before(
            rate in 1_u64..500, before in 0_u64..30, seconds in 8_u64..60,
        ) {
            let budget = Budget::default();
            calm(&budget, rate, 1..1 + before);
            let made = storm(&budget, rate, 1 + before..1 + before + seconds);
            prop_assert!(made <= rate * seconds / 5 + u64::from(FREE) + seconds / FREE_AFTER + 1, "{made}");
        }

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
            prop_assert!(retries <= requests * u64::from(percent) / 100 + u64::from(FREE) + second / FREE_AFTER);
        }
    }
}
