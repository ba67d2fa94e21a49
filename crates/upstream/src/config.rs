//! A service as written.

use std::time::Duration;

use schemars::JsonSchema;
use sekisho_units::{At, OrOff, Place, Problem, Problems, Span};
use serde::Deserialize;

use crate::balance::BalanceConfig;
use crate::breaker::{BreakerConfig, Per};
use crate::discover::DiscoverConfig;
use crate::fleet::{EndpointConfig, StickyConfig};
use crate::health::{Check, HealthConfig};
use crate::hedge::HedgeConfig;
use crate::limit::{LimitConfig, LimitSettings};
use crate::outlier::{Outlier, OutlierConfig};
use crate::retry::RetryConfig;
use crate::tls;
use crate::tunnel::TunnelsConfig;

/// One service: where it runs and how it is asked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it runs: URLs, or `{ url, weight, priority, zone }`. At least one, unless `discover` finds others.
    #[serde(default)]
    pub endpoints: Vec<At<EndpointConfig>>,
    /// Where endpoints are found that come and go while the gateway runs, beside those in `endpoints`. Default: none are.
    #[serde(default)]
    #[schemars(with = "Option<DiscoverConfig>")]
    pub discover: Option<At<DiscoverConfig>>,
    /// How requests are spread over the endpoints. Default `weighted_round_robin`.
    #[serde(default)]
    #[schemars(with = "BalanceConfig")]
    pub balance: At<BalanceConfig>,
    /// Sends a client to the endpoint that it had before, by a cookie. Default `off`.
    #[serde(default)]
    pub sticky: Option<OrOff<StickyConfig>>,
    /// Percentage of the endpoints of one priority that must be available for it to serve; where fewer are, the next priority
    /// does. Where no priority has enough, all endpoints of the best one are asked again, available or not: rather a few
    /// requests that fail than the load of all on the last endpoint. With 0 only available ones are asked, and without any the
    /// client gets 503. Default: the next priority serves where fewer than half are available, and endpoints that are not
    /// are asked only if no endpoint is.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 0, max = 100))]
    pub panic_threshold: Option<At<u32>>,
    /// In what time the share of an endpoint grows to its whole when it is new beside others, or available again. Default
    /// `off`: it has its whole share at once.
    #[serde(default)]
    pub slow_start: Option<OrOff<Span>>,
    /// The zone whose endpoints are preferred: as long as one of them is available, endpoints of the same priority elsewhere get
    /// nothing. Default: none.
    #[serde(default)]
    pub prefer_zone: Option<At<String>>,
    /// How long each phase of a call may take.
    #[serde(default)]
    pub timeouts: TimeoutsConfig,
    /// Sends the client's `Host` instead of the endpoint's. Default `false`.
    #[serde(default)]
    pub preserve_host: bool,
    /// The header that tells the service by when the request must be over, where `timeouts.total` or the route's `timeout` says so:
    /// a time of day (RFC 3339). Requests of gRPC are told by `grpc-timeout` as well. A trusted proxy's word under these names is
    /// believed where it shortens the time; nobody else's passes. Default `X-Request-Deadline`; `off` for neither.
    #[serde(default = "deadline_header")]
    #[schemars(with = "OrOff<String>")]
    pub deadline_header: At<OrOff<String>>,
    /// Connections to each endpoint.
    #[serde(default)]
    pub connections: ConnectionsConfig,
    /// Most requests at once, over all endpoints and workers: a number, or `{ in_flight, adaptive, queue, wait }`. A few more wait
    /// shortly, others get 503 at once. A tunnel counts until it is open. Default: none; `off` takes one from `service_defaults`
    /// away.
    #[serde(default)]
    #[schemars(with = "Option<OrOff<LimitConfig>>")]
    pub limit: Option<At<OrOff<LimitConfig>>>,
    /// TLS to `https://` endpoints.
    #[serde(default)]
    pub tls: Option<tls::Config>,
    /// Stops asking the service while it fails, or each of its endpoints while that fails. Default: none; `off` takes one from `service_defaults` away.
    #[serde(default)]
    pub breaker: Option<OrOff<BreakerConfig>>,
    /// Checks each endpoint every so often, whether or not requests come, and asks it no more while it fails. Default: no checks;
    /// `off` takes those from `service_defaults` away.
    #[serde(default)]
    pub health: Option<OrOff<HealthConfig>>,
    /// Leaves an endpoint alone for a while that fails its requests. On by default, as `{}` is; `off` for never.
    #[serde(default)]
    pub outlier: Option<OrOff<OutlierConfig>>,
    /// Tries requests again that failed and are safe to repeat. On by default, as `{}` is; `off` for none.
    #[serde(default)]
    pub retry: Option<OrOff<RetryConfig>>,
    /// Asks another endpoint as well where an answer is long in coming, and takes the first answer. Default: none; `off` takes that
    /// from `service_defaults` away.
    #[serde(default)]
    pub hedge: Option<OrOff<HedgeConfig>>,
    /// Connections that have changed protocols, such as WebSockets.
    #[serde(default)]
    pub tunnels: TunnelsConfig,
}

