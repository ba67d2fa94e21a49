//! JSON Web Tokens as a gateway needs them (RFC 7515, 7517, 7518, 7519, 8037, 8725): no I/O, and time is an argument.
//!
//! A [`Key`] comes from a secret, PEM or a JWK and serves the algorithms of its family only; a [`KeySet`] holds those
//! of one issuer; [`Rules`] pin the algorithms and say what claims must be; a [`Verifier`] of both turns the bytes of
//! a token into [`Claims`] or an [`Error`]. Where a route has several issuers, [`Token::parse`] shows who the token
//! says it is from, so that the right verifier can be asked.
//!
//! Whatever a token brings is hostile until its signature was checked with a key that was here before it. What is
//! accepted has one reading: base64url in its one spelling, JSON in which no member is named twice. Names of `alg`
//! are compared with a list that has no `none`, and no header makes this crate look for a key elsewhere.

mod algorithm;
mod base64;
mod claims;
mod error;
mod header;
mod json;
mod key;
mod rules;
mod token;
mod verifier;

pub use algorithm::{Algorithm, Algorithms, Family, UnknownAlgorithm};
pub use claims::Claims;
pub use error::Error;
pub use json::{Items, Value};
pub use key::{Key, KeyError, KeySet, MAX_KEYS, MAX_SET, Skipped};
pub use rules::{Expiry, Rules, Types};
pub use token::{Token, Unverified};
pub use verifier::Verifier;
