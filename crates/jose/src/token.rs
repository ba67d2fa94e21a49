//! [`Token`]: a token taken apart and not believed yet.

use std::borrow::Cow;

use sekisho_units::Wall;

use crate::algorithm::Algorithm;
use crate::base64;
use crate::claims::Claims;
use crate::error::Error;
use crate::header::Header;
use crate::verifier::Verifier;

/// The longest token that is taken apart before any rules are known.
const MAX_TOKEN: usize = 64 * 1024;

/// The three parts of a compact serialization (RFC 7515 §3.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// What the signature signs: the first two with their dot.
    pub(crate) signed: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Takes the first two parts off. The third may hold dots still: decoding it refuses them, and [`Parts::misspelt`]
    /// says what was meant.
    #[inline]
    pub(crate) fn split(token: &'a [u8]) -> Result<Self, Error> {
        let first = memchr::memchr(b'.', token).ok_or(Error::Malformed)?;
        let (header, rest) = (token.get(..first), token.get(first + 1..).unwrap_or_default());
        let second = memchr::memchr(b'.', rest).ok_or(Error::Malformed)?;
        Ok(Self {
            header: header.unwrap_or_default(),
            payload: rest.get(..second).unwrap_or_default(),
            signature: rest.get(second + 1..).unwrap_or_default(),
            signed: token.get(..first + 1 + second).unwrap_or_default(),
        })
    }

    /// What is wrong with a third part that cannot be decoded into `room` bytes.
    pub(crate) fn misspelt(&self, room: usize) -> Error {
        match memchr::memchr_iter(b'.', self.signature).count() {
            0 if self.signature.len() > room => Error::BadSignature,
            2 => Error::Encrypted,
            _ => Error::Malformed,
        }
    }

    /// The header, after a look at how many parts there are.
    pub(crate) fn read_header(&self) -> Result<Header, Error> {
        if memchr::memchr(b'.', self.signature).is_some() {
            return Err(self.misspelt(usize::MAX));
        }
        Header::parse(self.header)
    }

    #[inline]
    pub(crate) fn read_claims(&self) -> Result<Claims, Error> {
        Claims::parse(base64::decode(self.payload).map_err(|_| Error::Malformed)?)
    }
}

/// A token that was read and not verified: to see which [`Verifier`] it is for.
#[derive(Clone, Debug)]
pub struct Token<'a> {
    parts: Parts<'a>,
    header: Header,
    claims: Unverified,
}

/// Claims that anybody may have written: good for choosing who is to verify them, and for nothing else.
#[derive(Clone, Debug)]
pub struct Unverified(Claims);

impl<'a> Token<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// If it is no signed token that any rules could accept.
    pub fn parse(token: &'a [u8]) -> Result<Self, Error> {
        if token.len() > MAX_TOKEN {
            return Err(Error::TooLarge);
        }
        let parts = Parts::split(token)?;
        let header = parts.read_header()?;
        Ok(Self { parts, header, claims: Unverified(parts.read_claims()?) })
    }

    /// The algorithm that the header names.
    pub const fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The key that the header names.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What the token claims.
    pub const fn unverified(&self) -> &Unverified {
        &self.claims
    }

    /// Verifies it, without reading it again.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn verify(self, verifier: &Verifier, now: Wall) -> Result<Claims, Error> {
        verifier.verify_read(&self.parts, &self.header, self.claims.0, now)
    }
}

impl Unverified {
    /// Who claims to have issued the token.
    pub fn issuer(&self) -> Option<Cow<'_, str>> {
        self.0.get("iss")?.text()
    }

    /// The string at a path: see [`Claims::text`].
    pub fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        self.0.text(path)
    }
}
