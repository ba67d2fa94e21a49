//! Two routes that want the same requests, so that only their order would decide between them.
//!
//! Routes are gathered by paths, host and header conditions, then methods are marked off one by one, so that the work
//! grows with the routes and not with the pairs of them.

use std::collections::HashMap;
use std::fmt::Write;

use sekisho_units::{HostPattern, Problem, Problems, Segment};

use super::routes::{Compiled, Flat};
use crate::route::{HeaderRule, Methods};

/// What requests two routes must have in common to be ambiguous: paths, host, header conditions.
type Common<'a> = (&'a str, &'a str, &'a [HeaderRule]);

pub(super) fn check(compiled: &Compiled, problems: &mut Problems) {
    let shapes: Vec<String> = compiled.routes.iter().map(shape).collect();
    // The first route that takes a method; an empty name stands for every method.
    let mut taken: HashMap<Common<'_>, HashMap<&str, usize>> = HashMap::new();
    for (index, route) in compiled.routes.iter().enumerate() {
        let entry = &route.entry;
        let hosts = entry.hosts.iter().map(HostPattern::name);
        let every = entry.hosts.is_empty().then_some("");
        let mut clash = None;
        for host in hosts.chain(every) {
            let methods = taken.entry((&shapes[index], host, &entry.headers)).or_default();
            let mut take = |method| {
                let first = *methods.entry(method).or_insert(index);
                if first != index {
                    clash.get_or_insert((first, host, method));
                }
            };
            match &entry.methods {
                Methods::Any => take(""),
                Methods::Listed(set) => set.names().for_each(take),
            }
        }
        if let Some((first, host, method)) = clash {
            problems.push(problem(&compiled.routes[first], route, host, method));
        }
    }
}

/// The pattern without the names of its parameters.
fn shape(route: &Flat) -> String {
    let mut shape = String::new();
    for segment in route.entry.pattern.segments() {
        match segment {
            Segment::Literal(text) => write!(shape, "/{text}"),
            Segment::Param(_) => write!(shape, "/{{}}"),
            Segment::Rest => write!(shape, "/*"),
        }
        .expect("writing to a string cannot fail");
    }
    shape
}

fn problem(first: &Flat, second: &Flat, host: &str, method: &str) -> Problem {
    let method = if method.is_empty() { String::new() } else { format!("{method} ") };
    let host = match host {
        "" => String::new(),
        wild if wild.starts_with('.') => format!(" on `*{wild}`"),
        host => format!(" on `{host}`"),
    };
    let message = format!(
        "`{method}{}`{host} is taken by {} as well ({})",
        second.entry.pattern, first.path, first.place
    );
    Problem::error(second.place.clone(), second.path.as_str(), message)
        .remedy("keep one of them, or tell them apart by `hosts`, `methods` or `headers`")
}
