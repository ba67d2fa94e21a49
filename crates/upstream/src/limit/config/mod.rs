//! The limit of a service as written.

mod adaptive;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, OrOff, Place, Problem, Problems, Span};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

pub use self::adaptive::{AdaptiveConfig, AdaptiveSettings, LimitAlgorithm};
use super::Bound;
use super::places::MOST;

/// Most requests that a service has at once: a number, or settings.
#[derive(Clone, Debug)]
pub struct LimitConfig(pub LimitSettings);

/// Most requests that a service has at once, with all that can be said of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ServiceLimitSettings")]
pub struct LimitSettings {
    /// Most requests at once, over all endpoints and workers, each until the last byte of its answer. With `adaptive` it need not
    /// be written; where it is, the limit never grows beyond it.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1_000_000))]
    pub in_flight: Option<At<u32>>,
    /// Finds the limit out from how the service answers. Default `off`.
    #[schemars(with = "Option<OrOff<AdaptiveConfig>>")]
    pub adaptive: Option<At<OrOff<AdaptiveConfig>>>,
    /// Most requests that wait for their turn, the first to come being the first to go. Default 50. One more gets 503 at once;
    /// with 0 nobody waits.
    #[schemars(with = "u32", range(max = 1_000_000))]
    pub queue: At<u32>,
    /// Longest wait. Default `100ms`. On expiry the client gets 503.
    #[schemars(with = "Span")]
    pub wait: At<Span>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            in_flight: None,
            adaptive: None,
            queue: At::nowhere(50),
            wait: At::nowhere(Span::from_millis(100)),
        }
    }
}

impl LimitSettings {
    /// Reports what no limit can be.
    pub(crate) fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut report = Report { place, path: format!("{path}.limit"), problems };
        match &self.in_flight {
            None if self.adaptive().is_none() => {
                let remedy = "write `in_flight: 500`, or `adaptive: gradient`";
                report.refuse(place, "", "it says no limit", remedy);
            }
            Some(bound) if bound.value == 0 => {
                report.refuse(&bound.place, ".in_flight", "no request could pass", "write 1 or more");
            }
            Some(bound) if bound.value > MOST => {
                let message = "more than a million cannot be counted";
                report.refuse(&bound.place, ".in_flight", message, "write less, or remove `limit`");
            }
            _ => {}
        }
        if self.queue.value > MOST {
            let message = "more than a million cannot wait";
            report.refuse(&self.queue.place, ".queue", message, "write a small number such as 50");
        }
        if self.wait.is_zero() && self.queue.value > 0 {
            let remedy = "write a time such as `100ms`, or `queue: 0`";
            report.refuse(&self.wait.place, ".wait", "nobody would get a place by waiting", remedy);
        }
        if let Some(adaptive) = self.adaptive() {
            report.path.push_str(".adaptive");
            adaptive.check(self.most(adaptive), &mut report);
        }
    }

    fn adaptive(&self) -> Option<&AdaptiveSettings> {
        match &self.adaptive.as_ref()?.value {
            OrOff::On(adaptive) => Some(&adaptive.0),
            OrOff::Off => None,
        }
    }

    /// How far an adaptive limit may grow.
    fn most(&self, adaptive: &AdaptiveSettings) -> u32 {
        let bound = self.in_flight.as_ref().map_or(MOST, |bound| bound.value);
        adaptive.max.value.min(bound)
    }

    pub(super) fn compile(&self) -> (Bound, u32, Duration) {
        let bound = match self.adaptive() {
            Some(adaptive) => Bound::Adaptive(adaptive.rules(self.most(adaptive))),
            None => Bound::Fixed(self.in_flight.as_ref().map_or(MOST, |bound| bound.value)),
        };
        (bound, self.queue.value, self.wait.as_duration())
    }
}

/// Where problems are told: the place of the whole, its path, and their list.
pub(super) struct Report<'a> {
    place: &'a Place,
    path: String,
    problems: &'a mut Problems,
}

impl Report<'_> {
    pub(super) fn refuse(&mut self, at: &Place, field: &str, message: impl Into<String>, remedy: &str) {
        let at = if at.is_none() { self.place } else { at };
        let problem = Problem::error(at.clone(), format!("{}{field}", self.path), message);
        self.problems.push(problem.remedy(remedy));
    }
}

impl<'de> Deserialize<'de> for LimitConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = LimitConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of requests, or `{ in_flight: 500, queue: 50, wait: 100ms }`")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<LimitConfig, E> {
                let bound = u32::try_from(number).unwrap_or(u32::MAX);
                Ok(LimitConfig(LimitSettings {
                    in_flight: Some(At::nowhere(bound)),
                    ..LimitSettings::default()
                }))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<LimitConfig, A::Error> {
                LimitSettings::deserialize(MapAccessDeserializer::new(map)).map(LimitConfig)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for LimitConfig {
    fn schema_name() -> Cow<'static, str> {
        "ServiceLimit".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let settings = generator.subschema_for::<LimitSettings>();
        json_schema!({
            "description": "Most requests that a service has at once: a number, or settings.",
            "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 1_000_000 }, settings],
        })
    }
}
