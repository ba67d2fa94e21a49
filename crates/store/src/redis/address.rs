//! [`Address`]: where Redis is, `redis://user:password@cache:6379/0`.

use std::fmt;
use std::str::FromStr;

use redis::{ConnectionInfo, IntoConnectionInfo};
use sekisho_units::Secret;

/// A server, or some nodes of a cluster. Printed without what logs in.
///
/// `redis://`, `rediss://` (over TLS), the same as `valkey://` and `valkeys://`, `unix:///path`; and for a cluster
/// `redis+cluster://a:6379,b:6379`, `rediss+cluster://…`. User and password stand before an `@`, the number of a database is the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: Secret,
    shown: String,
    cluster: bool,
    tls: bool,
    nodes: Vec<Secret>,
}

/// Why a text is no [`Address`]. None of them repeats the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme, or none.
    #[error(
        "a store's address begins with redis://, rediss://, redis+cluster://, rediss+cluster:// or unix://"
    )]
    Scheme,
    /// The rest cannot be read.
    #[error(
        "a store's address is not complete; write one such as redis://user:password@cache.example:6379/0 ({0})"
    )]
    Malformed(String),
    /// A cluster has no databases.
    #[error("a cluster has only database 0; leave the path out")]
    Database,
}

/// Schemes with what the crate calls them, and whether they are a cluster's and over TLS.
const SCHEMES: [(&str, &str, bool, bool); 8] = [
    ("redis", "redis", false, false),
    ("valkey", "redis", false, false),
    ("rediss", "rediss", false, true),
    ("valkeys", "rediss", false, true),
    ("redis+cluster", "redis", true, false),
    ("valkey+cluster", "redis", true, false),
    ("rediss+cluster", "rediss", true, true),
    ("valkeys+cluster", "rediss", true, true),
];

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// An [`AddressError`] that says what to write instead.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        if scheme == "unix" {
            readable(text)?;
            // A password may stand behind the `?`.
            let shown = text.split('?').next().unwrap_or_default().to_owned();
            let nodes = vec![Secret::new(text)];
            return Ok(Self { text: Secret::new(text), shown, cluster: false, tls: false, nodes });
        }
        let (_, known, cluster, tls) =
            *SCHEMES.iter().find(|known| known.0 == scheme).ok_or(AddressError::Scheme)?;
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (format!("{login}@"), place),
            None => (String::new(), rest),
        };
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        if cluster && !matches!(path, "" | "0") {
            return Err(AddressError::Database);
        }
        let hosts: Vec<_> = if cluster { hosts.split(',').collect() } else { vec![hosts] };
        let mut nodes = Vec::new();
        for host in hosts {
            if host.is_empty() {
                return Err(AddressError::Malformed("a host is missing".to_owned()));
            }
            let node = format!("{known}://{login}{host}/{path}");
            readable(&node)?;
            nodes.push(Secret::new(node));
        }
        let shown = format!("{scheme}://{}", place.split(['?', '#']).next().unwrap_or_default());
        Ok(Self { text: Secret::new(text), shown, cluster, tls, nodes })
    }

    /// Whether it is a cluster's.
    pub const fn is_cluster(&self) -> bool {
        self.cluster
    }

    /// Whether it asks for TLS.
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// The nodes, as the crate takes them.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(Secret::expose)
    }
}

/// Whether the crate will take an address of one node.
fn readable(node: &str) -> Result<ConnectionInfo, AddressError> {
    node.into_connection_info().map_err(|error| AddressError::Malformed(error.category().to_owned()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_servers_and_clusters_and_shows_no_password() {
        for (text, shown, nodes) in [
            ("redis://cache", "redis://cache", &["redis://cache/"][..]),
            ("redis://u:p@cache:7000/3", "redis://cache:7000/3", &["redis://u:p@cache:7000/3"]),
            ("valkey://:p@[::1]:7000", "valkey://[::1]:7000", &["redis://:p@[::1]:7000/"]),
            ("rediss://u:p%40s@cache", "rediss://cache", &["rediss://u:p%40s@cache/"]),
            ("unix:///run/redis.sock?pass=p", "unix:///run/redis.sock", &["unix:///run/redis.sock?pass=p"]),
            (
                "rediss+cluster://u:p@a:1,b:2",
                "rediss+cluster://a:1,b:2",
                &["rediss://u:p@a:1/", "rediss://u:p@b:2/"],
            ),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.nodes().collect::<Vec<_>>(), nodes);
            assert!(!format!("{address:?}").contains("u:p"), "{address:?}");
        }
    }

    #[test]
    fn refuses_the_rest_without_repeating_it() {
        for (text, want) in [
            ("cache:6379", "begins with"),
            ("http://u:secret@cache", "begins with"),
            ("redis://u:secret@", "a host is missing"),
            ("redis://u:secret@cache:port", "not complete"),
            ("redis://u:secret@cache/many", "not complete"),
            ("redis+cluster://u:secret@a,,b", "a host is missing"),
            ("redis+cluster://u:secret@a,b/2", "only database 0"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(want) && !error.contains("secret"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_no_password_shows(
            scheme in "(redis|rediss|redis\\+cluster|unix|valkey)", password in "[a-z@:/?#,%]{0,8}", rest in "\\PC{0,20}"
        ) {
            let _ = Address::parse(&rest);
            let told = match Address::parse(&format!("{scheme}://u:QQQ{password}@{rest}")) {
                Ok(address) if scheme == "unix" => format!("{address:?}").replace(&address.to_string(), ""),
                Ok(address) => format!("{address:?} {address}"),
                Err(error) => error.to_string(),
            };
            prop_assert!(!told.contains("QQQ"), "{told}");
        }
    }
}
