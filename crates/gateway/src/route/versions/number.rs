//! [`ApiVersion`]: which version of an interface is meant.

use std::fmt;

/// One to three numbers, of which zeros at the end say nothing: `2`, `v2` and `2.0` are one version, `2.1` is another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ApiVersion([u32; 3]);

/// The most digits of a number.
const MOST_DIGITS: usize = 9;

impl ApiVersion {
    /// Reads `2`, `v2`, `V2`, `2.1` or `v2.1.3`; numbers of at most nine digits, without zeros before them.
    pub fn read(text: &[u8]) -> Option<Self> {
        let numbers = text.strip_prefix(b"v").or_else(|| text.strip_prefix(b"V"));
        Self::numbers(numbers.unwrap_or(text))
    }

    /// Reads a segment of a path, which is a version only with its `v`: `7` is more likely an order.
    pub fn of_segment(segment: &str) -> Option<Self> {
        Self::numbers(segment.as_bytes().strip_prefix(b"v")?)
    }

    fn numbers(text: &[u8]) -> Option<Self> {
        let mut numbers = [0; 3];
        let mut parts = text.split(|byte| *byte == b'.');
        for (number, part) in numbers.iter_mut().zip(&mut parts) {
            *number = number_of(part)?;
        }
        // What is left over is a fourth part.
        parts.next().is_none().then_some(Self(numbers))
    }
}

fn number_of(digits: &[u8]) -> Option<u32> {
    if !(1..=MOST_DIGITS).contains(&digits.len()) || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}

/// The shortest form with its `v`.
impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [major, 0, 0] => write!(f, "v{major}"),
            [major, minor, 0] => write!(f, "v{major}.{minor}"),
            [major, minor, patch] => write!(f, "v{major}.{minor}.{patch}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_spellings_are_one_version() {
        for (text, want) in [
            ("2", Some("v2")),
            ("v2", Some("v2")),
            ("V2", Some("v2")),
            ("2.0", Some("v2")),
            ("v2.0.0", Some("v2")),
            ("2.1", Some("v2.1")),
            ("v2.0.1", Some("v2.0.1")),
            ("0", Some("v0")),
            ("999999999", Some("v999999999")),
            ("1000000000", None),
            ("02", None),
            ("v", None),
            ("", None),
            ("vv2", None),
            ("2.", None),
            (".2", None),
            ("2..1", None),
            ("2.1.0.0", None),
            ("1.2.3.4", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            (" 2", None),
            ("2, 1", None),
            ("\u{0662}", None),
            ("latest", None),
        ] {
            let read = ApiVersion::read(text.as_bytes()).map(|version| version.to_string());
            assert_eq!(read.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn a_segment_is_a_version_only_with_its_letter() {
        for (segment, want) in [
            ("v2", true),
            ("v2.1", true),
            ("2", false),
            ("V2", false),
            ("v", false),
            ("v2x", false),
            ("", false),
        ] {
            assert_eq!(ApiVersion::of_segment(segment).is_some(), want, "{segment}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(
            numbers in prop::array::uniform3(prop_oneof![Just(0_u32), 0..1_000_000_000_u32]),
        ) {
            let version = ApiVersion(numbers);
            let text = version.to_string();
            prop_assert_eq!(ApiVersion::read(text.as_bytes()), Some(version));
            prop_assert_eq!(ApiVersion::of_segment(&text), Some(version));
            prop_assert_eq!(ApiVersion::read(&text.as_bytes()[1..]), Some(version));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(version) = ApiVersion::read(&bytes) {
                prop_assert_eq!(ApiVersion::read(version.to_string().as_bytes()), Some(version));
            }
        }
    }
}
