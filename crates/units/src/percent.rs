//! [`Percent`]: a share, `20%`, `0.5%`, `20`.

use std::fmt;
use std::str::FromStr;

use crate::text::textual;

/// A share in steps of a hundredth of a percent, from 0 to 100 percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent {
    hundredths: u16,
}

/// Why a text is not a [`Percent`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PercentError {
    /// Not a number, or with more than two digits behind the point.
    #[error("`{0}` is not a percentage; write one such as `20%` or `0.5%`")]
    Malformed(String),
    /// More than there is.
    #[error("`{0}` is more than `100%`")]
    TooLarge(String),
}

/// Steps of a percent.
const STEPS: u16 = 100;

impl Percent {
    /// The whole.
    pub const ALL: Self = Self { hundredths: 100 * STEPS };

    /// So many whole percent, at most 100.
    pub const fn of(percent: u16) -> Self {
        Self { hundredths: if percent < 100 { percent * STEPS } else { 100 * STEPS } }
    }

    /// The share in steps of which 10,000 are the whole.
    pub const fn basis_points(self) -> u16 {
        self.hundredths
    }

    /// Whether it is nothing at all.
    pub const fn is_zero(self) -> bool {
        self.hundredths == 0
    }

    /// Reads a number with at most two digits behind the point, and an optional `%`.
    ///
    /// # Errors
    /// A [`PercentError`] that names the text and what to write instead.
    pub fn parse(text: &str) -> Result<Self, PercentError> {
        let malformed = || PercentError::Malformed(text.to_owned());
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, part) = number.split_once('.').map_or((number, "0"), |(whole, part)| (whole, part));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 {
            return Err(malformed());
        }
        let whole: u64 = whole.parse().map_err(|_| PercentError::TooLarge(text.to_owned()))?;
        let part: u64 = format!("{part:0<2}").parse().map_err(|_| malformed())?;
        match whole.saturating_mul(STEPS.into()).saturating_add(part) {
            hundredths @ 0..=10_000 => Ok(Self { hundredths: hundredths as u16 }),
            _ => Err(PercentError::TooLarge(text.to_owned())),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.hundredths / STEPS, self.hundredths % STEPS);
        match part {
            0 => write!(f, "{whole}%"),
            part if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            part => write!(f, "{whole}.{part:02}%"),
        }
    }
}

impl FromStr for Percent {
    type Err = PercentError;
    fn from_str(text: &str) -> Result<Self, PercentError> {
        Self::parse(text)
    }
}

textual!(Percent, "Percent", deserialize_str, expecting "a percentage such as `20%`", schema {
    "type": ["string", "number"],
    "minimum": 0,
    "maximum": 100,
    "description": "A share in percent, with at most two digits behind the point.",
    "pattern": "^[0-9]+(\\.[0-9]{1,2})? ?%?$",
    "examples": ["20%", "0.5%", 20]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, want) in [
            ("20%", Some(2_000)),
            ("20 %", Some(2_000)),
            ("20", Some(2_000)),
            ("0.5%", Some(50)),
            ("0.05", Some(5)),
            ("100%", Some(10_000)),
            ("0", Some(0)),
            ("100.01%", None),
            ("1000", None),
            ("99999999999999999999", None),
            ("0.005", None),
            ("-1", None),
            ("%", None),
            (".5", None),
            ("5.", None),
            ("1e1", None),
        ] {
            assert_eq!(Percent::parse(text).ok().map(Percent::basis_points), want, "{text}");
        }
    }

    #[test]
    fn refuses_with_a_remedy() {
        let wrong = |text| Percent::parse(text).unwrap_err().to_string();
        assert_eq!(wrong("a lot"), "`a lot` is not a percentage; write one such as `20%` or `0.5%`");
        assert_eq!(wrong("101%"), "`101%` is more than `100%`");
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(hundredths in 0_u16..=10_000) {
            let percent = Percent { hundredths };
            prop_assert_eq!(Percent::parse(&percent.to_string()), Ok(percent));
        }
    }
}
