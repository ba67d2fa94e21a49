//! Cache keys (RFC 9111 §2): what two requests must share to be sent the same answer.

use std::fmt;

use sha2::{Digest, Sha256};

/// What a key is made of. The method is not in it, as answers to GET serve HEAD; what else answers differ by is told by
/// their `Vary`.
#[derive(Clone, Copy, Default)]
pub struct KeyParts<'a> {
    /// The host as the client named it, in any case.
    pub host: &'a [u8],
    /// The path in its one spelling ([`sekisho_wire::normalise`]): the one by which the route was found.
    pub path: &'a str,
    /// The query as received, without its question mark.
    pub query: Option<&'a str>,
    /// The API version that was chosen.
    pub version: Option<&'a str>,
    /// The user, where answers are kept apart by user.
    pub user: Option<&'a str>,
    /// Whatever else keeps answers apart, always the same number of them: the route, the service, fields of the request.
    pub more: &'a [&'a [u8]],
}

/// The SHA-256 of a key's parts: short, of one length, and telling nothing of paths and users to who reads a store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

/// Changes when keys are made differently, so that gateways of two versions that share a store do not mix them up.
const MAKE: &[u8] = b"sekisho-cache-1";

impl Key {
    /// The key of those parts. Each part goes in with its length, so that no two lists of parts read alike.
    #[must_use]
    pub fn of(parts: &KeyParts<'_>) -> Key {
        let mut hash = Sha256::new_with_prefix(MAKE);
        lowered(&mut hash, parts.host);
        part(&mut hash, Some(parts.path));
        query(&mut hash, parts.query);
        part(&mut hash, parts.version);
        part(&mut hash, parts.user);
        for more in parts.more {
            hash.update((more.len() as u64).to_le_bytes());
            hash.update(more);
        }
        Key(hash.finalize().into())
    }

    /// A key of its own for each list of values under this one.
    pub(crate) fn beneath<'v>(&self, values: impl Iterator<Item = Option<&'v [u8]>>) -> Key {
        let mut hash = Sha256::new_with_prefix(MAKE);
        hash.update(self.0);
        for value in values {
            let length = value.map_or(u64::MAX, |value| value.len() as u64);
            hash.update(length.to_le_bytes());
            hash.update(value.unwrap_or_default());
        }
        Key(hash.finalize().into())
    }

    /// The digest.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest as 64 hexadecimal digits in lower case, for `X-Cache-Key` and keys in Redis.
    #[must_use]
    pub fn hex(&self) -> [u8; 64] {
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        text
    }

    /// Reads what [`Key::hex`] writes, in either case.
    #[must_use]
    pub fn from_hex(text: &[u8]) -> Option<Key> {
        let mut key = [0; 32];
        let (pairs, []) = text.as_chunks::<2>() else { return None };
        if pairs.len() != key.len() {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(pairs) {
            *byte = octet(pair[0], pair[1])?;
        }
        Some(Key(key))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn part(hash: &mut Sha256, text: Option<&str>) {
    let length = text.map_or(u64::MAX, |text| text.len() as u64);
    hash.update(length.to_le_bytes());
    hash.update(text.unwrap_or_default());
}

/// The host without regard to case.
fn lowered(hash: &mut Sha256, host: &[u8]) {
    hash.update((host.len() as u64).to_le_bytes());
    let mut piece = [0; 64];
    for chunk in host.chunks(piece.len()) {
        let piece = &mut piece[..chunk.len()];
        piece.copy_from_slice(chunk);
        piece.make_ascii_lowercase();
        hash.update(piece);
    }
}

/// The query with percent-encoding in its one form (RFC 3986 §6.2.2): needless encodings undone, the others in upper
/// case. The order of parameters may mean something, and stays.
fn query(hash: &mut Sha256, query: Option<&str>) {
    let Some(text) = query else { return part(hash, None) };
    if !text.contains('%') {
        return part(hash, Some(text));
    }
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [byte, after @ ..] = rest {
        let escaped = match (byte, after) {
            (b'%', [high, low, after @ ..]) => octet(*high, *low).map(|octet| (octet, after)),
            _ => None,
        };
        rest = match escaped {
            Some((octet, after)) if is_unreserved(octet) => {
                out.push(octet);
                after
            }
            Some((_, after)) => {
                out.extend_from_slice(rest[..3].to_ascii_uppercase().as_slice());
                after
            }
            None => {
                out.push(*byte);
                after
            }
        };
    }
    hash.update((out.len() as u64).to_le_bytes());
    hash.update(&out);
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn octet(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::{Key, KeyParts};

    const BASE: KeyParts<'_> = KeyParts {
        host: b"shop.example",
        path: "/a",
        query: Some("b=c"),
        version: Some("v1"),
        user: None,
        more: &[],
    };

    #[test]
    fn every_part_counts() {
        let others = [
            KeyParts { host: b"other.example", ..BASE },
            KeyParts { host: b"shop.example:8080", ..BASE },
            KeyParts { path: "/A", ..BASE },
            KeyParts { path: "/a/", ..BASE },
            KeyParts { query: None, ..BASE },
            KeyParts { query: Some(""), ..BASE },
            KeyParts { query: Some("b=C"), ..BASE },
            KeyParts { query: Some("b=c&d"), ..BASE },
            KeyParts { version: None, ..BASE },
            KeyParts { version: Some(""), ..BASE },
            KeyParts { version: Some("v2"), ..BASE },
            KeyParts { user: Some(""), ..BASE },
            KeyParts { user: Some("7"), ..BASE },
            KeyParts { more: &[b""], ..BASE },
            KeyParts { more: &[b"ab", b"c"], ..BASE },
            KeyParts { more: &[b"a", b"bc"], ..BASE },
            // The same bytes, divided otherwise.
            KeyParts { path: "/ab=c", query: Some(""), ..BASE },
            KeyParts { version: None, user: Some("v1"), ..BASE },
        ];
        let keys: std::collections::HashSet<Key> = others.iter().chain([&BASE]).map(Key::of).collect();
        assert_eq!(keys.len(), others.len() + 1);
    }

    #[test]
    fn spellings_of_one_thing_are_one_key() {
        let key = |host: &'static [u8], query: &'static str| {
            Key::of(&KeyParts { host, query: Some(query), ..BASE })
        };
        for (host, query, other) in [
            (&b"SHOP.example"[..], "a=%7eb", "a=~b"),
            (b"shop.Example", "a=%2f", "a=%2F"),
            (b"shop.example", "%61=%zz%4", "a=%zz%4"),
        ] {
            assert_eq!(key(host, query), key(b"shop.example", other), "{query}");
        }
        assert_ne!(key(b"shop.example", "a=%2B"), key(b"shop.example", "a=+"));
        assert_ne!(key(b"shop.example", "a=1&b=2"), key(b"shop.example", "b=2&a=1"));
        let long = vec![b'A'; 200];
        let lower = long.to_ascii_lowercase();
        assert_eq!(Key::of(&KeyParts { host: &long, ..BASE }), Key::of(&KeyParts { host: &lower, ..BASE }));
    }

    #[test]
    fn hexadecimal_reads_back() {
        let key = Key::of(&BASE);
        assert_eq!(Key::from_hex(&key.hex()), Some(key));
        assert_eq!(Key::from_hex(&key.hex().to_ascii_uppercase()), Some(key));
        for bad in [&key.hex()[1..], &key.hex()[2..], &[b'g'; 64], &[b'0'; 66], b""] {
            assert_eq!(Key::from_hex(bad), None);
        }
        assert_eq!(format!("{key:?}").as_bytes(), key.hex());
    }
}
