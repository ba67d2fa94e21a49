//! [`Size`]: a number of bytes as people write it, `512`, `10KB`, `1MiB`.

use std::fmt;
use std::str::FromStr;

use crate::text::textual;

/// A number of bytes: `512`, `10KB` (thousands), `1KiB` (1,024s), up to `TB` and `TiB`.
///
/// Prints the shortest form that parses back to the same number; of equally short ones the largest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    bytes: u64,
}

/// Why a text is not a [`Size`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Does not begin with a digit.
    #[error("`{0}` is not a size; write bytes such as `512`, `10KB` or `1MiB`")]
    Malformed(String),
    /// A fraction such as `1.5MB`.
    #[error("size `{0}` has a fraction; write whole numbers in a smaller unit, as in `1500KB`")]
    Fraction(String),
    /// A unit that is not known, spelt otherwise, or says not whether it counts in 1,000s or 1,024s.
    #[error(
        "size `{0}` has the unknown unit `{1}`; use KB, MB, GB, TB (1000s) or KiB, MiB, GiB, TiB (1024s)"
    )]
    UnknownUnit(String, String),
    /// More bytes than 64 bits hold.
    #[error("size `{0}` is too large; the largest is 18446744073709551615 bytes")]
    TooLarge(String),
}

/// Units with their bytes, largest first.
const UNITS: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("", 1),
    ("B", 1),
];

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self { bytes }
    }

    /// So many times 1,024 bytes; beyond 64 bits it stays at the largest.
    pub const fn from_kib(kib: u64) -> Self {
        Self { bytes: kib.saturating_mul(1 << 10) }
    }

    /// So many times 1,048,576 bytes; beyond 64 bits it stays at the largest.
    pub const fn from_mib(mib: u64) -> Self {
        Self { bytes: mib.saturating_mul(1 << 20) }
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }

    /// The number of bytes as a length in memory; where memory is smaller than that, its largest length.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    /// Reads a whole number with an optional unit, nothing between them.
    ///
    /// # Errors
    /// A [`SizeError`] that names the text and what to write instead.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if digits == 0 {
            return Err(SizeError::Malformed(text.to_owned()));
        }
        if unit.starts_with('.') {
            return Err(SizeError::Fraction(text.to_owned()));
        }
        let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(SizeError::UnknownUnit(text.to_owned(), unit.trim().to_owned()));
        };
        let too_large = || SizeError::TooLarge(text.to_owned());
        let number: u64 = number.parse().map_err(|_| too_large())?;
        number.checked_mul(*length).map(Self::from_bytes).ok_or_else(too_large)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = UNITS
            .iter()
            .filter(|(_, length)| self.bytes.is_multiple_of(*length) && (self.bytes > 0 || *length == 1))
            .map(|(name, length)| format!("{}{name}", self.bytes / length))
            .min_by_key(String::len);
        f.write_str(&best.expect("bytes alone measure every size"))
    }
}

impl FromStr for Size {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Self, SizeError> {
        Self::parse(text)
    }
}

textual!(Size, "Size", deserialize_any, expecting "a size such as `1MiB`", schema {
    "type": ["string", "integer"],
    "minimum": 0,
    "description": "A number of bytes, with an optional unit: KB, MB, GB, TB (1000s), KiB, MiB, GiB, TiB (1024s).",
    "pattern": "^[0-9]+(B|[KMGT]i?B)?$",
    "examples": ["512", "10KB", "1MiB"]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, want) in [
            ("0", 0),
            ("512", 512),
            ("512B", 512),
            ("10KB", 10_000),
            ("1KiB", 1_024),
            ("1MiB", 1_048_576),
            ("10MB", 10_000_000),
            ("2GiB", 2_147_483_648),
        ] {
            assert_eq!(Size::parse(text).map(Size::bytes), Ok(want), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_remedy() {
        let unit = |text: &str, unit: &str| {
            format!(
                "size `{text}` has the unknown unit `{unit}`; use KB, MB, GB, TB (1000s) or KiB, MiB, GiB, TiB (1024s)"
            )
        };
        for (text, want) in [
            ("", "`` is not a size; write bytes such as `512`, `10KB` or `1MiB`".to_owned()),
            ("big", "`big` is not a size; write bytes such as `512`, `10KB` or `1MiB`".to_owned()),
            ("-5", "`-5` is not a size; write bytes such as `512`, `10KB` or `1MiB`".to_owned()),
            (
                "1.5MB",
                "size `1.5MB` has a fraction; write whole numbers in a smaller unit, as in `1500KB`"
                    .to_owned(),
            ),
            ("10mb", unit("10mb", "mb")),
            ("10M", unit("10M", "M")),
            ("10 MB", unit("10 MB", "MB")),
            (
                "99999999TiB",
                "size `99999999TiB` is too large; the largest is 18446744073709551615 bytes".to_owned(),
            ),
        ] {
            assert_eq!(Size::parse(text).map_err(|e| e.to_string()), Err(want), "{text}");
        }
    }

    #[test]
    fn prints_the_shortest_exact_form() {
        for (bytes, want) in [
            (0, "0"),
            (512, "512"),
            (1_000, "1KB"),
            (1_024, "1KiB"),
            (1_048_576, "1MiB"),
            (10_000_000, "10MB"),
            (1_025, "1025"),
        ] {
            assert_eq!(Size::from_bytes(bytes).to_string(), want);
        }
    }

    #[test]
    fn reads_a_bare_json_integer_as_bytes() {
        assert_eq!(serde_json::from_str::<Size>("512").unwrap(), Size::from_bytes(512));
        assert_eq!(serde_json::from_str::<Size>("\"1KiB\"").unwrap(), Size::from_kib(1));
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(bytes: u64, shift in 0_u32..60) {
            for bytes in [bytes, bytes >> shift << shift] {
                let size = Size::from_bytes(bytes);
                prop_assert_eq!(Size::parse(&size.to_string()), Ok(size));
            }
        }
    }
}
