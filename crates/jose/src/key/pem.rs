//! Keys between dashes (RFC 7468).

use x509_parser::error::PEMError;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Key, KeyError, public};
use crate::algorithm::Family;

const CERTIFICATE: &str = "CERTIFICATE";

pub(super) fn parse(text: &str) -> Result<Key, KeyError> {
    let mut found: Option<Pem> = None;
    for block in Pem::iter_from_buffer(text.as_bytes()) {
        let block = match block {
            Ok(block) => block,
            Err(PEMError::MissingHeader) => break,
            Err(_) => return Err(KeyError::BadPem),
        };
        if block.label.ends_with("PRIVATE KEY") {
            return Err(KeyError::Private);
        }
        match &found {
            None => found = Some(block),
            // The rest of a chain: the first certificate is the signer's own.
            Some(first) if first.label == CERTIFICATE && block.label == CERTIFICATE => {}
            Some(_) => return Err(KeyError::SeveralPem),
        }
    }
    let block = found.ok_or(KeyError::NoPem)?;
    match block.label.as_str() {
        "PUBLIC KEY" => public::spki(&block.contents),
        "RSA PUBLIC KEY" => public::rsa(Family::Rsa.algorithms(), &block.contents),
        CERTIFICATE => match X509Certificate::from_der(&block.contents) {
            Ok(([], certificate)) => public::spki(certificate.public_key().raw),
            _ => Err(KeyError::Damaged("certificate's")),
        },
        other => Err(KeyError::Label(other.chars().take(40).collect())),
    }
}
