//! `health` at the top: the page that tells whether services are well.

use schemars::JsonSchema;
use sekisho_units::{At, Pattern, Span};
use serde::Deserialize;

/// Answers `GET /health` on the traffic port: 200 with a JSON document if every service is well, else 503. A service is well if one of
/// its endpoints answers as its own `health` expects; where it has none, `GET /health` is to get 200 to 399. All are asked side by
/// side, once for all who want to know at the same time. A route of yours for the same path goes before it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "HealthPage")]
pub struct HealthPageConfig {
    /// The services that are asked. Default: all.
    #[schemars(with = "Option<Vec<String>>")]
    pub services: Option<Vec<At<String>>>,
    /// Where it answers. Default `/health`.
    #[schemars(with = "Pattern")]
    pub path: At<Pattern>,
    /// Tells, beside the names of services and whether they are well, the address that was asked and what is wrong. Default
    /// `false`: whoever can reach the gateway can read it.
    pub expose: bool,
    /// Longest time that a service may take. Default `5s`. One that takes longer is not well.
    #[schemars(with = "Span")]
    pub timeout: At<Span>,
}

impl Default for HealthPageConfig {
    fn default() -> Self {
        Self {
            services: None,
            path: At::nowhere(Pattern::parse("/health").expect("it is a pattern")),
            expose: false,
            timeout: At::nowhere(Span::from_secs(5)),
        }
    }
}
