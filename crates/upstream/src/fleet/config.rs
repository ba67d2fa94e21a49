//! An endpoint as written.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

/// An endpoint as written: a URL, or a URL with its share and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// `http://host[:port]` or `https://host[:port]`, as written.
    pub url: String,
    /// Where it leads.
    pub authority: Authority,
    /// Its share of the requests beside the others' weights. Default 1; 0 sends it none.
    pub weight: u32,
    /// Endpoints of the lowest number are asked first, the others only if too few of those are available. Default 0.
    pub priority: u32,
    /// Where it stands, such as a data centre; `prefer_zone` of the service goes by it. Default: none.
    pub zone: Option<String>,
    /// The name by which an address was found, if it was: it stands in `Host`, and is the certificate's.
    pub alias: Option<Alias>,
}

/// A name for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub host: String,
    /// As it stands in `Host`: without a port that is the scheme's own.
    pub text: String,
}

/// Where an endpoint's URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Whether it is asked over TLS.
    pub scheme: Scheme,
    /// Name or address; an IPv6 address without its brackets.
    pub host: String,
    /// Port; the scheme's own where the URL says none.
    pub port: u16,
    /// As it stands in `Host`: without a port that is the scheme's own.
    pub text: String,
}

/// How an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Reads `http://host[:port][/]`, or the same with `https`.
///
/// # Errors
/// What is wrong, and what to write instead.
fn parse_url(url: &str) -> Result<Authority, (String, String)> {
    const EXAMPLE: &str = "write `http://host:port` or `https://host:port`";
    let wrong = |message: &str, remedy: &str| Err((format!("`{url}` {message}"), remedy.to_owned()));
    let Some((scheme, rest)) = url.split_once("://") else {
        return wrong("has no scheme", EXAMPLE);
    };
    if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
        // Not shown: where a user name is, there may be a password.
        let remedy = "leave it out; the policy `headers` can set `Authorization`";
        return Err(("the URL has a user name".to_owned(), remedy.to_owned()));
    }
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return wrong("has a scheme that endpoints cannot be asked by", EXAMPLE),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return wrong("has a path", "leave it out; the policy `rewrite` with `add_prefix` puts one in front");
    }
    if !sekisho_wire::is_authority(authority.as_bytes()) {
        return wrong("does not name a host", EXAMPLE);
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok().filter(|port| *port > 0)),
        _ => (authority, Some(scheme.port())),
    };
    let Some(port) = port else {
        return wrong("has a port that is none", "write a port from 1 to 65535");
    };
    let text = if port == scheme.port() { host.to_owned() } else { authority.to_owned() };
    Ok(Authority { scheme, host: host.trim_matches(['[', ']']).to_owned(), port, text })
}

impl EndpointConfig {
    /// The endpoint at `url`, with a weight of 1.
    ///
    /// # Errors
    /// What is wrong with the URL, and what to write instead.
    pub fn at(url: String) -> Result<Self, String> {
        let authority = parse_url(&url).map_err(|(wrong, remedy)| format!("{wrong}; {remedy}"))?;
        Ok(Self { url, authority, weight: 1, priority: 0, zone: None, alias: None })
    }
}

impl<'de> Deserialize<'de> for EndpointConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            url: String,
            #[serde(default = "one")]
            weight: u32,
            #[serde(default)]
            priority: u32,
            #[serde(default)]
            zone: Option<String>,
        }
        fn one() -> u32 {
            1
        }
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = EndpointConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL like `http://127.0.0.1:4001`, or `{ url: …, weight: 3 }`")
            }
            fn visit_str<E: de::Error>(self, url: &str) -> Result<EndpointConfig, E> {
                EndpointConfig::at(url.to_owned()).map_err(E::custom)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<EndpointConfig, A::Error> {
                let full = Full::deserialize(MapAccessDeserializer::new(map))?;
                let Full { url, weight, priority, zone } = full;
                let endpoint = EndpointConfig::at(url).map_err(de::Error::custom)?;
                Ok(EndpointConfig { weight, priority, zone, ..endpoint })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for EndpointConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Endpoint".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a service runs: `http://host:port` or `https://host:port`, or the same with its share and place.",
            "oneOf": [
                { "type": "string", "pattern": "^https?://.+" },
                { "type": "object", "additionalProperties": false, "required": ["url"], "properties": {
                    "url": { "type": "string", "pattern": "^https?://.+", "description": "`http://host[:port]` or `https://host[:port]`." },
                    "weight": { "type": "integer", "minimum": 0, "default": 1,
                        "description": "Its share of the requests beside the others' weights; 0 sends it none." },
                    "priority": { "type": "integer", "minimum": 0, "default": 0,
                        "description": "Endpoints of the lowest number are asked first, the others only if too few of those are available." },
                    "zone": { "type": "string",
                        "description": "Where it stands, such as a data centre; `prefer_zone` of the service goes by it." },
                } },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_port() {
        use Scheme::{Http, Https};
        for (url, want) in [
            ("http://127.0.0.1:4001", Some((Http, "127.0.0.1", 4001, "127.0.0.1:4001"))),
            ("http://orders.internal", Some((Http, "orders.internal", 80, "orders.internal"))),
            ("http://orders.internal:80/", Some((Http, "orders.internal", 80, "orders.internal"))),
            ("http://[::1]:8080", Some((Http, "::1", 8080, "[::1]:8080"))),
            ("http://[::1]", Some((Http, "::1", 80, "[::1]"))),
            ("http://host:443", Some((Http, "host", 443, "host:443"))),
            ("https://host", Some((Https, "host", 443, "host"))),
            ("https://host:443", Some((Https, "host", 443, "host"))),
            ("https://host:80", Some((Https, "host", 80, "host:80"))),
            ("https://[::1]:8443/", Some((Https, "::1", 8443, "[::1]:8443"))),
            ("127.0.0.1:4001", None),
            ("ftp://host", None),
            ("http://", None),
            ("https://", None),
            ("http://host:0", None),
            ("http://host:99999", None),
            ("http://host/path", None),
            ("http://user@host", None),
            ("http://ho st", None),
        ] {
            let got = parse_url(url).ok();
            let want = want.map(|(scheme, host, port, text)| Authority {
                scheme,
                host: host.into(),
                port,
                text: text.into(),
            });
            assert_eq!(got, want, "{url}");
        }
    }
}
