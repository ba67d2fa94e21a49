//! A limit that moves, as written.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, Percent, Place, Span};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::{Deserialize, Deserializer, de};

use super::Report;
use crate::limit::places::MOST;
use crate::limit::steering::{By, Rules};

/// A limit that moves: an algorithm's name, or one with its settings.
#[derive(Clone, Debug)]
pub struct AdaptiveConfig(pub AdaptiveSettings);

/// A limit that moves, with all that can be said of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "AdaptiveLimitSettings")]
pub struct AdaptiveSettings {
    /// What it goes by. Default `gradient`.
    pub algorithm: LimitAlgorithm,
    /// The limit never falls below this. With no more in flight the service is taken to be unburdened. Default 10.
    #[schemars(with = "u32", range(min = 1))]
    pub min: At<u32>,
    /// It never grows beyond this. Default 1000.
    #[schemars(with = "u32", range(min = 1, max = 1_000_000))]
    pub max: At<u32>,
    /// Where it begins, and as far as it grows without being used. Default 100, or what is nearest between `min` and `max`.
    #[schemars(with = "Option<u32>")]
    pub initial: Option<At<u32>>,
    /// It moves once in this time at most, and only by 20 answers or more. Default `100ms`.
    #[schemars(with = "Span")]
    pub window: At<Span>,
    /// It falls by a tenth when more than this share of the requests in a window gets no answer, or 429, 503 or 504. Default `10%`.
    pub failures: Percent,
    /// For `gradient`: by how much longer answers may take than with little in flight before it falls. Default `50%`.
    #[schemars(with = "Option<Percent>")]
    pub tolerance: Option<At<Percent>>,
    /// For `gradient`: after answers have taken longer than that for so long, the limit is lowered for a moment to measure anew
    /// what they take with little in flight. Default `30s`.
    #[schemars(with = "Option<Span>")]
    pub remeasure: Option<At<Span>>,
    /// For `aimd`: an answer that takes longer than this counts as a failure. Default: none does.
    #[schemars(with = "Option<Span>")]
    pub latency: Option<At<Span>>,
    /// For `aimd`: what is left of the limit when it falls. Default `90%`.
    #[schemars(with = "Option<Percent>")]
    pub backoff: Option<At<Percent>>,
}

/// What an adaptive limit goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LimitAlgorithm")]
pub enum LimitAlgorithm {
    /// How much longer answers take than with little in flight.
    #[default]
    Gradient,
    /// Failures, and a latency that is written down.
    Aimd,
}

impl Default for AdaptiveSettings {
    fn default() -> Self {
        Self {
            algorithm: LimitAlgorithm::default(),
            min: At::nowhere(10),
            max: At::nowhere(1_000),
            initial: None,
            window: At::nowhere(Span::from_millis(100)),
            failures: Percent::of(10),
            tolerance: None,
            remeasure: None,
            latency: None,
            backoff: None,
        }
    }
}

impl AdaptiveSettings {
    pub(super) fn check(&self, most: u32, report: &mut Report<'_>) {
        if self.min.value == 0 {
            report.refuse(&self.min.place, ".min", "no request could pass", "write 1 or more");
        }
        if self.max.value > MOST {
            let message = "more than a million cannot be counted";
            report.refuse(&self.max.place, ".max", message, "write less");
        }
        if self.min.value > most {
            let message = format!("the limit cannot grow beyond {most}");
            report.refuse(&self.min.place, ".min", message, "write no more than that, or raise `max`");
        }
        if let Some(initial) = &self.initial
            && !(self.min.value..=most.max(self.min.value)).contains(&initial.value)
        {
            let message = format!("the limit is between {} and {most}", self.min.value);
            report.refuse(&initial.place, ".initial", message, "write a number between, or remove it");
        }
        if self.window.as_millis() < 10 {
            let message = "the limit would move by chance";
            report.refuse(&self.window.place, ".window", message, "write `10ms` or more, such as `100ms`");
        }
        self.check_algorithm(report);
    }

