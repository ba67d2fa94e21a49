//! From TLS settings as written, and the files they name, to what endpoints are asked with.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use sekisho_units::{At, Place, Problem, Problems};

use super::files::Files;
use super::ours::Ours;
use super::unverified::Unverified;
use super::{Config, Secured};
use crate::carry::Carry;
use crate::config::Config as Service;
use crate::fleet::{EndpointConfig, Scheme};

/// Gives the text of a file that a configuration names.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> io::Result<String>;

/// What the endpoints of a service are asked with.
pub(crate) struct Securing {
    /// Those that are written, in their order: `None` for one that is asked in the clear.
    pub(crate) written: Box<[Option<Secured>]>,
    /// Those that will be found.
    pub(crate) found: ForFound,
}

/// What endpoints are asked with that no configuration names.
pub(crate) struct ForFound {
    /// `None` where nothing is to be found, or there is no authority to check a certificate by.
    client: Option<Arc<ClientConfig>>,
    name: Option<ServerName<'static>>,
    identity: u64,
}

impl ForFound {
    /// The same, with what connections of `service` were made with before, as [`Secured::carried`] has it.
    pub(crate) fn carried(self, service: &str, carry: &Carry) -> Self {
        let identity = self.identity;
        Self { client: self.client.map(|client| carry.client(service, identity, client)), ..self }
    }

    /// What one of them is asked with; `None` for in the clear.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub(crate) fn of(&self, endpoint: &EndpointConfig) -> Result<Option<Secured>, String> {
        if endpoint.authority.scheme == Scheme::Http {
            return Ok(None);
        }
        let Some(client) = self.client.clone() else {
            return Err("there are no certificate authorities to check it by; name a file in `tls.ca`".into());
        };
        let host = endpoint.alias.as_ref().map_or(&endpoint.authority.host, |alias| &alias.host);
        let name = self.name.clone().map_or_else(|| ServerName::try_from(host.clone()), Ok);
        let name = name.map_err(|_| format!("`{host}` is no name that a certificate can be for"))?;
        Ok(Some(Secured { client, name, identity: self.identity }))
    }
}

/// What somebody who is no service is asked with by TLS settings of their own, and what tells it from other settings.
pub(crate) fn client_of(
    config: &Config,
    path: &str,
    read_file: ReadFile<'_>,
    problems: &mut Problems,
) -> Option<(Arc<ClientConfig>, Option<ServerName<'static>>, u64)> {
    let before = problems.len();
    let settings = Settings::read(config, path, read_file, problems);
    if problems.len() > before {
        return None;
    }
    settings.warn_unverified(path, problems);
    let client = settings.client();
    if client.is_none() {
        let place = config.ca.as_ref().map_or_else(Place::none, |ca| ca.place.clone());
        let problem = Problem::error(place, path, "the system has no certificate authorities");
        problems.push(problem.remedy("install them (`ca-certificates`), or name a file in `ca`"));
    }
    Some((client?, settings.name, settings.identity))
}

/// What each endpoint of `service` is asked with.
///
/// What is wrong with the settings or their files goes to `problems`; with an error among it there is nothing.
pub(crate) fn secure(
    service: &Service,
    path: &str,
    read_file: ReadFile<'_>,
    problems: &mut Problems,
) -> Option<Securing> {
    let is_secure = |endpoint: &&At<EndpointConfig>| endpoint.value.authority.scheme == Scheme::Https;
    let first = service.endpoints.iter().find(is_secure);
    let before = problems.len();
    let tls = service.tls.clone().unwrap_or_default();
    let tls_path = format!("{path}.tls");
    let settings = Settings::read(&tls, &tls_path, read_file, problems);
    if problems.len() > before {
        return None;
    }
    let client = if first.is_some() || service.discover.is_some() {
        settings.warn_unverified(&tls_path, problems);
        settings.client()
    } else {
        None
    };
    if let Some(first) = first
        && client.is_none()
    {
        let wrong = format!("the system has no certificate authorities to check `{}` by", first.value.url);
        let problem = Problem::error(first.place.clone(), format!("{path}.endpoints"), wrong);
        problems.push(problem.remedy("install them (`ca-certificates`), or name a file in `tls.ca`"));
        return None;
    }
    let mut secured = Vec::new();
    for (index, endpoint) in service.endpoints.iter().enumerate() {
        secured.push(match client.clone().filter(|_| is_secure(&endpoint)) {
            Some(client) => {
                let name = settings.name_of(endpoint, || format!("{path}.endpoints[{index}]"), problems)?;
                Some(Secured { client, name, identity: settings.identity })
            }
            None => None,
        });
    }
    let found = ForFound { client, name: settings.name, identity: settings.identity };
    Some(Securing { written: secured.into(), found })
}

