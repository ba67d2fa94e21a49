//! A certificate with its key, from PEM to what handshakes use.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use sekisho_units::Wall;
use sekisho_upstream::pem::{self, BadPem};
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

impl Certificate {
    /// Reads a chain and the key of its first certificate.
    ///
    /// # Errors
    /// [`BadPem`]; [`BadPem::is_of_the_key`] tells which of the two texts is to blame.
    pub fn read(chain: &str, key: &str, provider: &CryptoProvider) -> Result<Self, BadPem> {
        let chain = pem::certificates(chain)?;
        let (names, not_before, not_after) = facts(&chain[0])?;
        let key = pem::certified(chain, pem::key(key)?, provider)?;
        Ok(Self { names, not_before, not_after, key })
    }
}

type Facts = (Box<[Box<str>]>, Wall, Wall);

fn facts(der: &CertificateDer<'_>) -> Result<Facts, BadPem> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| BadPem::SenselessCertificate)?;
    let names = match certificate.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().filter_map(dns).collect(),
        Ok(None) => Box::default(),
        Err(_) => return Err(BadPem::SenselessCertificate),
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
