//! Dates of HTTP (RFC 9110 §5.6.7) as seconds since 1970, in all three forms.
//!
//! They are read here because a cache takes them by its own rules (RFC 9111 §4.2): names in any case, and a weekday that does
//! not fit the date is no reason to distrust the date. Beyond that nothing is guessed.

use sekisho_wire::{HeadView, Known};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The date in a value; `None` if it is none, or lies before 1970.
pub(crate) fn seconds(value: &[u8]) -> Option<u64> {
    // `Sun, 06 Nov 1994 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`, `Sunday, 06-Nov-94 08:49:37 GMT`.
    match value.iter().position(|&b| b == b',') {
        Some(3) => usual(value),
        Some(comma) => of_rfc_850(value.get(..comma)?, value.get(comma + 1..)?),
        None => of_c(value),
    }
}

fn usual(text: &[u8]) -> Option<u64> {
    let mut reader = Reader(text);
    reader.weekday(3)?;
    reader.exactly(b", ")?;
    let day = reader.number(2)?;
    reader.exactly(b" ")?;
    let month = reader.month()?;
    reader.exactly(b" ")?;
    let year = reader.number(4)?;
    reader.exactly(b" ")?;
    let time = reader.time()?;
    reader.gmt()?;
    since_1970(year, month, day, time)
}

fn of_rfc_850(weekday: &[u8], rest: &[u8]) -> Option<u64> {
    let mut reader = Reader(rest);
    WEEKDAYS.iter().find(|name| weekday.eq_ignore_ascii_case(name.as_bytes()))?;
    reader.exactly(b" ")?;
    let day = reader.number(2)?;
    reader.exactly(b"-")?;
    let month = reader.month()?;
    reader.exactly(b"-")?;
    let year = reader.number(2)?;
    reader.exactly(b" ")?;
    let time = reader.time()?;
    reader.gmt()?;
    since_1970(full(year), month, day, time)
}

fn of_c(text: &[u8]) -> Option<u64> {
    let mut reader = Reader(text);
    reader.weekday(3)?;
    reader.exactly(b" ")?;
    let month = reader.month()?;
    reader.exactly(b" ")?;
    let day = if reader.exactly(b" ").is_some() { reader.number(1)? } else { reader.number(2)? };
    reader.exactly(b" ")?;
    let time = reader.time()?;
    reader.exactly(b" ")?;
    let year = reader.number(4)?;
    reader.0.is_empty().then_some(())?;
    since_1970(year, month, day, time)
}

/// The year that ends in these two digits: nobody writes of years before 1970 (RFC 9110 §5.6.7 would have it within 50 years).
fn full(two: u64) -> u64 {
    if two < 70 { 2000 + two } else { 1900 + two }
}

/// Seconds from 1970 to that moment.
fn since_1970(year: u64, month: usize, day: u64, time: u64) -> Option<u64> {
    const DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = |month: usize| DAYS[month] + u64::from(leap && month == 1);
    if year < 1970 || !(1..=length(month)).contains(&day) {
        return None;
    }
    let before = year - 1;
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(before) - leaps(1969);
    let days = years + (0..month).map(length).sum::<u64>() + day - 1;
    Some(days * 86_400 + time)
}

/// Text that is read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn exactly(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn number(&mut self, digits: usize) -> Option<u64> {
        self.take(digits)?
            .iter()
            .try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
    }

    fn weekday(&mut self, length: usize) -> Option<()> {
        let name = self.take(length)?;
        WEEKDAYS.iter().any(|day| day.as_bytes()[..length].eq_ignore_ascii_case(name)).then_some(())
    }

    /// Counted from 0.
    fn month(&mut self) -> Option<usize> {
        let name = self.take(3)?;
        MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Seconds of the day; a leap second is the one before it.
    fn time(&mut self) -> Option<u64> {
        let hour = self.number(2)?;
        self.exactly(b":")?;
        let minute = self.number(2)?;
        self.exactly(b":")?;
        let second = self.number(2)?;
        (hour < 24 && minute < 60 && second < 61).then(|| hour * 3_600 + minute * 60 + second.min(59))
    }

    fn gmt(&mut self) -> Option<()> {
        self.0.eq_ignore_ascii_case(b" GMT").then_some(())
    }
}

/// The date in the first line of that name.
pub(crate) fn of(view: HeadView<'_>, name: Known) -> Option<u64> {
    view.get(name).and_then(seconds)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::seconds;

    #[test]
    fn reads_three_forms_and_no_fourth() {
        let when = Some(784_111_777);
        for (text, want) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", when),
            ("Sunday, 06-Nov-94 08:49:37 GMT", when),
            ("Sun Nov  6 08:49:37 1994", when),
            ("SUN, 06 NOV 1994 08:49:37 gmt", when),
            ("sunday, 06-nov-94 08:49:37 Gmt", when),
            // The weekday is wrong.
            ("Mon, 06 Nov 1994 08:49:37 GMT", when),
            ("Thu Nov  6 08:49:37 1994", when),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Thu, 29 Feb 2024 00:00:00 GMT", Some(1_709_164_800)),
            ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_799)),
            ("Thu, 29 Feb 2100 00:00:00 GMT", None),
            ("Thu, 00 Feb 2024 00:00:00 GMT", None),
            ("Thu, 31 Apr 2024 00:00:00 GMT", None),
            ("Thu, 01 Jan 2024 24:00:00 GMT", None),
            ("Thu, 01 Jan 2024 00:60:00 GMT", None),
            ("Thu, 01 Jan 2024 00:00:61 GMT", None),
            ("Xyz, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Xyz 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT x", None),
            ("Sun, 06 Nov 94 08:49:37 GMT", None),
            ("Sun, 06-Nov-1994 08:49:37 GMT", None),
            ("Sun 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06  Nov  1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 8:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08.49.37 GMT", None),
            ("Sun Nov 6 08:49:37 1994", None),
            ("Sun Nov  6 08:49:37 1994 GMT", None),
            ("Thu, 01 Jan 1960 00:00:00 GMT", None),
            ("0", None),
            ("-1", None),
            ("", None),
            (",", None),
            ("now", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), want, "{text}");
        }
        assert_eq!(seconds(b"\xff\xfe"), None);
    }

    #[test]
    fn reads_what_others_write() {
        for day in (0..80_000_u64).step_by(7) {
            let second = day * 86_400 + day;
            let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
            assert_eq!(seconds(text.as_bytes()), Some(second), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
            text in "(Sun|Sunday)?,? ?[ 0-9]{1,4}[ -]?(Nov|nov)? ?[0-9: -]{0,16}( GMT)?",
        ) {
            let _ = seconds(&bytes);
            // What the strict reader takes means the same here.
            if let Ok(time) = httpdate::parse_http_date(&text) {
                let since = time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
                proptest::prop_assert_eq!(seconds(text.as_bytes()), since, "{}", text);
            }
        }
    }

    #[test]
    fn years_of_two_digits_lie_around_now() {
        let far = seconds(b"Thursday, 18-Aug-50 02:01:18 GMT").unwrap();
        assert_eq!(far, 2_544_400_878);
        assert!(seconds(b"Sunday, 06-Nov-94 08:49:37 GMT").unwrap() < far);
    }
}
