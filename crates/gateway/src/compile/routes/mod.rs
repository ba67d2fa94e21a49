//! The routes, from a tree as written to a flat list with everything inherited.

mod health;
mod mirror;
mod narrow;
mod split;
mod target;
mod upgrade;

use std::sync::Arc;

use sekisho_policies::Context;
use sekisho_units::{At, Place, Problem, Problems};
use sekisho_upstream::Carry;
use sekisho_wire::is_field_name;
use sekisho_yaml::join;

use self::narrow::Asked;
use super::counters::Counters;
use super::services::Services;
use super::steps::Chain;

pub(crate) use self::upgrade::usual as usual_upgrades;
use crate::document::{Document, RouteConfig, RouteDocument};
use crate::plan::{About, Handed, Plan, Target};
use crate::route::Entry;
use crate::route::Fork;

/// The routes that answer, flat.
pub(super) struct Compiled {
    pub(super) routes: Vec<Flat>,
}

/// A route that answers, with everything inherited.
pub(super) struct Flat {
    pub(super) entry: Entry,
    pub(super) asked: Asked,
    pub(super) place: Place,
    pub(super) path: String,
    pub(super) chain: Arc<Chain>,
    /// One at least; each has a plan of its own.
    pub(super) targets: Vec<Target>,
    /// Who gets which, where there are several.
    fork: Option<Fork>,
    pub(super) kept: Kept,
    /// What is written of it and above it.
    pub(super) digest: u64,
}

/// What a route hands down beside its policies and what it asks; the nearest word counts.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) public: bool,
    pub(super) handed: Arc<Handed>,
}

impl Default for Kept {
    fn default() -> Self {
        let handed = Handed { upgrade: upgrade::usual(), ..Handed::default() };
        Self { public: false, handed: Arc::new(handed) }
    }
}

struct Walk<'a> {
    services: &'a Services,
    carry: &'a Carry,
    context: &'a Context<'a>,
    problems: &'a mut Problems,
    found: Vec<Flat>,
    /// How many plans they have.
    plans: usize,
}

impl Compiled {
    pub(super) fn new(
        document: &Document<'_>,
        top: &Chain,
        (services, carry): (&Services, &Carry),
        context: &Context<'_>,
        problems: &mut Problems,
    ) -> Self {
        let mut walk = Walk { services, carry, context, problems, found: Vec::new(), plans: 0 };
        let top = Arc::new(top.clone());
        for route in &document.routes {
            walk.route(route, &Asked::nothing(), &top, &Kept::default());
        }
        Self { routes: walk.found }
    }

    /// What the router needs, and the plans.
    pub(super) fn finish(self, counters: &Counters<'_>) -> (Vec<Entry>, Box<[Plan]>) {
        let (mut entries, mut plans) = (Vec::new(), Vec::new());
        for flat in self.routes {
            entries.push(flat.finish(counters, &mut plans));
        }
        (entries, plans.into())
    }
}

impl Flat {
    /// Adds its plans, the first of which stands where its entry says.
    fn finish(mut self, counters: &Counters<'_>, plans: &mut Vec<Plan>) -> Entry {
        let mut fork = self.fork.take().map(Box::new);
        for target in std::mem::take(&mut self.targets) {
            let identity = self.identity(&target);
            let counters = counters.route(&identity);
            let pattern = &self.entry.pattern;
            let steps = self.chain.plan_steps(&counters);
            let about = About {
                identity: identity.into(),
                digest: self.digest,
                place: self.place.clone(),
                challenges: Plan::challenges(&steps),
            };
            plans.push(Plan {
                route: pattern.as_str().into(),
                about: Arc::new(about),
                params: pattern.params().map(Into::into).collect(),
                authenticators: Plan::authenticators(&steps),
                steps,
                target,
                fork: fork.take(),
                handed: Arc::clone(&self.kept.handed),
                meter: counters.meter(),
            });
        }
        self.entry
    }

