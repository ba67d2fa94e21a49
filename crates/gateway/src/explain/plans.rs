//! All plans of a site.

use std::cmp::Reverse;
use std::fmt;

use schemars::JsonSchema;
use sekisho_exchange::Mode;
use serde::Serialize;

use super::versions::VersionsPlan;
use crate::compile::usual_upgrades;
use crate::plan::{Plan, PlanStep, Target};
use crate::route::{Entry, Fork, Lead, Methods, Split};
use crate::site::Site;

/// All plans of a site, by pattern.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Plans {
    /// One for each route.
    pub routes: Vec<RoutePlan>,
    /// The policies of requests that no route takes.
    pub fallback: Vec<StepPlan>,
}

/// The plan of one route.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RoutePlan {
    /// The pattern of its paths.
    pub path: String,
    /// What it asks of a request beside its path.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// Its policies in walking order.
    pub policies: Vec<StepPlan>,
    /// What answers.
    pub target: TargetPlan,
    /// The versions of its interface, each with policies and a target of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<VersionsPlan>,
    /// Longest time for the whole exchange, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The protocols that a connection may switch to, if they are not the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Vec<String>>,
    /// Where it stands in the document.
    pub place: String,
}

/// What a route asks of a request beside its path; nothing where a list is empty.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Conditions {
    /// The hosts that it takes.
    pub hosts: Vec<String>,
    /// The methods that it takes.
    pub methods: Vec<String>,
    /// Conditions on header fields, such as ``x-beta is `1` ``.
    pub headers: Vec<String>,
}

/// One policy of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct StepPlan {
    /// Its name.
    pub policy: &'static str,
    /// Whether it bites.
    pub mode: Mode,
}

/// What answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TargetPlan {
    /// A service.
    Service {
        /// Its name.
        name: String,
    },
    /// Several services.
    Split {
        /// Who gets what, in the order in which it is decided.
        ways: Vec<WayPlan>,
    },
    /// What each version names.
    Versions,
    /// The client is sent elsewhere.
    Redirect {
        /// The status.
        status: u16,
    },
    /// A fixed answer.
    Respond {
        /// The status.
        status: u16,
    },
    /// Whether services are well.
    Health,
    /// Nothing.
    Nothing,
}

/// One of several services.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct WayPlan {
    /// Its name.
    pub service: String,
    /// Requests that are so go there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Its share of all others in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u64>,
}

/// The plans of a site, by pattern.
pub fn plans(site: &Site) -> Plans {
    let mut entries: Vec<&Entry> =
        site.router.entries().iter().filter(|entry| entry.lead == Lead::None).collect();
    // A pattern's `*` and `{` sort by chance; what counts is that routes of one prefix stand together.
    entries.sort_by_cached_key(|entry| (entry.pattern.to_string(), Reverse(entry.hosts.len()), entry.plan));
    let routes = entries.into_iter().map(|entry| RoutePlan::whole(entry, site, entry.plan)).collect();
    Plans { routes, fallback: StepPlan::all(&site.fallback.steps) }
}

impl RoutePlan {
    /// Of a route's plan, and of those behind it where its requests part.
    pub(super) fn whole(entry: &Entry, site: &Site, index: usize) -> Self {
        let plans = &site.plans[index..];
        let versions = match plans[0].fork.as_deref() {
            Some(Fork::Versions(versions)) => Some(VersionsPlan::of(versions, plans)),
            _ => None,
        };
        Self { target: TargetPlan::whole(plans), versions, ..Self::alone(entry, site, index) }
    }

    /// Of one of a route's plans.
    pub(super) fn alone(entry: &Entry, site: &Site, index: usize) -> Self {
        let plan = &site.plans[index];
        Self {
            path: plan.route.to_string(),
            conditions: Conditions::of(entry),
            policies: StepPlan::all(&plan.steps),
            target: TargetPlan::of(&plan.target),
            versions: None,
            timeout_ms: plan.handed.total.map(|total| u64::try_from(total.as_millis()).unwrap_or(u64::MAX)),
            upgrade: upgrade_of(plan),
            place: plan.about.place.to_string(),
        }
    }
}

/// What a route allows, if it is a service's and not as usual.
fn upgrade_of(plan: &Plan) -> Option<Vec<String>> {
    let shown = matches!(plan.target, Target::Service(_)) && plan.handed.upgrade != usual_upgrades();
    shown.then(|| plan.handed.upgrade.iter().map(ToString::to_string).collect())
}

