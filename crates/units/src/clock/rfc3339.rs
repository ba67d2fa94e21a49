//! Reading a time of day as others write it.

use super::Wall;

impl Wall {
    /// Reads a time of RFC 3339 (§5.6), with any fraction of a second and any offset; `None` if it is none. What lies before 1970 is
    /// taken for its beginning.
    pub fn parse_rfc3339(text: &[u8]) -> Option<Self> {
        let (date, rest) = text.split_at_checked(19)?;
        let shape = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        let formed = shape.iter().all(|(at, byte)| date[*at] == *byte) && matches!(date[10], b'T' | b't');
        let number = |from: usize, to: usize| number(&date[from..to]);
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        // A leap second is the first of the next minute.
        let exists = hour < 24 && minute < 60 && second <= 60;
        if !formed || !exists || !(1..=12).contains(&month) || !(1..=days(year, month)).contains(&day) {
            return None;
        }
        let (millis, zone) = fraction(rest)?;
        let seconds = since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        let millis = (seconds - offset(zone)?) * 1_000 + millis;
        Some(Self::from_millis(u64::try_from(millis).unwrap_or(0)))
    }
}

/// The number that these digits are.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// Milliseconds of a fraction, if there is one, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else { return Some((0, text)) };
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).filter(|end| *end > 0)?;
    let (digits, rest) = text.split_at(end);
    let first = digits.iter().chain(b"000").take(3);
    Some((first.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')), rest))
}

/// Seconds that a zone is ahead.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, text) = match zone {
        b"Z" | b"z" => return Some(0),
        [b'+', text @ ..] => (1, text),
        [b'-', text @ ..] => (-1, text),
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = text else { return None };
    let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days of a month.
fn days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date.
fn since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March, so that the leap day is the last of its year, as in the way back.
    let (year, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_any_form_and_nothing_else() {
        let millis = |text: &str| Wall::parse_rfc3339(text.as_bytes()).map(Wall::as_millis);
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1994-11-06T08:49:37.000Z", Some(784_111_777_000)),
            ("1994-11-06t08:49:37.5z", Some(784_111_777_500)),
            ("1994-11-06T09:49:37.123456789+01:00", Some(784_111_777_123)),
            ("1994-11-05T22:49:37-10:00", Some(784_111_777_000)),
            ("2016-12-31T23:59:60Z", Some(1_483_228_800_000)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000)),
            ("0000-01-01T00:00:00Z", Some(0)),
            ("1900-02-29T00:00:00Z", None),
            ("1994-13-06T08:49:37Z", None),
            ("1994-11-31T08:49:37Z", None),
            ("1994-11-06T24:00:00Z", None),
            ("1994-11-06 08:49:37Z", None),
            ("1994-11-06T08:49:37", None),
            ("1994-11-06T08:49:37.Z", None),
            ("1994-11-06T08:49:37+0100", None),
            ("1994-11-06T08:49:37Z ", None),
            ("+994-11-06T08:49:37Z", None),
            ("784111777", None),
            ("", None),
        ] {
            assert_eq!(millis(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_a_wall_prints(millis in 0_u64..=253_402_300_799_999) {
            let wall = Wall::from_millis(millis);
            prop_assert_eq!(Wall::parse_rfc3339(&wall.rfc3339()), Some(wall));
        }

        #[test]
        fn agrees_with_jiff(seconds in 0_i64..200_000_000_000, hours in -23_i32..=23) {
            let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(hours as i8));
            let moment = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(zone);
            let text = moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
            prop_assert_eq!(Wall::parse_rfc3339(text.as_bytes()), Some(Wall::from_secs(seconds as u64)), "{}", text);
        }

        #[test]
        fn nothing_panics(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Wall::parse_rfc3339(&text);
        }
    }
}
