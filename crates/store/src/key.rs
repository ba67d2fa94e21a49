//! [`Key`]: whose requests are counted, and for which rule.

use std::hash::{BuildHasher, RandomState};

use sha2::{Digest, Sha256};
use siphasher::{sip, sip128};

use crate::limit::Algorithm;

/// What keeps the keys of one rule apart from those of another: the same on every gateway and after every reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Space(u64);

impl Space {
    /// The space of a text that identifies the rule wherever it is configured, such as `rate_limit api`.
    pub fn of(identity: &str) -> Self {
        Self(first_8(&Sha256::digest(identity.as_bytes())))
    }
}

/// Whose requests are counted. The name is any bytes: an address, a user's id, several of them. Stores keep only a hash of it.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// For which rule.
    pub space: Space,
    /// Whose.
    pub name: &'a [u8],
}

/// Hashes keys by a secret of this process, so that nobody can choose names that collide (SipHash-1-3).
pub(crate) struct Keyed(u64, u64);

impl Keyed {
    /// With a secret from the system's randomness.
    pub(crate) fn new() -> Self {
        let part = |side: u8| RandomState::new().hash_one(side);
        Self(part(0), part(1))
    }

    /// What stands for a key in this process. Algorithms read what was counted differently, so each has entries of its own.
    ///
    /// Space and algorithm, which no client chooses, make another secret each, which saves a round for them.
    #[inline]
    pub(crate) fn hash(&self, key: Key<'_>, algorithm: Option<Algorithm>) -> u128 {
        let (first, second) = self.secret(key, algorithm);
        sip128::SipHasher13::new_with_keys(first, second).hash(key.name).as_u128()
    }

    /// The same with 64 bits, for a third less.
    #[inline]
    pub(crate) fn short(&self, key: Key<'_>, algorithm: Option<Algorithm>) -> u64 {
        let (first, second) = self.secret(key, algorithm);
        sip::SipHasher13::new_with_keys(first, second).hash(key.name)
    }

    #[inline]
    fn secret(&self, key: Key<'_>, algorithm: Option<Algorithm>) -> (u64, u64) {
        let tag = algorithm.map_or(0, |algorithm| u64::from(algorithm.letter() as u8));
        (self.0 ^ key.space.0, self.1 ^ tag)
    }
}

/// What stands for a key in Redis: the same on every gateway, and of one length however long the name.
///
/// 128 bits of SHA-256: nobody finds a name that shares the entry of another's.
pub(crate) fn shared(prefix: &str, key: Key<'_>, algorithm: Algorithm) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(key.name);
    let mut text = String::with_capacity(prefix.len() + 56);
    text.push_str(prefix);
    let _ = write!(text, ":{}:{:016x}:", algorithm.letter(), key.space.0);
    let _ = write!(text, "{:016x}{:016x}", first_8(&digest), first_8(&digest[8..]));
    text
}

/// The first eight bytes as a number.
fn first_8(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_space_name_and_algorithm_and_stores_by_their_secret() {
        let keyed = Keyed::new();
        let key = |space, name: &'static str| Key { space: Space::of(space), name: name.as_bytes() };
        let one = keyed.hash(key("a", "x"), Some(Algorithm::SlidingWindow));
        assert_eq!(one, keyed.hash(key("a", "x"), Some(Algorithm::SlidingWindow)));
        for other in [
            keyed.hash(key("b", "x"), Some(Algorithm::SlidingWindow)),
            keyed.hash(key("a", "y"), Some(Algorithm::SlidingWindow)),
            keyed.hash(key("a", "x"), Some(Algorithm::TokenBucket)),
            keyed.hash(key("a", "x"), None),
            Keyed::new().hash(key("a", "x"), Some(Algorithm::SlidingWindow)),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn the_text_for_redis_never_changes_between_releases() {
        let key = Key { space: Space::of("rate_limit api"), name: b"192.0.2.7" };
        let text = shared("sekisho:1", key, Algorithm::SlidingWindow);
        assert_eq!(text, "sekisho:1:s:d1c09fc153ce861a:37dad677cf0b3997d0f5dd0d7889f84b");
        assert_eq!(
            shared("sekisho:1", Key { name: &[0; 100_000], ..key }, Algorithm::SlidingWindow).len(),
            text.len()
        );
    }
}
