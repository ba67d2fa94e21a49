//! Counts that go on from one configuration to the next.
//!
//! Who counts is known by what it counts: a route by its pattern, its conditions and its target, a step by its policy's
//! name on such a route.

use std::collections::HashMap;

use crate::meter::{RouteMeter, StepMeter};
use crate::plan::Plan;
use crate::site::Site;

/// The counters of the configuration in force, for one that follows it.
pub(super) struct Counters<'a> {
    workers: usize,
    plans: HashMap<&'a str, &'a Plan>,
    fallback: Option<&'a Plan>,
}

/// The counters of one route.
pub(super) struct RouteCounters<'a> {
    workers: usize,
    before: Option<&'a Plan>,
}

impl<'a> Counters<'a> {
    pub(super) fn of(running: Option<&'a Site>, workers: usize) -> Self {
        let plans = running.map_or(&[][..], |site| &site.plans);
        Self {
            workers,
            plans: plans.iter().map(|plan| (&*plan.about.identity, plan)).collect(),
            fallback: running.map(|site| &site.fallback),
        }
    }

    /// Those of the route of this identity.
    pub(super) fn route(&self, identity: &str) -> RouteCounters<'a> {
        RouteCounters { workers: self.workers, before: self.plans.get(identity).copied() }
    }

    /// Those of requests that no route takes.
    pub(super) fn fallback(&self) -> RouteCounters<'a> {
        RouteCounters { workers: self.workers, before: self.fallback }
    }
}

impl RouteCounters<'_> {
    pub(super) fn meter(&self) -> RouteMeter {
        self.before.map_or_else(|| RouteMeter::new(self.workers), |plan| plan.meter.clone())
    }

    pub(super) fn step(&self, policy: &str) -> StepMeter {
        let before = self.before.and_then(|plan| plan.steps.iter().find(|step| step.step.name() == policy));
        before.map_or_else(|| StepMeter::new(self.workers), |step| step.meter.clone())
    }
}
