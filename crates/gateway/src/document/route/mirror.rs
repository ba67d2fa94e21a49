//! A route's `mirror` as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, Percent, Size, Span};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

/// A service that is shown requests as well.
#[derive(Debug)]
pub enum MirrorConfig {
    /// The word `off`.
    Off,
    /// Its name alone, or a map.
    To(ShownConfig),
}

/// Which requests it is shown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Mirror")]
pub struct ShownConfig {
    /// The service. Its answers are dropped.
    #[schemars(with = "String")]
    pub service: At<String>,
    /// The share of the requests. Default `100%`.
    #[serde(default = "all")]
    pub share: Percent,
    /// Most bytes of a request's body that are copied. Default `64KiB`. A request with a longer one is left out.
    #[serde(default = "body")]
    pub body: Size,
    /// Longest time for an answer. Default `10s`.
    #[serde(default = "timeout")]
    pub timeout: Span,
}

fn all() -> Percent {
    Percent::ALL
}

fn body() -> Size {
    Size::from_kib(64)
}

fn timeout() -> Span {
    Span::from_secs(10)
}

impl<'de> Deserialize<'de> for MirrorConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = MirrorConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a service's name, `{ service: …, share: 10% }`, or `off`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<MirrorConfig, E> {
                if text == "off" {
                    return Ok(MirrorConfig::Off);
                }
                let service = At::nowhere(text.to_owned());
                Ok(MirrorConfig::To(ShownConfig { service, share: all(), body: body(), timeout: timeout() }))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<MirrorConfig, A::Error> {
                ShownConfig::deserialize(MapAccessDeserializer::new(map)).map(MirrorConfig::To)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for MirrorConfig {
    fn schema_name() -> Cow<'static, str> {
        "MirrorOrOff".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<ShownConfig>();
        json_schema!({
            "description": "A service that is shown requests as well: its name, or a map; `off` for none.",
            "anyOf": [{ "type": "string" }, full],
        })
    }
}