    fn check_algorithm(&self, report: &mut Report<'_>) {
        let place = |is: Option<&Place>| is.cloned();
        let fields = [
            (".tolerance", place(self.tolerance.as_ref().map(|at| &at.place)), LimitAlgorithm::Gradient),
            (".remeasure", place(self.remeasure.as_ref().map(|at| &at.place)), LimitAlgorithm::Gradient),
            (".latency", place(self.latency.as_ref().map(|at| &at.place)), LimitAlgorithm::Aimd),
            (".backoff", place(self.backoff.as_ref().map(|at| &at.place)), LimitAlgorithm::Aimd),
        ];
        for (field, place, algorithm) in fields {
            if let Some(place) = place.filter(|_| algorithm != self.algorithm) {
                let other = if algorithm == LimitAlgorithm::Aimd { "aimd" } else { "gradient" };
                let message = format!("only `{other}` goes by it");
                report.refuse(&place, field, message, &format!("remove it, or write `algorithm: {other}`"));
            }
        }
        if let Some(tolerance) = self.tolerance.as_ref().filter(|tolerance| tolerance.is_zero()) {
            let message = "the limit would fall by the slightest delay";
            report.refuse(&tolerance.place, ".tolerance", message, "write a share such as `50%`");
        }
        if let Some(remeasure) = self.remeasure.as_ref().filter(|time| time.as_millis() < 1_000) {
            let message = "the service would be measured all the time";
            report.refuse(&remeasure.place, ".remeasure", message, "write `1s` or more, such as `30s`");
        }
        if let Some(latency) = self.latency.as_ref().filter(|latency| latency.is_zero()) {
            let message = "every answer would be too late";
            report.refuse(&latency.place, ".latency", message, "write a time such as `500ms`");
        }
        let no_share = |share: &At<Percent>| share.is_zero() || share.value == Percent::ALL;
        if let Some(backoff) = self.backoff.as_ref().filter(|backoff| no_share(backoff)) {
            let message = "the limit would not fall, or to nothing";
            report.refuse(&backoff.place, ".backoff", message, "write a share such as `90%`");
        }
    }

    pub(super) fn rules(&self, most: u32) -> Rules {
        let share = |percent: Percent| f64::from(percent.basis_points()) / 10_000.0;
        let or = |written: &Option<At<Percent>>, other| share(written.as_ref().map_or(other, |at| at.value));
        let min = self.min.value.clamp(1, MOST);
        let max = most.max(min);
        Rules {
            min,
            max,
            initial: self.initial.as_ref().map_or(100, |initial| initial.value).clamp(min, max),
            window: self.window.as_duration(),
            failures: share(self.failures),
            by: match self.algorithm {
                LimitAlgorithm::Gradient => By::Gradient {
                    tolerance: 1.0 + or(&self.tolerance, Percent::of(50)),
                    remeasure: self.remeasure.as_ref().map_or(Duration::from_secs(30), |at| at.as_duration()),
                },
                LimitAlgorithm::Aimd => By::Aimd {
                    latency: self.latency.as_ref().map(|at| at.as_duration()),
                    backoff: or(&self.backoff, Percent::of(90)),
                },
            },
        }
    }
}

impl<'de> Deserialize<'de> for AdaptiveConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = AdaptiveConfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`gradient`, `aimd`, or `{ algorithm: gradient, min: 10, max: 1000 }`")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<AdaptiveConfig, E> {
                let algorithm = LimitAlgorithm::deserialize(StrDeserializer::new(name))?;
                Ok(AdaptiveConfig(AdaptiveSettings { algorithm, ..AdaptiveSettings::default() }))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<AdaptiveConfig, A::Error> {
                AdaptiveSettings::deserialize(MapAccessDeserializer::new(map)).map(AdaptiveConfig)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for AdaptiveConfig {
    fn schema_name() -> Cow<'static, str> {
        "AdaptiveLimit".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<LimitAlgorithm>();
        let settings = generator.subschema_for::<AdaptiveSettings>();
        json_schema!({
            "description": "A limit that moves: an algorithm's name, or one with its settings.",
            "anyOf": [name, settings],
        })
    }
}
