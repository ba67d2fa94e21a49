//! How long a worker is held by one piece of work, while all its other connections wait.
//!
//! The time between two turns of a worker, from one thing to the next, is the time of one piece of work, or of a few short
//! ones. The clock is read once a turn. The processor time of the thread, which tells work from waiting for a processor, costs
//! a system call: it is read behind each piece that took [`NOTED`] or longer, and else once in a millisecond of work. All
//! waiting since it was read before is taken for that of the long piece; what may have been waited in the short ones before
//! it, less than [`NOTED`] each, is missing in what is reported.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sekisho_units::Tick;

use crate::meter::{add, bucket};

/// What holds a worker for less is not counted.
pub const NOTED: Duration = Duration::from_micros(250);
const NOTED_NS: u64 = NOTED.as_nanos() as u64;
/// Processor time is read once in so much work.
const READ_NS: u64 = Duration::from_millis(1).as_nanos() as u64;
/// Of pieces that are known to be short, the end of one in so many is a turn.
const SHORT: u64 = 16;

/// Counts of what held one worker. It alone writes.
#[derive(Default)]
pub struct StallMeter {
    /// When the last turn was, in nanoseconds of the clock.
    turned: AtomicU64,
    /// Nanoseconds of work since processor time was read, and what it was then.
    worked: AtomicU64,
    spent: AtomicU64,
    /// Short pieces so far.
    short: AtomicU64,
    longest: AtomicU64,
    nanoseconds: AtomicU64,
    buckets: [AtomicU64; 17],
}

/// What held a worker so far.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Stalls {
    /// How often it was held for [`NOTED`] or longer, by the bounds of [`BOUNDS`](crate::BOUNDS).
    pub buckets: [u64; 17],
    /// For how long in all.
    pub total: Duration,
    /// The longest of them.
    pub longest: Duration,
}

impl StallMeter {
    /// The worker wakes at `now`, or begins: nothing has held it up to here.
    pub fn wake(&self, now: Tick) {
        self.turned.store(now.as_nanos(), Relaxed);
    }

    /// The worker turns to the next thing at `now`.
    #[inline]
    pub fn turn(&self, now: Tick) {
        let now = now.as_nanos();
        let took = now.saturating_sub(self.turned.load(Relaxed));
        self.turned.store(now, Relaxed);
        add(&self.worked, took);
        if took >= NOTED_NS || self.worked.load(Relaxed) >= READ_NS {
            self.note(took, processor_time());
        }
    }

    /// The end of a piece of work that is known to be short: a turn, if several have come; `now` is asked for only then.
    #[inline]
    pub fn short_turn(&self, now: impl FnOnce() -> Tick) {
        add(&self.short, 1);
        if self.short.load(Relaxed).is_multiple_of(SHORT) {
            self.turn(now());
        }
    }

    /// A piece of work took `took` nanoseconds, and the thread has spent `spent` in its life.
    #[cold]
    fn note(&self, took: u64, spent: u64) {
        let busy = spent.saturating_sub(self.spent.swap(spent, Relaxed));
        // Whoever waits for a processor is held by others, not by its work.
        let waited = self.worked.swap(0, Relaxed).saturating_sub(busy);
        let held = took.saturating_sub(waited);
        if held >= NOTED_NS {
            add(&self.buckets[bucket(held)], 1);
            add(&self.nanoseconds, held);
            self.longest.fetch_max(held, Relaxed);
        }
    }

    /// What was counted so far.
    pub fn read(&self) -> Stalls {
        Stalls {
            buckets: self.buckets.each_ref().map(|bucket| bucket.load(Relaxed)),
            total: Duration::from_nanos(self.nanoseconds.load(Relaxed)),
            longest: Duration::from_nanos(self.longest.load(Relaxed)),
        }
    }
}

/// Nanoseconds that this thread has spent on a processor.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: u64 = 1_000;

    #[test]
    fn what_held_the_worker_is_a_piece_of_work_without_its_waiting() {
        for (before, took, busy, counted) in [
            (0, 300 * US, 300 * US, 300 * US),
            (0, 9_000 * US, 100 * US, 0),
            (0, 9_000 * US, 2_000 * US, 2_000 * US),
            (0, 400 * US, 600 * US, 400 * US),
            (0, 249 * US, 249 * US, 0),
            (700 * US, 300 * US, 1_000 * US, 300 * US),
            (700 * US, 9_000 * US, 1_200 * US, 500 * US),
            (700 * US, 300 * US, 900 * US, 0),
            (950 * US, 50 * US, 1_000 * US, 0),
        ] {
            let meter = StallMeter::default();
            meter.note(0, 5_000 * US);
            add(&meter.worked, before + took);
            meter.note(took, 5_000 * US + busy);
            let read = meter.read();
            assert_eq!(read.longest, Duration::from_nanos(counted), "{before} {took} {busy}");
            assert_eq!(read.total, read.longest);
            assert_eq!(read.buckets.iter().sum::<u64>(), u64::from(counted > 0));
        }
    }

    #[test]
    fn a_long_piece_of_work_shows_and_a_long_sleep_does_not() {
        let clock = sekisho_units::Clock::system();
        let meter = StallMeter::default();
        meter.wake(clock.now());
        meter.note(0, processor_time());
        let begun = processor_time();
        while processor_time() - begun < 3_000 * US {
            std::hint::black_box(begun);
        }
        meter.turn(clock.now());
        assert!(meter.read().longest >= Duration::from_millis(3), "{:?}", meter.read());
        // Asleep for an hour, and then a turn at once.
        let woken = clock.now() + Duration::from_secs(3_600);
        meter.wake(woken);
        meter.turn(woken);
        assert_eq!(meter.read().buckets.iter().sum::<u64>(), 1);
    }

    #[test]
    fn of_short_pieces_one_in_several_is_timed() {
        let meter = StallMeter::default();
        let mut asked = 0;
        for _ in 0..SHORT * 3 {
            meter.short_turn(|| {
                asked += 1;
                Tick::ZERO
            });
        }
        assert_eq!(asked, 3);
    }
}
