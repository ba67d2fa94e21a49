//! Addresses to listen on.

use std::fmt;
use std::net::SocketAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_exchange::Scheme;
use serde::{Deserialize, Deserializer, de};

/// Where to listen, as written: `http://address:port` or `https://address:port`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address {
    /// Whether TLS is spoken there.
    pub scheme: Scheme,
    /// The address.
    pub socket: SocketAddr,
}

/// Why a text is no [`Address`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadAddress {
    /// Neither `http` nor `https`.
    #[error(
        "`{0}` has no scheme that can be listened to; write `http://127.0.0.1:8080` or `https://127.0.0.1:8443`"
    )]
    Scheme(String),
    /// A name.
    #[error(
        "`{0}` names a host; write an address such as `http://127.0.0.1:8080`, or `http://0.0.0.0:8080` for all"
    )]
    Name(String),
    /// No port.
    #[error("`{0}` has no port; write one as in `http://127.0.0.1:8080`")]
    Port(String),
    /// A port that there is not.
    #[error("`{0}` has the port `{1}`; write a number from 0 to 65535, as in `http://127.0.0.1:8080`")]
    NoSuchPort(String, String),
    /// More than address and port.
    #[error("`{0}` has a path; write the address and port alone, paths belong to `routes`")]
    Path(String),
}

impl Address {
    /// Reads `http://address:port[/]`, or the same with `https`.
    ///
    /// # Errors
    /// A [`BadAddress`] that says what to write instead.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let owned = || text.to_owned();
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => return Err(BadAddress::Scheme(owned())),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(BadAddress::Path(owned()));
        }
        if let Ok(socket) = rest.parse() {
            return Ok(Self { scheme, socket });
        }
        // What follows the last colon of an address in brackets is no port.
        let port = rest.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
        Err(match port {
            None | Some("") => BadAddress::Port(owned()),
            Some(port) if port.parse::<u16>().is_ok() => BadAddress::Name(owned()),
            Some(port) => BadAddress::NoSuchPort(owned(), port.to_owned()),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.socket)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Address;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as `http://127.0.0.1:8080`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Address, E> {
                Address::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where to listen: `http://address:port`, or `https://address:port` for TLS.",
            "pattern": "^https?://.+:[0-9]+/?$",
            "examples": ["http://127.0.0.1:8080", "https://[::]:8443"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_an_ip_address_and_a_port() {
        for (text, want) in [
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080")),
            ("http://[::]:80/", Ok("http://[::]:80")),
            ("https://127.0.0.1:8443", Ok("https://127.0.0.1:8443")),
            ("127.0.0.1:8080", Err("has no scheme")),
            ("tcp://127.0.0.1:8080", Err("has no scheme that can be listened to")),
            ("http://localhost:8080", Err("names a host")),
            ("http://127.0.0.1", Err("has no port")),
            ("http://127.0.0.1:", Err("has no port")),
            ("http://[::1]", Err("has no port")),
            ("http://127.0.0.1:99999", Err("has the port `99999`; write a number from 0 to 65535")),
            ("http://[::1]:http", Err("has the port `http`")),
            ("http://127.0.0.1:8080/x", Err("has a path")),
        ] {
            match (Address::parse(text), want) {
                (Ok(address), Ok(want)) => assert_eq!(address.to_string(), want),
                (Err(error), Err(want)) => assert!(error.to_string().contains(want), "{text}: {error}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }
}
