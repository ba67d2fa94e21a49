//! PEM files (RFC 7468) that TLS settings name.

use std::hash::{DefaultHasher, Hash};
use std::io;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};
use sekisho_units::{At, Place, Problem, Problems};

use super::compile::ReadFile;

/// The largest file that is read, in bytes.
const LARGEST: usize = 1 << 20;
/// How PEM begins.
const BEGIN: &str = "-----BEGIN ";

/// Reads files, and reports what is wrong with them. What they hold is never part of a report.
pub(super) struct Files<'a> {
    /// The dotted path of the settings.
    pub(super) path: &'a str,
    pub(super) read_file: ReadFile<'a>,
    /// Takes in what every file holds.
    pub(super) identity: &'a mut DefaultHasher,
    pub(super) problems: &'a mut Problems,
}

impl Files<'_> {
    pub(super) fn report(&mut self, place: &Place, field: &str, wrong: &str, remedy: &str) {
        let problem = Problem::error(place.clone(), format!("{}.{field}", self.path), wrong);
        self.problems.push(problem.remedy(remedy));
    }

    /// The authorities in a file.
    pub(super) fn authorities(&mut self, at: &At<String>) -> Option<Arc<RootCertStore>> {
        let certificates = self.certificates(at, "ca")?;
        let mut authorities = RootCertStore::empty();
        for (index, certificate) in certificates.into_iter().enumerate() {
            if authorities.add(certificate).is_err() {
                let wrong = format!("certificate {} in `{}` cannot be understood", index + 1, at.value);
                self.report(&at.place, "ca", &wrong, "remove it, or write it anew");
                return None;
            }
        }
        Some(Arc::new(authorities))
    }

    /// A certificate with what leads to its authority, and its key.
    pub(super) fn certified(
        &mut self,
        certificate: &At<String>,
        key: &At<String>,
        provider: &CryptoProvider,
    ) -> Option<Arc<CertifiedKey>> {
        let chain = self.certificates(certificate, "certificate");
        let private = self.key(key);
        let (chain, private) = (chain?, private?);
        let Ok(signing) = provider.key_provider.load_private_key(private) else {
            let wrong = format!("the key in `{}` is of no kind that TLS uses", key.value);
            self.report(&key.place, "key", &wrong, "use ECDSA (P-256), Ed25519, or RSA of 2048 bits or more");
            return None;
        };
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Some(Arc::new(certified)),
            Err(Error::InconsistentKeys(_)) => {
                let wrong = format!(
                    "the key in `{}` is not that of the certificate in `{}`",
                    key.value, certificate.value
                );
                self.report(&key.place, "key", &wrong, "name two files that belong together");
                None
            }
            Err(_) => {
                let wrong = format!("the first certificate in `{}` cannot be understood", certificate.value);
                self.report(&certificate.place, "certificate", &wrong, "write it anew");
                None
            }
        }
    }

    /// All certificates in a file, at least one.
    fn certificates(&mut self, at: &At<String>, field: &str) -> Option<Vec<CertificateDer<'static>>> {
        let text = self.text(at, field)?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let (wrong, remedy) = match found {
            Ok(certificates) if !certificates.is_empty() => return Some(certificates),
            Ok(_) => (
                format!("there is no certificate in `{}`", at.value),
                "name a file with `-----BEGIN CERTIFICATE-----`",
            ),
            Err(_) => (format!("`{}` is damaged", at.value), "write it anew"),
        };
        self.report(&at.place, field, &wrong, remedy);
        None
    }

    /// The first private key in a file.
    fn key(&mut self, at: &At<String>) -> Option<PrivateKeyDer<'static>> {
        let text = self.text(at, "key")?;
        let (wrong, remedy) = match PrivateKeyDer::pem_slice_iter(text.as_bytes()).next() {
            Some(Ok(key)) => return Some(key),
            Some(Err(_)) => (format!("`{}` is damaged", at.value), "write it anew"),
            None if text.contains("ENCRYPTED PRIVATE KEY") => {
                let remedy =
                    "take the passphrase away (`openssl pkey`), and let only the gateway read the file";
                (format!("the key in `{}` is encrypted", at.value), remedy)
            }
            None => (
                format!("there is no private key in `{}`", at.value),
                "name a file with `-----BEGIN PRIVATE KEY-----`",
            ),
        };
        self.report(&at.place, "key", &wrong, remedy);
        None
    }

    /// The text of a PEM file.
    fn text(&mut self, at: &At<String>, field: &str) -> Option<String> {
        let name = &at.value;
        if name.contains('\n') || name.contains(BEGIN) {
            // Not shown: it may be a key.
            let remedy = "write the file's name, without `file:`";
            self.report(&at.place, field, "this is the text of a file, not its name", remedy);
            return None;
        }
        let (wrong, remedy) = match (self.read_file)(name) {
            Ok(text) if text.len() > LARGEST => {
                (format!("`{name}` is larger than {LARGEST} bytes"), "name a smaller file")
            }
            Ok(text) if text.contains(BEGIN) => {
                (field, &text).hash(self.identity);
                return Some(text);
            }
            Err(error) if error.kind() != io::ErrorKind::InvalidData => {
                let reason = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    kind => kind.to_string(),
                };
                let remedy = "name a readable file, relative to the configuration's folder";
                (format!("`{name}` cannot be read: {reason}"), remedy)
            }
            _ => (format!("`{name}` is no PEM file"), "convert it with `openssl`, or name another"),
        };
        self.report(&at.place, field, &wrong, remedy);
        None
    }
}
