//! The versions of a route, and which one a request means.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::plans::{StepPlan, TargetPlan, chain};
use crate::plan::Plan;
use crate::route::{Choice, Versions};

/// The versions of a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct VersionsPlan {
    /// Where a request may say its version: the first place that says one decides.
    pub order: Vec<String>,
    /// The version of requests that say none; `None` if they are refused.
    pub default: Option<String>,
    /// Each of them.
    pub list: Vec<VersionPlan>,
}

/// One version of a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct VersionPlan {
    /// Its name; `default` takes those that are not listed.
    pub version: String,
    /// Its policies in walking order.
    pub policies: Vec<StepPlan>,
    /// What answers.
    pub target: TargetPlan,
    /// What its clients are told with every answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
}

/// The version that a request means.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct ChosenVersion {
    /// Its name.
    pub version: String,
    /// Why it is this one.
    pub reason: String,
}

impl VersionsPlan {
    /// `plans` begin with the route's first.
    pub(super) fn of(versions: &Versions, plans: &[Plan]) -> Self {
        let name = |way: usize| edition_of(plans, way).to_owned();
        let ways = versions.served.iter().map(|served| served.way).chain(versions.others);
        Self {
            order: versions.places().collect(),
            default: versions.unsaid.map(name),
            list: ways
                .filter_map(|way| Some((way, plans.get(way)?)))
                .map(|(way, plan)| VersionPlan {
                    version: name(way),
                    policies: StepPlan::all(&plan.steps),
                    target: TargetPlan::whole(&plans[way..]),
                    headers: plan.edition.iter().flat_map(|edition| &edition.lines).map(line).collect(),
                })
                .collect(),
        }
    }
}

fn line((name, value): &(&'static str, Box<str>)) -> String {
    format!("{name}: {value}")
}

/// The name of the version that a plan serves.
fn edition_of(plans: &[Plan], way: usize) -> &str {
    plans.get(way).and_then(|plan| plan.edition.as_deref()).map_or("", |edition| &edition.name)
}

impl ChosenVersion {
    /// `plans` begin with the route's first.
    pub(super) fn of(versions: &Versions, choice: &Choice<'_>, plans: &[Plan]) -> Self {
        let way = choice.way.unwrap_or_default();
        Self { version: edition_of(plans, way).to_owned(), reason: versions.reason(choice) }
    }
}

impl fmt::Display for VersionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.version, chain(&self.policies), self.target)?;
        self.headers.iter().try_for_each(|line| write!(f, ", {line}"))
    }
}

impl fmt::Display for VersionsPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = self.default.as_deref().unwrap_or("none");
        write!(f, "version by {}; default {default}", self.order.join(", then "))?;
        self.list.iter().try_for_each(|version| write!(f, "\n  {version}"))
    }
}
