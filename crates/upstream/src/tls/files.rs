//! PEM files (RFC 7468) that TLS settings name.

use std::hash::{DefaultHasher, Hash};
use std::io;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use sekisho_units::{At, Place, Problem, Problems};

use super::compile::ReadFile;
use super::pem::{self, BadPem};

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
        let private = self.text(key, "key").and_then(|text| {
            let key_name = quoted(key);
            pem::key(&text).map_err(|bad| self.bad(bad, key, "key", ("", &key_name))).ok()
        });
        pem::certified(chain?, private?, provider)
            .map_err(|bad| {
                let names = (quoted(certificate), quoted(key));
                let (at, field) =
                    if bad.is_of_the_key() { (key, "key") } else { (certificate, "certificate") };
                self.bad(bad, at, field, (&names.0, &names.1));
            })
            .ok()
    }

    /// All certificates in a file, at least one.
    fn certificates(&mut self, at: &At<String>, field: &str) -> Option<Vec<CertificateDer<'static>>> {
        let text = self.text(at, field)?;
        pem::certificates(&text).map_err(|bad| self.bad(bad, at, field, (&quoted(at), ""))).ok()
    }

    fn bad(&mut self, bad: BadPem, at: &At<String>, field: &str, (certificate, key): (&str, &str)) {
        self.report(&at.place, field, &bad.wrong(certificate, key), bad.remedy());
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
                let reason = sekisho_yaml::unreadable(&error);
                let remedy = "name a readable file, relative to the configuration's folder";
                (format!("`{name}` cannot be read: {reason}"), remedy)
            }
            _ => (format!("`{name}` is no PEM file"), "convert it with `openssl`, or name another"),
        };
        self.report(&at.place, field, &wrong, remedy);
        None
    }
}

fn quoted(at: &At<String>) -> String {
    format!("`{}`", at.value)
}