impl Conditions {
    pub(super) fn of(entry: &Entry) -> Self {
        let methods = match &entry.methods {
            Methods::Any => Vec::new(),
            Methods::Listed(set) => set.names().map(str::to_owned).collect(),
        };
        Self {
            hosts: entry.hosts.iter().map(ToString::to_string).collect(),
            methods,
            headers: entry.headers.iter().map(ToString::to_string).collect(),
        }
    }
}

impl StepPlan {
    pub(super) fn all(steps: &[PlanStep]) -> Vec<Self> {
        steps.iter().map(|step| Self { policy: step.step.name(), mode: step.mode }).collect()
    }
}

impl TargetPlan {
    /// What answers by a plan, or by those behind it where its requests part.
    pub(super) fn whole(plans: &[Plan]) -> Self {
        match plans[0].fork.as_deref() {
            None => Self::of(&plans[0].target),
            Some(Fork::Split(split)) => Self::split(split, plans),
            Some(Fork::Versions(_)) => Self::Versions,
        }
    }

    fn split(split: &Split, plans: &[Plan]) -> Self {
        let name = |way: usize| plans.get(way).map_or("", Plan::service_name).to_owned();
        let rules = split.rules.iter().map(|rule| WayPlan {
            service: name(rule.way),
            when: Some(rule.to_string()),
            percent: None,
        });
        let shares = split.shares.iter().map(|share| WayPlan {
            service: name(share.way),
            when: None,
            percent: Some(split.percent(share)),
        });
        Self::Split { ways: rules.chain(shares).collect() }
    }

    fn of(target: &Target) -> Self {
        match target {
            Target::Service(service) => Self::Service { name: service.name.to_string() },
            Target::Redirect(redirect) => Self::Redirect { status: redirect.status },
            Target::Respond(respond) => Self::Respond { status: respond.status },
            Target::Health(_) => Self::Health,
            Target::Unversioned(_) => Self::Respond { status: 400 },
            Target::Nothing => Self::Nothing,
        }
    }
}

impl fmt::Display for StepPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.policy)?;
        match self.mode {
            Mode::Shadow => f.write_str(" (shadow)"),
            Mode::Enforce | Mode::Off => Ok(()),
        }
    }
}

impl fmt::Display for TargetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { name } => write!(f, "service {name}"),
            Self::Split { ways } => {
                let ways: Vec<_> = ways.iter().map(ToString::to_string).collect();
                f.write_str(&ways.join(", "))
            }
            Self::Versions => f.write_str("by version"),
            Self::Redirect { status } => write!(f, "redirect {status}"),
            Self::Respond { status } => write!(f, "respond {status}"),
            Self::Health => f.write_str("health of services"),
            Self::Nothing => f.write_str("404"),
        }
    }
}

impl fmt::Display for WayPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service {}", self.service)?;
        if let Some(when) = &self.when {
            write!(f, " where {when}")?;
        }
        if let Some(percent) = self.percent {
            write!(f, " {percent}%")?;
        }
        Ok(())
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods = if self.methods.is_empty() { "any method".to_owned() } else { self.methods.join(" ") };
        f.write_str(&methods)?;
        if !self.hosts.is_empty() {
            write!(f, ", on {}", self.hosts.join(" or "))?;
        }
        if !self.headers.is_empty() {
            write!(f, ", where {}", self.headers.join(" and "))?;
        }
        Ok(())
    }
}

impl fmt::Display for RoutePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  ({})", self.path, self.conditions)?;
        match &self.versions {
            Some(versions) => write!(f, "  {versions}")?,
            None => write!(f, "  {} → {}", chain(&self.policies), self.target)?,
        }
        if let Some(timeout) = self.timeout_ms {
            write!(f, ", within {}", sekisho_units::Span::from_millis(timeout))?;
        }
        match self.upgrade.as_deref() {
            None => {}
            Some([]) => f.write_str(", no upgrade")?,
            Some(names) => write!(f, ", upgrade to {}", names.join(" or "))?,
        }
        write!(f, "\n  {}", self.place)
    }
}

impl fmt::Display for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for route in &self.routes {
            writeln!(f, "{route}\n")?;
        }
        write!(f, "no route\n  {} → 404", chain(&self.fallback))
    }
}

/// Policies in walking order, as in `request_id → cors (shadow)`.
pub(super) fn chain(steps: &[StepPlan]) -> String {
    match steps {
        [] => "no policy".to_owned(),
        steps => steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → "),
    }
}
