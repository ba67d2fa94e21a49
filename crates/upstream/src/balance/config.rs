//! How requests are spread, as written.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, Place, Problem, Problems, Span};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::{Deserialize, Deserializer, de};

use super::Key;

/// How requests are spread over the endpoints: an algorithm's name, or one with its settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceConfig {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// What requests to one endpoint have in common.
    pub key: Option<At<Key>>,
    /// How fast the time that answers took is forgotten.
    pub decay: Option<At<Span>>,
}

/// An algorithm, with its settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Full {
    /// The algorithm.
    algorithm: Algorithm,
    /// For `ring_hash` and `maglev`: requests with the same value here go to the same endpoint; one without goes anywhere.
    #[serde(default)]
    #[schemars(with = "Option<Key>")]
    key: Option<At<Key>>,
    /// For `ewma`: how fast the time that answers took is forgotten, to about a third in this time. Default `10s`.
    #[serde(default)]
    #[schemars(with = "Option<Span>")]
    decay: Option<At<Span>>,
}

/// Algorithms that choose an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Turn by turn in proportion to the weights, evenly interleaved.
    #[default]
    WeightedRoundRobin,
    /// Of two endpoints drawn by weight the one with fewer requests in flight for its weight.
    LeastRequests,
    /// Of two endpoints drawn by weight the one that promises the sooner answer: by the time that its answers took (a moving
    /// average that keeps peaks), and by its requests in flight.
    Ewma,
    /// By chance, in proportion to the weights.
    Random,
    /// Requests of one `key` to one endpoint, by a ring: when an endpoint goes, only its own keys move.
    RingHash,
    /// Requests of one `key` to one endpoint, by a table: more even than a ring; when an endpoint goes, few keys move
    /// beside its own.
    Maglev,
}

impl BalanceConfig {
    /// Reports settings that an algorithm lacks, or does not have.
    pub(crate) fn check(&self, at: &Place, place: &Place, path: &str, problems: &mut Problems) {
        let mut refuse = |at: &Place, field: &str, message: &str, remedy: &str| {
            let at = if at.is_none() { place } else { at };
            let problem = Problem::error(at.clone(), format!("{path}.balance{field}"), message);
            problems.push(problem.remedy(remedy));
        };
        let keyed = matches!(self.algorithm, Algorithm::RingHash | Algorithm::Maglev);
        match &self.key {
            None if keyed => refuse(
                at,
                "",
                "this algorithm needs a key",
                "write `{ algorithm: …, key: header.NAME }`; `cookie.NAME` and `ip` are keys too",
            ),
            Some(key) if !keyed => {
                refuse(&key.place, ".key", "only `ring_hash` and `maglev` go by a key", "remove it");
            }
            _ => {}
        }
        match &self.decay {
            Some(decay) if self.algorithm != Algorithm::Ewma => {
                refuse(&decay.place, ".decay", "only `ewma` remembers how long answers took", "remove it");
            }
            Some(decay) if decay.is_zero() => {
                refuse(&decay.place, ".decay", "nothing would be remembered", "write `1s` or more");
            }
            _ => {}
        }
    }

    pub(crate) fn decay(&self) -> Duration {
        self.decay.as_ref().map_or(Duration::from_secs(10), |decay| decay.as_duration())
    }
}

impl<'de> Deserialize<'de> for BalanceConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = BalanceConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "an algorithm such as `least_requests`, or `{ algorithm: ring_hash, key: header.NAME }`",
                )
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<BalanceConfig, E> {
                let algorithm = Algorithm::deserialize(StrDeserializer::new(name))?;
                Ok(BalanceConfig { algorithm, ..BalanceConfig::default() })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BalanceConfig, A::Error> {
                let Full { algorithm, key, decay } = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(BalanceConfig { algorithm, key, decay })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for BalanceConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Balance".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (name, full) = (generator.subschema_for::<Algorithm>(), Full::json_schema(generator));
        json_schema!({
            "description": "How requests are spread over the endpoints: an algorithm, or one with its settings.",
            "anyOf": [name, full],
        })
    }
}
