//! Public keys as the crypto library takes them.

use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{Key, KeyError, Material};
use crate::algorithm::{Algorithm, Algorithms, Family};

/// The longest signature: that of an RSA key of 8192 bits.
pub(crate) const MAX_SIGNATURE: usize = 8192 / 8;

/// The library's name for an algorithm; `None` for those of secrets. ECDSA's are those with `r` and `s` of fixed
/// length, as RFC 7518 §3.4 has them.
fn scheme(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        Algorithm::EdDsa => &signature::ED25519,
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
    })
}

/// A key of `family` from the bytes that the library knows: an RSA key's PKCS #1, a curve's point, or a
/// SubjectPublicKeyInfo.
pub(super) fn key(family: Family, serves: Algorithms, bits: usize, bytes: &[u8]) -> Result<Key, KeyError> {
    let damaged = || KeyError::Damaged(name(family));
    let mut keys = Vec::new();
    for algorithm in family.algorithms().and(serves).iter() {
        let scheme = scheme(algorithm).ok_or_else(damaged)?;
        keys.push((algorithm, ParsedPublicKey::new(scheme, bytes).map_err(|_| damaged())?));
    }
    Ok(Key { kid: None, family, serves, bits, material: Material::Public(keys) })
}

/// An RSA key from PKCS #1 or a SubjectPublicKeyInfo, checked for its size.
pub(super) fn rsa(serves: Algorithms, der: &[u8]) -> Result<Key, KeyError> {
    let damaged = |_| KeyError::Damaged("RSA");
    let public = PublicKey::from_der(der).map_err(damaged)?;
    let pkcs1 = public.as_ref();
    let bits = RsaParameters::public_modulus_len(pkcs1).map_err(|_| KeyError::Damaged("RSA"))?;
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::RsaSize(bits as usize));
    }
    key(Family::Rsa, serves, bits as usize, pkcs1)
}

/// An RSA key from its numbers, each with the highest byte first.
pub(super) fn rsa_parts(serves: Algorithms, modulus: &[u8], exponent: &[u8]) -> Result<Key, KeyError> {
    let bits = modulus.len().saturating_mul(8);
    if bits > 8192 + 8 || exponent.len() > 8 {
        return Err(if exponent.len() > 8 { KeyError::Damaged("RSA") } else { KeyError::RsaSize(bits) });
    }
    let parts = RsaPublicKeyComponents { n: unpadded(modulus), e: unpadded(exponent) };
    let parsed = parts.to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256);
    rsa(serves, parsed.map_err(|_| KeyError::Damaged("RSA"))?.as_ref())
}

/// Without the zeros that some writers put in front.
fn unpadded(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// A key from a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 3279 §2.3, RFC 8410).
pub(super) fn spki(der: &[u8]) -> Result<Key, KeyError> {
    let info = match SubjectPublicKeyInfo::from_der(der) {
        Ok(([], info)) => info,
        _ => return Err(KeyError::Damaged("public")),
    };
    match info.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => rsa(Family::Rsa.algorithms(), der),
        // A key that says it is for PSS must not serve another padding (RFC 4055 §1.2).
        "1.2.840.113549.1.1.10" => {
            rsa([Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512].into_iter().collect(), der)
        }
        "1.2.840.10045.2.1" => {
            let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            let curve = curve.as_ref().map(Oid::to_id_string).unwrap_or_default();
            let (family, bits) = match curve.as_str() {
                "1.2.840.10045.3.1.7" => (Family::P256, 256),
                "1.3.132.0.34" => (Family::P384, 384),
                "1.3.132.0.35" => (Family::P521, 521),
                _ => return Err(KeyError::Kind(format!("EC {curve}"))),
            };
            key(family, family.algorithms(), bits, der)
        }
        "1.3.101.112" => key(Family::Ed25519, Family::Ed25519.algorithms(), 256, der),
        other => Err(KeyError::Kind(other.to_owned())),
    }
}

const fn name(family: Family) -> &'static str {
    match family {
        Family::Secret => "secret",
        Family::Rsa => "RSA",
        Family::P256 => "P-256",
        Family::P384 => "P-384",
        Family::P521 => "P-521",
        Family::Ed25519 => "Ed25519",
    }
}
