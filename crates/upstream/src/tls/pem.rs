//! From PEM (RFC 7468) to certificates and keys: the one place where either is read, for services and for listeners.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

/// Why a text cannot be used. Nothing that is said of it holds anything of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadPem {
    /// There is no certificate.
    NoCertificate,
    /// What should be a certificate is no Base64, or has no end.
    DamagedCertificate,
    /// It is Base64, but no certificate.
    SenselessCertificate,
    /// There is no private key.
    NoKey,
    /// What should be a key is no Base64, or has no end.
    DamagedKey,
    /// The key can only be had with a passphrase.
    Encrypted,
    /// A kind of key that cannot be used.
    KeyKind,
    /// The key belongs to another certificate.
    Mismatch,
}

impl BadPem {
    /// Whether the fault lies with the key rather than with the certificate.
    pub fn is_of_the_key(self) -> bool {
        !matches!(self, Self::NoCertificate | Self::DamagedCertificate | Self::SenselessCertificate)
    }

    /// What is wrong, with the names of both texts as they are to be read in a sentence.
    pub fn wrong(self, certificate: &str, key: &str) -> String {
        match self {
            Self::NoCertificate => format!("there is no certificate in {certificate}"),
            Self::DamagedCertificate => format!("{certificate} is damaged"),
            Self::SenselessCertificate => {
                format!("the first certificate in {certificate} cannot be understood")
            }
            Self::NoKey => format!("there is no private key in {key}"),
            Self::DamagedKey => format!("{key} is damaged"),
            Self::Encrypted => format!("the key in {key} is encrypted"),
            Self::KeyKind => format!("the key in {key} is of no kind that TLS uses"),
            Self::Mismatch => format!("the key in {key} is not that of the certificate in {certificate}"),
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoCertificate => "name a file with `-----BEGIN CERTIFICATE-----`",
            Self::DamagedCertificate | Self::SenselessCertificate | Self::DamagedKey => "write it anew",
            Self::NoKey => "name a file with `-----BEGIN PRIVATE KEY-----`",
            Self::Encrypted => {
                "take the passphrase away (`openssl pkey`), and let only the gateway read the file"
            }
            Self::KeyKind => "use ECDSA (P-256), Ed25519, or RSA of 2048 bits or more",
            Self::Mismatch => "name two files that belong together",
        }
    }
}

/// All certificates in a text, at least one.
///
/// # Errors
/// There is none, or what is there is damaged. Whether each can be understood is not looked at.
pub fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, BadPem> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(certificates) if certificates.is_empty() => Err(BadPem::NoCertificate),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(BadPem::DamagedCertificate),
    }
}

/// The first private key in a text.
///
/// # Errors
/// There is none that can be had without a passphrase.
pub fn key(text: &str) -> Result<PrivateKeyDer<'static>, BadPem> {
    match PrivateKeyDer::pem_slice_iter(text.as_bytes()).next() {
        Some(Ok(key)) => Ok(key),
        // The older form says so in a header (`Proc-Type: 4,ENCRYPTED`, RFC 1421), which no Base64 is.
        Some(Err(_)) if text.contains("4,ENCRYPTED") => Err(BadPem::Encrypted),
        Some(Err(_)) => Err(BadPem::DamagedKey),
        None if text.contains("ENCRYPTED PRIVATE KEY") => Err(BadPem::Encrypted),
        None => Err(BadPem::NoKey),
    }
}

/// A certificate with what leads to its authority, and its key.
///
/// # Errors
/// They do not belong together, or one of them cannot be used.
pub fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, BadPem> {
    let signing = provider.key_provider.load_private_key(key).map_err(|_| BadPem::KeyKind)?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Arc::new(certified)),
        Err(Error::InconsistentKeys(_)) => Err(BadPem::Mismatch),
        Err(_) => Err(BadPem::SenselessCertificate),
    }
}
