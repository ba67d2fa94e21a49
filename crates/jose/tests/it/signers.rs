//! Keys of every family, made once for a run, and tokens signed with them.

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sekisho_jose::{Algorithm, Algorithms, Key, KeySet, Rules, Verifier};
use sekisho_units::Wall;

pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The time at which tests look at tokens.
pub(crate) const NOW: Wall = Wall::from_secs(1_767_225_600);

/// Claims that are good at [`NOW`].
pub(crate) const GOOD: &str = r#"{"iss":"https://id.example","aud":["shop"],"sub":"u-1","exp":1767225700}"#;

static RSA: LazyLock<rsa::KeyPair> = LazyLock::new(|| rsa::KeyPair::generate(KeySize::Rsa2048).unwrap());

/// One signer for each algorithm, in the order of [`Algorithm::ALL`].
pub(crate) static SIGNERS: LazyLock<Vec<Signer>> =
    LazyLock::new(|| Algorithm::ALL.iter().map(|algorithm| Signer::new(*algorithm)).collect());

pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Secret(Box<Key>),
    Rsa(&'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

pub(crate) fn signer(algorithm: Algorithm) -> &'static Signer {
    SIGNERS.iter().find(|signer| signer.algorithm == algorithm).unwrap()
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The header that names `algorithm` and nothing else.
pub(crate) fn header(algorithm: Algorithm) -> String {
    format!(r#"{{"alg":"{algorithm}"}}"#)
}

/// A verifier that takes `algorithms` with the keys of their signers.
pub(crate) fn verifier(algorithms: &[Algorithm]) -> Verifier {
    let mut keys = KeySet::new();
    for algorithm in algorithms {
        keys.push(signer(*algorithm).key());
    }
    Verifier::new(rules(algorithms), keys)
}

pub(crate) fn rules(algorithms: &[Algorithm]) -> Rules {
    Rules { algorithms: algorithms.iter().copied().collect::<Algorithms>(), ..Rules::default() }
}

impl Signer {
    fn new(algorithm: Algorithm) -> Self {
        let ec = |scheme| Pair::Ec(EcdsaKeyPair::generate(scheme).unwrap());
        let pair = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                Pair::Secret(Box::new(Key::secret(SECRET).unwrap()))
            }
            Algorithm::Rs256 => Pair::Rsa(&signature::RSA_PKCS1_SHA256),
            Algorithm::Rs384 => Pair::Rsa(&signature::RSA_PKCS1_SHA384),
            Algorithm::Rs512 => Pair::Rsa(&signature::RSA_PKCS1_SHA512),
            Algorithm::Ps256 => Pair::Rsa(&signature::RSA_PSS_SHA256),
            Algorithm::Ps384 => Pair::Rsa(&signature::RSA_PSS_SHA384),
            Algorithm::Ps512 => Pair::Rsa(&signature::RSA_PSS_SHA512),
            Algorithm::Es256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::Es512 => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDsa => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
        };
        Self { algorithm, pair }
    }

    /// A token with this header and payload, signed by this signer whatever the header says.
    pub(crate) fn token(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = match &self.pair {
            Pair::Secret(key) => {
                return key.sign(self.algorithm, header.as_bytes(), payload.as_bytes()).unwrap();
            }
            Pair::Rsa(padding) => {
                let mut signature = vec![0; RSA.public_modulus_len()];
                RSA.sign(*padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", encode(signature))
    }

    /// A good token.
    pub(crate) fn good(&self) -> String {
        self.token(&header(self.algorithm), GOOD)
    }

    /// The public key, or the secret, as a JWK whose further members are `more`.
    pub(crate) fn jwk(&self, more: &str) -> String {
        let more = if more.is_empty() { String::new() } else { format!(",{more}") };
        match &self.pair {
            Pair::Secret(_) => format!(r#"{{"kty":"oct","k":"{}"{more}}}"#, encode(SECRET)),
            Pair::Rsa(_) => {
                // A PKCS #1 key of 2048 bits and exponent 65537 has its modulus behind nine bytes.
                let pkcs1 = RSA.public_key().as_ref();
                format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"{more}}}"#, encode(&pkcs1[9..265]))
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match self.algorithm {
                    Algorithm::Es256 => "P-256",
                    Algorithm::Es384 => "P-384",
                    _ => "P-521",
                };
                format!(r#"{{"kty":"EC","crv":"{curve}","x":"{}","y":"{}"{more}}}"#, encode(x), encode(y))
            }
            Pair::Ed(pair) => {
                format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"{more}}}"#, encode(pair.public_key()))
            }
        }
    }

    /// The key as read from its JWK.
    pub(crate) fn key(&self) -> Key {
        Key::jwk(self.jwk("").as_bytes()).unwrap()
    }

    /// The public key as SubjectPublicKeyInfo; `None` for secrets.
    pub(crate) fn spki(&self) -> Option<Vec<u8>> {
        Some(match &self.pair {
            Pair::Secret(_) => return None,
            Pair::Rsa(_) => RSA.public_key().as_der().unwrap().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        })
    }

    /// What the library of the oracle takes to verify: PKCS #1, a point, or the bare key.
    pub(crate) fn bare(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Secret(_) => SECRET.to_vec(),
            Pair::Rsa(_) => RSA.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

/// A block of PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
