//! Checks of endpoints as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use sekisho_units::{At, Percent, Place, Problem, Problems, Secret, Span};
use sekisho_wire::{HeadBuf, is_authority, is_field_name, is_field_value};
use serde::Deserialize;

use super::check::Check;
use super::statuses::Statuses;
use super::tally::Thresholds;

/// Asks each endpoint every so often whether it is well. One that fails gets no requests until it is well again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Health")]
pub struct HealthConfig {
    /// `http` sends a request, `tcp` only makes a connection. Default `http`.
    pub kind: CheckKind,
    /// Path and query to ask for. Default `/health`.
    #[schemars(with = "String")]
    pub path: At<String>,
    /// From the beginning of one check of an endpoint to the next. Default `30s`. The first is made at once, the second after a
    /// part of that by chance, so that endpoints are not checked all at once.
    #[schemars(with = "Span")]
    pub interval: At<Span>,
    /// Longest time for a check, from the connection to the answer. Default `5s`. What takes longer has failed.
    #[schemars(with = "Span")]
    pub timeout: At<Span>,
    /// By so much the interval is longer or shorter each time, by chance. Default `10%`.
    pub jitter: Percent,
    /// Checks in a row that must succeed before a failing endpoint gets requests again. Default 2.
    #[schemars(with = "u32", range(min = 1))]
    pub healthy: At<u32>,
    /// Checks in a row that must fail before an endpoint gets none any more. Default 3.
    #[schemars(with = "u32", range(min = 1))]
    pub unhealthy: At<u32>,
    /// Statuses that are well: one, a range, or a list of them. Default `200-399`.
    pub status: Statuses,
    /// A text that the first 64 KiB of the answer's body must contain. Default: none.
    #[schemars(with = "Option<String>")]
    pub body: Option<At<String>>,
    /// `GET` or `HEAD`. Default `GET`.
    pub method: CheckMethod,
    /// The header `Host`. Default: the endpoint's.
    #[schemars(with = "Option<String>")]
    pub host: Option<At<String>>,
    /// Further headers, by name.
    #[schemars(with = "BTreeMap<String, Secret>")]
    pub headers: BTreeMap<String, At<Secret>>,
    /// Another port than the endpoint's. Default: the same.
    #[schemars(with = "Option<u16>", range(min = 1))]
    pub port: Option<At<u16>>,
}

/// What a check does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// It sends a request.
    #[default]
    Http,
    /// It makes a connection, in the clear whatever the endpoint's URL says.
    Tcp,
}

/// The method of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckMethod {
    /// With a body.
    #[default]
    Get,
    /// Without.
    Head,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            kind: CheckKind::Http,
            path: At::nowhere("/health".to_owned()),
            interval: At::nowhere(Span::from_secs(30)),
            timeout: At::nowhere(Span::from_secs(5)),
            jitter: Percent::of(10),
            healthy: At::nowhere(2),
            unhealthy: At::nowhere(3),
            status: Statuses::default(),
            body: None,
            method: CheckMethod::Get,
            host: None,
            headers: BTreeMap::new(),
            port: None,
        }
    }
}

/// Headers that a check writes itself.
const OWN: [&str; 5] = ["host", "connection", "content-length", "transfer-encoding", "upgrade"];

impl HealthConfig {
    /// Reports what cannot be.
    pub(crate) fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut refuse = |at: &Place, field: &str, message: String, remedy: &str| {
            let at = if at.is_none() { place } else { at };
            let problem = Problem::error(at.clone(), format!("{path}.health.{field}"), message);
            problems.push(problem.remedy(remedy));
        };
        if !self.path.starts_with('/') || HeadBuf::default().request(b"GET", self.path.as_bytes()).is_err() {
            let remedy = "write one that begins with `/`, percent-encoded, such as `/health`";
            refuse(&self.path.place, "path", format!("`{}` is no path", self.path.value), remedy);
        }
        if self.interval.as_millis() < 100 {
            let message = "checks would follow each other without a pause".to_owned();
            let remedy = "write a time of `100ms` or more, such as `30s`";
            refuse(&self.interval.place, "interval", message, remedy);
        }
        if self.timeout.is_zero() {
            refuse(
                &self.timeout.place,
                "timeout",
                "no check would be in time".into(),
                "write a time such as `5s`",
            );
        }
        for (field, count) in [("healthy", &self.healthy), ("unhealthy", &self.unhealthy)] {
            if count.value == 0 {
                refuse(&count.place, field, "it takes a check to tell".into(), "write 1 or more");
            }
        }
        if let Some(body) = &self.body {
            if body.is_empty() {
                refuse(
                    &body.place,
                    "body",
                    "every body contains nothing".into(),
                    "write a text, or leave it out",
                );
            }
            if self.method == CheckMethod::Head {
                let message = "answers to HEAD have no body".to_owned();
                refuse(&body.place, "body", message, "leave it out, or ask by `method: GET`");
            }
        }
        if let Some(host) = self.host.as_ref().filter(|host| !is_authority(host.as_bytes())) {
            let message = format!("`{}` is no host", host.value);
            refuse(&host.place, "host", message, "write a name such as `orders.internal`");
        }
        if let Some(port) = self.port.as_ref().filter(|port| port.value == 0) {
            refuse(&port.place, "port", "no connection can be made to port 0".into(), "write 1 to 65535");
        }
        self.check_headers(&mut refuse);
    }

    fn check_headers(&self, refuse: &mut impl FnMut(&Place, &str, String, &str)) {
        for (name, value) in &self.headers {
            let field = format!("headers.{name}");
            if OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                refuse(
                    &value.place,
                    &field,
                    format!("checks write `{name}` themselves"),
                    "leave it out; the host is `host`",
                );
            } else if !is_field_name(name.as_bytes()) || !is_field_value(value.expose().as_bytes()) {
                refuse(
                    &value.place,
                    &field,
                    "no header can be so".into(),
                    "use a name of letters, digits and `-`, and a value of one line",
                );
            }
        }
    }

    pub(crate) fn compile(&self) -> Check {
        let mut lines = Vec::new();
        for (name, value) in &self.headers {
            lines.push((name.as_str().into(), value.expose().as_bytes().into()));
        }
        Check {
            kind: self.kind,
            target: self.path.value.as_str().into(),
            interval: self.interval.as_duration(),
            timeout: self.timeout.as_duration(),
            jitter: f64::from(self.jitter.basis_points()) / 10_000.0,
            thresholds: Thresholds { healthy: self.healthy.value, unhealthy: self.unhealthy.value },
            statuses: self.status.clone(),
            body: self.body.as_ref().map(|body| body.as_bytes().into()),
            method: match self.method {
                CheckMethod::Get => "GET",
                CheckMethod::Head => "HEAD",
            },
            host: self.host.as_ref().map(|host| host.as_str().into()),
            lines,
            port: self.port.as_ref().map(|port| port.value),
        }
    }
}
