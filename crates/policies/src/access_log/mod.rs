//! `access_log`: one line for each request, once its last byte is sent.
//!
//! As JSON a line has the members `event timestamp requestId correlationId method path query route statusCode duration
//! requestSize responseSize userAgent ip userId service endpoint upstreamDuration attempts decided_by reason cache cacheReason
//! notStored` and `shadow`; what has no value is left out. Durations are milliseconds with three decimals, sizes are bytes of body. Tokens, cookies and
//! the values of query parameters whose names say that they are secret are never written.

mod line;
mod pattern;
mod redact;
mod sink;
#[cfg(test)]
mod tests;
mod text;
mod writer;

use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Outcome, Policy, Verdict};
use sekisho_units::At;
use serde::Deserialize;

pub use sink::{Destination, OpenError, SinkStats, Sinks};

use self::pattern::Pattern;
use self::redact::Redact;
use self::sink::Sink;
use crate::{Compile, Context, Here};

/// Query parameters whose values are always hidden: only in these do policies look for a credential.
pub(crate) const CREDENTIALS: &[&str] = &["access_token", "api_key", "apikey", "token"];

/// Query parameters whose values are hidden, too, unless the configuration names others.
const REDACTED: &[&str] = &["password", "secret", "sig", "signature"];

/// `access_log` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where lines go: `stdout`, `stderr` or the path of a file. Default `stdout`. Each line is written within a second;
    /// if the destination is blocked, lines are dropped and counted rather than requests held up. USR1 reopens files.
    pub to: At<String>,
    /// `json`, `combined` (as Apache and NGINX write it), or a template such as `{client.ip} {request.path}
    /// {response.status}`. Default `json`.
    pub format: At<String>,
    /// Whether a line `request_start` is written when a request comes in, too. Default `false`; only with `format: json`.
    pub start: At<bool>,
    /// Query parameters whose values are written as `***`, beside `access_token`, `api_key`, `apikey` and `token`, which
    /// always are. Default `password`, `secret`, `sig`, `signature`; a list of your own replaces these.
    pub redact: Vec<At<String>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            to: At::nowhere("stdout".to_owned()),
            format: At::nowhere("json".to_owned()),
            start: At::nowhere(false),
            redact: REDACTED.iter().map(|name| At::nowhere((*name).to_owned())).collect(),
        }
    }
}

/// The access log as it runs.
pub struct AccessLog {
    sink: Arc<Sink>,
    format: Format,
    start: Start,
    redact: Redact,
}

enum Format {
    Json,
    Combined,
    Template(Pattern),
}

/// Whether the coming of a request is logged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Logged,
    Silent,
}

impl Compile for Config {
    type Into = AccessLog;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<AccessLog> {
        let to = destination(&self.to, here);
        let format = format(&self.format, here);
        if self.start.value && !matches!(format, Some(Format::Json) | None) {
            let message = "a line at the start is only written as JSON";
            return here.refuse(
                "start",
                &self.start.place,
                message,
                "take `start` out or write `format: json`",
            );
        }
        if let Some(empty) = self.redact.iter().find(|name| name.is_empty()) {
            return here.refuse(
                "redact",
                &empty.place,
                "a name is empty",
                "write the name of a query parameter",
            );
        }
        Some(AccessLog {
            format: format?,
            sink: context.sinks.sink(&to?, context.workers),
            start: if self.start.value { Start::Logged } else { Start::Silent },
            redact: Redact::new(
                CREDENTIALS.iter().copied().chain(self.redact.iter().map(|name| name.as_str())),
            ),
        })
    }
}

fn destination(to: &At<String>, here: &mut Here<'_>) -> Option<Destination> {
    match to.as_str() {
        "stdout" => return Some(Destination::Stdout),
        "stderr" => return Some(Destination::Stderr),
        _ => {}
    }
    // Two spellings of one path must not become two files open at once; this only looks at the text.
    match std::path::absolute(to.as_str()) {
        Ok(path) if !to.ends_with('/') => Some(Destination::File(path)),
        _ => here.refuse(
            "to",
            &to.place,
            "is no file's path",
            "write `stdout`, `stderr` or the path of a file",
        ),
    }
}

fn format(format: &At<String>, here: &mut Here<'_>) -> Option<Format> {
    match format.as_str() {
        "json" => Some(Format::Json),
        "combined" => Some(Format::Combined),
        text if text.contains('{') => match Pattern::parse(text) {
            Ok(pattern) => Some(Format::Template(pattern)),
            Err(error) => {
                let remedy =
                    "write for example `{client.ip} {request.method} {request.path} {response.status}`";
                here.refuse("format", &format.place, error.to_string(), remedy)
            }
        },
        other => {
            let message = format!("format `{other}` is unknown");
            here.refuse("format", &format.place, message, "write `json`, `combined` or a template with `{…}`")
        }
    }
}

impl Policy for AccessLog {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        if self.start == Start::Logged && !exchange.watched {
            self.sink.line(exchange.local.index, |out| line::start(out, exchange, &self.redact));
        }
        Verdict::Proceed(())
    }

    fn account(&self, exchange: &Exchange<'_>, outcome: &Outcome) {
        self.sink.line(exchange.local.index, |out| match &self.format {
            Format::Json => line::end(out, exchange, outcome, &self.redact),
            Format::Combined => line::combined(out, exchange, outcome, &self.redact),
            Format::Template(pattern) => pattern.write(out, exchange, outcome, &self.redact),
        });
    }
}