/// Settings with what their files hold.
struct Settings {
    authorities: Option<Arc<RootCertStore>>,
    ours: Option<Arc<CertifiedKey>>,
    name: Option<ServerName<'static>>,
    /// Where `verify: false` stands.
    unverified: Option<Place>,
    identity: u64,
    provider: Arc<CryptoProvider>,
}

impl Settings {
    fn read(config: &Config, path: &str, read_file: ReadFile<'_>, problems: &mut Problems) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut identity = DefaultHasher::new();
        let mut files = Files { path, read_file, identity: &mut identity, problems };
        let authorities = config.ca.as_ref().and_then(|at| files.authorities(at));
        let ours = match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => files.certified(certificate, key, &provider),
            (Some(certificate), None) => {
                files.report(&certificate.place, "certificate", "there is no key for it", "add `key`");
                None
            }
            (None, Some(key)) => {
                files.report(&key.place, "key", "there is no certificate for it", "add `certificate`");
                None
            }
            (None, None) => None,
        };
        let name = config.name.as_ref().and_then(|at| {
            let name = ServerName::try_from(at.value.clone()).ok();
            if name.is_none() {
                let wrong = format!("`{}` is no name or address that a certificate can be for", at.value);
                files.report(
                    &at.place,
                    "name",
                    &wrong,
                    "write one such as `orders.internal`, without a port",
                );
            }
            name
        });
        name.hash(&mut identity);
        config.verifies().hash(&mut identity);
        let unverified = config.verify.clone().filter(|verify| !verify.value).map(|verify| verify.place);
        Self { authorities, ours, name, unverified, identity: identity.finish(), provider }
    }

    /// Warns if certificates are not checked.
    fn warn_unverified(&self, path: &str, problems: &mut Problems) {
        if let Some(place) = &self.unverified {
            let wrong = "certificates are not checked: anybody in between can read and change everything";
            let problem = Problem::warning(place.clone(), format!("{path}.verify"), wrong);
            problems.push(problem.remedy("name the service's authority in `ca`, and remove `verify: false`"));
        }
    }

    /// What connections are made with; `None` if there is no authority to check certificates by.
    fn client(&self) -> Option<Arc<ClientConfig>> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has cipher suites for TLS 1.2 and 1.3");
        let builder = if self.unverified.is_some() {
            let schemes = self.provider.signature_verification_algorithms.supported_schemes();
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified { schemes }))
        } else {
            builder.with_root_certificates(self.authorities.clone().or_else(systems)?)
        };
        let mut client = builder.with_client_cert_resolver(Arc::new(Ours(self.ours.clone())));
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        Some(Arc::new(client))
    }

    /// The name that the certificate of `endpoint` must have.
    fn name_of(
        &self,
        endpoint: &At<EndpointConfig>,
        path: impl Fn() -> String,
        problems: &mut Problems,
    ) -> Option<ServerName<'static>> {
        if self.name.is_some() {
            return self.name.clone();
        }
        let host = &endpoint.value.authority.host;
        let name = ServerName::try_from(host.clone()).ok();
        if name.is_none() {
            let wrong = format!("`{host}` is no name that a certificate can be for");
            let problem = Problem::error(endpoint.place.clone(), path(), wrong);
            problems.push(problem.remedy("write another, or the certificate's in `tls.name`"));
        }
        name
    }
}

/// The system's authorities, read once; `None` if there are none, or not yet.
fn systems() -> Option<Arc<RootCertStore>> {
    static KNOWN: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Some(Arc::clone(known));
    }
    let mut found = RootCertStore::empty();
    found.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    (!found.is_empty()).then(|| Arc::clone(KNOWN.get_or_init(|| Arc::new(found))))
}
