//! How long answers take, all but a small share of them: a quantile that is kept up with every answer, at the cost of a count.
//!
//! Times are counted in steps of an eighth of an octave, so that what is told is at most an eighth too long. Each worker counts
//! for itself, and halves what it has counted every so often, so that what was long ago does not count.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Steps to a doubling, as a power of two.
const FINE: u32 = 3;
/// What is quicker than 2¹⁴ ns, some 16 µs, is counted as that.
const LEAST: u32 = 14;
/// What is slower than 2³⁴ ns, some 17 s, is counted as that.
const MOST: u32 = 34;
const STEPS: usize = ((MOST - LEAST) as usize) << FINE;
/// Workers that have a share of their own; more than that share theirs.
const SHARES: usize = 32;
/// The quantile is reckoned anew with every so many answers, and not before the first so many.
const EVERY: u32 = 64;
/// With so many counted, half is forgotten.
const FULL: u32 = 2_048;

/// The times of one service's answers.
pub(super) struct Times(Box<[Share]>);

/// One worker's counts.
#[repr(align(64))]
struct Share {
    counts: [AtomicU32; STEPS],
    counted: AtomicU32,
    /// The quantile in nanoseconds as it was last reckoned; 0 for not yet.
    told: AtomicU64,
}

impl Default for Times {
    fn default() -> Self {
        let share = |_| Share {
            counts: [const { AtomicU32::new(0) }; STEPS],
            counted: AtomicU32::new(0),
            told: AtomicU64::new(0),
        };
        Self((0..SHARES).map(share).collect())
    }
}

impl Times {
    /// An answer took so long; of all answers `percent` are to be quicker than what is told.
    pub(super) fn took(&self, worker: usize, time: Duration, percent: u8) {
        let share = &self.0[worker % SHARES];
        let count = &share.counts[step(time)];
        count.store(count.load(Relaxed) + 1, Relaxed);
        let counted = share.counted.load(Relaxed) + 1;
        share.counted.store(counted, Relaxed);
        if counted.is_multiple_of(EVERY) {
            share.reckon(percent, counted >= FULL);
        }
    }

    /// What `percent` of the answers are quicker than, once enough are known.
    pub(super) fn told(&self, worker: usize) -> Option<Duration> {
        match self.0[worker % SHARES].told.load(Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }
}

impl Share {
    #[cold]
    fn reckon(&self, percent: u8, halves: bool) {
        let all: u64 = self.counts.iter().map(|count| u64::from(count.load(Relaxed))).sum();
        let slower = all * u64::from(100 - percent) / 100;
        let mut above = 0;
        let last = self.counts.iter().rposition(|count| {
            above += u64::from(count.load(Relaxed));
            above > slower
        });
        self.told.store(end(last.unwrap_or(0)), Relaxed);
        if halves {
            self.counts.iter().for_each(|count| count.store(count.load(Relaxed) / 2, Relaxed));
            self.counted.store(FULL / 2, Relaxed);
        }
    }
}

/// The step that a time belongs to.
fn step(time: Duration) -> usize {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).clamp(1 << LEAST, (1 << MOST) - 1);
    let octave = nanos.ilog2();
    let fine = nanos >> (octave - FINE) & ((1 << FINE) - 1);
    ((octave - LEAST) as usize) << FINE | fine as usize
}

/// The end of a step in nanoseconds.
fn end(step: usize) -> u64 {
    let (octave, fine) = (LEAST + (step as u32 >> FINE), step as u64 & ((1 << FINE) - 1));
    (fine + 1 + (1 << FINE)) << (octave - FINE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(times: &Times) -> Option<f64> {
        times.told(0).map(|time| time.as_secs_f64() * 1e3)
    }

    #[test]
    fn it_tells_what_all_but_a_share_are_quicker_than() {
        let times = Times::default();
        for number in 0..63 {
            times.took(0, Duration::from_millis(number % 100), 95);
        }
        assert_eq!(millis(&times), None, "too few to tell");
        for number in 0..10_000 {
            times.took(0, Duration::from_millis(number % 100), 95);
        }
        let told = millis(&times).unwrap();
        assert!((95.0..=107.0).contains(&told), "{told}");
        assert_eq!(times.told(1), None, "each worker for itself");
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let times = Times::default();
        (0..10_000).for_each(|_| times.took(0, Duration::from_secs(5), 90));
        (0..30_000).for_each(|_| times.took(0, Duration::from_millis(3), 90));
        let told = millis(&times).unwrap();
        assert!((3.0..=3.4).contains(&told), "{told}");
    }

    proptest! {
        #[test]
        fn no_time_is_told_shorter_than_it_is_nor_an_eighth_longer(nanos in 1_u64 << LEAST..1 << MOST) {
            let told = end(step(Duration::from_nanos(nanos)));
            prop_assert!(told > nanos && told - nanos <= nanos / 8 + 1, "{} {}", nanos, told);
        }

        #[test]
        fn any_time_has_a_step(secs in 0_u64..1_000_000_000, nanos in 0_u32..1_000_000_000) {
            prop_assert!(step(Duration::new(secs, nanos)) < STEPS);
        }
    }
}
