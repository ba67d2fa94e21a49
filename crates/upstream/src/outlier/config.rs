//! When an endpoint is left alone, as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, OrOff, Percent, Place, Problem, Problems, Span};
use serde::{Deserialize, Deserializer, de};

use super::Outlier;
use super::rates::{Below, Rule};
use super::sentence::Terms;

/// Leaves an endpoint alone for a while that fails its requests, where another one is available.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Outlier")]
pub struct OutlierConfig {
    /// Tries in a row that get no answer: no connection, broken off, too slow, or no HTTP. Default 5; `off` for no such limit.
    #[schemars(with = "OrOff<u32>")]
    pub consecutive_failures: At<OrOff<u32>>,
    /// Tries in a row that get no answer or one of 500 or above. Default `off`.
    #[schemars(with = "OrOff<u32>")]
    pub consecutive_5xx: At<OrOff<u32>>,
    /// Fewest tries that must succeed, as a share; an answer of 500 or above is no success. Default `off`.
    #[schemars(with = "OrOff<SuccessRateConfig>")]
    pub success_rate: At<OrOff<SuccessRateConfig>>,
    /// How long it is left alone the first time; the second time twice as long, and so on. Default `30s`.
    #[schemars(with = "Span")]
    pub base_ejection: At<Span>,
    /// Longest time. Default `300s`.
    #[schemars(with = "Span")]
    pub max_ejection: At<Span>,
    /// Most endpoints of the service that are left alone at once, as a share. One always may be, but never the last that is
    /// available. Default `50%`.
    #[schemars(with = "Percent")]
    pub max_ejected: At<Percent>,
    /// So long without being left alone makes up for one time that it was. Default `10s`.
    #[schemars(with = "Span")]
    pub interval: At<Span>,
}

/// The smallest share of tries that must succeed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "SuccessRate")]
pub struct SuccessRateConfig {
    /// The share below which an endpoint is left alone; or `stdev`: far below the other endpoints, by 1.9 standard deviations
    /// and 5 % at least, which takes five endpoints to tell. Default `85%`.
    #[schemars(with = "BelowConfig")]
    pub below: At<BelowConfig>,
    /// Fewest tries of the endpoint in the window. Default 20.
    #[schemars(with = "u32", range(min = 1))]
    pub volume: At<u32>,
    /// How far back tries count. It is looked at ten times within it. Default `10s`.
    #[schemars(with = "Span")]
    pub window: At<Span>,
}

/// A share, or the word `stdev`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BelowConfig {
    /// A share.
    Share(Percent),
    /// What the others have.
    Stdev,
}

impl Default for OutlierConfig {
    fn default() -> Self {
        Self {
            consecutive_failures: At::nowhere(OrOff::On(5)),
            consecutive_5xx: At::nowhere(OrOff::Off),
            success_rate: At::nowhere(OrOff::Off),
            base_ejection: At::nowhere(Span::from_secs(30)),
            max_ejection: At::nowhere(Span::from_secs(300)),
            max_ejected: At::nowhere(Percent::of(50)),
            interval: At::nowhere(Span::from_secs(10)),
        }
    }
}

impl Default for SuccessRateConfig {
    fn default() -> Self {
        Self {
            below: At::nowhere(BelowConfig::Share(Percent::of(85))),
            volume: At::nowhere(20),
            window: At::nowhere(Span::from_secs(10)),
        }
    }
}

impl OutlierConfig {
    /// Reports what cannot be.
    pub(crate) fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut refuse = |at: &Place, field: &str, message: &str, remedy: &str| {
            let at = if at.is_none() { place } else { at };
            let problem = Problem::error(at.clone(), format!("{path}.outlier.{field}"), message);
            problems.push(problem.remedy(remedy));
        };
        let rows = [
            ("consecutive_failures", &self.consecutive_failures),
            ("consecutive_5xx", &self.consecutive_5xx),
        ];
        for (field, row) in rows {
            if row.value == OrOff::On(0) {
                refuse(&row.place, field, "none is not too many", "write 1 or more, or `off`");
            }
        }
        if self.base_ejection.is_zero() {
            refuse(
                &self.base_ejection.place,
                "base_ejection",
                "it would be over at once",
                "write a time such as `30s`, or `outlier: off`",
            );
        }
        if self.max_ejection.value < self.base_ejection.value {
            let remedy = "write a time that is no shorter than `base_ejection`";
            refuse(&self.max_ejection.place, "max_ejection", "the first time would be longer", remedy);
        }
        if self.max_ejected.is_zero() {
            let remedy = "write a share such as `50%`, or `outlier: off`";
            refuse(&self.max_ejected.place, "max_ejected", "no endpoint could be left alone", remedy);
        }
        if self.interval.is_zero() {
            refuse(
                &self.interval.place,
                "interval",
                "all would be made up for at once",
                "write a time such as `10s`",
            );
        }
        if let OrOff::On(rate) = &self.success_rate.value {
            if rate.below.value == BelowConfig::Share(Percent::of(0)) {
                let message = "no share is smaller";
                refuse(&rate.below.place, "success_rate.below", message, "write one such as `85%`");
            }
            if rate.volume.value == 0 {
                let message = "nothing could be told from no try";
                refuse(&rate.volume.place, "success_rate.volume", message, "write 1 or more");
            }
            if rate.window.as_millis() < 1_000 {
                let message = "a window is a second at least";
                refuse(&rate.window.place, "success_rate.window", message, "write a time such as `10s`");
            }
        }
    }

    pub(crate) fn compile(&self) -> Outlier {
        let row = |row: &At<OrOff<u32>>| match row.value {
            OrOff::On(count) => Some(count),
            OrOff::Off => None,
        };
        let rate = match &self.success_rate.value {
            OrOff::Off => None,
            OrOff::On(rate) => Some(Rule {
                below: match rate.below.value {
                    BelowConfig::Share(share) => Below::Share(share.basis_points()),
                    BelowConfig::Stdev => Below::Others,
                },
                volume: rate.volume.value.into(),
                window: rate.window.as_duration(),
            }),
        };
        Outlier {
            unanswered: row(&self.consecutive_failures),
            bad: row(&self.consecutive_5xx),
            rate,
            terms: Terms {
                base: self.base_ejection.as_duration(),
                max: self.max_ejection.as_duration(),
                interval: self.interval.as_duration(),
            },
            most: self.max_ejected.value,
        }
    }
}

impl<'de> Deserialize<'de> for BelowConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl de::Visitor<'_> for Either {
            type Value = BelowConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as `85%`, or `stdev`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<BelowConfig, E> {
                match text {
                    "stdev" => Ok(BelowConfig::Stdev),
                    share => Percent::parse(share).map(BelowConfig::Share).map_err(E::custom),
                }
            }
            fn visit_u64<E: de::Error>(self, percent: u64) -> Result<BelowConfig, E> {
                self.visit_str(&percent.to_string())
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for BelowConfig {
    fn schema_name() -> Cow<'static, str> {
        "Below".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "stdev" }, generator.subschema_for::<Percent>()] })
    }
}
