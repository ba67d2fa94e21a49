//! One place where a service runs.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{Errands, Events};
use sekisho_units::Tick;

use super::config::EndpointConfig;
use super::helm::Helm;
use super::load::Load;
use super::standing::Fault;
use crate::breaker::{BreakerConfig, Guard, Ticket, Whose};
use crate::carry::{Kept, Places};
use crate::tls::Secured;

/// One place where a service runs. What it says never changes; what is known of it is in what it keeps.
pub struct Endpoint {
    /// As it stands in logs and metrics.
    pub authority: Arc<str>,
    /// As it stands in `Host`.
    pub host: Arc<str>,
    /// What is looked up to connect.
    pub target: Target,
    /// Its share of the requests beside the others' weights.
    pub weight: u32,
    /// Those of the lowest number are asked first.
    pub priority: u32,
    /// Where it stands, if that is told.
    pub zone: Option<Arc<str>>,
    /// What tells it from all others, wherever that is reckoned: the same in every gateway and at every start.
    pub(crate) id: u64,
    /// Its name in cookies; 0 where there are none.
    pub(crate) token: u64,
    /// How it is asked over TLS; `None` for in the clear.
    pub(crate) tls: Option<Secured>,
    /// Its circuit breaker, if it has one of its own.
    pub breaker: Option<Guard>,
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

/// Somebody who is to serve: an endpoint as a configuration or a registry names it.
#[derive(Clone)]
pub struct Member {
    /// Where it runs, and its share.
    pub config: EndpointConfig,
    /// How it is asked over TLS; `None` for in the clear.
    pub tls: Option<Secured>,
}

/// What the endpoints of a service have in common.
pub(crate) struct Maker {
    pub(crate) service: Arc<str>,
    pub(crate) limits: ConnectionLimits,
    pub(crate) places: Places,
    pub(crate) helm: Arc<Helm>,
    pub(crate) events: Option<Arc<dyn Events>>,
    /// Where work is left that is too much for a worker.
    pub(crate) errands: Arc<dyn Errands>,
    /// The circuit breaker that each has, if it has one of its own.
    pub(crate) breaker: Option<BreakerConfig>,
}

impl Maker {
    /// The endpoint of a member, and whether nobody knew it before.
    pub(crate) fn make(&self, member: Member, token: impl Fn(&str) -> u64) -> (Arc<Endpoint>, bool) {
        let Member { config, tls } = member;
        let authority = &config.authority;
        let target = match authority.host.parse::<IpAddr>() {
            Ok(ip) => Target::Address(SocketAddr::new(ip, authority.port)),
            Err(_) => Target::Name(authority.host.clone(), authority.port),
        };
        let identity = identity(&config, tls.as_ref());
        let (kept, new) = self.places.of(&self.service, &identity, self.limits.max);
        let text: Arc<str> = authority.text.as_str().into();
        let host =
            config.alias.as_ref().map_or_else(|| Arc::clone(&text), |alias| alias.text.as_str().into());
        let breaker = self.breaker.as_ref().map(|config| {
            let whose = Whose { service: Arc::clone(&self.service), endpoint: Some(Arc::clone(&text)) };
            Guard::new(whose, config, kept.breaker(&config.settings()), self.events.clone())
        });
        let endpoint = Endpoint {
            authority: text,
            host,
            target,
            weight: config.weight,
            priority: config.priority,
            zone: config.zone.as_deref().map(Into::into),
            id: crate::balance::hashed(config.url.as_bytes()),
            token: token(&config.url),
            tls,
            breaker,
            limits: self.limits,
            kept,
        };
        (Arc::new(endpoint), new)
    }
}

/// What makes an endpoint another one: a connection that was made by other settings of TLS must not be used any more.
fn identity(config: &EndpointConfig, tls: Option<&Secured>) -> String {
    let url = &config.url;
    match (tls, &config.alias) {
        (Some(tls), None) => format!("{url} {:016x}", tls.identity),
        // Its certificate was for this name.
        (Some(tls), Some(alias)) => format!("{url} {:016x} {}", tls.identity, alias.host),
        (None, _) => url.clone(),
    }
}

impl Endpoint {
    /// Index of its pool in every worker's [`crate::Pools`]: the same for the same endpoint, as long as anybody knows it.
    pub fn slot(&self) -> usize {
        self.kept.slot
    }

    /// Nothing in force names it any more: its connections are closed once they are unused.
    pub fn retire(&self) {
        self.kept.retire();
    }

    /// It is in force, within its limits.
    pub(super) fn settle(&self) {
        self.kept.settle(self.limits.max);
    }

    /// Leave to ask it, with a ticket if it has a circuit breaker; `None` if that gives none.
    #[inline]
    pub(crate) fn admit(&self, now: Tick) -> Option<Option<Ticket>> {
        match &self.breaker {
            None => Some(None),
            Some(guard) => guard.ask(now).map(Some),
        }
    }

    /// Whether nothing keeps it from being asked.
    pub fn is_available(&self) -> bool {
        self.kept.standing.is_available()
    }

    /// Where it is, as a URL.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.tls.is_some() { "https" } else { "http" }, self.authority)
    }

    /// Whether it has this fault.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.kept.standing.has(fault)
    }

    /// The same as it is checked: perhaps by another port, and not over TLS if that is not `secured`.
    pub(crate) fn to_check(&self, port: Option<u16>, secured: bool) -> Self {
        let target = match (&self.target, port) {
            (target, None) => target.clone(),
            (Target::Address(address), Some(port)) => Target::Address(SocketAddr::new(address.ip(), port)),
            (Target::Name(name, _), Some(port)) => Target::Name(name.clone(), port),
        };
        Self {
            authority: Arc::clone(&self.authority),
            host: Arc::clone(&self.host),
            target,
            weight: self.weight,
            priority: self.priority,
            zone: self.zone.clone(),
            id: self.id,
            token: self.token,
            tls: self.tls.clone().filter(|_| secured),
            breaker: None,
            limits: self.limits,
            kept: Arc::clone(&self.kept),
        }
    }

    /// What it has to do.
    pub(crate) fn load(&self) -> &Load {
        &self.kept.load
    }
}

/// A request that an endpoint has, from the choice of it to the last byte of the answer, or of the tunnel.
pub(crate) struct Flight {
    pub(crate) endpoint: Arc<Endpoint>,
}

impl Flight {
    pub(crate) fn begin(endpoint: Arc<Endpoint>) -> Self {
        endpoint.load().enter();
        Self { endpoint }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.endpoint.load().leave();
    }
}
