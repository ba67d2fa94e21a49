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
    steps: Vec<Option<(Arc<Step>, Mode)>>,
}

impl Chain {
    /// The policies that are on unless switched off.
    pub(super) fn default_on(context: &Context<'_>, problems: &mut Problems) -> Self {
        let settings = Node { place: Place::none(), kind: Kind::Map(Vec::new()) };
        let steps = NAMES.iter().map(|name| {
            let on = DEFAULT_ON.contains(name);
            let path = format!("policies.{name}");
            let mut here = Here { place: Place::none(), path, scope: "", problems };
            let step = on.then(|| Step::compile(name, &settings, &mut here, context)).flatten();
            step.map(|step| (Arc::new(step), Mode::Enforce))
        });
        Self { steps: steps.collect() }
    }

    /// The policies that hold beneath `entries`, which stand on the route that `scope` tells from others.
    pub(super) fn with(
        &self,
        (scope, entries): (&str, &[PolicyEntry]),
        context: &Context<'_>,
        problems: &mut Problems,
    ) -> Self {
        let mut chain = self.clone();
        for entry in entries {
            chain.steps[entry.policy] = match &entry.setting {
                Setting::Off => None,
                Setting::On { settings, mode } => {
                    let (place, path) = (entry.place.clone(), entry.path.clone());
                    let mut here = Here { place, path, scope, problems };
                    // Settings are checked even if the policy is off, so that switching it on holds no surprise.
                    Step::compile(NAMES[entry.policy], settings, &mut here, context)
                        .filter(|_| *mode != Mode::Off)
                        .map(|step| (Arc::new(step), *mode))
                }
            };
        }
        chain
    }

    /// Whether a policy of one of these names is there and bites.
    pub(super) fn enforces_any(&self, names: &[&str]) -> bool {
        self.steps.iter().flatten().any(|(step, mode)| *mode == Mode::Enforce && names.contains(&step.name()))
    }

    /// The steps of a plan, in walking order, with the meters of its route.
    pub(super) fn plan_steps(&self, counters: &RouteCounters<'_>) -> Box<[PlanStep]> {
        let steps = self.steps.iter().flatten().map(|(step, mode)| PlanStep {
            step: Arc::clone(step),
            mode: *mode,
            meter: counters.step(step.name()),
        });
        steps.collect()
    }
}
