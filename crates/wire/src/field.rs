//! What a field line may consist of (RFC 9110 §5), and lists in values.

use std::fmt;

use crate::head::controls;

/// A field that cannot be written: it would not be one line, or not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadField {
    /// The name is empty or holds a byte that is no token character (RFC 9110 §5.6.2).
    Name,
    /// The value holds CR, LF, NUL or another control character, or begins or ends with white space.
    Value,
    /// The head would grow past 65,535 bytes.
    TooLarge,
    /// The head would have more than [`MAX_LINES`](crate::MAX_LINES) lines.
    TooMany,
}

impl fmt::Display for BadField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadField::Name => "a field name may hold only letters, digits and !#$%&'*+-.^_`|~",
            BadField::Value => {
                "a field value may hold no line breaks or control characters, nor begin or end with a space"
            }
            BadField::TooLarge => "a head may hold at most 65,535 bytes",
            BadField::TooMany => "a head may hold at most 128 field lines",
        })
    }
}

impl std::error::Error for BadField {}

// Of classes whose bits mean "not", those of several bytes are joined with one OR.
const NO_TOKEN: u8 = 1;
const ODD: u8 = 2;
const HOST: u8 = 4;

/// What each byte may be part of.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        if !b.is_ascii_alphanumeric() && !contains(b"!#$%&'*+-.^_`|~", b) {
            table[i] |= NO_TOKEN;
        }
        if contains(b"_.", b) {
            table[i] |= ODD;
        }
        if b.is_ascii_alphanumeric() || contains(b"-._~", b) {
            table[i] |= HOST;
        }
        i += 1;
    }
    table
}

const fn contains(bytes: &[u8], wanted: u8) -> bool {
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == wanted {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether `b` is a token character (RFC 9110 §5.6.2).
#[inline]
pub(crate) fn is_token_byte(b: u8) -> bool {
    CLASS[b as usize] & NO_TOKEN == 0
}

/// What the bytes of a would-be field name are, all together.
#[derive(Clone, Copy)]
pub(crate) struct TokenClass(u8);

impl TokenClass {
    /// Whether they are a field name.
    #[inline]
    pub(crate) fn is_name(self) -> bool {
        self.0 & NO_TOKEN == 0
    }

    /// Whether some byte is one that servers behind may read as a hyphen.
    #[inline]
    pub(crate) fn is_odd(self) -> bool {
        self.0 & ODD != 0
    }
}

/// Classifies a field name.
#[inline]
pub(crate) fn token_class(name: &[u8]) -> TokenClass {
    let empty = if name.is_empty() { NO_TOKEN } else { 0 };
    TokenClass(name.iter().fold(empty, |class, &b| class | CLASS[b as usize]))
}

/// Whether `b` is unreserved (RFC 3986 §2.3).
#[inline]
pub(crate) fn is_unreserved(b: u8) -> bool {
    CLASS[b as usize] & HOST != 0
}

/// Names of fields that delimit messages or belong to one connection (RFC 9110 §7.6.1, RFC 9112 §6), in lower case. Whoever sends
/// a message writes them as it needs them.
pub const FRAMING: &[&str] = &[
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
    "expect",
];

/// Whether `name` is a field name: a token, which is never empty.
#[inline]
#[must_use]
pub fn is_field_name(name: &[u8]) -> bool {
    token_class(name).is_name()
}

/// Whether `value` can stand in a line of its own without changing meaning (RFC 9110 §5.5): no control
/// character but tab, and no white space at either end, which a parser would take off.
#[inline]
#[must_use]
pub fn is_field_value(value: &[u8]) -> bool {
    let blank = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
    !has_control(value) && !blank(value.first()) && !blank(value.last())
}

/// Whether some byte is a control character other than tab.
#[inline]
fn has_control(value: &[u8]) -> bool {
    let (words, rest) = value.as_chunks::<8>();
    // The last word overlaps the one before it. A rest shorter than a word is filled up with spaces.
    let last = match value.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => word(rest) | u64::from_le_bytes([b' '; 8]).unbounded_shl(8 * rest.len() as u32),
    };
    let flags = words.iter().fold(controls(last), |seen, word| seen | controls(u64::from_le_bytes(*word)));
    // Tabs are rare enough to look again.
    flags != 0 && value.iter().any(|&b| (b < 0x20 && b != b'\t') || b == 0x7f)
}

/// Up to eight bytes as a word, the first one lowest, filled up with zeros.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    let len = bytes.len();
    if let (Some(start), Some(end)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // Where both overlap they agree.
        return u64::from(u32::from_le_bytes(*start))
            | u64::from(u32::from_le_bytes(*end)) << (8 * (len - 4));
    }
    match bytes {
        [] => 0,
        [a] => u64::from(*a),
        [a, b, rest @ ..] => {
            let c = rest.first().map_or(0, |&c| u64::from(c) << 16);
            u64::from(*a) | u64::from(*b) << 8 | c
        }
    }
}

/// The items of a comma-separated list (RFC 9110 §5.6.1), without white space around them and without empty
/// ones. Quoted strings are not looked into: this is for lists of tokens.
pub fn list_items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|item| !item.is_empty())
}

/// `bytes` without spaces and tabs at its ends.
#[inline]
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_tokens_as_names() {
        for (name, good) in
            [("A", true), ("x-y_z.1!", true), ("", false), ("a b", false), ("a:", false), ("é", false)]
        {
            assert_eq!(is_field_name(name.as_bytes()), good, "{name}");
        }
    }

    #[test]
    fn takes_no_value_that_would_split_or_change() {
        for (value, good) in [
            (&b""[..], true),
            (b"a b\tc", true),
            (b"\xc3\xa9", true),
            (b" a", false),
            (b"a\t", false),
            (b"a\r\nb: c", false),
            (b"a\nb", false),
            (b"a\rb", false),
            (b"a\0b", false),
            (b"a\x7f", false),
            (b"a\x1b", false),
        ] {
            assert_eq!(is_field_value(value), good, "{value:?}");
        }
    }

    #[test]
    fn looks_at_every_byte_of_a_value() {
        for len in 1..40 {
            for at in 0..len {
                for b in 0..=u8::MAX {
                    let mut value = vec![b'~'; len];
                    value[at] = b;
                    let blank_end = matches!(b, b' ' | b'\t') && (at == 0 || at == len - 1);
                    let good = !blank_end && (b == b'\t' || !b.is_ascii_control());
                    assert_eq!(is_field_value(&value), good, "{value:?}");
                }
            }
        }
    }

    #[test]
    fn lists_skip_empty_items() {
        let items: Vec<_> = list_items(b" , close ,,\tte,").collect();
        assert_eq!(items, [&b"close"[..], b"te"]);
    }
}
