//! `store`: where state is kept that requests share.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, Secret, Span};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

/// Where it is kept: `memory`, the address of a Redis or Valkey server, or a map.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `memory`, or the address. It may hold a password.
    pub url: At<Secret>,
    /// The longest that an operation may take.
    pub timeout: At<Span>,
    /// What every key begins with.
    pub prefix: At<String>,
    /// Most entries in this process.
    pub entries: At<u32>,
    /// TLS to the server.
    pub tls: Option<At<StoreTlsConfig>>,
}

/// A store as a map.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Store")]
struct Full {
    /// `memory` for this process, or the address of Redis (5 or later) or Valkey: `redis://user:password@host:6379/0`, `rediss://…`
    /// over TLS, `redis+cluster://a:6379,b:6379`, `unix:///path`.
    #[schemars(with = "String")]
    url: At<Secret>,
    /// The longest that an operation may take. Default `50ms`. On expiry policies go by their `on_store_failure`.
    #[serde(default = "usual_timeout")]
    #[schemars(with = "Option<Span>")]
    timeout: At<Span>,
    /// What every key begins with; gateways with the same prefix count together. Default `sekisho`.
    #[serde(default = "usual_prefix")]
    #[schemars(with = "Option<String>")]
    prefix: At<String>,
    /// Most entries in this process: counts of a `memory` store, or those that are kept while the server is away. A million of
    /// them take 100 MB at most. Default 1000000.
    #[serde(default = "usual_entries")]
    #[schemars(with = "Option<u32>", range(min = 1))]
    entries: At<u32>,
    /// For `rediss://`: whom to believe, and what to show.
    #[serde(default)]
    #[schemars(with = "Option<StoreTlsConfig>")]
    tls: Option<At<StoreTlsConfig>>,
}

/// TLS to a store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "StoreTls")]
pub struct StoreTlsConfig {
    /// PEM file of the authorities to believe; or the PEM text itself. Default: those that the system believes.
    #[schemars(with = "Option<String>")]
    pub ca: Option<At<String>>,
    /// PEM file of the certificate to show, or the text. Default: none.
    #[schemars(with = "Option<String>")]
    pub certificate: Option<At<String>>,
    /// PEM file of its private key, or the text.
    #[schemars(with = "Option<String>")]
    pub key: Option<At<String>>,
}

fn usual_timeout() -> At<Span> {
    At::nowhere(Span::from_millis(50))
}

fn usual_prefix() -> At<String> {
    At::nowhere("sekisho".to_owned())
}

fn usual_entries() -> At<u32> {
    At::nowhere(1_000_000)
}

/// The word for this process.
pub(crate) const MEMORY: &str = "memory";

impl StoreConfig {
    fn at(url: At<Secret>) -> Self {
        Self { url, timeout: usual_timeout(), prefix: usual_prefix(), entries: usual_entries(), tls: None }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self::at(At::nowhere(Secret::new(MEMORY)))
    }
}

impl<'de> Deserialize<'de> for StoreConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = StoreConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`memory`, an address such as `redis://cache:6379`, or a map with `url`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<StoreConfig, E> {
                Ok(StoreConfig::at(At::nowhere(Secret::new(text))))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<StoreConfig, A::Error> {
                let Full { url, timeout, prefix, entries, tls } =
                    Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(StoreConfig { url, timeout, prefix, entries, tls })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for StoreConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StoreOrAddress".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<Full>();
        json_schema!({ "anyOf": [{ "type": "string", "examples": [MEMORY, "redis://cache:6379"] }, full] })
    }
}
