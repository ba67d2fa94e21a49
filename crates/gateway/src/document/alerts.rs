//! `alerts`: whom to tell what happens, as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use sekisho_exchange::EventName;
use sekisho_units::{At, OrOff, Rate, Secret, Span};
use sekisho_upstream::TlsConfig;
use serde::Deserialize;

/// Somebody who is told of events: by a `webhook` or by a `command`. The line on standard error is written in any case.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Alert")]
pub struct AlertConfig {
    /// The name in metrics, in `/api/alerts` and in the log. Default: the kind and the host or the program, as in
    /// `webhook:hooks.example.com`.
    #[schemars(with = "Option<String>")]
    pub name: Option<At<String>>,
    /// The URL that gets a POST for each alert, `http` or `https`. Empty, as `${ALERT_WEBHOOK:-}` may be, it leaves the entry out.
    #[schemars(with = "Option<Secret>")]
    pub webhook: Option<At<Secret>>,
    /// The program that is run for each alert, and its arguments. There is no shell. It reads the alert as JSON from its standard
    /// input, or from variables of its environment such as `EVENT` and `SERVICE`.
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub command: Option<At<Vec<String>>>,
    /// Names of the events to tell. Default: breakers opened and closed, endpoints down and up, no healthy endpoint, store away
    /// and back.
    #[schemars(with = "Option<Vec<EventName>>")]
    pub on: Option<At<Vec<At<EventName>>>>,
    /// What a webhook gets: `json`, all that is known of the alert; or `slack`, only a `text`. Default `json`.
    #[schemars(with = "Option<AlertFormat>")]
    pub format: Option<At<AlertFormat>>,
    /// A secret that a webhook's body is signed with: `X-Sekisho-Signature: t=TIME,v1=HEX`, where `HEX` is the HMAC-SHA256 of `TIME`,
    /// a dot, and the body. Default: no signature.
    #[schemars(with = "Option<Secret>")]
    pub secret: Option<At<Secret>>,
    /// More header fields for a webhook, such as `Authorization`.
    #[schemars(with = "BTreeMap<String, Secret>")]
    pub headers: BTreeMap<String, At<Secret>>,
    /// TLS to an `https` webhook. Default: certificates are checked by the system's authorities.
    #[schemars(with = "Option<TlsConfig>")]
    pub tls: Option<At<TlsConfig>>,
    /// How long one attempt may take. Default `5s` for a webhook, `10s` for a command, which is killed then.
    #[schemars(with = "Option<Span>")]
    pub timeout: Option<At<Span>>,
    /// How often a failed attempt is made again, up to 20. Default 5 for a webhook, 0 for a command.
    #[schemars(with = "Option<u32>", range(max = 20))]
    pub retries: Option<At<u32>>,
    /// Wait before the first retry; each further one waits twice as long, up to 5 minutes. A quarter more or less, so that many
    /// gateways do not come at once. Default `1s`.
    #[schemars(with = "Span")]
    pub backoff: At<Span>,
    /// Events of the same name about the same thing are told once in this time; what came meanwhile is told at its end, by the last of
    /// them and their `count`. `off` tells each. Default `1m`.
    #[schemars(with = "OrOff<Span>")]
    pub dedupe: At<OrOff<Span>>,
    /// Most alerts in a time, up to 1000; the rest are told together as one `alerts_suppressed`. Default `60/m`.
    #[schemars(with = "Rate")]
    pub rate: At<Rate>,
}

/// What a webhook gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertFormat {
    /// All that is known of the alert.
    #[default]
    Json,
    /// `{"text": …}`, as Slack's incoming webhooks and many others take it.
    Slack,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            name: None,
            webhook: None,
            command: None,
            on: None,
            format: None,
            secret: None,
            headers: BTreeMap::new(),
            tls: None,
            timeout: None,
            retries: None,
            backoff: At::nowhere(Span::from_secs(1)),
            dedupe: At::nowhere(OrOff::On(Span::from_secs(60))),
            rate: At::nowhere(
                Rate::new(60, Span::from_secs(60)).expect("neither the count nor the period is zero"),
            ),
        }
    }
}
