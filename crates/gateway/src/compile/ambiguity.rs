//! Two routes that want the same requests, so that only their order would decide between them.
//!
//! Routes are gathered by paths, host and header conditions, then methods are marked off one by one, so that the work
//! grows with the routes and not with the pairs of them.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use sekisho_units::{HostPattern, Problem, Problems, Segment};

use super::routes::{Compiled, Flat};
use crate::route::{Entry, HeaderRule, Lead, Methods};

/// What requests two routes must have in common to be ambiguous: paths, host, header conditions.
type Common<'a> = (&'a str, &'a str, &'a [HeaderRule]);

pub(super) fn check(compiled: &Compiled, problems: &mut Problems) {
    let entries: Vec<(usize, &Entry)> = compiled
        .routes
        .iter()
        .enumerate()
        .flat_map(|(index, route)| route.entries().map(move |entry| (index, entry)))
        .collect();
    let shapes: Vec<String> = entries.iter().map(|(_, entry)| shape(entry)).collect();
    // The first route that takes a method; an empty name stands for every method.
    let mut taken: HashMap<Common<'_>, HashMap<&str, usize>> = HashMap::new();
    // Of two routes one word is enough, whatever they have in common.
    let mut told = HashSet::new();
    for (shape, (index, entry)) in shapes.iter().zip(entries) {
        let hosts = entry.hosts.iter().map(HostPattern::name);
        let every = entry.hosts.is_empty().then_some("");
        let mut clash = None;
        for host in hosts.chain(every) {
            let methods = taken.entry((shape, host, &entry.headers)).or_default();
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
        if let Some((first, host, method)) = clash
            && told.insert((first, index))
        {
            let two = (&compiled.routes[first], &compiled.routes[index]);
            problems.push(problem(two, entry, host, method));
        }
    }
}

/// The pattern without the names of its parameters.
fn shape(entry: &Entry) -> String {
    // A parameter that must be a version takes other paths than any other.
    let mut shape = if entry.lead == Lead::Any { "version:".to_owned() } else { String::new() };
    for segment in entry.pattern.segments() {
        match segment {
            Segment::Literal(text) => write!(shape, "/{text}"),
            Segment::Param(_) => write!(shape, "/{{}}"),
            Segment::Rest => write!(shape, "/*"),
        }
        .expect("writing to a string cannot fail");
    }
    shape
}

fn problem((first, second): (&Flat, &Flat), entry: &Entry, host: &str, method: &str) -> Problem {
    let method = if method.is_empty() { String::new() } else { format!("{method} ") };
    let host = match host {
        "" => String::new(),
        wild if wild.starts_with('.') => format!(" on `*{wild}`"),
        host => format!(" on `{host}`"),
    };
    let message =
        format!("`{method}{}`{host} is taken by {} as well ({})", entry.pattern, first.path, first.place);
    Problem::error(second.place.clone(), second.path.as_str(), message)
        .remedy("keep one of them, or tell them apart by `hosts`, `methods` or `headers`")
}
