//! The compiled whole: what a configuration means, ready to run. It is replaced in one step, never changed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{Answerer, Client, Exchange, Local, Mode, Reply, Response, Scheme};
use sekisho_policies::Pass;
use sekisho_store::Store;
use sekisho_units::{Cidr, Clock};
use sekisho_upstream::Service;
use sekisho_wire::{Framing, HeadBuf, Limits, PathRules, Skip};

use crate::alert::Alerting;
use crate::forward::{Introduction, Via};
use crate::listener::Listener;
use crate::outline::Outline;
use crate::plan::Plan;
use crate::route::{Fork, Router};

/// Everything that a configuration decides.
pub struct Site {
    /// What holds for every request.
    pub settings: Settings,
    /// Finds the plan for a request.
    pub router: Router,
    /// The plans; the router names them by index.
    pub plans: Box<[Plan]>,
    /// The plan of requests that no route takes and of malformed ones: the top level's policies.
    pub fallback: Plan,
    /// The services, in the order written.
    pub services: Box<[Arc<Service>]>,
    /// Where limits are counted.
    pub store: Arc<Store>,
    /// Whom to tell what happens.
    pub alerts: Alerting,
    /// What it was made of.
    pub outline: Outline,
}

impl Site {
    /// Index of the plan that a request takes whose route has this plan first, and the answer if none serves it.
    ///
    /// `segment` is the version with which its path begins, if the route begins behind it.
    #[inline]
    pub(crate) fn way<'a>(
        &self,
        plan: usize,
        exchange: &mut Exchange<'a>,
        (segment, is_preflight): (Option<&'a str>, bool),
    ) -> (usize, Option<Box<Reply>>) {
        match self.plans[plan].fork.as_deref() {
            None => (plan, None),
            Some(Fork::Split(split)) => (plan + split.way(exchange), None),
            Some(Fork::Versions(versions)) => {
                let (way, refusal) = versions.enter(exchange, segment, is_preflight);
                match self.plans[plan + way].fork.as_deref() {
                    Some(Fork::Split(split)) => (plan + way + split.way(exchange), refusal),
                    _ => (plan + way, refusal),
                }
            }
        }
    }

    /// The header lines that `security_headers` at the top level adds to every answer, for those to connections that nobody looks into.
    pub fn security_lines(&self, clock: &Clock) -> Vec<u8> {
        let mut lines = Vec::new();
        let bites = |name: &str, mode| name == "security_headers" && mode == Mode::Enforce;
        let Some(planned) =
            self.fallback.steps.iter().find(|planned| bites(planned.step.name(), planned.mode))
        else {
            return lines;
        };
        let (request, mut answer) = (HeadBuf::default(), HeadBuf::default());
        answer.response(503);
        let local = Local::new(0, clock.clone());
        let client = Client::direct(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), Scheme::Http);
        let target = ("/", None, "");
        let mut exchange = Exchange::new(request.view(), target, Framing::None, client, clock.now(), &local);
        let response = Response { head: answer.view(), from: Answerer::Gateway };
        planned.step.leave(Pass::NotEntered, &mut exchange, &response);
        exchange.to_client.write(answer.view(), Skip::default(), &mut lines);
        lines
    }

    /// Comes into force as the first: its services begin to look for their endpoints.
    pub fn begin(&self) {
        self.services.iter().for_each(|service| service.settle());
    }

    /// Comes into force in the place of `old`: what both have in common goes on, within the new limits.
    pub fn succeed(&self, old: &Self) {
        self.services.iter().for_each(|service| service.settle());
        for service in &old.services {
            match self.services.iter().find(|new| new.name == service.name) {
                Some(new) => new.fleet.succeed(&service.fleet),
                None => service.fleet.endpoints().iter().for_each(|endpoint| endpoint.retire()),
            }
        }
    }
}

/// What holds for every request.
pub struct Settings {
    /// Where clients connect.
    pub listen: Vec<Arc<Listener>>,
    /// Where operators connect, if anywhere.
    pub admin: Option<SocketAddr>,
    /// Worker threads.
    pub workers: usize,
    /// Proxies that are believed when they tell of a client.
    pub trusted_proxies: Vec<Cidr>,
    /// The gateway's pseudonym in `Via`, if it tells one (RFC 9110 §7.6.3).
    pub via: Option<Via>,
    /// What services are told of a known user.
    pub identity: Introduction,
    /// How paths are normalised.
    pub paths: PathRules,
    /// Limits of a request's head.
    pub head_limits: Limits,
    /// Most client connections at once, over all workers.
    pub connections: usize,
    /// Most of them from one address.
    pub connections_per_address: usize,
    /// How long a client may take.
    pub client: ClientTimeouts,
    /// How long requests in flight may take to end once the gateway is told to stop.
    pub grace: Duration,
    /// How often files are looked at for changes, if at all.
    pub watch: Option<Duration>,
    /// How long tunnels may go on once the gateway is told to stop, or their port is closed. `grace` has no part in it.
    pub tunnels: Duration,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct ClientTimeouts {
    /// For a TLS handshake, and for a PROXY header.
    pub handshake: Duration,
    /// For a whole head, from its first byte.
    pub head: Duration,
    /// Between two requests of a connection, and between two bytes of an answer that it reads.
    pub idle: Duration,
    /// For a body, before its rate counts.
    pub body_grace: Duration,
    /// Fewest bytes a second of a body, on average, after the grace. 0 for no limit.
    pub body_rate: u64,
}
