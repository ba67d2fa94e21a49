//! TLS clients whose offers are pinned, so that every target does the same work.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

/// The name in the bench's certificate.
pub(in crate::bench) const NAME: &str = "localhost";

/// What a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Offer {
    /// TLS 1.3 with X25519 and AES-256-GCM, nothing else: what wrk's OpenSSL settles on with nginx.
    Tls13,
    /// TLS 1.2 with the like of it.
    Tls12,
    /// Both versions and several of each, in OpenSSL's order.
    Open,
}

/// A client that trusts the authority in `authority`, a PEM file, and remembers `sessions` sessions.
pub(in crate::bench) fn client(
    authority: &Path,
    offer: Offer,
    sessions: usize,
) -> Result<Arc<ClientConfig>, String> {
    let cannot = |e: &dyn std::fmt::Display| format!("{}: {e}", authority.display());
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(authority).map_err(|e| cannot(&e))?;
    roots.add(certificate).map_err(|e| cannot(&e))?;
    let mut provider = default_provider();
    let (suites, groups, versions) = match offer {
        Offer::Tls13 => (vec![cipher_suite::TLS13_AES_256_GCM_SHA384], vec![kx_group::X25519], &[&TLS13][..]),
        // In TLS 1.2 the groups are those of the certificate's key as well (RFC 8422, section 5.1.1).
        Offer::Tls12 => (
            vec![cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384],
            vec![kx_group::X25519, kx_group::SECP256R1],
            &[&TLS12][..],
        ),
        Offer::Open => (
            vec![
                cipher_suite::TLS13_AES_256_GCM_SHA384,
                cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
                cipher_suite::TLS13_AES_128_GCM_SHA256,
                cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            ],
            vec![kx_group::X25519, kx_group::SECP256R1],
            &[&TLS13, &TLS12][..],
        ),
    };
    provider.cipher_suites = suites;
    provider.kx_groups = groups;
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption =
        if sessions == 0 { Resumption::disabled() } else { Resumption::in_memory_sessions(sessions) };
    Ok(Arc::new(config))
}

/// The bench's name as TLS wants it.
pub(in crate::bench) fn name() -> ServerName<'static> {
    ServerName::try_from(NAME).expect("the constant is a DNS name")
}
