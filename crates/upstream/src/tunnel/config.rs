//! A service's tunnels as written.

use schemars::JsonSchema;
use sekisho_units::{Place, Problem, Problems, Span};
use serde::Deserialize;

/// Connections that have changed protocols, such as WebSockets.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Tunnels")]
pub struct TunnelsConfig {
    /// Longest silence in both directions. Default `1h`. On expiry the tunnel ends, at the earliest then, and up to a
    /// sixteenth of it later, at most 1 second: the clock is not read for each byte.
    pub idle: Span,
    /// Longest life. No limit by default. On expiry the tunnel ends.
    pub lifetime: Option<Span>,
    /// Most tunnels at once, over all endpoints and workers. Default 512. One more gets 503. Each holds one of its
    /// endpoint's `connections`.
    pub max: u32,
}

impl Default for TunnelsConfig {
    fn default() -> Self {
        Self { idle: Span::from_secs(3600), lifetime: None, max: 512 }
    }
}

impl TunnelsConfig {
    /// Reports limits of 0.
    pub(crate) fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        for (field, is_zero) in [
            ("idle", self.idle.is_zero()),
            ("lifetime", self.lifetime.is_some_and(Span::is_zero)),
            ("max", self.max == 0),
        ] {
            if is_zero {
                let wrong = Problem::error(
                    place.clone(),
                    format!("{path}.tunnels.{field}"),
                    "no tunnel would ever be open",
                );
                problems.push(wrong.remedy("write more than 0, or `upgrade: off` in the routes"));
            }
        }
    }
}
