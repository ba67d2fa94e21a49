//! `discover.dns` as written.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::Span;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

use crate::fleet::Scheme;

/// A name in the DNS whose addresses are endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsConfig {
    /// The name.
    pub name: String,
    /// The port of all endpoints; of SRV records each says its own.
    pub port: u16,
    /// How they are asked.
    pub scheme: Scheme,
    /// Which records are asked for.
    pub kind: Kind,
    /// Shortest time between two questions.
    pub min_refresh: Span,
    /// Longest time between two questions.
    pub max_refresh: Span,
    /// How long one question to one server may take.
    pub timeout: Span,
    /// Whom to ask; the system's own if there are none.
    pub resolver: Vec<SocketAddr>,
}

/// Which records tell where a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// IPv4 addresses (RFC 1035).
    A,
    /// IPv6 addresses (RFC 3596).
    Aaaa,
    /// Both.
    Any,
    /// Services with their priority, weight and port (RFC 2782).
    Srv,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Asked {
    #[default]
    Http,
    Https,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    name: String,
    port: Option<u16>,
    #[serde(default)]
    scheme: Asked,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    min_refresh: Option<Span>,
    max_refresh: Option<Span>,
    timeout: Option<Span>,
    #[serde(default)]
    resolver: Vec<Server>,
}

/// An address of a DNS server, with its port if that is not 53.
struct Server(SocketAddr);

impl<'de> Deserialize<'de> for Server {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let alone = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        text.parse().or_else(|_| alone()).map(Self).map_err(|_| {
            de::Error::custom(format!(
                "`{text}` is no address of a DNS server; write one such as `10.0.0.53` or `10.0.0.53:5353`"
            ))
        })
    }
}

impl Full {
    fn checked(self) -> Result<DnsConfig, String> {
        let name = name(&self.name)?;
        let looks_like_srv = name.starts_with('_');
        let kind = self.kind.unwrap_or(if looks_like_srv { Kind::Srv } else { Kind::Any });
        if kind == Kind::Srv && self.port.is_some() {
            return Err("SRV records tell their own ports; remove `port`, or write `type: any`".to_owned());
        }
        let scheme = match self.scheme {
            Asked::Http => Scheme::Http,
            Asked::Https => Scheme::Https,
        };
        if self.port == Some(0) {
            return Err("the port is none; write one from 1 to 65535".to_owned());
        }
        let (min, max) = (self.min_refresh.unwrap_or(SHORTEST), self.max_refresh.unwrap_or(LONGEST));
        if min < Span::from_millis(100) || max < min {
            return Err(format!(
                "between `min_refresh` ({min}) and `max_refresh` ({max}) there is no time to ask at; write at least `100ms`, and \
                 the longer one as `max_refresh`"
            ));
        }
        let timeout = self.timeout.unwrap_or(Span::from_secs(2));
        if timeout == Span::ZERO {
            return Err("a `timeout` of 0 lets nobody answer; write one such as `2s`".to_owned());
        }
        Ok(DnsConfig {
            name,
            port: self.port.unwrap_or(scheme.port()),
            scheme,
            kind,
            min_refresh: min,
            max_refresh: max,
            timeout,
            resolver: self.resolver.into_iter().map(|server| server.0).collect(),
        })
    }
}

const SHORTEST: Span = Span::from_secs(1);
const LONGEST: Span = Span::from_secs(300);

/// A name that can be asked for (RFC 1123 §2.1, with the underscores of RFC 8552).
fn name(text: &str) -> Result<String, String> {
    if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(format!("`{text}` is an address; list it in `endpoints`"));
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    let is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if labels.len() > 253 || !labels.split('.').all(is_good) {
        return Err(format!("`{text}` is no name; write one such as `orders.internal:8080`"));
    }
    Ok(text.to_owned())
}

