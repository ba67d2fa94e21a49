//! A key as JSON (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).

use super::{Key, KeyError, MAX_KID, public};
use crate::algorithm::{Algorithm, Algorithms, Family};
use crate::base64;
use crate::json::{Members, Nested, Value, scan};

/// What is signed may be larger, but no member of a key is.
const MAX_NUMBER: usize = 2048;

pub(super) fn parse(text: &str) -> Result<Key, KeyError> {
    let members = scan(text, Nested::Strict).map_err(|_| KeyError::NotJson)?;
    let jwk = Jwk { text, members };
    jwk.purpose()?;
    let kid = jwk.optional("kid")?;
    if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID) {
        return Err(KeyError::KidTooLong);
    }
    let key = jwk.key()?;
    Ok(match kid {
        Some(kid) => key.with_kid(&kid),
        None => key,
    })
}

struct Jwk<'a> {
    text: &'a str,
    members: Members,
}

impl Jwk<'_> {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        self.members.get(self.text, name).map(Value::new)
    }

    /// A string that may be missing.
    fn optional(&self, name: &'static str) -> Result<Option<String>, KeyError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.text().map(|text| Some(text.into_owned())).ok_or(KeyError::Member(name)),
        }
    }

    fn required(&self, name: &'static str) -> Result<String, KeyError> {
        self.optional(name)?.ok_or(KeyError::Member(name))
    }

    /// A number or point in base64url.
    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, KeyError> {
        let text = self.required(name)?;
        if text.len() > MAX_NUMBER {
            return Err(KeyError::Member(name));
        }
        base64::decode(text.as_bytes()).map_err(|_| KeyError::Member(name))
    }

    /// Refuses a key that is meant for something else (RFC 7517 §4.2, §4.3).
    fn purpose(&self) -> Result<(), KeyError> {
        if self.get("use").is_some_and(|purpose| !purpose.is("sig")) {
            return Err(KeyError::Purpose);
        }
        match self.get("key_ops") {
            None => Ok(()),
            Some(operations) => {
                let mut operations = operations.items().ok_or(KeyError::Member("key_ops"))?;
                if operations.any(|operation| operation.is("verify")) {
                    Ok(())
                } else {
                    Err(KeyError::Purpose)
                }
            }
        }
    }

    fn key(&self) -> Result<Key, KeyError> {
        match self.required("kty")?.as_str() {
            "oct" => {
                let serves = self.serves(Family::Secret)?;
                Ok(Key::secret(&self.bytes("k")?)?.only(serves))
            }
            _ if self.get("d").is_some() => Err(KeyError::Private),
            "RSA" => public::rsa_parts(self.serves(Family::Rsa)?, &self.bytes("n")?, &self.bytes("e")?),
            "EC" => {
                let (family, bits, length) = match self.required("crv")?.as_str() {
                    "P-256" => (Family::P256, 256, 32),
                    "P-384" => (Family::P384, 384, 48),
                    "P-521" => (Family::P521, 521, 66),
                    other => return Err(KeyError::Kind(format!("EC {}", short(other)))),
                };
                // Coordinates have the curve's whole length (RFC 7518 §6.2.1.2).
                let coordinate = |name| {
                    self.bytes(name).and_then(|bytes| {
                        if bytes.len() == length { Ok(bytes) } else { Err(KeyError::Member(name)) }
                    })
                };
                let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
                public::key(family, self.serves(family)?, bits, &point)
            }
            "OKP" => {
                let curve = self.required("crv")?;
                if curve != "Ed25519" {
                    return Err(KeyError::Kind(format!("OKP {}", short(&curve))));
                }
                let point = self.bytes("x")?;
                if point.len() != 32 {
                    return Err(KeyError::Member("x"));
                }
                public::key(Family::Ed25519, self.serves(Family::Ed25519)?, 256, &point)
            }
            other => Err(KeyError::Kind(short(other))),
        }
    }

    /// The algorithms of the family, or the one of them that `alg` binds the key to.
    fn serves(&self, family: Family) -> Result<Algorithms, KeyError> {
        let Some(name) = self.optional("alg")? else { return Ok(family.algorithms()) };
        // RFC 9864 gives the one curve of `EdDSA` that is served here a name of its own.
        let known = if name == "Ed25519" { Ok(Algorithm::EdDsa) } else { name.parse::<Algorithm>() };
        match known {
            Ok(algorithm) if algorithm.family() == family => Ok(Algorithms::only(algorithm)),
            _ => Err(KeyError::Algorithm(short(&name))),
        }
    }
}

/// As much of a foreign text as a message needs.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
