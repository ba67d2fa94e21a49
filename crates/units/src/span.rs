//! [`Span`]: a duration as people write it, `30s`, `15m`, `1m30s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::text::textual;

/// A length of time in whole milliseconds, written with its units: `500ms`, `30s`, `15m`, `1h`, `7d`, `1m30s`.
///
/// `0s` is allowed; who needs more than zero says so. Prints the shortest form that parses back to the
/// same length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    millis: u64,
}

/// Why a text is not a [`Span`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Nothing was written.
    #[error("a duration is missing; write one such as `30s`")]
    Empty,
    /// A number without a unit.
    #[error("duration `{0}` has no unit; write `{0}s` for seconds (units: ms, s, m, h, d)")]
    NoUnit(String),
    /// A unit that is none of ms, s, m, h, d.
    #[error("duration `{0}` has the unknown unit `{1}`; use ms, s, m, h or d, as in `30s`")]
    UnknownUnit(String, String),
    /// A fraction such as `1.5s`.
    #[error("duration `{0}` has a fraction; write whole numbers, as in `1s500ms`")]
    Fraction(String),
    /// `30s1m` or `1s1s`.
    #[error("duration `{0}` must name each unit once, the largest first, as in `1m30s`")]
    Order(String),
    /// Does not begin with a digit, or holds something else than numbers and units.
    #[error("`{0}` is not a duration; write one such as `30s`, `15m` or `1m30s`")]
    Malformed(String),
    /// More milliseconds than 64 bits hold.
    #[error("duration `{0}` is too long; the longest is about 500 million years")]
    TooLong(String),
}

/// Units with their length in milliseconds, largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self::from_millis(0);

    /// A span of so many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// A span of so many seconds; beyond 64 bits of milliseconds it stays at the longest.
    pub const fn from_secs(seconds: u64) -> Self {
        Self { millis: seconds.saturating_mul(1_000) }
    }

    /// The length in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// The length in seconds, rounded up, as `Retry-After` wants it (RFC 9110 §10.2.3).
    pub const fn as_secs_ceil(self) -> u64 {
        self.millis.div_ceil(1_000)
    }

    /// The same length as std has it.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// Whether the length is zero.
    pub const fn is_zero(self) -> bool {
        self.millis == 0
    }

    /// Reads `500ms`, `30s`, `15m`, `1h`, `7d` or a row of those with the largest unit first.
    ///
    /// # Errors
    /// A [`SpanError`] that names the text and what to write instead.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        if text.is_empty() {
            return Err(SpanError::Empty);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SpanError::NoUnit(text.to_owned()));
        }
        let mut rest = text;
        let mut millis = 0_u64;
        let mut smallest = u64::MAX;
        while !rest.is_empty() {
            let (number, unit, after) = part(text, rest)?;
            if unit >= smallest {
                return Err(SpanError::Order(text.to_owned()));
            }
            smallest = unit;
            millis = number
                .checked_mul(unit)
                .and_then(|part| millis.checked_add(part))
                .ok_or_else(|| SpanError::TooLong(text.to_owned()))?;
            rest = after;
        }
        Ok(Self { millis })
    }

    /// The length in words, `15 minutes`, `1 minute`, `30 seconds`: the largest unit that measures it
    /// exactly, and parts of a second rounded up to the next.
    pub fn words(self) -> String {
        let seconds = self.as_secs_ceil();
        let (unit, count) = [("day", 86_400), ("hour", 3_600), ("minute", 60)]
            .into_iter()
            .find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length))
            .map_or(("second", seconds), |(unit, length)| (unit, seconds / length));
        format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

/// One number with its unit at the front of `rest`: the number, the unit's milliseconds, what follows.
fn part<'a>(whole: &str, rest: &'a str) -> Result<(u64, u64, &'a str), SpanError> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at(digits);
    let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (unit, after) = after.split_at(letters);
    if after.starts_with(['.', ',']) && letters == 0 && digits > 0 {
        return Err(SpanError::Fraction(whole.to_owned()));
    }
    if digits == 0 {
        return Err(SpanError::Malformed(whole.to_owned()));
    }
    if letters == 0 {
        return Err(if after.is_empty() {
            SpanError::NoUnit(whole.to_owned())
        } else {
            SpanError::Malformed(whole.to_owned())
        });
    }
    let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(SpanError::UnknownUnit(whole.to_owned(), unit.to_owned()));
    };
    let number = number.parse().map_err(|_| SpanError::TooLong(whole.to_owned()))?;
    Ok((number, *length, after))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        // Thirty-two sets of units are few enough to try them all; of equally short texts the one with
        // fewer parts wins, so that 90 seconds print as `90s`.
        let best = (1_u32..32)
            .filter_map(|set| in_units(self.millis, set))
            .min_by_key(|(text, parts)| (text.len(), *parts));
        let (text, _) = best.expect("milliseconds alone measure every span");
        f.write_str(&text)
    }
}

