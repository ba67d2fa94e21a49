//! What stands behind `upgrade`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::At;
use serde::{Deserialize, Deserializer, de};

/// Protocols that a connection may switch to.
#[derive(Debug)]
pub enum UpgradeConfig {
    /// The word `off`.
    Off,
    /// Names of protocols, as in the header `Upgrade`.
    Protocols(Vec<At<String>>),
}

impl<'de> Deserialize<'de> for UpgradeConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = UpgradeConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of protocols such as `[websocket]`, or `off`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<UpgradeConfig, E> {
                if text == "off" {
                    Ok(UpgradeConfig::Off)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<UpgradeConfig, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(UpgradeConfig::Protocols(all))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for UpgradeConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Upgrade".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Protocols that a connection may switch to, or `off` for none.",
            "anyOf": [
                { "const": "off" },
                { "type": "array", "minItems": 1, "items": {
                    "type": "string", "description": "A name as in the header `Upgrade`.", "examples": ["websocket"],
                } },
            ],
        })
    }
}
