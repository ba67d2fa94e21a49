//! Policies compiled and handed down from route to route.
//!
//! A policy is compiled once, where it is written; the routes beneath share it, with whatever state it has. A route's
//! policy replaces the inherited one of that name as a whole: settings are not merged.

use std::sync::Arc;

use sekisho_exchange::Mode;
use sekisho_policies::{Context, DEFAULT_ON, Here, NAMES, Step};
use sekisho_units::{Place, Problems};
use sekisho_yaml::{Kind, Node};

use super::counters::RouteCounters;
use crate::document::{PolicyEntry, Setting};
use crate::plan::PlanStep;

/// The policies that hold at some point of the document, by their place in the table of policies.
#[derive(Clone)]
pub(super) struct Chain {
    steps: Vec<Option<Link>>,
}

/// A policy where it holds, and where it is written.
#[derive(Clone)]
pub(super) struct Link {
    step: Arc<Step>,
    mode: Mode,
    pub(super) place: Place,
    pub(super) path: Arc<str>,
}

/// Policies written in one place: each of them, or that it is off, by its place in the table of policies.
pub(super) struct Links(Vec<(usize, Option<Link>)>);

impl Links {
    /// Compiles `entries`, which stand on the route that `scope` tells from others.
    pub(super) fn compile(
        (scope, entries): (&str, &[PolicyEntry]),
        context: &Context<'_>,
        problems: &mut Problems,
    ) -> Self {
        let mut link = |entry: &PolicyEntry| match &entry.setting {
            Setting::Off => None,
            Setting::On { settings, mode } => {
                let (place, path) = (entry.place.clone(), entry.path.clone());
                let mut here = Here { place, path, scope, problems: &mut *problems };
                // Settings are checked even if the policy is off, so that switching it on holds no surprise.
                let step = Step::compile(NAMES[entry.policy], settings, &mut here, context);
                step.filter(|_| *mode != Mode::Off).map(|step| Link {
                    step: Arc::new(step),
                    mode: *mode,
                    place: entry.place.clone(),
                    path: entry.path.as_str().into(),
                })
            }
        };
        Self(entries.iter().map(|entry| (entry.policy, link(entry))).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Chain {
    /// The policies that are on unless switched off.
    pub(super) fn default_on(context: &Context<'_>, problems: &mut Problems) -> Self {
        let settings = Node { place: Place::none(), kind: Kind::Map(Vec::new()) };
        let steps = NAMES.iter().map(|name| {
            let on = DEFAULT_ON.contains(name);
            let path = format!("policies.{name}");
            let written: Arc<str> = path.as_str().into();
            let mut here = Here { place: Place::none(), path, scope: "", problems };
            let step = on.then(|| Step::compile(name, &settings, &mut here, context)).flatten();
            step.map(|step| Link {
                step: Arc::new(step),
                mode: Mode::Enforce,
                place: Place::none(),
                path: written,
            })
        });
        Self { steps: steps.collect() }
    }

    /// The policies that hold beneath `links`.
    pub(super) fn with(&self, links: &Links) -> Self {
        let mut chain = self.clone();
        for (policy, link) in &links.0 {
            chain.steps[*policy].clone_from(link);
        }
        chain
    }

    /// Whether a policy that may vouch for a client is there and bites.
    pub(super) fn authenticates(&self) -> bool {
        self.biting().any(|link| link.step.authenticates())
    }

    /// The policy of this name, if it is there and bites.
    pub(super) fn enforced(&self, name: &str) -> Option<&Link> {
        self.biting().find(|link| link.step.name() == name)
    }

    /// The policy of this name, if it is there and only watches.
    pub(super) fn watching(&self, name: &str) -> Option<&Link> {
        let mut watching = self.steps.iter().flatten().filter(|link| link.mode == Mode::Shadow);
        watching.find(|link| link.step.name() == name)
    }

    fn biting(&self) -> impl Iterator<Item = &Link> {
        self.steps.iter().flatten().filter(|link| link.mode == Mode::Enforce)
    }

    /// The steps of a plan, in walking order, with the meters of its route.
    pub(super) fn plan_steps(&self, counters: &RouteCounters<'_>) -> Box<[PlanStep]> {
        let steps = self.steps.iter().flatten().map(|link| PlanStep {
            step: Arc::clone(&link.step),
            mode: link.mode,
            meter: counters.step(link.step.name()),
        });
        steps.collect()
    }
}
