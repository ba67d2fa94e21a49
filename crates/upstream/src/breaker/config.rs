//! A circuit breaker as written, in the words of opossum 8.

use schemars::JsonSchema;
use sekisho_units::{At, Place, Problem, Problems, Span};
use serde::Deserialize;

use super::Settings;

/// Whose failures a breaker counts, and who is not asked while it is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "BreakerPer")]
pub enum Per {
    /// The service as a whole: one breaker.
    #[default]
    Service,
    /// Each endpoint by itself: while its breaker is open, requests go to the others.
    Endpoint,
}

/// Stops asking a service that fails, or endpoints of it, and tries again after a while.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Breaker")]
pub struct BreakerConfig {
    /// `service`: one breaker for all of it. `endpoint`: one for each endpoint, of which those are asked whose breakers are closed;
    /// clients get 503 only while all are open. Default `service`.
    pub per: Per,
    /// Longest wait for the response's head; the smaller of it and `timeouts.first_byte` holds. Default `3s`.
    #[schemars(with = "Span")]
    pub timeout: At<Span>,
    /// It opens when more than this share of the requests in the window fails, in percent. Default 50.
    #[schemars(with = "u32", range(min = 0, max = 99))]
    pub error_percentage: At<u32>,
    /// How long it stays open before it lets a request through to see. Default `30s`.
    #[schemars(with = "Span")]
    pub reset: At<Span>,
    /// How far back requests count. Default `10s`.
    #[schemars(with = "Span")]
    pub window: At<Span>,
    /// The window rolls in so many steps. Default 10.
    #[schemars(with = "u32", range(min = 1, max = 100))]
    pub buckets: At<u32>,
    /// Fewest requests in the window before it may open. Default 10.
    #[schemars(with = "u32", range(min = 1))]
    pub volume: At<u32>,
    /// Requests let through at once when it is half open; all must succeed for it to close. Default 1.
    #[schemars(with = "u32", range(min = 1, max = 100))]
    pub probes: At<u32>,
    /// Whether an answer of 500 or above counts as a failure. Default `false`: only a service that cannot be reached, breaks off
    /// or is too slow fails.
    pub count_5xx: bool,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            per: Per::Service,
            timeout: At::nowhere(Span::from_secs(3)),
            error_percentage: At::nowhere(50),
            reset: At::nowhere(Span::from_secs(30)),
            window: At::nowhere(Span::from_secs(10)),
            buckets: At::nowhere(10),
            volume: At::nowhere(10),
            probes: At::nowhere(1),
            count_5xx: false,
        }
    }
}

impl BreakerConfig {
    /// Reports what no breaker can be.
    pub(crate) fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut refuse = |at: &Place, field: &str, message: &str, remedy: &str| {
            let at = if at.is_none() { place } else { at };
            let problem = Problem::error(at.clone(), format!("{path}.breaker.{field}"), message);
            problems.push(problem.remedy(remedy));
        };
        if self.timeout.is_zero() {
            refuse(&self.timeout.place, "timeout", "no answer would be in time", "write a time such as `3s`");
        }
        if self.error_percentage.value > 99 {
            let message = "no share of failures would be above it";
            refuse(&self.error_percentage.place, "error_percentage", message, "write 0 to 99");
        }
        if self.reset.is_zero() {
            let message = "it would never stay open";
            refuse(&self.reset.place, "reset", message, "write a time such as `30s`");
        }
        if !(1..=100).contains(&self.buckets.value) {
            refuse(&self.buckets.place, "buckets", "a window has 1 to 100 steps", "write 10");
        } else if self.window.as_millis() < u64::from(self.buckets.value) {
            let message = "a step of the window would be shorter than a millisecond";
            refuse(&self.window.place, "window", message, "write a time such as `10s`");
        }
        if self.volume.value == 0 {
            refuse(&self.volume.place, "volume", "it could open without any request", "write 1 or more");
        }
        if !(1..=100).contains(&self.probes.value) {
            refuse(&self.probes.place, "probes", "1 to 100 requests can be let through", "write 1");
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        let buckets = self.buckets.value.max(1) as usize;
        Settings {
            above: self.error_percentage.value,
            reset: self.reset.as_millis(),
            step: (self.window.as_millis() / buckets as u64).max(1),
            buckets,
            volume: self.volume.value,
            probes: self.probes.value as u16,
        }
    }
}
