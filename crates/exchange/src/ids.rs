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

fn uuid_text(random: u128) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let versioned = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let bytes = versioned.to_be_bytes();
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 0xf)];
        at += 2;
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
        for (value, taken) in
            [("abc-1", true), ("", false), ("a b", false), ("é", false), (longest.as_str(), true), (too_long.as_str(), false)]
        {
            assert_eq!(Id::given(value.as_bytes()).is_some(), taken, "{value}");
        }
    }
}
