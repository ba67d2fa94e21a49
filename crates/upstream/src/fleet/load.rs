//! What an endpoint has to do, how long it takes, and how it goes: numbers that all workers write.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sekisho_units::Tick;

use crate::outlier::Record;

/// Time is told in steps of 2¹⁴ ns, about 16 µs: 32 bits of them last for 19 hours.
const STEP: u32 = 14;

/// An endpoint's load. On a cache line of its own, since every request writes to it.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Load {
    in_flight: AtomicU32,
    /// Time to the answer's head in microseconds (an `f32`), and in the lower half when that was reckoned.
    latency: AtomicU64,
    /// How its tries go. Here, since the line is at hand when one ends.
    pub(crate) record: Record,
}

/// How fast what was measured is forgotten: to 1/e of it in this time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Decay {
    per_step: f32,
}

impl Decay {
    pub(crate) fn new(time: Duration) -> Self {
        Self { per_step: -((1_u64 << STEP) as f32) / time.as_nanos() as f32 }
    }

    /// The part that is left after so many steps.
    #[inline]
    fn left(self, steps: u32) -> f32 {
        (self.per_step * steps as f32).exp()
    }
}

impl Load {
    pub(crate) fn enter(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Requests that it has.
    #[inline]
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Microseconds to the head of an answer, as far as they are remembered at `now`; 0 if nothing is known.
    #[inline]
    pub(crate) fn latency(&self, now: Tick, decay: Decay) -> f32 {
        let (micros, then) = unpack(self.latency.load(Relaxed));
        if micros == 0.0 { 0.0 } else { micros * decay.left(since(then, now)) }
    }

    /// An answer's head took so long.
    pub(crate) fn took(&self, time: Duration, now: Tick, decay: Decay) {
        let sample = time.as_secs_f32() * 1e6;
        let update = |packed| {
            let (micros, then) = unpack(packed);
            let left = decay.left(since(then, now));
            // A peak counts at once and whole, as in Finagle: who has become slow is left alone at once.
            let micros =
                if micros == 0.0 || sample > micros { sample } else { sample + (micros - sample) * left };
            Some(pack(micros, now))
        };
        let _ = self.latency.fetch_update(Relaxed, Relaxed, update);
    }
}

impl Load {
    /// An answer would have taken this time or more.
    pub(crate) fn waited(&self, time: Duration, now: Tick, decay: Decay) {
        if time.as_secs_f32() * 1e6 > self.latency(now, decay) {
            self.took(time, now, decay);
        }
    }
}

fn step(now: Tick) -> u32 {
    (now.as_nanos() >> STEP) as u32
}

fn since(then: u32, now: Tick) -> u32 {
    let steps = step(now).wrapping_sub(then);
    // Another worker's clock may have been read a moment later.
    if steps > u32::MAX - (1 << 16) { 0 } else { steps }
}

fn pack(micros: f32, now: Tick) -> u64 {
    u64::from(micros.to_bits()) << 32 | u64::from(step(now))
}

fn unpack(packed: u64) -> (f32, u32) {
    (f32::from_bits((packed >> 32) as u32), packed as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Tick {
        Tick::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_slowly() {
        let (load, decay) = (Load::default(), Decay::new(Duration::from_secs(10)));
        assert_eq!(load.latency(at(0), decay), 0.0);
        load.took(Duration::from_millis(1), at(1_000), decay);
        load.took(Duration::from_millis(100), at(1_000), decay);
        assert_eq!(load.latency(at(1_000), decay), 100_000.0);
        let later = load.latency(at(11_000), decay);
        assert!((later - 100_000.0 / std::f32::consts::E).abs() < 20.0, "{later}");
        load.took(Duration::from_millis(1), at(11_000), decay);
        let mixed = load.latency(at(11_000), decay);
        let want = 1_000.0 + 99_000.0 / std::f32::consts::E;
        assert!((mixed - want).abs() < 50.0, "{mixed} {want}");
    }

    #[test]
    fn many_answers_in_a_moment_count_as_much_as_the_moment_was_long() {
        let (load, decay) = (Load::default(), Decay::new(Duration::from_secs(1)));
        load.took(Duration::from_millis(100), at(0), decay);
        for micros in 0..1_000_000 {
            if micros % 10 == 0 {
                load.took(Duration::from_millis(1), Tick::from_nanos(micros * 1_000), decay);
            }
        }
        let left = load.latency(at(1_000), decay);
        let want = 1_000.0 + 99_000.0 / std::f32::consts::E;
        assert!((left - want).abs() < 1_000.0, "{left} {want}");
    }

    #[test]
    fn a_wait_that_was_given_up_counts_only_if_it_was_long() {
        let (load, decay) = (Load::default(), Decay::new(Duration::from_secs(10)));
        load.took(Duration::from_millis(5), at(1_000), decay);
        load.waited(Duration::from_millis(2), at(1_000), decay);
        assert_eq!(load.latency(at(1_000), decay), 5_000.0);
        load.waited(Duration::from_millis(50), at(1_000), decay);
        assert_eq!(load.latency(at(1_000), decay), 50_000.0);
    }

    #[test]
    fn a_clock_read_a_moment_earlier_does_no_harm() {
        let (load, decay) = (Load::default(), Decay::new(Duration::from_secs(10)));
        load.took(Duration::from_millis(5), at(1_000), decay);
        assert_eq!(load.latency(at(999), decay), 5_000.0);
    }
}
