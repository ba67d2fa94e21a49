//! A certificate with its key, from PEM to what handshakes use.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sekisho_units::Wall;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate with its key.
#[derive(Clone)]
pub struct Certificate {
    /// The names that it is for, in lower case; `*.example.com` stands for one label.
    pub names: Box<[Box<str>]>,
    /// When it becomes valid.
    pub not_before: Wall,
    /// When it expires.
    pub not_after: Wall,
    pub(super) key: Arc<CertifiedKey>,
}

/// Why a certificate cannot be used. No text holds anything of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadCertificate {
    /// No certificate in the text.
    #[error(
        "there is no certificate in it; it must hold `-----BEGIN CERTIFICATE-----`, the server's own first, then its chain"
    )]
    NoCertificate,
    /// Something between the lines of PEM that is no certificate.
    #[error("it holds a certificate that cannot be read; write it out anew in PEM form")]
    Unreadable,
    /// No private key in the text.
    #[error("there is no private key in it; it must hold `-----BEGIN PRIVATE KEY-----`, not encrypted")]
    NoKey,
    /// A kind of key that cannot be used.
    #[error(
        "its private key is of a kind that cannot be used; make one with ECDSA P-256, Ed25519 or RSA of 2048 bits or more"
    )]
    KeyKind,
    /// The key belongs to another certificate.
    #[error("the private key belongs to another certificate; check which files go together")]
    Mismatch,
}

impl Certificate {
    /// Reads a chain and the key of its first certificate.
    ///
    /// # Errors
    /// [`BadCertificate`]; [`BadCertificate::is_of_the_key`] tells which of the two texts is to blame.
    pub fn read(chain: &str, key: &str, provider: &CryptoProvider) -> Result<Self, BadCertificate> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| BadCertificate::Unreadable)?;
        let own = chain.first().ok_or(BadCertificate::NoCertificate)?;
        let (names, not_before, not_after) = facts(own)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| BadCertificate::NoKey)?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => BadCertificate::Mismatch,
            rustls::Error::InvalidCertificate(_) => BadCertificate::Unreadable,
            _ => BadCertificate::KeyKind,
        })?;
        Ok(Self { names, not_before, not_after, key: Arc::new(key) })
    }
}

impl BadCertificate {
    /// Whether the fault lies with the key rather than with the certificate.
    pub fn is_of_the_key(self) -> bool {
        matches!(self, Self::NoKey | Self::KeyKind | Self::Mismatch)
    }
}

type Facts = (Box<[Box<str>]>, Wall, Wall);

fn facts(der: &CertificateDer<'_>) -> Result<Facts, BadCertificate> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| BadCertificate::Unreadable)?;
    let names = match certificate.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().filter_map(dns).collect(),
        Ok(None) => Box::default(),
        Err(_) => return Err(BadCertificate::Unreadable),
    };
    let wall = |time: i64| Wall::from_secs(u64::try_from(time).unwrap_or(0));
    let validity = certificate.validity();
    Ok((names, wall(validity.not_before.timestamp()), wall(validity.not_after.timestamp())))
}

fn dns(name: &GeneralName<'_>) -> Option<Box<str>> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
        _ => None,
    }
}
