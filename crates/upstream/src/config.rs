//! A service as written.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, OrOff, Place, Problem, Problems, Span};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

use crate::breaker::BreakerConfig;
use crate::retry::RetryConfig;
use crate::tls;
use crate::tunnel::TunnelsConfig;

/// One service: where it runs and how it is asked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it runs: URLs, or `{ url, weight }`. At least one.
    pub endpoints: Vec<At<EndpointConfig>>,
    /// How requests are spread over the endpoints. Default `weighted_round_robin`.
    #[serde(default)]
    pub balance: BalanceConfig,
    /// How long each phase of a call may take.
    #[serde(default)]
    pub timeouts: TimeoutsConfig,
    /// Sends the client's `Host` instead of the endpoint's. Default `false`.
    #[serde(default)]
    pub preserve_host: bool,
    /// Connections to each endpoint.
    #[serde(default)]
    pub connections: ConnectionsConfig,
    /// TLS to `https://` endpoints.
    #[serde(default)]
    pub tls: Option<tls::Config>,
    /// Stops asking the service while it fails. Default: none; `off` takes one from `service_defaults` away.
    #[serde(default)]
    pub breaker: Option<OrOff<BreakerConfig>>,
    /// Tries requests again that failed and are safe to repeat. On by default, as `{}` is; `off` for none.
    #[serde(default)]
    pub retry: Option<OrOff<RetryConfig>>,
    /// Connections that have changed protocols, such as WebSockets.
    #[serde(default)]
    pub tunnels: TunnelsConfig,
}

/// An endpoint as written: a URL, or a URL with a weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// `http://host[:port]` or `https://host[:port]`, as written.
    pub url: String,
    /// Where it leads.
    pub authority: Authority,
    /// Its share of the requests beside the others' weights. Default 1; 0 sends it none.
    pub weight: u32,
}

/// Algorithms that choose an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BalanceConfig {
    /// Turn by turn in proportion to the weights, evenly interleaved.
    #[default]
    WeightedRoundRobin,
}

/// How long each phase of a call may take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutsConfig {
    /// Longest wait for a connection, TLS included. Default `3s`. On expiry the client gets 503.
    pub connect: Span,
    /// Longest wait for the response's head once the request is sent. Default `10s`. On expiry the client gets 504.
    pub first_byte: Span,
    /// Longest pause within a body, either way. Default `60s`. On expiry the connection is cut.
    pub idle: Span,
    /// Longest time for the whole exchange. No limit by default. On expiry the client gets 504, or is cut off if its answer
    /// has begun.
    pub total: Option<Span>,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        Self {
            connect: Span::from_secs(3),
            first_byte: Span::from_secs(10),
            idle: Span::from_secs(60),
            total: None,
        }
    }
}

/// Connections to one endpoint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionsConfig {
    /// Most connections at once, over all workers. Default 1024.
    pub max: u32,
    /// Most requests that wait for a connection when all are taken. Default 1024. One more gets 503.
    pub queue: u32,
    /// Longest wait in that queue. Default `1s`. On expiry the client gets 503.
    pub wait: Span,
    /// How long an unused connection is kept. Default `60s`.
    pub idle: Span,
    /// Most unused connections that each worker keeps. Default 256.
    pub keep: u32,
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        Self { max: 1024, queue: 1024, wait: Span::from_secs(1), idle: Span::from_secs(60), keep: 256 }
    }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    fn port(self) -> u16 {
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

impl Config {
    /// Reports what the types alone could not: no endpoint, endpoints named twice, limits of 0.
    pub fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut report = |place: &Place, field: &str, (message, remedy): (String, String)| {
            problems.push(Problem::error(place.clone(), format!("{path}.{field}"), message).remedy(remedy));
        };
        if self.endpoints.is_empty() {
            report(
                place,
                "endpoints",
                ("there is no endpoint".into(), "list at least one: `endpoints: [http://host:port]`".into()),
            );
        }
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let field = format!("endpoints[{index}]");
            if self.endpoints[..index].iter().any(|other| other.value.url == endpoint.value.url) {
                let wrong = format!("`{}` is listed twice", endpoint.value.url);
                report(&endpoint.place, &field, (wrong, "give one of them more `weight` instead".into()));
            }
        }
        if !self.endpoints.is_empty() && self.endpoints.iter().all(|endpoint| endpoint.value.weight == 0) {
            report(
                place,
                "endpoints",
                ("all weights are 0".into(), "give at least one endpoint a weight of 1 or more".into()),
            );
        }
        if self.connections.max == 0 {
            report(
                place,
                "connections.max",
                ("no connection would ever be made".into(), "write 1 or more".into()),
            );
        }
        self.tunnels.check(place, path, problems);
        if let Some(breaker) = self.breaker() {
            breaker.check(place, path, problems);
        }
        if let Some(OrOff::On(retry)) = &self.retry {
            retry.check(place, path, problems);
        }
    }

    /// The circuit breaker, if there is to be one.
    pub(crate) fn breaker(&self) -> Option<&BreakerConfig> {
        match &self.breaker {
            Some(OrOff::On(breaker)) => Some(breaker),
            Some(OrOff::Off) | None => None,
        }
    }

    /// The longest wait for the response's head.
    pub(crate) fn first_byte(&self) -> Duration {
        let first_byte = self.timeouts.first_byte;
        self.breaker().map_or(first_byte, |breaker| first_byte.min(breaker.timeout.value)).as_duration()
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
        }
        fn one() -> u32 {
            1
        }
        fn endpoint<E: de::Error>(url: String, weight: u32) -> Result<EndpointConfig, E> {
            let authority =
                parse_url(&url).map_err(|(wrong, remedy)| E::custom(format_args!("{wrong}; {remedy}")))?;
            Ok(EndpointConfig { url, authority, weight })
        }
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = EndpointConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL like `http://127.0.0.1:4001`, or `{ url: …, weight: 3 }`")
            }
            fn visit_str<E: de::Error>(self, url: &str) -> Result<EndpointConfig, E> {
                endpoint(url.to_owned(), 1)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<EndpointConfig, A::Error> {
                let full = Full::deserialize(MapAccessDeserializer::new(map))?;
                endpoint(full.url, full.weight)
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
            "description": "Where a service runs: `http://host:port` or `https://host:port`, or the same with a weight.",
            "oneOf": [
                { "type": "string", "pattern": "^https?://.+" },
                { "type": "object", "additionalProperties": false, "required": ["url"], "properties": {
                    "url": { "type": "string", "pattern": "^https?://.+", "description": "`http://host[:port]` or `https://host[:port]`." },
                    "weight": { "type": "integer", "minimum": 0, "default": 1,
                        "description": "Its share of the requests beside the others' weights; 0 sends it none." },
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
