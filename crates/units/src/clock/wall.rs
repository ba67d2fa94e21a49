//! [`Wall`]: the time of day, and its texts for logs and headers.
//!
//! Both texts change in their day and second parts once a second only, so [`Stamp`] keeps them and a log
//! line pays for three digits.

use std::fmt;
use std::time::Duration;

/// A time of day in UTC: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(u64);

/// 9999-12-31T23:59:59.999Z: later times print as this one, since both texts have four digits for the year.
const LAST: u64 = 253_402_300_799_999;

impl Wall {
    /// So many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// So many seconds after 1970-01-01T00:00:00Z.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// The time from `earlier` to this one; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// `2026-01-01T00:00:00.000Z` (RFC 3339 §5.6, with milliseconds, in UTC), in ASCII.
    pub fn rfc3339(self) -> [u8; 24] {
        let millis = self.0.min(LAST);
        let Civil { year, month, day, hour, minute, second, .. } = Civil::at(millis / 1_000);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put4(&mut text, 0, year);
        put2(&mut text, 5, month);
        put2(&mut text, 8, day);
        put2(&mut text, 11, hour);
        put2(&mut text, 14, minute);
        put2(&mut text, 17, second);
        put_millis(&mut text, millis);
        text
    }

    /// `Thu, 01 Jan 2026 00:00:00 GMT`, the IMF-fixdate of RFC 9110 §5.6.7, in ASCII.
    pub fn http_date(self) -> [u8; 29] {
        let Civil { year, month, day, hour, minute, second, weekday } = Civil::at(self.0.min(LAST) / 1_000);
        let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
        text[..3].copy_from_slice(&b"ThuFriSatSunMonTueWed"[weekday * 3..][..3]);
        put2(&mut text, 5, day);
        let names = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        text[8..11].copy_from_slice(&names[(month as usize - 1) * 3..][..3]);
        put4(&mut text, 12, year);
        put2(&mut text, 17, hour);
        put2(&mut text, 20, minute);
        put2(&mut text, 23, second);
        text
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.rfc3339()))
    }
}

/// The texts of the last second asked for: make one a thread, and a repeated second costs a few digits.
#[derive(Clone, Debug)]
pub struct Stamp {
    second: u64,
    rfc3339: [u8; 24],
    http_date: [u8; 29],
}

impl Default for Stamp {
    fn default() -> Self {
        let epoch = Wall::default();
        Self { second: 0, rfc3339: epoch.rfc3339(), http_date: epoch.http_date() }
    }
}

impl Stamp {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// [`Wall::rfc3339`], in ASCII.
    #[inline]
    pub fn rfc3339(&mut self, wall: Wall) -> &[u8; 24] {
        self.turn(wall);
        put_millis(&mut self.rfc3339, wall.0.min(LAST));
        &self.rfc3339
    }

    /// [`Wall::http_date`], in ASCII.
    #[inline]
    pub fn http_date(&mut self, wall: Wall) -> &[u8; 29] {
        self.turn(wall);
        &self.http_date
    }

    #[inline]
    fn turn(&mut self, wall: Wall) {
        if wall.as_secs() != self.second {
            self.renew(wall);
        }
    }

    #[cold]
    fn renew(&mut self, wall: Wall) {
        *self = Self { second: wall.as_secs(), rfc3339: wall.rfc3339(), http_date: wall.http_date() };
    }
}

#[inline]
fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).expect("digits, letters and punctuation are ASCII")
}

#[inline]
fn put2(text: &mut [u8], at: usize, number: u32) {
    text[at] = digit(number / 10);
    text[at + 1] = digit(number);
}

fn put4(text: &mut [u8], at: usize, number: u32) {
    put2(text, at, number / 100);
    put2(text, at + 2, number % 100);
}

#[inline]
fn put_millis(text: &mut [u8; 24], millis: u64) {
    let millis = (millis % 1_000) as u32;
    text[20] = digit(millis / 100);
    text[21] = digit(millis / 10);
    text[22] = digit(millis);
}

#[inline]
fn digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

/// A date and time of the Gregorian calendar in UTC.
struct Civil {
    year: u32,
    /// 1 to 12.
    month: u32,
    /// 1 to 31.
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    /// Days after Thursday, the weekday of 1970-01-01.
    weekday: usize,
}

impl Civil {
    /// From seconds since 1970-01-01T00:00:00Z, at most the year 9999.
    fn at(seconds: u64) -> Self {
        let (days, rest) = ((seconds / 86_400) as u32, (seconds % 86_400) as u32);
        // Years are counted from March, so that the leap day is the last of its year; 719,468 days lie
        // between 0000-03-01 and 1970-01-01, and 146,097 days are 400 years.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: 400 * era + year_of_era + u32::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
            weekday: (days % 7) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_known_moments() {
        for (millis, rfc3339, http_date) in [
            (0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777_000, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z", "Thu, 01 Jan 2026 00:00:00 GMT"),
            (u64::MAX, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let wall = Wall::from_millis(millis);
            assert_eq!(ascii(&wall.rfc3339()), rfc3339);
            assert_eq!(ascii(&wall.http_date()), http_date);
        }
    }

    fn text<const N: usize>(bytes: [u8; N]) -> String {
        ascii(&bytes).to_owned()
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(millis in 0..=LAST) {
            // jiff's last moment lies some hours before the year's end, for its time zones.
            prop_assume!(millis < LAST - 2 * 86_400_000);
            let oracle = jiff::Timestamp::from_millisecond(millis as i64).unwrap();
            let wall = Wall::from_millis(millis);
            prop_assert_eq!(text(wall.rfc3339()), format!("{oracle:.3}"));
            prop_assert_eq!(text(wall.http_date()), oracle.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        }

        #[test]
        fn a_stamp_prints_what_a_wall_prints(moments in prop::collection::vec((0_u64..5, 0_u64..1_000), 1..20)) {
            let mut stamp = Stamp::new();
            for (second, millis) in moments {
                let wall = Wall::from_millis(second * 1_000 + millis);
                prop_assert_eq!(*stamp.rfc3339(wall), wall.rfc3339());
                prop_assert_eq!(*stamp.http_date(wall), wall.http_date());
            }
        }
    }
}
