//! A route's `split` as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::At;
use sekisho_upstream::Key;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, de};

use super::{Fields, HeaderConfig};

/// Several services that share a route's requests: a list of them, or a map with `by`.
#[derive(Debug)]
pub struct SplitConfig {
    /// What requests that go to one service have in common. Default: nothing; each is decided by itself.
    pub by: Option<At<Key>>,
    /// The services.
    pub to: Vec<At<BranchConfig>>,
}

/// One of the services: with a weight, or with what its requests must be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SplitBranch")]
pub struct BranchConfig {
    /// The service.
    #[schemars(with = "String")]
    pub service: At<String>,
    /// Its share of the requests that no condition decides, beside the others' weights. Default 1, or none where there are
    /// conditions.
    #[schemars(with = "Option<u32>")]
    pub weight: Option<At<u32>>,
    /// Requests with these header fields go here, whatever the weights: the first in the list whose conditions all hold counts.
    #[serde(default)]
    pub headers: Fields<HeaderConfig>,
    /// Requests with these cookies go here; conditions as in `headers`.
    #[serde(default)]
    pub cookies: Fields<HeaderConfig>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct Full {
    /// What requests that go to one service have in common: `ip`, `header.NAME` or `cookie.NAME`. Default: nothing; each is decided
    /// by itself.
    #[schemars(with = "Option<Key>")]
    by: Option<At<Key>>,
    /// The services.
    #[schemars(with = "Vec<BranchConfig>")]
    to: Vec<At<BranchConfig>>,
}

impl<'de> Deserialize<'de> for SplitConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = SplitConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of `{ service, weight }`, or `{ by: …, to: [ … ] }`")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<SplitConfig, A::Error> {
                let to = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(SplitConfig { by: None, to })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<SplitConfig, A::Error> {
                let Full { by, to } = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SplitConfig { by, to })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for SplitConfig {
    fn schema_name() -> Cow<'static, str> {
        "Split".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<Vec<BranchConfig>>();
        let full = generator.subschema_for::<Full>();
        json_schema!({ "description": "Services that share the requests: a list, or a map with `by`.", "anyOf": [list, full] })
    }
}
