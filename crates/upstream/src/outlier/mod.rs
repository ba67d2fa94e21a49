//! Passive health: an endpoint that fails its requests is ejected, left alone for a while, and then asked again.
//!
//! Each try is counted ([`Record`]), which costs next to nothing where all goes well. Too many failures in a row eject at once;
//! shares of success are looked at on the errands' thread. How long it lasts is reckoned by a [`Sentence`]. Whether an endpoint may
//! be ejected at all, beside the others, is the fleet's to say.

mod config;
mod rates;
mod record;
mod sentence;
#[cfg(test)]
mod tests;

use sekisho_units::Percent;

pub use self::config::{BelowConfig, OutlierConfig, SuccessRateConfig};
use self::rates::{Rule, Window};
pub(crate) use self::record::{Heard, Record};
use self::sentence::{Sentence, Terms};
use crate::failure::Failure;

/// What makes an endpoint one that is left alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outlier {
    /// So many tries in a row without an answer.
    pub(crate) unanswered: Option<u32>,
    /// So many in a row without one, or with one of 500 or above.
    pub(crate) bad: Option<u32>,
    /// Too small a share of success.
    pub(crate) rate: Option<Rule>,
    pub(crate) terms: Terms,
    /// Most endpoints of a service that are ejected at once.
    pub(crate) most: Percent,
}

/// What is known of an endpoint's ejections, for those who do not mind a lock.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) sentence: Sentence,
    pub(crate) window: Window,
}

impl Heard {
    /// What a try has told of the endpoint; `None` if nothing.
    #[inline]
    pub(crate) fn of(result: Result<u16, &Failure>) -> Option<Self> {
        match result {
            Ok(status) if status < 500 => Some(Self::Answer),
            Ok(_) => Some(Self::Error),
            // A service that closes what is unused does nothing wrong.
            Err(Failure::Stale) => None,
            Err(failure) => failure.is_the_services().then_some(Self::Nothing),
        }
    }
}

impl Outlier {
    /// Counts a try of the endpoint with this record; gives why it is too much, if it is.
    #[inline]
    pub(crate) fn count(&self, record: &Record, heard: Heard) -> Option<&'static str> {
        let rows = record.count(heard, self.rate.is_some());
        if rows.bad == 0 {
            return None;
        }
        if self.unanswered.is_some_and(|most| rows.unanswered >= most) {
            return Some("consecutive_failures");
        }
        self.bad.is_some_and(|most| rows.bad >= most).then_some("consecutive_5xx")
    }

    /// How many of so many endpoints may be ejected at once: one at least.
    pub(crate) fn most_of(&self, count: usize) -> usize {
        (count * usize::from(self.most.basis_points()) / 10_000).max(1)
    }
}
