//! What a route does with a request, as data: an ordered list of steps, and a target.

use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::{Challenges, Content, Exchange, Mode, Reply, Template};
use sekisho_policies::Step;
use sekisho_units::Place;
use sekisho_upstream::{Mirror, Service};

use crate::health::Health;
use crate::meter::{RouteMeter, StepMeter};
use crate::route::{Edition, Fork};

/// A route's plan. The walker runs it, `sekisho plan` prints it.
///
/// Among thousands of routes each request finds another plan, far from the processor: so it begins a cache line, and holds
/// itself only what requests look at.
#[repr(align(64))]
pub struct Plan {
    /// The route's pattern as written; empty for requests that no route took.
    pub route: Arc<str>,
    /// What no request asks for.
    pub about: Arc<About>,
    /// Names of the pattern's `{name}` segments, in order.
    pub params: Box<[Box<str>]>,
    /// The policies on the route, in walking order.
    pub steps: Box<[PlanStep]>,
    /// How many of them may vouch for a client, and bite.
    pub authenticators: u8,
    /// What gives the answer when every step proceeds.
    pub target: Target,
    /// Of the first of several plans of one route: which of them a request takes.
    pub fork: Option<Box<Fork>>,
    /// The version of the route's interface that it serves, if the route has versions.
    pub edition: Option<Arc<Edition>>,
    /// What it was handed down: one for all routes that say nothing of their own.
    pub handed: Arc<Handed>,
    /// Counts its requests.
    pub meter: RouteMeter,
}

/// What a route hands down to those beneath it, beside its policies.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    /// Whether paths with an encoded slash, a backslash or a control character are taken.
    pub risky_paths: bool,
    /// Names of trailers that may pass, either way.
    pub trailers: Box<[Box<str>]>,
    /// Names of the protocols, in lower case, to which a connection may switch.
    pub upgrade: Box<[Box<str>]>,
    /// Longest time for the whole exchange, if limited.
    pub total: Option<Duration>,
    /// Who is shown its requests as well.
    pub mirror: Option<Arc<Mirror>>,
}

/// What there is to know of a plan beside what it does.
pub struct About {
    /// What tells it from every other route, in this configuration and in those before and after it.
    pub identity: Arc<str>,
    /// What is written of it: the same as before if it says the same.
    pub digest: u64,
    /// Where it stands in the document; none for requests that no route took.
    pub place: Place,
    /// How a client may prove itself, for the few that have not.
    pub challenges: Challenges,
}

/// One step of a plan.
#[derive(Clone)]
pub struct PlanStep {
    /// The policy, shared by all routes that inherit it.
    pub step: Arc<Step>,
    /// Whether it bites; never [`Mode::Off`].
    pub mode: Mode,
    /// Counts what it decides.
    pub meter: StepMeter,
}

/// What gives the answer.
pub enum Target {
    /// A service.
    Service(Arc<Service>),
    /// The client is sent elsewhere.
    Redirect(Box<Redirect>),
    /// A fixed answer.
    Respond(Box<Respond>),
    /// Whether services are well.
    Health(Arc<Health>),
    /// That no version is served which the request means. The names of those that are.
    Unversioned(Arc<[Box<str>]>),
    /// Nothing: the plan of requests that no route took, or that are malformed.
    Nothing,
}

/// Sends the client elsewhere (RFC 9110 §15.4).
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// The value of `Location`.
    pub to: Template,
}

/// A fixed answer.
pub struct Respond {
    /// 200 to 599.
    pub status: u16,
    /// The media type of the body.
    pub content_type: Arc<str>,
    /// The body; empty for none.
    pub body: Template,
    /// Further header lines: names that were checked, and their values.
    pub headers: Box<[(Box<str>, Template)]>,
}

impl Plan {
    /// Asks for what a request will count with, so that it is near by then: of thousands of routes it is far at first.
    #[inline]
    pub(crate) fn warm(&self, worker: usize) {
        self.meter.warm(worker);
        for step in &self.steps {
            step.meter.warm(worker);
        }
    }

    /// Of these steps, those that may vouch for a client and bite.
    pub(crate) fn authenticators(steps: &[PlanStep]) -> u8 {
        let bite = |step: &&PlanStep| step.mode == Mode::Enforce && step.step.authenticates();
        u8::try_from(steps.iter().filter(bite).count()).expect("there are not so many policies")
    }

    /// What those of these steps ask for that may vouch for a client, and bite.
    pub(crate) fn challenges(steps: &[PlanStep]) -> Challenges {
        let bite =
            steps.iter().filter(|planned| planned.mode == Mode::Enforce && planned.step.authenticates());
        Challenges::new(bite.filter_map(|planned| planned.step.challenge()))
    }

    /// A copy for a request that may become a tunnel, if the route allows that: it shares what the plan shares, and keeps no
    /// other route.
    pub(crate) fn for_a_tunnel(&self) -> Option<Self> {
        let Target::Service(service) = &self.target else { return None };
        (!self.handed.upgrade.is_empty()).then(|| Self {
            route: Arc::clone(&self.route),
            about: Arc::clone(&self.about),
            params: self.params.clone(),
            steps: self.steps.clone(),
            authenticators: self.authenticators,
            target: Target::Service(Arc::clone(service)),
            fork: None,
            edition: self.edition.clone(),
            handed: Arc::clone(&self.handed),
            meter: self.meter.clone(),
        })
    }

    /// The service's name for logs and metrics; empty where there is none.
    pub fn service_name(&self) -> &str {
        match &self.target {
            Target::Service(service) => &service.name,
            _ => "",
        }
    }
}

impl Redirect {
    /// Its answer to a request.
    pub(crate) fn reply(&self, exchange: &Exchange<'_>) -> Reply {
        Reply::plain(self.status, Content::Empty, "redirect")
            .header("Location", self.to.render(exchange, None))
    }
}

impl Respond {
    /// Its answer to a request.
    pub(crate) fn reply(&self, exchange: &Exchange<'_>) -> Reply {
        let body = self.body.render(exchange, None);
        let content = if body.is_empty() {
            Content::Empty
        } else {
            Content::Bytes {
                content_type: self.content_type.to_string().into(),
                bytes: body.into_bytes().into(),
            }
        };
        let mut reply = Reply::plain(self.status, content, "respond");
        for (name, value) in &self.headers {
            reply = reply.header(name.to_string(), value.render(exchange, None));
        }
        reply
    }
}
