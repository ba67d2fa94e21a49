//! What has been heard of a service since the limit was moved last: numbers that all workers write.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sekisho_units::Tick;

use super::steering::Seen;

/// Fewest answers and failures to judge by.
const ENOUGH: u32 = 20;

/// Bits of the sum of logarithms; those above are the count.
const SUM: u32 = 40;
/// Steps of a logarithm to base 2.
const STEPS: f32 = 256.0;

/// One window. Its typical time is the geometric mean: it takes one addition, and a few answers that take far longer than the
/// others hardly move it.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Window {
    /// Before this, what is heard may be of requests from before the limit moved.
    opens: AtomicU64,
    /// It closes now at the earliest.
    closes: AtomicU64,
    /// How many answers, and the sum of the logarithms of their nanoseconds.
    answers: AtomicU64,
    failures: AtomicU32,
    /// Most requests in flight when an answer came.
    peak: AtomicU32,
}

impl Window {
    /// Whether what is heard now counts.
    #[inline]
    pub(super) fn is_open(&self, now: Tick) -> bool {
        self.opens.load(Relaxed) <= now.as_nanos()
    }

    /// An answer came after so long.
    pub(super) fn answer(&self, took: Duration, in_flight: u32) {
        let nanos = (took.as_nanos() as f32).max(1.0);
        self.answers.fetch_add(1 << SUM | (nanos.log2() * STEPS) as u64, Relaxed);
        self.saw(in_flight);
    }

    /// There was none, or one that says that the service has too much to do.
    pub(super) fn failure(&self, in_flight: u32) {
        self.failures.fetch_add(1, Relaxed);
        self.saw(in_flight);
    }

    fn saw(&self, in_flight: u32) {
        if self.peak.load(Relaxed) < in_flight {
            self.peak.fetch_max(in_flight, Relaxed);
        }
    }

    /// Whether there is enough to judge by.
    #[inline]
    pub(super) fn is_over(&self, now: Tick) -> bool {
        self.closes.load(Relaxed) <= now.as_nanos() && {
            let answers = (self.answers.load(Relaxed) >> SUM) as u32;
            answers.saturating_add(self.failures.load(Relaxed)) >= ENOUGH
        }
    }

    /// Takes what was heard, and begins anew at `opens`, for `length` at least.
    pub(super) fn turn(&self) -> Seen {
        let packed = self.answers.swap(0, Relaxed);
        let (count, sum) = ((packed >> SUM) as u32, packed & ((1 << SUM) - 1));
        let mean = sum as f64 / f64::from(count.max(1)) / f64::from(STEPS);
        Seen {
            answers: count,
            typical: mean.exp2(),
            failures: self.failures.swap(0, Relaxed),
            peak: self.peak.swap(0, Relaxed),
        }
    }

    /// Opens after `opens`, for `length` at least.
    pub(super) fn open(&self, opens: Tick, length: Duration) {
        self.opens.store(opens.as_nanos(), Relaxed);
        self.closes.store((opens + length).as_nanos(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Tick {
        Tick::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn closes_after_its_time_with_enough_to_judge_by() {
        let window = Window::default();
        window.open(at(50), Duration::from_millis(100));
        assert!(!window.is_open(at(49)) && window.is_open(at(50)));
        for n in 0..ENOUGH {
            assert!(!window.is_over(at(1_000)), "{n} are too few");
            if n % 4 == 0 { window.failure(n) } else { window.answer(Duration::from_millis(8), 7) }
        }
        assert!(!window.is_over(at(149)) && window.is_over(at(150)));
        let seen = window.turn();
        assert_eq!((seen.answers, seen.failures, seen.peak), (15, 5, 16));
        assert!((seen.typical / 8e6 - 1.0).abs() < 0.01, "{}", seen.typical);
        assert!(!window.is_over(at(1_000)), "it begins anew");
    }

    #[test]
    fn what_is_typical_is_not_what_is_longest() {
        let window = Window::default();
        for n in 0..100_u64 {
            window.answer(Duration::from_millis(if n == 0 { 10_000 } else { 10 }), 1);
        }
        let millis = window.turn().typical / 1e6;
        assert!((10.0..11.0).contains(&millis), "{millis}");
        window.answer(Duration::ZERO, 1);
        window.answer(Duration::MAX, 1);
        assert!(window.turn().typical.is_finite());
    }
}
