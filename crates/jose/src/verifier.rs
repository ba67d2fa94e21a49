//! [`Verifier`]: rules and keys of one issuer. The signature goes before the claims, so that what nobody signed is
//! not even decoded.

use std::sync::OnceLock;

use sekisho_units::Wall;

use crate::algorithm::{Algorithm, Family};
use crate::base64;
use crate::claims::Claims;
use crate::error::Error;
use crate::header::Header;
use crate::key::{Candidates, KeySet, MAX_SIGNATURE, MAX_TAG};
use crate::rules::Rules;
use crate::token::Parts;

/// How many headers are known by sight. An issuer writes one or two for each key it signs with.
const SEEN: usize = 4;

/// The longest header that is worth it.
const MAX_SEEN: usize = 512;

/// Verifies tokens by rules and keys, from any thread.
///
/// Keys do not change within it: when an issuer's are rotated, a new verifier takes its place.
pub struct Verifier {
    rules: Rules,
    keys: KeySet,
    /// Headers of tokens that were well signed, so that no stranger can fill the places. They never change again,
    /// which makes looking at them cost a load.
    seen: [OnceLock<Seen>; SEEN],
}

/// A header as it was written, and what was found out about it.
struct Seen {
    text: Box<[u8]>,
    signer: Signer,
}

/// Who could have signed.
#[derive(Clone, Copy)]
struct Signer {
    algorithm: Algorithm,
    keys: Candidates,
}

impl Verifier {
    /// Verifies by these rules with these keys.
    pub fn new(rules: Rules, keys: KeySet) -> Self {
        Self { rules, keys, seen: Default::default() }
    }

    /// The rules.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The keys.
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// Verifies a token: its form, its signature and its claims at the time `now`.
    ///
    /// # Errors
    /// The first thing that is wrong with it. [`Error::UnknownKey`] may be mended by newer keys.
    pub fn verify(&self, token: &[u8], now: Wall) -> Result<Claims, Error> {
        if token.len() > self.rules.max_token {
            return Err(Error::TooLarge);
        }
        let parts = Parts::split(token)?;
        match self.recall(parts.header) {
            Some(signer) => self.check_signature(&parts, signer)?,
            None => {
                let signer = self.judge(&parts.read_header()?)?;
                self.check_signature(&parts, signer)?;
                self.remember(parts.header, signer);
            }
        }
        self.check_claims(parts.read_claims()?, now)
    }

    /// As [`Verifier::verify`], for a token that was read already.
    pub(crate) fn verify_read(
        &self,
        parts: &Parts<'_>,
        header: &Header,
        claims: Claims,
        now: Wall,
    ) -> Result<Claims, Error> {
        // One byte more for the dot between what was signed and the signature.
        if parts.signed.len() + 1 + parts.signature.len() > self.rules.max_token {
            return Err(Error::TooLarge);
        }
        self.check_signature(parts, self.judge(header)?)?;
        self.check_claims(claims, now)
    }

    /// Who could have signed under this header.
    fn judge(&self, header: &Header) -> Result<Signer, Error> {
        let algorithm = header.algorithm;
        if !self.rules.algorithms.contains(algorithm) {
            return Err(Error::Algorithm);
        }
        self.rules.check_type(header.typ.as_deref())?;
        Ok(Signer { algorithm, keys: self.keys.candidates(algorithm, header.kid.as_deref())? })
    }

    #[inline]
    fn recall(&self, header: &[u8]) -> Option<Signer> {
        let known = self.seen.iter().map_while(OnceLock::get).find(|seen| *seen.text == *header)?;
        Some(known.signer)
    }

    fn remember(&self, header: &[u8], signer: Signer) {
        if header.len() > MAX_SEEN {
            return;
        }
        let free = self.seen.iter().find(|place| place.get().is_none());
        if let Some(place) = free {
            // Another thread may have been quicker; then its header stays, and this one waits for its next turn.
            let _taken = place.set(Seen { text: header.into(), signer });
        }
    }

    #[inline]
    fn check_signature(&self, parts: &Parts<'_>, signer: Signer) -> Result<(), Error> {
        if signer.algorithm.family() == Family::Secret {
            self.check_within(&mut [0; MAX_TAG], parts, signer)
        } else {
            self.check_within(&mut [0; MAX_SIGNATURE], parts, signer)
        }
    }

    /// Decodes the signature into `room` and tries the keys.
    #[inline]
    fn check_within(&self, room: &mut [u8], parts: &Parts<'_>, signer: Signer) -> Result<(), Error> {
        let length = match base64::decode_into(parts.signature, room) {
            Ok(length) => length,
            Err(_) => return Err(parts.misspelt(room.len())),
        };
        let signature = room.get(..length).unwrap_or_default();
        let mut keys = self.keys.these(signer.keys);
        if keys.any(|key| key.verify(signer.algorithm, parts.signed, signature)) {
            Ok(())
        } else {
            Err(Error::BadSignature)
        }
    }

    #[inline]
    fn check_claims(&self, mut claims: Claims, now: Wall) -> Result<Claims, Error> {
        let expires = self.rules.check(&claims, now)?;
        claims.expire(expires);
        Ok(claims)
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("rules", &self.rules)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