/// How long each phase of a call may take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutsConfig {
    /// Longest wait for a connection, TLS included. Default `3s`. On expiry the client gets 503.
    pub connect: Span,
    /// Longest wait for the response's head once the request is sent. Default `10s`. On expiry the client gets 504.
    pub first_byte: Span,
    /// Longest pause within a body, either way. Default `60s`. On expiry the connection is cut.
    pub idle: Span,
    /// Longest time for the whole exchange. No limit by default. On expiry the client gets 504, or is cut off if its answer
    /// has begun.
    pub total: Option<Span>,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        Self {
            connect: Span::from_secs(3),
            first_byte: Span::from_secs(10),
            idle: Span::from_secs(60),
            total: None,
        }
    }
}

/// Connections to one endpoint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionsConfig {
    /// Most connections at once, over all workers. Default 1024.
    pub max: u32,
    /// Most requests that wait for a connection when all are taken. Default 1024. One more gets 503.
    pub queue: u32,
    /// Longest wait in that queue. Default `1s`. On expiry the client gets 503.
    pub wait: Span,
    /// How long an unused connection is kept. Default `60s`.
    pub idle: Span,
    /// Most unused connections that each worker keeps. Default 256.
    pub keep: u32,
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        Self { max: 1024, queue: 1024, wait: Span::from_secs(1), idle: Span::from_secs(60), keep: 256 }
    }
}

fn deadline_header() -> At<OrOff<String>> {
    At::nowhere(OrOff::On("X-Request-Deadline".to_owned()))
}

impl Config {
    /// The header that tells of deadlines, if there is to be one.
    pub(crate) fn deadline_header(&self) -> Option<&str> {
        match &self.deadline_header.value {
            OrOff::On(name) => Some(name),
            OrOff::Off => None,
        }
    }

