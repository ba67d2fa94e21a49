//! A service as it runs.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use sekisho_wire::Limits;
use tokio::sync::Semaphore;

use crate::balance::RoundRobin;
use crate::config::Config;

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
    balance: RoundRobin,
}

/// How long each phase of a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a TCP connection.
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
    /// Index of its pool in every worker's [`crate::Pools`]; never used for another endpoint again.
    pub slot: usize,
    /// As it stands in `Host`, in logs and metrics.
    pub authority: String,
    /// What is looked up to connect.
    pub target: Target,
    /// Bounds on its connections.
    pub limits: ConnectionLimits,
    /// A permit for each connection that may be open, over all workers.
    pub(crate) permits: Arc<Semaphore>,
    /// Requests that wait for a connection, over all workers: those who hold unused ones let go of them.
    pub(crate) waiting: AtomicUsize,
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
    /// Most requests waiting for one.
    pub queue: usize,
    /// Longest wait.
    pub wait: Duration,
    /// How long an unused one is kept.
    pub idle: Duration,
    /// Most unused ones a worker keeps.
    pub keep: usize,
}

/// Gives every endpoint its slot, the same one for the same endpoint, so that pools outlive a new configuration.
#[derive(Default)]
pub struct Slots {
    known: std::sync::Mutex<std::collections::HashMap<(String, String), usize>>,
}

impl Slots {
    fn of(&self, service: &str, url: &str) -> usize {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = known.len();
        *known.entry((service.to_owned(), url.to_owned())).or_insert(next)
    }
}

impl Service {
    /// The service `name` as `config` describes it; `config` was checked by [`Config::check`].
    pub fn new(name: &str, config: &Config, slots: &Slots, head_limits: Limits) -> Self {
        let connections = &config.connections;
        let limits = ConnectionLimits {
            queue: connections.queue as usize,
            wait: connections.wait.as_duration(),
            idle: connections.idle.as_duration(),
            keep: connections.keep as usize,
        };
        let mut endpoints = Vec::new();
        let mut weights = Vec::new();
        for endpoint in &config.endpoints {
            let authority = &endpoint.value.authority;
            let target = match authority.host.parse::<IpAddr>() {
                Ok(ip) => Target::Address(SocketAddr::new(ip, authority.port)),
                Err(_) => Target::Name(authority.host.clone(), authority.port),
            };
            endpoints.push(Arc::new(Endpoint {
                slot: slots.of(name, &endpoint.value.url),
                authority: authority.text.clone(),
                target,
                limits,
                permits: Arc::new(Semaphore::new(connections.max as usize)),
                waiting: AtomicUsize::new(0),
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
                first_byte: timeouts.first_byte.as_duration(),
                idle: timeouts.idle.as_duration(),
                total: timeouts.total.map(sekisho_units::Span::as_duration),
            },
            preserve_host: config.preserve_host,
            head_limits,
        }
    }

    /// The endpoint whose turn it is.
    pub fn pick(&self) -> &Arc<Endpoint> {
        &self.endpoints[self.balance.next()]
    }
}
