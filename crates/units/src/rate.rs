//! [`Rate`]: so many in a period, `1000/15m`, `5/s`.

use std::fmt;
use std::str::FromStr;

use crate::span::{Span, SpanError};
use crate::text::textual;

/// A count in a period: `1000/15m`, `5/s`, `100/m`. The count is at least 1, the period more than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u64,
    period: Span,
}

/// Why a text is not a [`Rate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// No slash.
    #[error("rate `{0}` has no period; write a count and a period such as `100/m` or `1000/15m`")]
    NoPeriod(String),
    /// The part before the slash is not a whole number.
    #[error("rate `{0}` must begin with a whole number, as in `1000/15m`")]
    BadCount(String),
    /// The count is zero.
    #[error("rate `{0}` allows nothing; the count must be at least 1")]
    ZeroCount(String),
    /// The part after the slash is no period.
    #[error("rate `{0}` has a bad period; use s, m, h, d or a duration, as in `100/m` or `1000/15m`")]
    BadPeriod(String, #[source] SpanError),
    /// The period is zero.
    #[error("rate `{0}` has an empty period; write one such as `1s`")]
    ZeroPeriod(String),
}

/// The units that stand alone after the slash, in milliseconds.
const UNITS: [(&str, u64); 4] = [("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Rate {
    /// `count` in each `period`; `None` unless both are more than zero.
    pub const fn new(count: u64, period: Span) -> Option<Self> {
        if count == 0 || period.is_zero() { None } else { Some(Self { count, period }) }
    }

    /// How many in each period; at least 1.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// The period; more than zero.
    pub const fn period(self) -> Span {
        self.period
    }

    /// The count and the period.
    pub const fn parts(self) -> (u64, Span) {
        (self.count, self.period)
    }

    /// Reads a count, a slash, and a unit (`s`, `m`, `h`, `d`) or a [`Span`].
    ///
    /// # Errors
    /// A [`RateError`] that names the text and what to write instead.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let Some((count, period)) = text.split_once('/') else {
            return Err(RateError::NoPeriod(text.to_owned()));
        };
        if count.is_empty() || !count.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RateError::BadCount(text.to_owned()));
        }
        let count: u64 = count.parse().map_err(|_| RateError::BadCount(text.to_owned()))?;
        let period = match UNITS.iter().find(|(name, _)| *name == period) {
            Some((_, millis)) => Span::from_millis(*millis),
            None => Span::parse(period).map_err(|source| RateError::BadPeriod(text.to_owned(), source))?,
        };
        if count == 0 {
            return Err(RateError::ZeroCount(text.to_owned()));
        }
        Self::new(count, period).ok_or_else(|| RateError::ZeroPeriod(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, millis)| *millis == self.period.as_millis()) {
            Some((unit, _)) => write!(f, "{}/{unit}", self.count),
            None => write!(f, "{}/{}", self.count, self.period),
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;
    fn from_str(text: &str) -> Result<Self, RateError> {
        Self::parse(text)
    }
}

textual!(Rate, "Rate", expecting "a rate such as `1000/15m`", schema {
    "type": "string",
    "description": "A count and the period it holds for: a unit (s, m, h, d) or a duration.",
    "pattern": "^[0-9]+/([smhd]|([0-9]+(ms|s|m|h|d))+)$",
    "examples": ["5/s", "100/m", "1000/15m"]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, want) in [
            ("5/s", (5, 1_000)),
            ("100/m", (100, 60_000)),
            ("1000/15m", (1_000, 900_000)),
            ("1/500ms", (1, 500)),
            ("7/1m30s", (7, 90_000)),
        ] {
            let parts = Rate::parse(text).map(|r| (r.count(), r.period().as_millis()));
            assert_eq!(parts, Ok(want), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_remedy() {
        for (text, want) in [
            ("5", "rate `5` has no period; write a count and a period such as `100/m` or `1000/15m`"),
            ("/s", "rate `/s` must begin with a whole number, as in `1000/15m`"),
            ("+5/s", "rate `+5/s` must begin with a whole number, as in `1000/15m`"),
            ("0/s", "rate `0/s` allows nothing; the count must be at least 1"),
            (
                "5/min",
                "rate `5/min` has a bad period; use s, m, h, d or a duration, as in `100/m` or `1000/15m`",
            ),
            ("5/0s", "rate `5/0s` has an empty period; write one such as `1s`"),
        ] {
            assert_eq!(Rate::parse(text).map_err(|e| e.to_string()), Err(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn prints_a_bare_unit_for_one_of_it() {
        assert_eq!(Rate::parse("5/60s").unwrap().to_string(), "5/m");
        assert_eq!(Rate::parse("1000/15m").unwrap().to_string(), "1000/15m");
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(count in 1_u64.., millis in 1_u64..) {
            let rate = Rate::new(count, Span::from_millis(millis)).unwrap();
            prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
        }
    }
}
