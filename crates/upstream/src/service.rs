//! A service as it runs.

use std::sync::Arc;
use std::time::Duration;

use sekisho_units::OrOff;
use sekisho_wire::Limits;

use crate::breaker::{Guard, Per};
use crate::carry::Carry;
use crate::compose::Telling;
use crate::config::Config;
use crate::discover::{Discovered, Finding};
use crate::fleet::{ConnectionLimits, Fleet, Maker, Member, Settings};
use crate::health::{Check, HealthMeter};
use crate::hedge::{Hedge, HedgeMeter};
use crate::limit::Limit;
use crate::prepare::Prepared;
use crate::retry::{Retry, RetryConfig, RetryMeter};
use crate::tunnel::Tunnels;

/// One service: its endpoints and how it is asked. Shared by all workers.
pub struct Service {
    /// The name in the configuration, logs and metrics.
    pub name: Arc<str>,
    /// Where it runs, and whose turn it is.
    pub fleet: Arc<Fleet>,
    /// Timeouts of its calls.
    pub timeouts: Timeouts,
    /// Whether it sees the client's `Host`.
    pub preserve_host: bool,
    /// How it is told of deadlines, if it is.
    pub(crate) deadline: Option<Telling>,
    /// The limits of a response's head.
    pub head_limits: Limits,
    /// Its connections that change protocols.
    pub tunnels: Tunnels,
    /// How many requests it has at once, if that is limited.
    pub limit: Option<Limit>,
    /// Its circuit breaker, if it has one for all its endpoints.
    pub breaker: Option<Guard>,
    /// Where endpoints of it are found, if they are.
    pub discovery: Option<Discovered>,
    /// How its endpoints are checked, if they are.
    pub(crate) check: Option<Arc<Check>>,
    /// What the checks have found.
    pub checks: Arc<HealthMeter>,
    /// When it is asked once more, if ever.
    pub(crate) retry: Option<Retry>,
    /// When another endpoint is asked as well, if ever.
    pub(crate) hedge: Option<Hedge>,
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

impl Service {
    /// The service `name` as `config` describes it; `config` was checked by [`Config::check`], and `prepared` is what
    /// [`prepare`](crate::prepare) made of it.
    pub fn new(name: &str, config: &Config, prepared: Prepared, carry: &Carry, head_limits: Limits) -> Self {
        let connections = &config.connections;
        let limits = ConnectionLimits {
            max: connections.max as usize,
            queue: connections.queue as usize,
            wait: connections.wait.as_duration(),
            idle: connections.idle.as_duration(),
            keep: connections.keep as usize,
        };
        let Prepared { tls, discover } = prepared;
        let written = config.endpoints.iter().zip(tls.written);
        let written: Vec<_> = written
            .map(|(endpoint, tls)| Member {
                config: endpoint.value.clone(),
                tls: tls.map(|tls| tls.carried(name, carry)),
            })
            .collect();
        let found = discover.map(|plan| Finding::new(name, plan, written.clone(), tls.found, carry));
        let members = found.as_ref().map_or(written, Finding::members);
        let maker = Maker {
            service: name.into(),
            limits,
            places: carry.places(),
            helm: carry.helm(name),
            events: carry.events(),
            errands: carry.errands(),
            breaker: config.breaker_per(Per::Endpoint).cloned(),
        };
        let timeouts = &config.timeouts;
        let fleet = Arc::new(Fleet::new(members, Settings::of(name, config), maker));
        Self {
            name: name.into(),
            discovery: found.map(|finding| finding.serving(&fleet)),
            fleet,
            timeouts: Timeouts {
                connect: timeouts.connect.as_duration(),
                first_byte: config.first_byte(),
                idle: timeouts.idle.as_duration(),
                total: timeouts.total.map(sekisho_units::Span::as_duration),
            },
            preserve_host: config.preserve_host,
            deadline: config.deadline_header().map(Telling::by),
            head_limits,
            tunnels: Tunnels::new(&config.tunnels, carry.tunnels(name)),
            limit: config.limit().map(|(config, _)| Limit::new(config, carry.limit(name))),
            breaker: config.breaker_per(Per::Service).map(|config| Guard::of_service(name, config, carry)),
            check: config.health().map(Arc::new),
            checks: carry.checks(name),
            retry: match &config.retry {
                None => Some(Retry::new(name, &RetryConfig::default(), carry)),
                Some(OrOff::On(config)) => Some(Retry::new(name, config, carry)),
                Some(OrOff::Off) => None,
            },
            hedge: match &config.hedge {
                Some(OrOff::On(config)) => Some(Hedge::new(name, config, carry)),
                Some(OrOff::Off) | None => None,
            },
        }
    }

    /// Comes into force: from now on its limits hold for the connections that are there already, and its endpoints are looked
    /// for.
    pub fn settle(&self) {
        self.fleet.settle();
        if let Some(limit) = &self.limit {
            limit.settle();
        }
        if let Some(discovery) = &self.discovery {
            discovery.settle();
        }
    }

    /// Whether its endpoints are checked.
    pub fn is_checked(&self) -> bool {
        self.check.is_some()
    }

    /// What became of its requests whose answers were long in coming, if another endpoint is asked then.
    pub fn hedges(&self) -> Option<&HedgeMeter> {
        self.hedge.as_ref().map(Hedge::meter)
    }

    /// What became of its retries, if there are any.
    pub fn retries(&self) -> Option<&RetryMeter> {
        self.retry.as_ref().map(Retry::meter)
    }
}
