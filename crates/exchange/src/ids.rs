//! Request and correlation ids.

/// An id as it stands in headers and logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Id<'a> {
    /// A UUID, version 4 (RFC 9562 §5.4), made here, as text.
    Own([u8; 36]),
    /// What the client or a trusted proxy gave: 1 to 128 visible ASCII characters.
    Given(&'a str),
}

impl Id<'_> {
    /// A new random UUID. Unique, not secret: the generator is seeded once a thread and is not for keys.
    pub fn new() -> Self {
        Self::Own(uuid_text(fastrand::u128(..)))
    }

    /// The id's text, in ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Own(text) => text,
            Self::Given(text) => text.as_bytes(),
        }
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Own(text) => std::str::from_utf8(text).expect("a UUID's text is ASCII"),
            Self::Given(text) => text,
        }
    }
}

impl<'a> Id<'a> {
    /// Takes `value` as an id if it is 1 to 128 visible ASCII characters.
    pub fn given(value: &'a [u8]) -> Option<Self> {
        if value.is_empty() || value.len() > 128 || !value.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        std::str::from_utf8(value).ok().map(Self::Given)
    }
}

impl Default for Id<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// The two ids of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'a> {
    /// `X-Request-ID`: this exchange alone.
    pub request: Id<'a>,
    /// `X-Correlation-ID`: everything done on behalf of one action of a user.
    pub correlation: Id<'a>,
}

/// Each byte as two hexadecimal digits.
const HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0xf]];
        byte += 1;
    }
    table
};

/// Where each byte's digits stand in a UUID's text.
const AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

fn uuid_text(random: u128) -> [u8; 36] {
    let versioned = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let mut text = [b'-'; 36];
    for (byte, at) in versioned.to_be_bytes().into_iter().zip(AT) {
        text[at..at + 2].copy_from_slice(&HEX[usize::from(byte)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_is_a_version_4_uuid() {
        let id = Id::new();
        let text = id.as_str();
        assert_eq!(text.len(), 36);
        for (index, c) in text.chars().enumerate() {
            match index {
                8 | 13 | 18 | 23 => assert_eq!(c, '-', "{text}"),
                14 => assert_eq!(c, '4', "{text}"),
                19 => assert!("89ab".contains(c), "{text}"),
                _ => assert!(c.is_ascii_hexdigit(), "{text}"),
            }
        }
        assert_ne!(text, Id::new().as_str());
    }

    #[test]
    fn all_bits_but_version_and_variant_are_kept() {
        assert_eq!(&uuid_text(u128::MAX), b"ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(&uuid_text(0), b"00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn takes_only_visible_ascii_up_to_128() {
        let longest = "x".repeat(128);
        let too_long = "x".repeat(129);
        for (value, taken) in [
            ("abc-1", true),
            ("", false),
            ("a b", false),
            ("é", false),
            (longest.as_str(), true),
            (too_long.as_str(), false),
        ] {
            assert_eq!(Id::given(value.as_bytes()).is_some(), taken, "{value}");
        }
    }
}