    /// Reports what the types alone could not: no endpoint, endpoints named twice, limits of 0.
    pub fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        self.check_endpoints(place, path, problems);
        let mut report = |place: &Place, field: &str, (message, remedy): (String, String)| {
            problems.push(Problem::error(place.clone(), format!("{path}.{field}"), message).remedy(remedy));
        };
        if self.connections.max == 0 {
            report(
                place,
                "connections.max",
                ("no connection would ever be made".into(), "write 1 or more".into()),
            );
        }
        let header = &self.deadline_header;
        if let OrOff::On(name) = &header.value
            && !sekisho_wire::is_field_name(name.as_bytes())
        {
            let wrong = format!("`{name}` is no name of a header");
            let at = if header.place.is_none() { place } else { &header.place };
            report(at, "deadline_header", (wrong, "write one such as `X-Request-Deadline`, or `off`".into()));
        }
        self.check_parts(place, path, problems);
    }

    /// Reports what is wrong with the parts that have files of their own.
    fn check_parts(&self, place: &Place, path: &str, problems: &mut Problems) {
        self.balance.check(&self.balance.place, place, path, problems);
        if let Some(sticky) = self.sticky() {
            sticky.check(place, path, problems);
        }
        self.tunnels.check(place, path, problems);
        if let Some(breaker) = self.breaker() {
            breaker.check(place, path, problems);
        }
        if let Some((limit, at)) = self.limit() {
            limit.check(if at.is_none() { place } else { at }, path, problems);
        }
        if let Some(OrOff::On(retry)) = &self.retry {
            retry.check(place, path, problems);
        }
        if let Some(OrOff::On(hedge)) = &self.hedge {
            hedge.check(place, path, problems);
        }
        if let Some(OrOff::On(health)) = &self.health {
            health.check(place, path, problems);
        }
        if let Some(OrOff::On(outlier)) = &self.outlier {
            outlier.check(place, path, problems);
        }
    }

    /// When an endpoint is ejected, if ever.
    pub(crate) fn outlier(&self) -> Option<Outlier> {
        match &self.outlier {
            None => Some(OutlierConfig::default().compile()),
            Some(OrOff::On(outlier)) => Some(outlier.compile()),
            Some(OrOff::Off) => None,
        }
    }

    /// How endpoints are checked, if they are.
    pub(crate) fn health(&self) -> Option<Check> {
        match &self.health {
            Some(OrOff::On(health)) => Some(health.compile()),
            Some(OrOff::Off) | None => None,
        }
    }

    fn check_endpoints(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut report = |place: &Place, field: &str, (message, remedy): (String, String)| {
            problems.push(Problem::error(place.clone(), format!("{path}.{field}"), message).remedy(remedy));
        };
        if self.endpoints.is_empty() && self.discover.is_none() {
            report(
                place,
                "endpoints",
                ("there is no endpoint".into(), "list at least one: `endpoints: [http://host:port]`, or write where they are found: `discover`".into()),
            );
        }
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let field = format!("endpoints[{index}]");
            if self.endpoints[..index].iter().any(|other| other.value.url == endpoint.value.url) {
                let wrong = format!("`{}` is listed twice", endpoint.value.url);
                report(&endpoint.place, &field, (wrong, "give one of them more `weight` instead".into()));
            }
        }
        if !self.endpoints.is_empty()
            && self.discover.is_none()
            && self.endpoints.iter().all(|endpoint| endpoint.value.weight == 0)
        {
            report(
                place,
                "endpoints",
                ("all weights are 0".into(), "give at least one endpoint a weight of 1 or more".into()),
            );
        }
        if let Some(threshold) = self.panic_threshold.as_ref().filter(|threshold| threshold.value > 100) {
            let at = &threshold.place;
            report(at, "panic_threshold", ("more than all cannot be".into(), "write 0 to 100".into()));
        }
        if let Some(zone) = &self.prefer_zone
            && self.discover.is_none()
            && !self.endpoints.iter().any(|endpoint| endpoint.value.zone.as_ref() == Some(&zone.value))
        {
            let wrong = format!("no endpoint is in zone `{}`", zone.value);
            report(&zone.place, "prefer_zone", (wrong, "give endpoints a `zone`, or remove it".into()));
        }
    }

    /// The circuit breaker of the service or of each of its endpoints, if there is to be one.
    pub(crate) fn breaker_per(&self, per: Per) -> Option<&BreakerConfig> {
        self.breaker().filter(|breaker| breaker.per == per)
    }

    /// The circuit breaker, if there is to be one.
    fn breaker(&self) -> Option<&BreakerConfig> {
        match &self.breaker {
            Some(OrOff::On(breaker)) => Some(breaker),
            Some(OrOff::Off) | None => None,
        }
    }

    /// Most requests at once, if they are to be limited, and where that is written.
    pub(crate) fn limit(&self) -> Option<(&LimitSettings, &Place)> {
        match self.limit.as_ref().map(|limit| (&limit.value, &limit.place)) {
            Some((OrOff::On(limit), place)) => Some((&limit.0, place)),
            Some((OrOff::Off, _)) | None => None,
        }
    }

    /// The cookie by which clients come back, if there is to be one.
    pub(crate) fn sticky(&self) -> Option<&StickyConfig> {
        match &self.sticky {
            Some(OrOff::On(sticky)) => Some(sticky),
            Some(OrOff::Off) | None => None,
        }
    }

    /// In what time the share of a new endpoint grows to its whole.
    pub(crate) fn slow_start(&self) -> Duration {
        match &self.slow_start {
            Some(OrOff::On(time)) => time.as_duration(),
            Some(OrOff::Off) | None => Duration::ZERO,
        }
    }

    /// The longest wait for the response's head.
    pub(crate) fn first_byte(&self) -> Duration {
        let first_byte = self.timeouts.first_byte;
        self.breaker().map_or(first_byte, |breaker| first_byte.min(breaker.timeout.value)).as_duration()
    }
}
