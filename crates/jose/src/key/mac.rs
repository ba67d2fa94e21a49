//! A shared secret, hashed as far as it goes before any token is seen (RFC 2104 §4).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

use crate::algorithm::Algorithm;

/// The longest signature of this family, with room for what base64 may ask beyond.
pub(crate) const MAX_TAG: usize = 72;

/// The keyed states of all three hashes; a signature begins with a copy of one.
#[derive(Clone)]
pub(crate) struct Hashes {
    hs256: Hmac<Sha256>,
    hs384: Hmac<Sha384>,
    hs512: Hmac<Sha512>,
}

impl Hashes {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { hs256: keyed(secret), hs384: keyed(secret), hs512: keyed(secret) }
    }

    /// Whether `tag` signs `message`, in a time that does not depend on where they differ.
    #[inline]
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], tag: &[u8]) -> bool {
        match algorithm {
            Algorithm::Hs256 => self.hs256.clone().chain_update(message).verify_slice(tag).is_ok(),
            Algorithm::Hs384 => self.hs384.clone().chain_update(message).verify_slice(tag).is_ok(),
            Algorithm::Hs512 => self.hs512.clone().chain_update(message).verify_slice(tag).is_ok(),
            _ => false,
        }
    }

    /// The signature of `message`; `None` for the algorithms of other families.
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        Some(match algorithm {
            Algorithm::Hs256 => self.hs256.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Algorithm::Hs384 => self.hs384.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Algorithm::Hs512 => self.hs512.clone().chain_update(message).finalize().into_bytes().to_vec(),
            _ => return None,
        })
    }
}

fn keyed<M: Mac + KeyInit>(secret: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(secret).expect("HMAC takes a key of any length (RFC 2104 §2)")
}
