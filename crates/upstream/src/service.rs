//! A service as it runs.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sekisho_units::OrOff;
use sekisho_wire::Limits;

use crate::balance::RoundRobin;
use crate::breaker::Guard;
use crate::carry::{Carry, Kept};
use crate::config::Config;
use crate::retry::{Retry, RetryConfig, RetryMeter};
use crate::tls::Secured;
use crate::tunnel::Tunnels;

/// One service: its endpoints and how it is asked. Shared by all workers.
pub struct Service {
    /// The name in the configuration, logs and metrics.
    pub name: Arc<str>,
    /// Where it runs; never empty.
    pub endpoints: Box<[Arc<Endpoint>]>,
    /// Timeouts of its calls.
    pub timeouts: Timeouts,
    /// Whether it sees the client's `Host`.
    pub preserve_host: bool,
    /// The limits of a response's head.
    pub head_limits: Limits,
    /// Its connections that change protocols.
    pub tunnels: Tunnels,
    /// Its circuit breaker, if it has one.
    pub breaker: Option<Guard>,
    /// When it is asked once more, if ever.
    pub(crate) retry: Option<Retry>,
    balance: RoundRobin,
}

/// How long each phase of a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// From the request's last byte to the response's head.
    pub first_byte: Duration,
    /// Between two bytes of a body.
    pub idle: Duration,
    /// For the whole exchange, if limited.
    pub total: Option<Duration>,
}

/// One place where a service runs.
pub struct Endpoint {
    /// As it stands in `Host`, in logs and metrics.
    pub authority: String,
    /// What is looked up to connect.
    pub target: Target,
    /// How it is asked over TLS; `None` for in the clear.
    pub(crate) tls: Option<Secured>,
    /// Bounds on its connections.
    pub limits: ConnectionLimits,
    /// What it keeps from one configuration to the next.
    pub(crate) kept: Arc<Kept>,
}

/// Where to connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// An address.
    Address(SocketAddr),
    /// A name for the system's resolver, and a port.
    Name(String, u16),
}

/// Bounds on an endpoint's connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Most at once, over all workers.
    pub max: usize,
    /// Most requests waiting for one.
    pub queue: usize,
    /// Longest wait.
    pub wait: Duration,
    /// How long an unused one is kept.
    pub idle: Duration,
    /// Most unused ones a worker keeps.
    pub keep: usize,
}

impl Endpoint {
    /// Index of its pool in every worker's [`crate::Pools`]: the same for the same endpoint, as long as anybody knows it.
    pub fn slot(&self) -> usize {
        self.kept.slot
    }

    /// No configuration in force names it any more: its connections are closed once they are unused.
    pub fn retire(&self) {
        self.kept.retire();
    }
}

impl Service {
    /// The service `name` as `config` describes it; `config` was checked by [`Config::check`], and `secured` is what
    /// [`secure`](crate::secure) made of it.
    pub fn new(
        name: &str,
        config: &Config,
        secured: Box<[Option<Secured>]>,
        carry: &Carry,
        head_limits: Limits,
    ) -> Self {
        let connections = &config.connections;
        let limits = ConnectionLimits {
            max: connections.max as usize,
            queue: connections.queue as usize,
            wait: connections.wait.as_duration(),
            idle: connections.idle.as_duration(),
            keep: connections.keep as usize,
        };
        let mut endpoints = Vec::new();
        let mut weights = Vec::new();
        for (endpoint, tls) in config.endpoints.iter().zip(secured) {
            let authority = &endpoint.value.authority;
            let target = match authority.host.parse::<IpAddr>() {
                Ok(ip) => Target::Address(SocketAddr::new(ip, authority.port)),
                Err(_) => Target::Name(authority.host.clone(), authority.port),
            };
            endpoints.push(Arc::new(Endpoint {
                kept: carry.of(name, &identity(&endpoint.value.url, tls.as_ref()), limits.max),
                authority: authority.text.clone(),
                target,
                tls,
                limits,
            }));
            weights.push(endpoint.value.weight);
        }
        let timeouts = &config.timeouts;
        Self {
            name: name.into(),
            endpoints: endpoints.into(),
            balance: RoundRobin::new(&weights),
            timeouts: Timeouts {
                connect: timeouts.connect.as_duration(),
                first_byte: config.first_byte(),
                idle: timeouts.idle.as_duration(),
                total: timeouts.total.map(sekisho_units::Span::as_duration),
            },
            preserve_host: config.preserve_host,
            head_limits,
            tunnels: Tunnels::new(&config.tunnels, carry.tunnels(name)),
            breaker: config.breaker().map(|config| Guard::new(name, config, carry)),
            retry: match &config.retry {
                None => Some(Retry::new(name, &RetryConfig::default(), carry)),
                Some(OrOff::On(config)) => Some(Retry::new(name, config, carry)),
                Some(OrOff::Off) => None,
            },
        }
    }

    /// Comes into force: from now on its limits hold for the connections that are there already.
    pub fn settle(&self) {
        for endpoint in &self.endpoints {
            endpoint.kept.settle(endpoint.limits.max);
        }
    }

    /// The endpoint whose turn it is.
    pub fn pick(&self) -> &Arc<Endpoint> {
        &self.endpoints[self.balance.next()]
    }

    /// An endpoint that is at none of the places `tried`, if there is one; in turn as far as that goes.
    pub(crate) fn pick_other(&self, tried: &[usize]) -> &Arc<Endpoint> {
        let is_new = |endpoint: &&Arc<Endpoint>| !tried.contains(&endpoint.slot());
        let first = self.pick();
        if is_new(&first) {
            return first;
        }
        self.endpoints.iter().find(is_new).unwrap_or(first)
    }

    /// What became of its retries, if there are any.
    pub fn retries(&self) -> Option<&RetryMeter> {
        self.retry.as_ref().map(Retry::meter)
    }
}

/// What makes an endpoint another one: a connection that was made by other settings of TLS must not be used any more.
fn identity(url: &str, tls: Option<&Secured>) -> String {
    match tls {
        Some(tls) => format!("{url} {:016x}", tls.identity),
        None => url.to_owned(),
    }
}