    /// What tells it from every other route, in this configuration and in those before and after it.
    fn identity(&self, target: &Target) -> String {
        let Entry { pattern, hosts, methods, headers, .. } = &self.entry;
        let target = match target {
            Target::Service(service) => &service.name,
            Target::Redirect(_) => "redirect",
            Target::Respond(_) => "respond",
            Target::Health(_) => "health",
            Target::Nothing => "",
        };
        format!("{pattern} {methods:?} {hosts:?} {headers:?} {target}")
    }
}

impl Walk<'_> {
    fn route(&mut self, route: &RouteDocument, above: &Asked, chain: &Arc<Chain>, kept: &Kept) {
        let mut asked = above.clone();
        let mut kept = kept.clone();
        if let Some(config) = &route.config {
            asked = above.narrow(config, &route.path, self.problems);
        }
        let chain = match route.policies.as_slice() {
            [] => Arc::clone(chain),
            entries => Arc::new(chain.with((&asked.scope(), entries), self.context, self.problems)),
        };
        if let Some(config) = &route.config {
            self.keep(config, &route.path, &mut kept);
            self.answer(route, config, &asked, &chain, &kept);
        } else {
            // Where the route lies is not known, so nothing beneath it can lie wrong.
            asked.above = None;
        }
        for beneath in route.routes.iter().flatten() {
            self.route(beneath, &asked, &chain, &kept);
        }
    }

    fn answer(
        &mut self,
        route: &RouteDocument,
        config: &RouteConfig,
        asked: &Asked,
        chain: &Arc<Chain>,
        kept: &Kept,
    ) {
        if !target::is_written(config) {
            if route.routes.is_none() {
                let problem =
                    Problem::error(route.place.clone(), route.path.as_str(), "nothing answers on this route");
                self.problems.push(
                    problem.remedy("add `service`, `split`, `redirect` or `respond`, or `routes` beneath it"),
                );
            }
            return;
        }
        let compiled = target::compile(config, &route.path, self.services, self.problems);
        let Some((targets, fork)) = compiled else { return };
        let entry = Entry {
            plan: self.plans,
            pattern: config.path.value.clone(),
            hosts: asked.hosts.clone(),
            methods: asked.methods.clone(),
            headers: asked.headers.clone(),
        };
        self.plans += targets.len();
        self.found.push(Flat {
            entry,
            asked: asked.clone(),
            place: route.place.clone(),
            path: route.path.clone(),
            chain: Arc::clone(chain),
            targets,
            fork,
            kept: kept.clone(),
            digest: route.digest,
        });
    }

    fn keep(&mut self, config: &RouteConfig, path: &str, kept: &mut Kept) {
        kept.public = config.public.unwrap_or(kept.public);
        if let Some(risky) = config.risky_paths {
            Arc::make_mut(&mut kept.handed).risky_paths = risky;
        }
        if let Some(timeout) = &config.timeout {
            if timeout.is_zero() {
                let message = "no request would be in time";
                let problem = Problem::error(timeout.place.clone(), join(path, "timeout"), message);
                self.problems.push(problem.remedy("write a time such as `30s`"));
            }
            Arc::make_mut(&mut kept.handed).total = Some(timeout.as_duration());
        }
        if let Some(trailers) = &config.trailers {
            self.check_trailers(trailers, path);
            let names = trailers.iter().map(|at| at.value.as_str().into()).collect();
            Arc::make_mut(&mut kept.handed).trailers = names;
        }
        if let Some(written) = &config.mirror {
            let mirror =
                mirror::compile(written, &join(path, "mirror"), self.services, self.carry, self.problems);
            Arc::make_mut(&mut kept.handed).mirror = mirror.map(Arc::new);
        }
        if let Some(written) = &config.upgrade {
            let allowed = upgrade::compile(written, &join(path, "upgrade"), self.problems);
            Arc::make_mut(&mut kept.handed).upgrade = allowed;
        }
    }

    fn check_trailers(&mut self, trailers: &[At<String>], path: &str) {
        for (index, at) in trailers.iter().enumerate().filter(|(_, at)| !is_field_name(at.as_bytes())) {
            let message = format!("`{}` is no name of a header field", at.value);
            let problem = Problem::error(at.place.clone(), format!("{path}.trailers[{index}]"), message);
            self.problems.push(problem.remedy("write letters, digits and `-`"));
        }
    }
}
