//! The certificates of a run: an authority of its own, and one server certificate that all targets share.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::load::tls::NAME;

/// The authority that clients trust.
pub(super) const AUTHORITY: &str = "authority.pem";
/// The targets' certificate and its key, ECDSA on P-256.
pub(super) const CERTIFICATE: &str = "certificate.pem";
pub(super) const KEY: &str = "key.pem";

/// Writes all three to `folder`.
pub(super) fn make(folder: &Path) -> Result<(), String> {
    let cannot = |e: rcgen::Error| format!("cannot make certificates: {e}");
    let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(cannot);
    let mut authority = CertificateParams::new(Vec::new()).map_err(cannot)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority_key = key()?;
    let root = authority.self_signed(&authority_key).map_err(cannot)?;
    let issuer = Issuer::new(authority, authority_key);
    let names = vec![NAME.to_owned(), "127.0.0.1".to_owned()];
    let own_key = key()?;
    let own =
        CertificateParams::new(names).and_then(|names| names.signed_by(&own_key, &issuer)).map_err(cannot)?;
    for (name, text) in [(AUTHORITY, root.pem()), (CERTIFICATE, own.pem()), (KEY, own_key.serialize_pem())] {
        fs::write(folder.join(name), text).map_err(|e| format!("cannot write {name}: {e}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::load::tls::{self, Offer};
    use super::{AUTHORITY, CERTIFICATE, KEY, make};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{ClientConnection, ServerConfig, ServerConnection};
    use std::sync::Arc;

    /// A handshake in memory, with the certificates of `folder`.
    fn handshake(folder: &std::path::Path) -> Result<ClientConnection, rustls::Error> {
        let chain = vec![CertificateDer::from_pem_file(folder.join(CERTIFICATE)).unwrap()];
        let key = PrivateKeyDer::from_pem_file(folder.join(KEY)).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_no_client_auth().with_single_cert(chain, key)?;
        let mut server = ServerConnection::new(Arc::new(config))?;
        let trusting = tls::client(&folder.join(AUTHORITY), Offer::Tls13, 0).unwrap();
        let mut client = ClientConnection::new(trusting, tls::name())?;
        while client.is_handshaking() {
            let (mut out, mut back) = (Vec::new(), Vec::new());
            client.write_tls(&mut out).unwrap();
            server.read_tls(&mut &out[..]).unwrap();
            server.process_new_packets()?;
            server.write_tls(&mut back).unwrap();
            client.read_tls(&mut &back[..]).unwrap();
            client.process_new_packets()?;
        }
        Ok(client)
    }

    #[test]
    fn clients_that_trust_the_authority_accept_the_certificate() {
        let folder = std::env::temp_dir().join(format!("xtask-certificates-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        make(&folder).unwrap();
        let client = handshake(&folder).map(|client| {
            let group = client.negotiated_key_exchange_group().map(rustls::crypto::SupportedKxGroup::name);
            (group, client.negotiated_cipher_suite().map(|suite| suite.suite()))
        });
        // Another authority of the same name must not do.
        let first = std::fs::read(folder.join(AUTHORITY)).unwrap();
        make(&folder).unwrap();
        std::fs::write(folder.join(AUTHORITY), first).unwrap();
        let strange = handshake(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        let wanted = (Some(rustls::NamedGroup::X25519), Some(rustls::CipherSuite::TLS13_AES_256_GCM_SHA384));
        assert_eq!(client.unwrap(), wanted);
        assert!(strange.is_err());
    }
}
