//! TLS as listeners speak it: versions, certificates by name, session tickets.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::Certificate;
use crate::document::{MinVersion, UnknownName};

/// HTTP/1.1, as ALPN names it (RFC 7301).
const HTTP11: &[u8] = b"http/1.1";

/// The cryptography that all of the gateway's TLS uses.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    &PROVIDER
}

/// The keys that session tickets are sealed with. They outlive a configuration, so that clients resume across reloads.
#[derive(Default)]
pub struct Tickets(OnceLock<Option<Arc<dyn ProducesTickets>>>);

impl Tickets {
    /// Made when first asked for; `None` if the system has no randomness to give, and then nobody resumes.
    fn get(&self) -> Option<Arc<dyn ProducesTickets>> {
        self.0.get_or_init(|| rustls::crypto::aws_lc_rs::Ticketer::new().ok()).clone()
    }
}

/// What a listener's handshakes go by.
///
/// # Errors
/// The provider cannot speak the versions asked for.
pub(crate) fn server_config(
    certificates: &[Certificate],
    oldest: MinVersion,
    unknown: UnknownName,
    tickets: &Tickets,
) -> Result<ServerConfig, rustls::Error> {
    let versions: &[&SupportedProtocolVersion] = match oldest {
        MinVersion::Tls12 => &[&TLS13, &TLS12],
        MinVersion::Tls13 => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName::new(certificates, unknown)));
    config.alpn_protocols = vec![HTTP11.to_vec()];
    if let Some(tickets) = tickets.get() {
        config.ticketer = tickets;
    }
    Ok(config)
}

/// Chooses the certificate for the name that a client asks for (RFC 6066 §3).
struct ByName {
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// By what follows the first label: `example.com` for `*.example.com`.
    wildcard: HashMap<Box<str>, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
    unknown: UnknownName,
}

impl ByName {
    fn new(certificates: &[Certificate], unknown: UnknownName) -> Self {
        let (mut exact, mut wildcard) = (HashMap::new(), HashMap::new());
        for certificate in certificates {
            for name in &certificate.names {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut wildcard, parent),
                    None => (&mut exact, &**name),
                };
                // Of several for one name the first counts.
                map.entry(name.into()).or_insert_with(|| Arc::clone(&certificate.key));
            }
        }
        let first = certificates.first().map(|certificate| Arc::clone(&certificate.key));
        Self { exact, wildcard, first, unknown }
    }

    /// `name` is in lower case, as rustls gives it.
    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = name else { return self.first.clone() };
        if let Some(found) = self.exact.get(name) {
            return Some(Arc::clone(found));
        }
        let parent = name.split_once('.').map_or("", |(_, parent)| parent);
        match (self.wildcard.get(parent), self.unknown) {
            (Some(found), _) => Some(Arc::clone(found)),
            (None, UnknownName::Default) => self.first.clone(),
            (None, UnknownName::Refuse) => None,
        }
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByName")
            .field("names", &(self.exact.len() + self.wildcard.len()))
            .finish_non_exhaustive()
    }
}
