//! Where a breaker stands, in one word, so that every change of it is one exchange and no two threads make the same one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bits of a moment in milliseconds, of a count of probes, of the kind.
const MOMENT: u32 = 44;
const PROBES: u32 = 8;

/// A breaker's state. Moments are milliseconds of the gateway's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gate {
    /// Requests pass.
    Closed,
    /// They do not, until then.
    Open { until: u64 },
    /// Some pass, to see.
    Half {
        /// Since when: it tells one trial from the next.
        since: u64,
        /// Probes let through that have not failed or been given up.
        out: u8,
        /// Those that have succeeded.
        good: u8,
    },
    /// An operator has opened it; only an operator closes it.
    Held,
}

/// A [`Gate`] that threads share.
#[derive(Default)]
pub(super) struct SharedGate(AtomicU64);

impl SharedGate {
    #[inline]
    pub(super) fn load(&self) -> Gate {
        Gate::unpack(self.0.load(Relaxed))
    }

    /// Puts `to` in the place of `from`, unless another thread was quicker.
    pub(super) fn change(&self, from: Gate, to: Gate) -> bool {
        self.0.compare_exchange(from.pack(), to.pack(), Relaxed, Relaxed).is_ok()
    }

    /// Puts `to` in the place of whatever is there, and gives that.
    pub(super) fn put(&self, to: Gate) -> Gate {
        Gate::unpack(self.0.swap(to.pack(), Relaxed))
    }
}

impl Gate {
    fn pack(self) -> u64 {
        let moment = |millis: u64| millis & ((1 << MOMENT) - 1);
        match self {
            Self::Closed => 0,
            Self::Open { until } => 1 << 60 | moment(until),
            Self::Half { since, out, good } => {
                2 << 60 | moment(since) | u64::from(out) << MOMENT | u64::from(good) << (MOMENT + PROBES)
            }
            Self::Held => 3 << 60,
        }
    }

    #[inline]
    fn unpack(word: u64) -> Self {
        let moment = word & ((1 << MOMENT) - 1);
        match word >> 60 {
            0 => Self::Closed,
            1 => Self::Open { until: moment },
            2 => Self::Half {
                since: moment,
                out: (word >> MOMENT) as u8,
                good: (word >> (MOMENT + PROBES)) as u8,
            },
            _ => Self::Held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_fits_into_a_word() {
        let last = (1 << MOMENT) - 1;
        for gate in [
            Gate::Closed,
            Gate::Open { until: 0 },
            Gate::Open { until: last },
            Gate::Half { since: last, out: 100, good: 99 },
            Gate::Half { since: 0, out: 0, good: 0 },
            Gate::Held,
        ] {
            assert_eq!(Gate::unpack(gate.pack()), gate);
        }
    }
}
