//! Hedging as written.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_units::{At, Percent, Place, Problem, Problems, Span};
use sekisho_wire::Method;
use serde::{Deserialize, Deserializer, de};

/// Asks another endpoint as well when the answer is long in coming: the first answer's head wins, and the other request is given up.
/// Only for safe requests without a body.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Hedge")]
pub struct HedgeConfig {
    /// How long the first endpoint has to give the head of its answer before another one is asked as well: a time such as `50ms`, or
    /// `p50` to `p99` for what that percentage of the service's answers take, as each worker measures it; then nobody else is asked
    /// before 64 answers are known. Timers are up to 10 ms late. Default `p95`.
    #[schemars(with = "After")]
    pub after: At<After>,
    /// Methods of requests that are hedged; safe ones only. Default `[GET, HEAD]`.
    #[schemars(with = "Vec<String>")]
    pub methods: Vec<At<String>>,
    /// Second requests of the last 10 seconds or so as a share of the requests, so that a slow service is not asked twice as much.
    /// Ten a worker are free. Default `10%`.
    #[schemars(with = "Percent")]
    pub budget: At<Percent>,
}

/// When another endpoint is asked as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// After this time.
    Time(Duration),
    /// After the time in which this percentage of answers come.
    Percentile(u8),
}

impl Default for HedgeConfig {
    fn default() -> Self {
        Self {
            after: At::nowhere(After::Percentile(95)),
            methods: ["GET", "HEAD"].map(|name| At::nowhere(name.to_owned())).into(),
            budget: At::nowhere(Percent::of(10)),
        }
    }
}

impl HedgeConfig {
    /// Reports what cannot be.
    pub(crate) fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut refuse = |at: &Place, field: &str, message: String, remedy: &str| {
            let at = if at.is_none() { place } else { at };
            let problem = Problem::error(at.clone(), format!("{path}.hedge.{field}"), message);
            problems.push(problem.remedy(remedy));
        };
        if self.after.value == After::Time(Duration::ZERO) {
            let message = "each request would be sent twice".to_owned();
            refuse(&self.after.place, "after", message, "write a time such as `50ms`, or `p95`");
        }
        for method in &self.methods {
            if !Method::of(method.value.as_bytes()).is_safe() {
                let message = format!("`{}` must not be done twice", method.value);
                refuse(&method.place, "methods", message, "write safe methods, such as `[GET, HEAD]`");
            }
        }
        if self.methods.is_empty() {
            refuse(place, "methods", "there is no method".into(), "write `hedge: off` to hedge nothing");
        }
        if self.budget.is_zero() {
            let message = "no request would ever be hedged".to_owned();
            refuse(&self.budget.place, "budget", message, "write a share such as `10%`, or `hedge: off`");
        }
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl de::Visitor<'_> for Word {
            type Value = After;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as `50ms`, or `p50` to `p99`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<After, E> {
                let Some(digits) = text.strip_prefix('p') else {
                    let span = Span::parse(text).map_err(|error| {
                        E::custom(format_args!("{error}; or write `p95` for what that share of answers take"))
                    })?;
                    return Ok(After::Time(span.as_duration()));
                };
                match digits.parse() {
                    Ok(percent @ 50..=99) => Ok(After::Percentile(percent)),
                    _ => Err(E::custom(format_args!(
                        "`{text}` is no percentile; write one from `p50` to `p99`"
                    ))),
                }
            }
        }
        deserializer.deserialize_str(Word)
    }
}

impl JsonSchema for After {
    fn schema_name() -> Cow<'static, str> {
        "HedgeAfter".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A time, or the time in which that percentage of answers come.",
            "anyOf": [
                { "type": "string", "pattern": "^p[5-9][0-9]$" },
                generator.subschema_for::<Span>(),
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_is_a_time_or_a_percentile() {
        let read = |text: &str| serde_json::from_value::<After>(text.into());
        assert_eq!(read("50ms").unwrap(), After::Time(Duration::from_millis(50)));
        assert_eq!(read("p95").unwrap(), After::Percentile(95));
        for (wrong, hint) in [("p100", "`p50` to `p99`"), ("p5", "`p50` to `p99`"), ("soon", "`p95`")] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(hint), "{wrong}: {error}");
        }
    }
}
