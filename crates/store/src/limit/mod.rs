//! Limits: so many in a period. Pure: a [`Rule`], what was counted before, the time and a cost go in, a [`Decision`] comes out.
//!
//! | algorithm | what passes | at worst, in any span of one period |
//! |---|---|---|
//! | `sliding_window` | at most N an aligned window, less what the window before still weighs | fewer than 2N, see [`Algorithm::SlidingWindow`] |
//! | `token_bucket` | `burst` at once, then one each period/N | `burst` + N |
//! | `fixed_window` | N from the first request on, then nothing until the period is over | fewer than 2N |
//!
//! Every number is whole, and every product of two stays below 2^53. The script for Redis reckons in doubles, which hold such numbers
//! exactly; so both give the same answers, bit by bit. Whoever changes one of them changes `redis/take.lua`.
//!
//! A denied request costs nothing. (express-rate-limit goes on counting it; but who is over a fixed window's limit stays over it until
//! the window ends either way, and `remaining` is 0 either way.)

mod bucket;
mod fixed;
mod rule;
mod sliding;
#[cfg(test)]
mod tests;

use std::time::Duration;

use sekisho_units::{Tick, Wall};

pub use rule::{Algorithm, Rule, RuleError};

/// A moment on the clock of a store, in whole milliseconds since any start.
///
/// A memory store lives by the process's [`Tick`]s, which never go back. Redis lives by its own time of day, so that gateways with
/// wrong clocks agree; there a moment can lie before what is kept: it counts as now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

/// The latest moment that is told from later ones: the year 71,000 and more.
const LATEST: u64 = 1 << 51;

impl Moment {
    /// So many milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis < LATEST { millis } else { LATEST })
    }

    /// Milliseconds since the start.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// What to make of a `kept` moment and this one: both as they are, if `kept` is not later. If it is, by no more than a `period`,
    /// then time stands still until it has come; if by more, somebody has set the clock back, and `kept` becomes this moment, which is
    /// written down whatever is decided. So nothing is forgotten, and nobody waits for more than a period longer than he would have.
    const fn behind(self, kept: u64, period: u64) -> Behind {
        if kept <= self.0 {
            Behind { kept, at: self.0, set_back: false }
        } else if kept - self.0 <= period {
            Behind { kept, at: kept, set_back: false }
        } else {
            Behind { kept: self.0, at: self.0, set_back: true }
        }
    }
}

/// See [`Moment::behind`].
#[derive(Clone, Copy)]
struct Behind {
    /// The kept moment, as of now.
    kept: u64,
    /// The moment to reckon with.
    at: u64,
    /// Whether the clock was set back.
    set_back: bool,
}

impl From<Tick> for Moment {
    fn from(tick: Tick) -> Self {
        Self::from_millis(tick.as_nanos() / 1_000_000)
    }
}

impl From<Wall> for Moment {
    fn from(wall: Wall) -> Self {
        Self::from_millis(wall.as_millis())
    }
}

/// What a rule says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it passes.
    pub allowed: bool,
    /// How many pass in a period; of a token bucket, how many pass at once.
    pub limit: u64,
    /// How many more of cost 1 would pass right now.
    pub remaining: u64,
    /// Until the window ends; of a token bucket, until it is full. Zero if it is full.
    pub reset: Duration,
    /// For a request that is denied: until the same request would pass, if no other came. `None` if it passed, or if it costs more
    /// than the limit, so that it will never pass.
    pub retry_after: Option<Duration>,
}

/// What was counted for one key, three numbers whose meaning is the algorithm's.
pub(crate) type Counts = [u64; 3];

/// Counts, with the moment from which on they say nothing any more.
pub(crate) type Kept = (Counts, u64);

/// A decision, and what to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) decision: Decision,
    /// What to keep instead of what was there, if anything.
    pub(crate) keep: Option<Kept>,
}

/// Decides. `kept` is that of the same key and algorithm, of whatever rate.
///
/// A cost of 0 only looks: it is answered as a cost of 1 would be, and counts nothing.
#[inline]
pub(crate) fn decide(rule: &Rule, kept: Option<Kept>, now: Moment, cost: u32) -> Outcome {
    // Under the same rate they say nothing anyway. Under another they might, or not, by whether their store still had them.
    let counts = kept.filter(|(_, expires)| now.0 < *expires).map(|(counts, _)| counts);
    match rule.algorithm() {
        Algorithm::SlidingWindow => sliding::decide(rule, counts, now, cost),
        Algorithm::TokenBucket => bucket::decide(rule, counts, now, cost),
        Algorithm::FixedWindow => fixed::decide(rule, counts, now, cost),
    }
}

/// What an algorithm has found.
struct Found {
    allowed: bool,
    remaining: u64,
    /// In milliseconds.
    reset: u64,
    /// In milliseconds, for a request that is denied and may pass later.
    retry: Option<u64>,
}

impl Rule {
    fn decision(&self, found: &Found) -> Decision {
        Decision {
            allowed: found.allowed,
            limit: self.capacity(),
            remaining: found.remaining,
            reset: Duration::from_millis(found.reset),
            retry_after: found.retry.map(Duration::from_millis),
        }
    }
}
