//! The header of a token (RFC 7515 §4). Of all it may say, the algorithm, the key's id and the type are heard;
//! `jku`, `jwk`, `x5u` and `x5c` would let a token bring its own key, so they are not even looked at.

use crate::algorithm::Algorithm;
use crate::base64;
use crate::error::Error;
use crate::json::{Nested, Value, scan};
use crate::key::MAX_KID;

/// What a header says.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
}

impl Header {
    /// Reads the first part of a token.
    pub(crate) fn parse(part: &[u8]) -> Result<Self, Error> {
        let bytes = base64::decode(part).map_err(|_| Error::Malformed)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::Malformed)?;
        let members = scan(text, Nested::Strict).map_err(|_| Error::Malformed)?;
        let get = |name| members.get(text, name).map(Value::new);
        let string = |name| match get(name) {
            None => Ok(None),
            Some(value) => value.text().map(|text| Some(text.into_owned())).ok_or(Error::Malformed),
        };
        // Nothing that may be called critical is understood here, and an empty list is an error (RFC 7515 §4.1.11).
        // A payload that is not base64url would be read differently by others (RFC 7797).
        if get("crit").is_some() || get("b64").is_some_and(|encoded| encoded.boolean() != Some(true)) {
            return Err(Error::CriticalHeader);
        }
        let name = string("alg")?.ok_or(Error::Malformed)?;
        if name.eq_ignore_ascii_case("none") {
            return Err(Error::Unsigned);
        }
        let algorithm = name.parse().map_err(|_| Error::Algorithm)?;
        let kid = string("kid")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID) {
            return Err(Error::TooLarge);
        }
        Ok(Self { algorithm, kid, typ: string("typ")? })
    }
}