/// `name[:port]`.
fn short(text: &str) -> Result<DnsConfig, String> {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) if !port.contains(':') => {
            let port = port.parse::<u16>().map_err(|_| format!("`{text}` has a port that is none"))?;
            (name, Some(port))
        }
        _ => (text, None),
    };
    let full = Full {
        name: name.to_owned(),
        port,
        scheme: Asked::Http,
        kind: None,
        min_refresh: None,
        max_refresh: None,
        timeout: None,
        resolver: Vec::new(),
    };
    full.checked()
}

impl<'de> Deserialize<'de> for DnsConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = DnsConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name like `orders.internal:8080`, or `{ name: …, port: 8080 }`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<DnsConfig, E> {
                short(text).map_err(E::custom)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<DnsConfig, A::Error> {
                Full::deserialize(MapAccessDeserializer::new(map))?.checked().map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for DnsConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DiscoverDns".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let span = generator.subschema_for::<Span>();
        json_schema!({
            "description": "A name in the DNS: `name[:port]`, or the same with further settings. All addresses are endpoints.",
            "oneOf": [
                { "type": "string" },
                { "type": "object", "additionalProperties": false, "required": ["name"], "properties": {
                    "name": { "type": "string", "description": "The name. It stands in `Host`, and for `https` in the certificate." },
                    "port": { "type": "integer", "minimum": 1, "maximum": 65535,
                        "description": "The endpoints' port. Default: the scheme's. SRV records tell their own." },
                    "scheme": { "enum": ["http", "https"], "default": "http", "description": "How the endpoints are asked." },
                    "type": { "enum": ["a", "aaaa", "any", "srv"],
                        "description": "Which records are asked for. Default `any`, both kinds of addresses; `srv`, with priorities and weights, where the name begins with `_`." },
                    "min_refresh": span.clone(),
                    "max_refresh": span.clone(),
                    "timeout": span,
                    "resolver": { "type": "array", "items": { "type": "string" },
                        "description": "Servers to ask: addresses, with a port where it is not 53. Default: those of /etc/resolv.conf, with its search list, and /etc/hosts." },
                } },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DnsConfig, String> {
        let mut problems = sekisho_units::Problems::new();
        let node = sekisho_yaml::parse("d", text).unwrap();
        sekisho_yaml::read(&node, "dns", &mut problems).ok_or_else(|| problems.to_string())
    }

    #[test]
    fn a_name_alone_is_enough() {
        let dns = read("orders.internal:8080").unwrap();
        assert_eq!((dns.name.as_str(), dns.port, dns.kind), ("orders.internal", 8080, Kind::Any));
        assert_eq!((dns.min_refresh, dns.max_refresh), (Span::from_secs(1), Span::from_secs(300)));
        assert_eq!(read("orders.internal").unwrap().port, 80);
        assert_eq!(read("{ name: a.b, scheme: https }").unwrap().port, 443);
        assert_eq!(read("_http._tcp.orders.internal").unwrap().kind, Kind::Srv);
        let dns = read("{ name: a, type: aaaa, resolver: [10.0.0.53, '[::1]:5353'] }").unwrap();
        assert_eq!(dns.resolver, ["10.0.0.53:53".parse().unwrap(), "[::1]:5353".parse().unwrap()]);
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused() {
        for (text, want) in [
            ("10.0.0.1:80", "list it in `endpoints`"),
            ("'::1'", "list it in `endpoints`"),
            ("'a b'", "is no name"),
            ("a..b", "is no name"),
            ("a:http", "has a port that is none"),
            ("a:0", "the port is none"),
            ("{ name: _x._tcp.a, port: 80 }", "SRV records tell their own ports"),
            ("{ name: a, min_refresh: 10s, max_refresh: 5s }", "there is no time to ask at"),
            ("{ name: a, min_refresh: 0s }", "there is no time to ask at"),
            ("{ name: a, timeout: 0s }", "lets nobody answer"),
            ("{ name: a, resolver: [dns.internal] }", "is no address of a DNS server"),
            ("{ name: a, ttl: 1s }", "ttl"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(want), "{text}: {said}");
        }
    }
}
