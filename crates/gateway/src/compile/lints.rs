//! What can be run but is probably not meant.

use std::collections::HashSet;

use sekisho_units::{Problem, Problems, Segment};
use sekisho_yaml::join;

use super::routes::{Compiled, Flat};
use super::services::Services;
use crate::document::Document;
use crate::plan::Target;

pub(super) fn check(
    document: &Document<'_>,
    compiled: &Compiled,
    services: &Services,
    problems: &mut Problems,
) {
    let mut told = HashSet::new();
    for route in &compiled.routes {
        problems.extend(never(route));
        problems.extend(open_to_writes(route));
        // Many routes may have it from one place.
        let often = for_nobody(route).into_iter().chain(watching_cache(route));
        problems.extend(often.filter(|problem| told.insert(problem.place.clone())));
    }
    // Where something cannot be read, what is missing may stand there.
    if problems.has_errors() {
        return;
    }
    if document.routes.is_empty() {
        let problem = Problem::warning(sekisho_units::Place::none(), "routes", "there are no routes");
        problems.push(problem.remedy("add one, or every request is answered with 404"));
    }
    for service in services.unused() {
        let message = "no route leads to this service";
        let problem = Problem::warning(service.place.clone(), join("services", &service.name), message);
        problems.push(problem.remedy("name it in a route, or remove it"));
    }
}

/// A route that no request can reach.
fn never(route: &Flat) -> Option<Problem> {
    if let Some(impossible) = &route.asked.impossible {
        let message = format!("this route can never match: {}", impossible.why);
        let problem =
            Problem::warning(impossible.place.clone(), join(&route.path, impossible.field), message);
        return Some(problem.remedy("remove it, or ask less"));
    }
    let risky = route.entry.pattern.segments().iter().find_map(|segment| match segment {
        Segment::Literal(text) if is_risky(text) => Some(text),
        _ => None,
    });
    let segment = risky.filter(|_| !route.kept.handed.risky_paths)?;
    let message = format!("this route can never match: paths with `{segment}` are refused");
    let problem = Problem::warning(route.place.clone(), join(&route.path, "path"), message);
    Some(problem.remedy("add `risky_paths: true`"))
}

/// Whether a segment in normal form holds an encoded slash, backslash or control character.
fn is_risky(segment: &str) -> bool {
    let codes = segment.split('%').skip(1).filter_map(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok());
    codes.into_iter().any(|byte| byte < 0x20 || matches!(byte, b'/' | b'\\' | 0x7f))
}

/// A route by which anybody can change something in a service.
fn open_to_writes(route: &Flat) -> Option<Problem> {
    let asked = |target: &Target| matches!(target, Target::Service(_));
    let mut branches = route.branches.iter();
    let open = route.entry.methods.takes_writes()
        && !route.kept.public
        && branches.any(|branch| branch.targets.iter().any(asked) && !branch.chain.authenticates());
    let problem =
        Problem::warning(route.place.clone(), route.path.as_str(), "a write route without authentication");
    open.then(|| {
        problem
            .remedy("add a policy that authenticates, list only `methods` that read, or state `public: true`")
    })
}

/// A route that asks what a user may do, and never who that is.
fn for_nobody(route: &Flat) -> Option<Problem> {
    let mut branches = route.branches.iter().map(|branch| &branch.chain);
    let link = branches.find_map(|chain| chain.enforced("authorize").filter(|_| !chain.authenticates()))?;
    let message =
        format!("nobody can pass on the route `{}`: no policy finds out who they are", route.entry.pattern);
    let problem = Problem::warning(link.place.clone(), &*link.path, message);
    Some(problem.remedy("add a policy that authenticates, such as `api_key`, without `mode: shadow`"))
}

/// A cache in shadow: what it could store or send it would learn only by changing what requests ask for.
fn watching_cache(route: &Flat) -> Option<Problem> {
    let link = route.branches.iter().find_map(|branch| branch.chain.watching("cache"))?;
    let message =
        "a cache in shadow does nothing: it neither stores answers nor tells what it would have sent";
    let problem = Problem::warning(link.place.clone(), &*link.path, message);
    Some(problem.remedy("remove `mode: shadow`, or write `cache: off`"))
}
