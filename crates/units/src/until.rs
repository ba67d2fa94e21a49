//! [`Until`] and [`Since`]: the moment up to which something holds, as in `expires: 2027-01-31`, and from which it does.

use std::fmt;
use std::str::FromStr;

use crate::Wall;
use crate::text::textual;

/// A moment, as a day or as date and time (RFC 3339 §5.6): `2027-01-31`, `2027-01-31T18:00:00Z`,
/// `2027-01-31T18:00:00+01:00`. A day alone is meant to its end, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Until(Wall);

/// A moment as [`Until`] reads it; but a day alone is meant from its beginning, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Since(Wall);

/// Why a text is not an [`Until`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date; write a day such as `2027-01-31`, or a moment such as `2027-01-31T18:00:00Z`")]
pub struct UntilError(String);

const DAY: u64 = 86_400;

impl Until {
    /// Whether it has passed at `now`.
    pub fn is_over(self, now: Wall) -> bool {
        now >= self.0
    }

    /// Reads a day, or date and time with `Z` or an offset.
    ///
    /// # Errors
    /// [`UntilError`].
    pub fn parse(text: &str) -> Result<Self, UntilError> {
        moment(text, 1).map(Self).ok_or_else(|| UntilError(text.to_owned()))
    }
}

impl Since {
    /// The moment.
    pub fn moment(self) -> Wall {
        self.0
    }

    /// Reads a day, or date and time with `Z` or an offset.
    ///
    /// # Errors
    /// [`UntilError`].
    pub fn parse(text: &str) -> Result<Self, UntilError> {
        moment(text, 0).map(Self).ok_or_else(|| UntilError(text.to_owned()))
    }
}

/// A day alone is so many days later than its beginning.
fn moment(text: &str, whole_days: u64) -> Option<Wall> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let day = day(date)?;
    let Some(time) = time else { return Some(Wall::from_secs((day + whole_days) * DAY)) };
    let (clock, rest) = time.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = day * DAY + hour * 3_600 + minute * 60 + second;
    let (millis, zone) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let (fraction, zone) = fraction.split_at(digits);
            (millis(fraction)?, zone)
        }
        None => (0, rest),
    };
    let seconds = match zone {
        "Z" => seconds,
        _ => {
            let [hours, minutes] = numbers(zone.get(1..)?, ':', [2, 2])?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 3_600 + minutes * 60;
            match zone.as_bytes()[0] {
                b'+' => seconds.checked_sub(offset)?,
                b'-' => seconds + offset,
                _ => return None,
            }
        }
    };
    Some(Wall::from_millis(seconds * 1_000 + millis))
}

/// Thousandths of one to nine digits behind the point.
fn millis(fraction: &str) -> Option<u64> {
    let three = format!("{fraction:0<3}");
    (1..=9).contains(&fraction.len()).then(|| three[..3].parse().ok()).flatten()
}

/// Days since 1970-01-01 of a day of the Gregorian calendar in the years 1970 to 9999.
fn day(text: &str) -> Option<u64> {
    let [year, month, day] = numbers(text, '-', [4, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || year < 1970 {
        return None;
    }
    // Years are counted from March, so that the leap day is the last of its year; 719,468 days lie between 0000-03-01
    // and 1970-01-01.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    Some(before + (153 * month + 2) / 5 + day - 1 - 719_468)
}

/// Numbers of exactly so many digits each, with `between` between them.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(between);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Until {
    type Err = UntilError;
    fn from_str(text: &str) -> Result<Self, UntilError> {
        Self::parse(text)
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Since {
    type Err = UntilError;
    fn from_str(text: &str) -> Result<Self, UntilError> {
        Self::parse(text)
    }
}

textual!(Since, "Since", expecting "a day such as `2027-01-31`, or a moment such as `2027-01-31T18:00:00Z`", schema {
    "type": "string",
    "description": "A day, meant from its beginning in UTC, or a moment with its offset from UTC.",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$",
    "examples": ["2027-01-31", "2027-01-31T18:00:00Z"]
});

textual!(Until, "Until", expecting "a day such as `2027-01-31`, or a moment such as `2027-01-31T18:00:00Z`", schema {
    "type": "string",
    "description": "A day, meant to its end in UTC, or a moment with its offset from UTC.",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$",
    "examples": ["2027-01-31", "2027-01-31T18:00:00Z"]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_holds_to_its_end_and_a_moment_to_itself() {
        for (text, want) in [
            ("2026-12-31", Some("2027-01-01T00:00:00.000Z")),
            ("2024-02-29", Some("2024-03-01T00:00:00.000Z")),
            ("2026-12-31T23:59:59Z", Some("2026-12-31T23:59:59.000Z")),
            ("2026-12-31T23:59:59.25Z", Some("2026-12-31T23:59:59.250Z")),
            ("2026-12-31T23:59:59.123456789Z", Some("2026-12-31T23:59:59.123Z")),
            ("2026-12-31T00:30:00+01:00", Some("2026-12-30T23:30:00.000Z")),
            ("2026-12-31T23:30:00-01:00", Some("2027-01-01T00:30:00.000Z")),
            ("1970-01-01", Some("1970-01-02T00:00:00.000Z")),
            ("1970-01-01T00:00:00+01:00", None),
            ("1969-12-31", None),
            ("2026-02-29", None),
            ("2100-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-01-00", None),
            ("2026-1-01", None),
            ("26-01-01", None),
            ("2026-12-31T24:00:00Z", None),
            ("2026-12-31T23:59:60Z", None),
            ("2026-12-31T23:59:59", None),
            ("2026-12-31T23:59Z", None),
            ("2026-12-31T23:59:59.Z", None),
            ("2026-12-31T23:59:59+1:00", None),
            ("2026-12-31T23:59:59\u{e4}01:00", None),
            ("2026-12-31 23:59:59Z", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(Until::parse(text).ok().map(|until| until.to_string()).as_deref(), want, "{text}");
        }
        let until = Until::parse("2026-12-31").unwrap();
        assert!(
            !until.is_over(Wall::from_secs(1_798_761_599)) && until.is_over(Wall::from_secs(1_798_761_600))
        );
    }

    #[test]
    fn a_day_alone_begins_at_its_beginning() {
        for (text, want) in [
            ("2026-12-31", Some("2026-12-31T00:00:00.000Z")),
            ("1970-01-01", Some("1970-01-01T00:00:00.000Z")),
            ("2026-12-31T23:30:00-01:00", Some("2027-01-01T00:30:00.000Z")),
            ("2026-02-29", None),
        ] {
            assert_eq!(Since::parse(text).ok().map(|since| since.to_string()).as_deref(), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(millis in 0_u64..253_402_300_800_000) {
            let until = Until(Wall::from_millis(millis));
            prop_assert_eq!(Until::parse(&until.to_string()), Ok(until));
        }

        #[test]
        fn agrees_with_another_calendar(seconds in 0_i64..253_402_300_800, offset in -86_340_i32..=86_340) {
            let offset = offset / 60 * 60;
            let zone = jiff::tz::Offset::from_seconds(offset).unwrap().to_time_zone();
            let text = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(zone);
            let text = text.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
            prop_assume!(text.starts_with(|c: char| c.is_ascii_digit()) && !text.starts_with("1969"));
            prop_assume!(text.split_once('-').is_some_and(|(year, _)| year.len() == 4));
            prop_assert_eq!(Until::parse(&text), Ok(Until(Wall::from_secs(seconds as u64))), "{}", text);
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = Until::parse(&text);
        }
    }
}
