//! [`Key`]: what a signature is checked with. It knows the algorithms it may serve and serves no other.

mod jwk;
mod mac;
mod pem;
mod public;
mod set;

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;

use crate::algorithm::{Algorithm, Algorithms, Family};
use crate::base64;
use mac::Hashes;
pub(crate) use mac::MAX_TAG;
pub(crate) use public::MAX_SIGNATURE;
pub(crate) use set::Candidates;
pub use set::{KeySet, MAX_KEYS, MAX_SET, Skipped};

/// The longest key id, in bytes.
pub(crate) const MAX_KID: usize = 256;

/// A key to verify signatures with: a shared secret or a public key. Its material is never printed.
#[derive(Clone)]
pub struct Key {
    kid: Option<Box<str>>,
    family: Family,
    serves: Algorithms,
    bits: usize,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Secret(Box<Hashes>),
    /// The key once for each algorithm, since that is how the library reads it.
    Public(Vec<(Algorithm, ParsedPublicKey)>),
}

/// Why something is no key that a token could be verified with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing to hash with: anybody could sign.
    #[error("the secret is empty; give at least 32 bytes of chance")]
    EmptySecret,
    /// No `-----BEGIN …-----`.
    #[error(
        "no PEM block was found; write a public key between `-----BEGIN PUBLIC KEY-----` and `-----END PUBLIC KEY-----`"
    )]
    NoPem,
    /// A block with broken base64 or without an end.
    #[error("the PEM text is damaged; check that it was copied whole")]
    BadPem,
    /// A PEM label of something else.
    #[error("a PEM block `{0}` is no public key; use `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`")]
    Label(String),
    /// Two keys where one is meant.
    #[error(
        "there is more than one key in the PEM text; keep one, or write them as a JWK set with a `kid` each"
    )]
    SeveralPem,
    /// What must stay with who signs.
    #[error("this is a private key, which verifying does not need; give the public key only")]
    Private,
    /// The bytes behind the label or the members are no key.
    #[error("the {0} key cannot be read; it is damaged or not on its curve")]
    Damaged(&'static str),
    /// A kind of key that no algorithm here uses.
    #[error("keys of the kind `{0}` are not served; use RSA, P-256, P-384, P-521 or Ed25519")]
    Kind(String),
    /// RFC 7518 §3.3.
    #[error("the RSA key has {0} bits; it must have 2048 to 8192")]
    RsaSize(usize),
    /// Not one JSON object, or a member named twice.
    #[error("the JWK is not a JSON object in which each name stands once")]
    NotJson,
    /// A member is missing or of the wrong type.
    #[error("the JWK's member `{0}` is missing or malformed")]
    Member(&'static str),
    /// `use` or `key_ops` say something else than signatures.
    #[error("the JWK is not meant for verifying signatures (`use`, `key_ops`)")]
    Purpose,
    /// `alg` is unknown, or of another family than `kty` and `crv`.
    #[error("the JWK's algorithm `{0}` is unknown or not one of its kind of key")]
    Algorithm(String),
    /// The key id is longer than any sensible one.
    #[error("the JWK's `kid` is longer than {MAX_KID} bytes")]
    KidTooLong,
    /// The set as a whole.
    #[error("this is no JWK set; it must be a JSON object with an array `keys`, of at most {} KiB", MAX_SET / 1024)]
    NotASet,
    /// Entries beyond the limit, which were not looked at.
    #[error("a set holds at most {MAX_KEYS} keys; this and all further were left out")]
    TooMany,
}

impl Key {
    /// A shared secret.
    ///
    /// # Errors
    /// If it is empty. One shorter than the hash is taken; see [`Key::is_short_for`].
    pub fn secret(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::EmptySecret);
        }
        Ok(Self {
            kid: None,
            family: Family::Secret,
            serves: Family::Secret.algorithms(),
            bits: secret.len().saturating_mul(8),
            material: Material::Secret(Box::new(Hashes::new(secret))),
        })
    }

    /// A public key as PEM (RFC 7468): `PUBLIC KEY`, `RSA PUBLIC KEY`, or the key within a `CERTIFICATE`, of a chain
    /// the first. Neither the certificate's dates nor who signed it are looked at: it is only where the key stands.
    ///
    /// # Errors
    /// If there is none, more than one, or one that is private, too weak or of another kind.
    pub fn pem(text: &str) -> Result<Self, KeyError> {
        pem::parse(text)
    }

    /// A JWK (RFC 7517, RFC 7518 §6, RFC 8037 §2) of the kinds `oct`, `RSA`, `EC` and `OKP`.
    ///
    /// # Errors
    /// If it is no key for verifying signatures, or one that is private, too weak or of another kind.
    pub fn jwk(json: &[u8]) -> Result<Self, KeyError> {
        jwk::parse(std::str::from_utf8(json).map_err(|_| KeyError::NotJson)?)
    }

    /// The same key under the id that tokens name in their header.
    #[must_use]
    pub fn with_kid(self, kid: &str) -> Self {
        Self { kid: Some(kid.into()), ..self }
    }

    /// The same key, bound to those of its algorithms that are in `algorithms`.
    #[must_use]
    pub fn only(self, algorithms: Algorithms) -> Self {
        Self { serves: self.serves.and(algorithms), ..self }
    }

    /// The id that tokens name it by.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What kind of key it is.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The algorithms that it may serve.
    pub const fn algorithms(&self) -> Algorithms {
        self.serves
    }

    /// The length of the secret or of the modulus, or the size of the curve, in bits.
    pub const fn bits(&self) -> usize {
        self.bits
    }

    /// Whether it is a secret with fewer bits than the hash of `algorithm`, against RFC 7518 §3.2.
    pub fn is_short_for(&self, algorithm: Algorithm) -> bool {
        let hash = match algorithm {
            Algorithm::Hs256 => 256,
            Algorithm::Hs384 => 384,
            Algorithm::Hs512 => 512,
            _ => 0,
        };
        self.family == Family::Secret && self.bits < hash
    }

    /// The token with this header and payload (RFC 7515 §3.1), where the key is a secret and serves `algorithm`.
    /// The header is the caller's: it must name the algorithm.
    pub fn sign(&self, algorithm: Algorithm, header: &[u8], payload: &[u8]) -> Option<String> {
        let Material::Secret(hashes) = &self.material else { return None };
        if !self.serves.contains(algorithm) {
            return None;
        }
        let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 96);
        base64::encode(header, &mut token);
        token.push('.');
        base64::encode(payload, &mut token);
        let tag = hashes.sign(algorithm, token.as_bytes())?;
        token.push('.');
        base64::encode(&tag, &mut token);
        Some(token)
    }

    /// Whether `signature` is that of `message`.
    #[inline]
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.serves.contains(algorithm) {
            return false;
        }
        match &self.material {
            Material::Secret(hashes) => hashes.verify(algorithm, message, signature),
            Material::Public(keys) => keys
                .iter()
                .find(|(own, _)| *own == algorithm)
                .is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok()),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("family", &self.family)
            .field("serves", &self.serves)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_secret_is_refused_and_a_short_one_told() {
        assert_eq!(Key::secret(b"").err(), Some(KeyError::EmptySecret));
        let key = Key::secret(&[7; 40]).unwrap();
        for (algorithm, short) in [
            (Algorithm::Hs256, false),
            (Algorithm::Hs384, true),
            (Algorithm::Hs512, true),
            (Algorithm::Rs256, false),
        ] {
            assert_eq!(key.is_short_for(algorithm), short, "{algorithm}");
        }
    }

    #[test]
    fn signs_as_rfc_7515_appendix_a_1() {
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = Key::secret(&base64::decode(secret.as_bytes()).unwrap()).unwrap();
        let token = key.sign(
            Algorithm::Hs256,
            b"{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
            b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
        );
        let want = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                    eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                    dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(token.as_deref(), Some(want));
    }

    #[test]
    fn keyed_hashes_give_what_rfc_4231_test_case_2_says() {
        let hashes = Hashes::new(b"Jefe");
        for (algorithm, want) in [
            (Algorithm::Hs256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                Algorithm::Hs384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Algorithm::Hs512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd\
                 caeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            let tag = hashes.sign(algorithm, b"what do ya want for nothing?").unwrap();
            assert_eq!(tag.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), want, "{algorithm}");
            assert!(hashes.verify(algorithm, b"what do ya want for nothing?", &tag));
            assert!(!hashes.verify(algorithm, b"what do ya want for nothing?", &tag[1..]));
        }
        assert_eq!(hashes.sign(Algorithm::Rs256, b""), None);
    }

    #[test]
    fn a_key_prints_nothing_of_its_material() {
        let key = Key::secret(b"correct horse").unwrap().with_kid("k1");
        let text = format!("{key:?}");
        assert!(text.contains("k1") && !text.contains("horse") && !text.contains("99, 111"), "{text}");
    }

    #[test]
    fn a_key_that_is_bound_serves_nothing_else() {
        let key = Key::secret(&[1; 64]).unwrap().only(Algorithms::only(Algorithm::Hs512));
        assert!(key.sign(Algorithm::Hs256, b"{}", b"{}").is_none());
        assert!(key.sign(Algorithm::Hs512, b"{}", b"{}").is_some());
        let none = key.only(Family::Rsa.algorithms());
        assert!(none.algorithms().is_empty());
    }
}
