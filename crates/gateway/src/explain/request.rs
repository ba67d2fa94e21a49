//! What happens to one request, and why not something else.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

use schemars::JsonSchema;
use sekisho_wire::{HeadBuf, HeadView, normalise};
use serde::Serialize;

use super::plans::{RoutePlan, StepPlan, chain};
use super::reasons::{Nearness, reason};
use crate::route::{self, Entry, Found};
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
        /// The values of its `{name}` segments.
        params: Vec<Param>,
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
    let ask = route::Ask::new(view, normal.path, authority.unwrap_or(host));
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
        outcome: outcome(site, found, taken, (view, normal.risky)),
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
    (head, risky): (HeadView<'_>, bool),
) -> Outcome {
    let policies = || StepPlan::all(&site.fallback.steps);
    match (found, taken) {
        (Found::Route { plan, params }, Some(entry)) => {
            let compiled = &site.plans[plan];
            let way = compiled.fork.as_ref().and_then(|fork| fork.decided(head)).filter(|way| *way > 0);
            let plan = Box::new(RoutePlan::of(entry, site, plan + way.unwrap_or(0)));
            if risky && !compiled.handed.risky_paths {
                return Outcome::RiskyPath { plan };
            }
            let params = compiled.params.iter().zip(params);
            let params =
                params.map(|(name, value)| Param { name: name.to_string(), value: value.to_owned() });
            Outcome::Route { plan, params: params.collect() }
        }
        (Found::MethodNotAllowed { allow }, _) => Outcome::MethodNotAllowed { allow, policies: policies() },
        _ => Outcome::NoRoute { policies: policies() },
    }
}

/// The routes that came nearest, without the one that takes the request.
fn passed(site: &Site, ask: &route::Ask<'_>, taken: Option<&Entry>) -> Vec<Passed> {
    let mut near: Vec<(Nearness, &Entry, String)> = Vec::new();
    for entry in site.router.entries() {
        if taken.is_some_and(|taken| taken.plan == entry.plan) {
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
            Self::Route { plan, params } => {
                write!(f, "taken by {}  ({}; {})", plan.path, plan.conditions, plan.place)?;
                for Param { name, value } in params {
                    write!(f, "\n  {name} = {value}")?;
                }
                write!(f, "\n  {} → {}", chain(&plan.policies), plan.target)
            }
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
