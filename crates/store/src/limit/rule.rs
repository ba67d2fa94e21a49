//! [`Rule`]: an algorithm and its numbers, checked so that no sum of them leaves the range where doubles are exact.

use schemars::JsonSchema;
use sekisho_units::Rate;
use serde::{Deserialize, Serialize};

/// How a limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Two counters, of this window and of the one before. Windows are aligned to the clock. A request passes if what passed in this
    /// window, and of the window before the share that a window ending now would still cover, leave room for it.
    ///
    /// That share supposes that the requests of the window before came evenly. If they did, no more than N pass in any span of one
    /// period. If they did not, then at the share `e` of this window, of which `p` passed in the window before, at most N + p·e passed
    /// in the period up to now: fewer than 2N, and that only if N came at the very end of one window and again at the end of the next.
    /// In any aligned window at most N pass, hence over k windows at most k·N.
    #[default]
    SlidingWindow,
    /// The leaky bucket as a meter, which is GCRA (ITU-T I.371, its continuous form): every request pours in one part, `burst` parts
    /// find room, and N parts a period leak out. At most `burst` pass at once, then one each period/N.
    TokenBucket,
    /// One counter. The window begins with the first request and ends a period later, as in express-rate-limit's memory store.
    FixedWindow,
}

impl Algorithm {
    /// What tells it from the others in keys.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::SlidingWindow => 's',
            Self::TokenBucket => 'b',
            Self::FixedWindow => 'f',
        }
    }
}

/// Why numbers make no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A burst of nothing.
    #[error("a burst must be at least 1; leave it out for as many as the rate has in one period")]
    NoBurst,
    /// A burst where there is none.
    #[error("only `token_bucket` has a burst; leave it out, or choose that algorithm")]
    Burst,
    /// Too many in too long a period to be counted exactly.
    #[error(
        "so many in so long a period cannot be counted exactly; choose a smaller count or a shorter period"
    )]
    TooMuch,
}

/// An algorithm with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    algorithm: Algorithm,
    count: u64,
    /// In milliseconds.
    period: u64,
    /// How many may pass at once: the count, or the bucket's burst.
    capacity: u64,
    /// What one request pours into the bucket, and what leaks from it in a millisecond: period and count without what divides both.
    pour: u64,
    leak: u64,
}

/// No product of a rule's numbers is larger, so that no sum of three of them reaches 2^53.
const LARGEST: u64 = 1 << 51;

impl Rule {
    /// A rule; `burst` for `token_bucket` only, and without it as many as the rate has in one period.
    ///
    /// # Errors
    /// A [`RuleError`] that says what to write instead.
    pub fn new(algorithm: Algorithm, rate: Rate, burst: Option<u64>) -> Result<Self, RuleError> {
        let (count, period) = (rate.count(), rate.period().as_millis());
        let divisor = common(count, period);
        let (pour, leak) = (period / divisor, count / divisor);
        let capacity = match (algorithm, burst) {
            (Algorithm::TokenBucket, Some(0)) => return Err(RuleError::NoBurst),
            (Algorithm::TokenBucket, burst) => burst.unwrap_or(count),
            (_, Some(_)) => return Err(RuleError::Burst),
            (_, None) => count,
        };
        let unit = if algorithm == Algorithm::TokenBucket { pour } else { period };
        let fits = capacity.checked_mul(unit).is_some_and(|product| product <= LARGEST);
        if fits && count <= LARGEST && period <= LARGEST {
            Ok(Self { algorithm, count, period, capacity, pour, leak })
        } else {
            Err(RuleError::TooMuch)
        }
    }

    /// How it counts.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many in a period.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The period, in milliseconds.
    pub(crate) const fn period(&self) -> u64 {
        self.period
    }

    /// How many may pass at once.
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// What one request pours into the bucket.
    pub(crate) const fn pour(&self) -> u64 {
        self.pour
    }

    /// What leaks from the bucket in a millisecond.
    pub(crate) const fn leak(&self) -> u64 {
        self.leak
    }
}

/// The greatest common divisor (Euclid).
const fn common(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common(b, a % b) }
}
