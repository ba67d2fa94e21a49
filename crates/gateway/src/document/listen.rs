//! `listen` and `tls`: where clients connect, and what is spoken there.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, Cidr, OneOrList, Pattern};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

use super::address::Address;

/// One listener or a list.
#[derive(Debug)]
pub struct Listen(pub Vec<At<ListenerConfig>>);

/// One place where clients connect; an address alone, or a map.
#[derive(Debug)]
pub struct ListenerConfig {
    /// The address.
    pub url: At<Address>,
    /// TLS on this address. Default: the top level's `tls`.
    pub tls: Option<At<TlsConfig>>,
    /// Whether connections begin with a PROXY header.
    pub proxy_protocol: Option<At<ProxyProtocolConfig>>,
    /// Whether requests are sent to TLS instead of being served.
    pub redirect: Option<At<SecureRedirectConfig>>,
}

/// A listener as a map.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Listener")]
struct Full {
    /// `http://address:port`, or `https://address:port` for TLS.
    #[schemars(with = "Address")]
    url: At<Address>,
    /// TLS on this address, where it is `https`. Default: the top level's `tls`.
    #[schemars(with = "Option<TlsConfig>")]
    tls: Option<At<TlsConfig>>,
    /// Connections begin with a PROXY header, version 1 or 2: `true`, or `{ from: [10.0.0.0/8] }`. One without it, or from
    /// elsewhere, is closed. Default `false`.
    #[schemars(with = "Option<ProxyProtocolConfig>")]
    proxy_protocol: Option<At<ProxyProtocolConfig>>,
    /// `https`, or `{ port: 443, except: [/.well-known/acme-challenge/*] }`: sends clients to the same address over TLS
    /// instead of serving them.
    #[schemars(with = "Option<SecureRedirectConfig>")]
    redirect: Option<At<SecureRedirectConfig>>,
}

/// TLS on a listener.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tls")]
pub struct TlsConfig {
    /// The certificates. A client gets the one for the name that it asks for; the first, if there is none for it.
    #[schemars(length(min = 1))]
    pub certificates: Vec<At<CertificateConfig>>,
    /// The oldest version that is spoken: `1.2` or `1.3`. Default `1.2`.
    #[serde(default)]
    pub min_version: MinVersion,
    /// What a client gets that asks for a name that no certificate is for: the first one (`default`), or an alert (`refuse`).
    /// Default `default`.
    #[serde(default)]
    pub unknown_name: UnknownName,
}

/// A certificate with its key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Certificate")]
pub struct CertificateConfig {
    /// PEM file of the certificate and its chain; or the PEM text itself.
    #[schemars(with = "String")]
    pub certificate: At<String>,
    /// PEM file of the private key, or the text. Default: it is in the certificate's file.
    #[schemars(with = "Option<String>")]
    pub key: Option<At<String>>,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
pub enum MinVersion {
    /// RFC 5246.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
}

/// What a client gets that asks for a name that no certificate is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownName {
    /// The first certificate.
    #[default]
    Default,
    /// An alert, which ends the handshake.
    Refuse,
}

/// Whether connections begin with a PROXY header.
#[derive(Clone, Debug, Default)]
pub struct ProxyProtocolConfig {
    /// Whether they do.
    pub on: bool,
    /// Who may send one. Default: the `trusted_proxies`.
    pub from: Option<Vec<Cidr>>,
}

/// Requests are sent to TLS instead of being served.
#[derive(Clone, Debug, Default)]
pub struct SecureRedirectConfig {
    /// The port. Default: that of the first `https` listener.
    pub port: Option<At<u16>>,
    /// Paths that are served all the same.
    pub except: Vec<At<Pattern>>,
}

impl<'de> Deserialize<'de> for ListenerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = ListenerConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as `http://127.0.0.1:8080`, or a map that begins with `url`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ListenerConfig, E> {
                let url = At::nowhere(Address::parse(text).map_err(E::custom)?);
                Ok(ListenerConfig { url, tls: None, proxy_protocol: None, redirect: None })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ListenerConfig, A::Error> {
                let Full { url, tls, proxy_protocol, redirect } =
                    Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ListenerConfig { url, tls, proxy_protocol, redirect })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ListenerConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ListenerOrAddress".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (address, full) = (generator.subschema_for::<Address>(), generator.subschema_for::<Full>());
        json_schema!({ "anyOf": [address, full] })
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "an address such as `http://127.0.0.1:8080`, a map with `url`, or a list of them";
        OneOrList::of_texts_or_maps(expected).read(deserializer).map(Self)
    }
}

impl JsonSchema for Listen {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Listen".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<ListenerConfig>();
        json_schema!({ "anyOf": [one.clone(), { "type": "array", "items": one, "minItems": 1 }] })
    }
}

impl<'de> Deserialize<'de> for ProxyProtocolConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            from: Vec<Cidr>,
        }
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = ProxyProtocolConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false`, or `{ from: [10.0.0.0/8] }`")
            }
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<ProxyProtocolConfig, E> {
                Ok(ProxyProtocolConfig { on, from: None })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ProxyProtocolConfig, A::Error> {
                let Full { from } = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ProxyProtocolConfig { on: true, from: Some(from) })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ProxyProtocolConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProxyProtocol".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let cidr = generator.subschema_for::<Cidr>();
        json_schema!({ "anyOf": [{ "type": "boolean" }, {
            "type": "object", "additionalProperties": false, "required": ["from"], "properties": {
                "from": { "type": "array", "items": cidr, "minItems": 1,
                    "description": "Who may send one. Default: the `trusted_proxies`." },
            },
        }] })
    }
}

impl<'de> Deserialize<'de> for SecureRedirectConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            port: Option<At<u16>>,
            #[serde(default)]
            except: Vec<At<Pattern>>,
        }
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = SecureRedirectConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`https`, or a map of `port` and `except`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecureRedirectConfig, E> {
                match text {
                    "https" => Ok(SecureRedirectConfig::default()),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<SecureRedirectConfig, A::Error> {
                let Full { port, except } = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SecureRedirectConfig { port, except })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for SecureRedirectConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecureRedirect".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = generator.subschema_for::<Pattern>();
        json_schema!({ "anyOf": [{ "const": "https" }, {
            "type": "object", "additionalProperties": false, "properties": {
                "port": { "type": "integer", "minimum": 1, "maximum": 65535,
                    "description": "The port. Default: that of the first `https` listener." },
                "except": { "type": "array", "items": pattern,
                    "description": "Paths that are served all the same." },
            },
        }] })
    }
}
