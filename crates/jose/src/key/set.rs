//! [`KeySet`]: the keys of one issuer, and which of them a token could have been signed with.

use super::{Key, KeyError};
use crate::algorithm::Algorithm;
use crate::error::Error;
use crate::json::{Nested, Value, scan};

/// How many keys a JWK set may hold; more are left out.
pub const MAX_KEYS: usize = 100;

/// The largest JWK set, in bytes.
pub const MAX_SET: usize = 1024 * 1024;

/// How many keys are tried on a token that names none.
const MAX_TRIED: usize = 8;

/// The keys that tokens of one issuer may be signed with.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// An entry of a JWK set that no token can be verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its place among the entries, from 0.
    pub index: usize,
    /// Its `kid`, if it has one.
    pub kid: Option<String>,
    /// What is the matter with it.
    pub why: KeyError,
}

/// Which keys of a set a token could have been signed with; never none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidates {
    indices: [u16; MAX_TRIED],
    count: u8,
}

impl KeySet {
    /// A set without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JWK set (RFC 7517 §5). Entries that cannot be used are left out, each with its reason.
    ///
    /// # Errors
    /// If the document as a whole is no JWK set, or too large.
    pub fn from_jwks(document: &[u8]) -> Result<(Self, Vec<Skipped>), KeyError> {
        if document.len() > MAX_SET {
            return Err(KeyError::NotASet);
        }
        let text = std::str::from_utf8(document).map_err(|_| KeyError::NotASet)?;
        let members = scan(text, Nested::Later).map_err(|_| KeyError::NotASet)?;
        let entries = members.get(text, "keys").and_then(|keys| Value::new(keys).items());
        let (mut set, mut skipped) = (Self::new(), Vec::new());
        for (index, entry) in entries.ok_or(KeyError::NotASet)?.enumerate() {
            let read =
                if index < MAX_KEYS { Key::jwk(entry.raw().as_bytes()) } else { Err(KeyError::TooMany) };
            match read {
                Ok(key) => set.push(key),
                Err(why) => {
                    let kid = entry.get("kid").and_then(Value::text);
                    let kid = kid.map(|kid| kid.chars().take(super::MAX_KID).collect());
                    skipped.push(Skipped { index, kid, why });
                }
            }
            if index == MAX_KEYS {
                break;
            }
        }
        Ok((set, skipped))
    }

    /// Adds a key.
    pub fn push(&mut self, key: Key) {
        self.keys.push(key);
    }

    /// Each key.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Drops the keys that `keep` does not want: secrets, say, that came from a public place.
    pub fn retain(&mut self, keep: impl FnMut(&Key) -> bool) {
        self.keys.retain(keep);
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that serve `algorithm`: those of the id that the token names, or else those that have no id; all if
    /// it names none.
    pub(crate) fn candidates(&self, algorithm: Algorithm, kid: Option<&str>) -> Result<Candidates, Error> {
        let serving = |key: &&Key| key.algorithms().contains(algorithm);
        let Some(kid) = kid else {
            return self.pick(|key| serving(&key)).ok_or(Error::UnknownKey);
        };
        if self.keys.iter().any(|key| key.kid() == Some(kid)) {
            return self.pick(|key| key.kid() == Some(kid) && serving(&key)).ok_or(Error::Algorithm);
        }
        self.pick(|key| key.kid().is_none() && serving(&key)).ok_or(Error::UnknownKey)
    }

    /// The first keys that `fit`, as many as are tried.
    fn pick(&self, fit: impl Fn(&Key) -> bool) -> Option<Candidates> {
        let mut candidates = Candidates::default();
        let fitting = self.keys.iter().enumerate().filter(|(_, key)| fit(key));
        for ((index, _), place) in fitting.zip(&mut candidates.indices) {
            *place = u16::try_from(index).ok()?;
            candidates.count += 1;
        }
        (candidates.count > 0).then_some(candidates)
    }

    /// The keys that were found.
    pub(crate) fn these(&self, candidates: Candidates) -> impl Iterator<Item = &Key> {
        let indices = candidates.indices.into_iter().take(candidates.count.into());
        indices.filter_map(|index| self.keys.get(usize::from(index)))
    }
}
