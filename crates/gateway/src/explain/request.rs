//! What happens to one request, and why not something else.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

use schemars::JsonSchema;
use sekisho_wire::{HeadBuf, normalise};
use serde::Serialize;

use super::plans::{RoutePlan, StepPlan, chain};
use super::reasons::{Nearness, reason};
use super::versions::ChosenVersion;
use crate::route::{Ask, Entry, Fork, Found, Lead};
use crate::site::Site;

/// So many routes that do not take the request are told of.
const MOST_PASSED: usize = 12;

/// What happens to one request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Explanation {
    /// The method.
    pub method: String,
    /// The host, without its port; empty for none.
    pub host: String,
    /// The path as routes see it.
    pub path: String,
    /// What the router says.
    pub outcome: Outcome,
    /// Routes that came near, the nearest first, and why they do not take the request.
    pub passed: Vec<Passed>,
}

/// What the router says to a request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// A route takes it.
    Route {
        /// The route's plan.
        #[serde(flatten)]
        plan: Box<RoutePlan>,
        /// The version that the request means, where the route has versions.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<ChosenVersion>,
        /// The values of its `{name}` segments.
        params: Vec<Param>,
    },
    /// The route that would take it serves no version that the request means: 400.
    UnsupportedVersion {
        /// The route's plan of such requests.
        #[serde(flatten)]
        plan: Box<RoutePlan>,
        /// What the request says of its version.
        reason: String,
        /// Those that are served.
        supported: Vec<String>,
    },
    /// The route that would take it refuses the path, which holds an encoded slash, a backslash or a control character.
    RiskyPath {
        /// The route's plan.
        #[serde(flatten)]
        plan: Box<RoutePlan>,
    },
    /// The path has routes, but not for this method: 405.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
        /// The policies that see it.
        policies: Vec<StepPlan>,
    },
    /// The path has no route: 404.
    NoRoute {
        /// The policies that see it.
        policies: Vec<StepPlan>,
    },
}

/// The value of a `{name}` segment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Param {
    /// The name.
    pub name: String,
    /// The value, percent-encoded as in the path.
    pub value: String,
}

/// A route that does not take the request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Passed {
    /// Its pattern.
    pub path: String,
    /// Where it stands in the document.
    pub place: String,
    /// Why it does not.
    pub reason: String,
}

/// Why there is nothing to explain.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadRequest {
    /// No method that could be sent.
    #[error("`{0}` is no method; write one such as GET")]
    Method(String),
    /// No URL or path.
    #[error(
        "`{0}` is no request target; write a path such as /orders/7, or a URL such as http://shop.example.com/orders/7"
    )]
    Target(String),
    /// A path that is refused before any route is looked for.
    #[error("the path of `{0}` is refused before any route is looked for: {1}")]
    Path(String, String),
    /// No header field that could be sent.
    #[error("`{0}` cannot be sent as a header field; write `name: value`")]
    Header(String),
}

/// Explains what happens to a request of this method, URL (or path, with its query) and header fields. The host is that
/// of the URL, else that of a field `Host`. No policy is run.
///
/// # Errors
/// A [`BadRequest`] if this could not be sent, or is refused by the listener.
pub fn explain(
    site: &Site,
    method: &str,
    target: &str,
    headers: &[(String, String)],
) -> Result<Explanation, BadRequest> {
    let (authority, target) = split_url(target)?;
    let mut head = HeadBuf::default();
    if !sekisho_wire::is_field_name(method.as_bytes()) {
        return Err(BadRequest::Method(method.to_owned()));
    }
    head.request(method.as_bytes(), target.as_bytes()).map_err(|_| BadRequest::Target(target.to_string()))?;
    for (name, value) in headers {
        head.push(name, value.as_bytes()).map_err(|_| BadRequest::Header(format!("{name}: {value}")))?;
    }
    let view = head.view();
    let mut scratch = String::new();
    let normal = normalise(view.target(), site.settings.paths, &mut scratch)
        .map_err(|refusal| BadRequest::Path(target.to_string(), refusal.to_string()))?;
    let host = view.find("host").and_then(|host| std::str::from_utf8(host).ok()).unwrap_or_default();
    let ask = Ask::new(view, normal.path, authority.unwrap_or(host));
    let found = site.router.find(&ask);
    let taken = match &found {
        Found::Route { plan, .. } => site.router.entries().iter().find(|entry| entry.plan == *plan),
        _ => None,
    };
    Ok(Explanation {
        method: method.to_owned(),
        host: ask.host.to_owned(),
        path: normal.path.to_owned(),
        passed: passed(site, &ask, taken),
        outcome: outcome(site, found, taken, (&ask, normal.risky)),
    })
}