/// `millis` written with the units in the bit set only, and in how many parts; `None` if they do not measure it.
fn in_units(mut millis: u64, set: u32) -> Option<(String, u32)> {
    let mut text = String::new();
    for (index, (name, length)) in UNITS.iter().enumerate() {
        if set & (1 << index) == 0 {
            continue;
        }
        let count = millis / length;
        if count == 0 {
            // The same text comes from the set without this unit.
            return None;
        }
        text.push_str(&count.to_string());
        text.push_str(name);
        millis %= length;
    }
    (millis == 0).then(|| (text, set.count_ones()))
}

impl FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Self, SpanError> {
        Self::parse(text)
    }
}

textual!(Span, "Span", expecting "a duration such as `30s`", schema {
    "type": "string",
    "description": "A duration with its unit (ms, s, m, h, d), or several with the largest first.",
    "pattern": "^([0-9]+(ms|s|m|h|d))+$",
    "examples": ["500ms", "30s", "15m", "1h", "7d", "1m30s"]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, want) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("15m", 900_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
            ("1m30s", 90_000),
            ("1d2h3m4s5ms", 93_784_005),
        ] {
            assert_eq!(Span::parse(text).map(Span::as_millis), Ok(want), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_remedy() {
        for (text, want) in [
            ("", "a duration is missing; write one such as `30s`"),
            ("30", "duration `30` has no unit; write `30s` for seconds (units: ms, s, m, h, d)"),
            ("1m30", "duration `1m30` has no unit; write `1m30s` for seconds (units: ms, s, m, h, d)"),
            ("30sec", "duration `30sec` has the unknown unit `sec`; use ms, s, m, h or d, as in `30s`"),
            ("1.5s", "duration `1.5s` has a fraction; write whole numbers, as in `1s500ms`"),
            ("30s1m", "duration `30s1m` must name each unit once, the largest first, as in `1m30s`"),
            ("1s1s", "duration `1s1s` must name each unit once, the largest first, as in `1m30s`"),
            ("-1s", "`-1s` is not a duration; write one such as `30s`, `15m` or `1m30s`"),
            ("5 s", "`5 s` is not a duration; write one such as `30s`, `15m` or `1m30s`"),
            (
                "99999999999999999999d",
                "duration `99999999999999999999d` is too long; the longest is about 500 million years",
            ),
        ] {
            assert_eq!(Span::parse(text).map_err(|e| e.to_string()), Err(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn prints_the_shortest_exact_form() {
        for (millis, want) in [
            (0, "0s"),
            (500, "500ms"),
            (1_500, "1500ms"),
            (90_000, "90s"),
            (60_000, "1m"),
            (900_000, "15m"),
            (129_600_000, "36h"),
            (604_800_000, "7d"),
            (86_400_001, "1d1ms"),
        ] {
            assert_eq!(Span::from_millis(millis).to_string(), want);
        }
    }

    #[test]
    fn says_itself_in_words() {
        for (text, want) in [
            ("15m", "15 minutes"),
            ("1m", "1 minute"),
            ("30s", "30 seconds"),
            ("1s", "1 second"),
            ("90s", "90 seconds"),
            ("1500ms", "2 seconds"),
            ("0s", "0 seconds"),
            ("2h", "2 hours"),
            ("24h", "1 day"),
        ] {
            assert_eq!(Span::parse(text).map(Span::words), Ok(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn json_and_schema_agree_with_the_text() {
        assert_eq!(serde_json::from_str::<Span>("\"30s\"").unwrap(), Span::from_secs(30));
        assert_eq!(serde_json::to_string(&Span::from_secs(30)).unwrap(), "\"30s\"");
        assert!(serde_json::from_str::<Span>("\"30\"").unwrap_err().to_string().contains("write `30s`"));
        assert_eq!(schemars::schema_for!(Span).get("type"), Some(&serde_json::json!("string")));
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(millis: u64) {
            let span = Span::from_millis(millis);
            prop_assert_eq!(Span::parse(&span.to_string()), Ok(span));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[0-9dhms. -]{0,24}|.{0,24}") {
            let _ = Span::parse(&text);
        }
    }
}
