//! `discover.etcd` as written, and what it means.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use schemars::JsonSchema;
use sekisho_units::{At, Place, Problem, Problems, Secret, Span};
use serde::Deserialize;

use crate::fleet::{Authority, EndpointConfig, Scheme};
use crate::prepare::Files;
use crate::tls;

/// An etcd whose keys name endpoints.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DiscoverEtcd")]
pub struct EtcdConfig {
    /// Its members: `http://host:port` or `https://host:port`. Where one does not answer, the next is asked.
    #[schemars(with = "Vec<String>")]
    pub endpoints: Vec<At<String>>,
    /// What the keys begin with, such as `/services/orders/`.
    #[schemars(with = "String")]
    pub prefix: At<String>,
    /// The name to log in with. Together with `password`. Default: none.
    #[serde(default)]
    pub user: Option<String>,
    /// The password to log in with.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<Secret>,
    /// TLS to `https://` members. A certificate shown beside a login must have no common name, which etcd would take for another
    /// user.
    #[serde(default)]
    pub tls: Option<tls::Config>,
    /// How long a member may take to answer. Default `5s`.
    #[serde(default = "usual")]
    #[schemars(with = "Option<Span>")]
    pub timeout: At<Span>,
}

fn usual() -> At<Span> {
    At::nowhere(Span::from_secs(5))
}

/// What to ask, and how.
pub(in crate::discover) struct Settings {
    pub(super) members: Vec<Member>,
    pub(super) prefix: String,
    pub(super) login: Option<(String, Secret)>,
    pub(super) timeout: Duration,
    /// Of what members are asked with over TLS.
    identity: u64,
}

/// One of those who can be asked.
pub(super) struct Member {
    pub(super) authority: Authority,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Hash for Settings {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for Member { authority, .. } in &self.members {
            (authority.scheme, &authority.text).hash(state);
        }
        let login = self.login.as_ref().map(|(user, password)| (user, password.expose()));
        (&self.prefix, login, self.timeout, self.identity).hash(state);
    }
}

impl Settings {
    /// What is asked for, for people.
    pub(in crate::discover) fn about(&self) -> String {
        self.prefix.clone()
    }
}

/// What `config` means, which stands in `discover` at `path`.
pub(in crate::discover) fn plan(
    config: &EtcdConfig,
    place: &Place,
    path: &str,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<Settings> {
    let before = problems.len();
    let mut report = |place: &Place, field: &str, wrong: String, remedy: &str| {
        problems.push(Problem::error(place.clone(), format!("{path}.etcd.{field}"), wrong).remedy(remedy));
    };
    if config.endpoints.is_empty() {
        let remedy = "list at least one: `endpoints: [http://host:2379]`";
        report(place, "endpoints", "there is nobody to ask".to_owned(), remedy);
    }
    if config.prefix.value.is_empty() {
        let remedy = "write one that ends with a slash, such as `/services/orders/`";
        report(&config.prefix.place, "prefix", "all keys would be endpoints".to_owned(), remedy);
    }
    if config.timeout.value == Span::ZERO {
        let wrong = "nobody can answer in no time".to_owned();
        report(&config.timeout.place, "timeout", wrong, "write one such as `5s`");
    }
    let login = match (&config.user, &config.password) {
        (Some(user), Some(password)) => Some((user.clone(), password.clone())),
        (None, None) => None,
        (user, _) => {
            let (has, lacks) = if user.is_some() { ("user", "password") } else { ("password", "user") };
            let remedy = format!("write `{lacks}`, or remove `{has}`");
            report(place, has, format!("there is no `{lacks}` for it"), &remedy);
            None
        }
    };
    let mut authorities = Vec::new();
    for (index, url) in config.endpoints.iter().enumerate() {
        match EndpointConfig::at(url.value.clone()) {
            Ok(endpoint) => authorities.push((endpoint.authority, url)),
            Err(wrong) => report(
                &url.place,
                &format!("endpoints[{index}]"),
                wrong,
                "etcd listens for clients on port 2379, unless told otherwise",
            ),
        }
    }
    let (members, identity) = secured(config, authorities, path, files, problems)?;
    (problems.len() == before || !problems.has_errors()).then(|| Settings {
        members,
        prefix: config.prefix.value.clone(),
        login,
        timeout: config.timeout.value.as_duration(),
        identity,
    })
}

/// The members with what they are asked with.
fn secured(
    config: &EtcdConfig,
    authorities: Vec<(Authority, &At<String>)>,
    path: &str,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<(Vec<Member>, u64)> {
    let is_secure = |authority: &Authority| authority.scheme == Scheme::Https;
    let settings = config.tls.clone().unwrap_or_default();
    let tls = match config.tls.is_some() || authorities.iter().any(|(authority, _)| is_secure(authority)) {
        true => Some(tls::client_of(&settings, &format!("{path}.etcd.tls"), files.read, problems)?),
        false => None,
    };
    let mut members = Vec::new();
    for (authority, url) in authorities {
        let tls = match tls.as_ref().filter(|_| is_secure(&authority)) {
            None => None,
            Some((client, name, _)) => {
                let name = name.clone().map_or_else(|| ServerName::try_from(authority.host.clone()), Ok);
                let Ok(name) = name else {
                    let wrong = format!("`{}` is no name that a certificate can be for", authority.host);
                    let problem = Problem::error(url.place.clone(), format!("{path}.etcd.endpoints"), wrong);
                    problems.push(problem.remedy("write another, or the certificate's in `tls.name`"));
                    return None;
                };
                Some((client.clone(), name))
            }
        };
        members.push(Member { authority, tls });
    }
    Some((members, tls.map_or(0, |(_, _, identity)| identity)))
}