/// A URL's authority and the target in origin-form; a path is its own target.
fn split_url(text: &str) -> Result<(Option<&str>, Cow<'_, str>), BadRequest> {
    let bad = || BadRequest::Target(text.to_owned());
    if text.starts_with('/') {
        return Ok((None, text.into()));
    }
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).ok_or_else(bad)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    if !sekisho_wire::is_authority(authority.as_bytes()) {
        return Err(bad());
    }
    let target = target.split('#').next().unwrap_or_default();
    Ok((Some(authority), if target.starts_with('/') { target.into() } else { format!("/{target}").into() }))
}

fn outcome(
    site: &Site,
    found: Found<'_, '_>,
    taken: Option<&Entry>,
    (ask, risky): (&Ask<'_>, bool),
) -> Outcome {
    let policies = || StepPlan::all(&site.fallback.steps);
    match (found, taken) {
        (Found::Route { mut plan, params, segment }, Some(entry)) => {
            let mut version = None;
            if let Some(Fork::Versions(versions)) = site.plans[plan].fork.as_deref() {
                let choice = match ask.preflight {
                    Some(_) => versions.announced(segment),
                    None => versions.choose(ask.head, segment),
                };
                let chosen = ChosenVersion::of(versions, &choice, &site.plans[plan..]);
                let Ok(way) = choice.way else {
                    let supported = versions.names().map(str::to_owned).collect();
                    let plan = Box::new(RoutePlan::alone(entry, site, plan));
                    return Outcome::UnsupportedVersion { plan, reason: chosen.reason, supported };
                };
                plan += way;
                version = Some(chosen);
            }
            let compiled = &site.plans[plan];
            let decided = match compiled.fork.as_deref() {
                Some(Fork::Split(split)) => split.decided(ask.head),
                _ => None,
            };
            let plan = Box::new(match decided {
                Some(way) => RoutePlan::alone(entry, site, plan + way),
                None => RoutePlan::whole(entry, site, plan),
            });
            if risky && !compiled.handed.risky_paths {
                return Outcome::RiskyPath { plan };
            }
            let params = compiled.params.iter().zip(params);
            let params =
                params.map(|(name, value)| Param { name: name.to_string(), value: value.to_owned() });
            Outcome::Route { plan, version, params: params.collect() }
        }
        (Found::MethodNotAllowed { allow }, _) => Outcome::MethodNotAllowed { allow, policies: policies() },
        _ => Outcome::NoRoute { policies: policies() },
    }
}

/// The routes that came nearest, without the one that takes the request.
fn passed(site: &Site, ask: &Ask<'_>, taken: Option<&Entry>) -> Vec<Passed> {
    let mut near: Vec<(Nearness, &Entry, String)> = Vec::new();
    for entry in site.router.entries() {
        if entry.lead != Lead::None || taken.is_some_and(|taken| taken.plan == entry.plan) {
            continue;
        }
        let (nearness, reason) = reason(entry, ask, taken);
        if nearness.is_near() {
            near.push((nearness, entry, reason));
        }
    }
    near.sort_by_key(|(nearness, ..)| Reverse(*nearness));
    near.truncate(MOST_PASSED);
    let passed = near.into_iter().map(|(_, entry, reason)| Passed {
        path: entry.pattern.to_string(),
        place: site.plans[entry.plan].about.place.to_string(),
        reason,
    });
    passed.collect()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if !self.host.is_empty() {
            write!(f, " on {}", self.host)?;
        }
        write!(f, "\n{}", self.outcome)?;
        let Some(widest) = self.passed.iter().map(|passed| passed.path.chars().count()).max() else {
            return Ok(());
        };
        f.write_str("\nnot taken by")?;
        for passed in &self.passed {
            write!(f, "\n  {:widest$}  {}  ({})", passed.path, passed.reason, passed.place)?;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { plan, version, params } => {
                write!(f, "taken by {}  ({}; {})", plan.path, plan.conditions, plan.place)?;
                if let Some(ChosenVersion { version, reason }) = version {
                    write!(f, "\n  version {version}: {reason}")?;
                }
                for Param { name, value } in params {
                    write!(f, "\n  {name} = {value}")?;
                }
                write!(f, "\n  {} → {}", chain(&plan.policies), plan.target)
            }
            Self::UnsupportedVersion { plan, reason, supported } => write!(
                f,
                "refused with 400: {} ({}) serves {}; {reason}\n  {} → 400",
                plan.path,
                plan.place,
                supported.join(", "),
                chain(&plan.policies)
            ),
            Self::RiskyPath { plan } => write!(
                f,
                "refused with 400: the path holds an encoded slash, a backslash or a control character, and {} ({}) does not \
                 say `risky_paths: true`\n  {} → 400",
                plan.path,
                plan.place,
                chain(&plan.policies)
            ),
            Self::MethodNotAllowed { allow, policies } => {
                write!(f, "refused with 405: the path takes only {allow}\n  {} → 405", chain(policies))
            }
            Self::NoRoute { policies } => write!(f, "no route: 404\n  {} → 404", chain(policies)),
        }
    }
}
