//! The routes, from a tree as written to a flat list with everything inherited.

mod health;
mod mirror;
mod narrow;
mod split;
mod target;
mod upgrade;
mod version;

use std::sync::Arc;

use sekisho_policies::Context;
use sekisho_units::{At, Place, Problem, Problems};
use sekisho_upstream::Carry;
use sekisho_wire::is_field_name;
use sekisho_yaml::join;

use self::narrow::Asked;
use self::target::Written;
use self::version::Versioning;
use super::counters::Counters;
use super::services::Services;
use super::steps::{Chain, Links};

pub(crate) use self::upgrade::usual as usual_upgrades;
use crate::document::{Document, RouteConfig, RouteDocument};
use crate::plan::{About, Handed, Plan, Target};
use crate::route::{Edition, Entry, Fork, Lead, Split, Versions};

/// The routes that answer, flat.
pub(super) struct Compiled {
    pub(super) routes: Vec<Flat>,
}

/// A route that answers, with everything inherited.
pub(super) struct Flat {
    pub(super) entry: Entry,
    /// Entries of the same route whose paths begin with a version.
    leads: Vec<Entry>,
    pub(super) asked: Asked,
    pub(super) place: Place,
    pub(super) path: String,
    /// One at least. Where there are versions, the first is of requests that mean none of them.
    pub(super) branches: Vec<Branch>,
    /// Which request takes which of the branches, where there are several.
    versions: Option<Versions>,
    pub(super) kept: Kept,
    /// What is written of it and above it.
    pub(super) digest: u64,
}

/// A route, or one of its versions: by which policies who answers.
pub(super) struct Branch {
    pub(super) chain: Arc<Chain>,
    /// One at least; each has a plan of its own.
    pub(super) targets: Vec<Target>,
    /// Who gets which, where there are several.
    split: Option<Split>,
    edition: Option<Arc<Edition>>,
}

impl Branch {
    /// Of a route without versions.
    fn alone(chain: &Arc<Chain>, (targets, split): (Vec<Target>, Option<Split>)) -> Self {
        Self { chain: Arc::clone(chain), targets, split, edition: None }
    }
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
        let versioning = walk.versions_at_the_top(document);
        for route in &document.routes {
            walk.route(route, &Asked::nothing(), &top, &Kept::default(), &versioning);
        }
        Self { routes: walk.found }
    }

    /// What the router needs, and the plans.
    pub(super) fn finish(self, counters: &Counters<'_>) -> (Vec<Entry>, Box<[Plan]>) {
        let (mut entries, mut plans) = (Vec::new(), Vec::new());
        for flat in self.routes {
            entries.extend(flat.finish(counters, &mut plans));
        }
        (entries, plans.into())
    }
}

impl Flat {
    /// What takes requests to it.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.entry).chain(&self.leads)
    }

    /// How many plans it has.
    fn plans(&self) -> usize {
        self.branches.iter().map(|branch| branch.targets.len()).sum()
    }

    /// Adds its plans, the first of which stands where its entries say.
    fn finish(
        mut self,
        counters: &Counters<'_>,
        plans: &mut Vec<Plan>,
    ) -> impl Iterator<Item = Entry> + use<> {
        let mut versions = self.versions.take().map(Fork::Versions);
        for branch in std::mem::take(&mut self.branches) {
            let mut fork = versions.take().or(branch.split.map(Fork::Split)).map(Box::new);
            for target in branch.targets {
                let identity = self.identity(&target, branch.edition.as_deref());
                let counters = counters.route(&identity);
                let pattern = &self.entry.pattern;
                let steps = branch.chain.plan_steps(&counters);
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
                    edition: branch.edition.clone(),
                    handed: Arc::clone(&self.kept.handed),
                    meter: counters.meter(),
                });
            }
        }
        std::iter::once(self.entry).chain(self.leads)
    }

    /// What tells a plan of it from every other, in this configuration and in those before and after it.
    fn identity(&self, target: &Target, edition: Option<&Edition>) -> String {
        let Entry { pattern, hosts, methods, headers, .. } = &self.entry;
        let target = match target {
            Target::Service(service) => &service.name,
            Target::Redirect(_) => "redirect",
            Target::Respond(_) => "respond",
            Target::Health(_) => "health",
            Target::Unversioned(_) | Target::Nothing => "",
        };
        let mut identity = format!("{pattern} {methods:?} {hosts:?} {headers:?} {target}");
        if let Some(edition) = edition {
            identity.push_str(" version ");
            identity.push_str(&edition.name);
        }
        identity
    }
}

impl Walk<'_> {
    fn route(
        &mut self,
        route: &RouteDocument,
        above: &Asked,
        chain: &Arc<Chain>,
        kept: &Kept,
        versioning: &Versioning,
    ) {
        let mut asked = above.clone();
        let mut kept = kept.clone();
        if let Some(config) = &route.config {
            asked = above.narrow(config, &route.path, self.problems);
        }
        let links = Links::compile((&asked.scope(), &route.policies), self.context, self.problems);
        let chain = if links.is_empty() { Arc::clone(chain) } else { Arc::new(chain.with(&links)) };
        let versioning = self.versions(route, versioning, (&chain, &links), &asked);
        if let Some(config) = &route.config {
            self.keep(config, &route.path, &mut kept);
            self.answer(route, config, &asked, (&chain, &versioning), &kept);
        } else {
            // Where the route lies is not known, so nothing beneath it can lie wrong.
            asked.above = None;
        }
        for beneath in route.routes.iter().flatten() {
            self.route(beneath, &asked, &chain, &kept, &versioning);
        }
    }

    fn answer(
        &mut self,
        route: &RouteDocument,
        config: &RouteConfig,
        asked: &Asked,
        (chain, versioning): (&Arc<Chain>, &Versioning),
        kept: &Kept,
    ) {
        let written = Written::from(config);
        if written.all().next().is_none() && !version::answers(route) {
            if route.routes.is_none() {
                let problem =
                    Problem::error(route.place.clone(), route.path.as_str(), "nothing answers on this route");
                self.problems.push(
                    problem.remedy("add `service`, `split`, `redirect` or `respond`, or `routes` beneath it"),
                );
            }
            return;
        }
        let compiled = match &versioning.held {
            Some(held) => self.versioned(route, config, chain, (held, &versioning.words)),
            None => target::compile(&written, &route.path, self.services, self.problems)
                .map(|targets| (vec![Branch::alone(chain, targets)], None)),
        };
        let Some((branches, versions)) = compiled else { return };
        let entry = Entry {
            plan: self.plans,
            pattern: config.path.value.clone(),
            hosts: asked.hosts.clone(),
            methods: asked.methods.clone(),
            headers: asked.headers.clone(),
            lead: Lead::None,
        };
        let leads = versions.iter().flat_map(|versions| version::leads(&entry, versions)).collect();
        let flat = Flat {
            entry,
            leads,
            asked: asked.clone(),
            place: route.place.clone(),
            path: route.path.clone(),
            branches,
            versions,
            kept: kept.clone(),
            digest: route.digest,
        };
        self.plans += flat.plans();
        self.found.push(flat);
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
