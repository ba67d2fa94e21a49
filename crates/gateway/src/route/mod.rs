//! Finds the plan for a request.
//!
//! The path decides first: of the patterns that match it the most specific one, segment by segment a literal before
//! `{name}` before `*`. A route with versions stands there with `/v1` and the like before its own path as well. Among the routes of that pattern an exact host comes before a wildcard (the longer suffix first)
//! and that before none; then more header conditions before fewer, and listed methods before any. If no route of the
//! best pattern takes the request, the next best pattern is asked.

mod entry;
mod fork;
mod methods;
mod search;
mod shape;
mod tree;
mod versions;

pub use entry::{Entry, HeaderMatch, HeaderRule, Lead};
pub use fork::{Fork, Rule, Share, Split};
pub use methods::{MethodSet, Methods};
use sekisho_wire::{HeadView, Known, Method};

use search::{Search, Want};
use shape::Shape;
use tree::{Growing, Tree};
pub use versions::{ApiVersion, Choice, Edition, MediaTypes, Said, Served, Source, Unmet, Versions};

/// All routes, laid out for finding one.
#[derive(Debug)]
pub struct Router {
    entries: Box<[Entry]>,
    tree: Tree,
    /// By leaf of the tree.
    shapes: Box<[Shape]>,
    /// By leaf, the plan of the route that takes all that matches its pattern, or [`shape::NONE`]: most leaves have one, and a
    /// short list of numbers stays near the processor where thousands of shapes and entries cannot.
    only: Box<[u32]>,
}

/// What is asked of the router.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The normalised path, without the query.
    pub path: &'a str,
    /// The host without its port, in any case; empty if the client named none.
    pub host: &'a str,
    /// The method.
    pub method: Method,
    /// The method as received.
    pub method_bytes: &'a [u8],
    /// The request's head.
    pub head: HeadView<'a>,
    /// For a CORS preflight the method that it asks for (Fetch §3.3.6); `None` for any other request.
    pub preflight: Option<&'a [u8]>,
}

/// What the router found.
#[derive(Debug)]
pub enum Found<'r, 'p> {
    /// A route takes the request.
    Route {
        /// Index of its plan.
        plan: usize,
        /// The values of the pattern's `{name}` segments, in order.
        params: Params<'r, 'p>,
        /// The version that the path begins with, if the route's own pattern begins behind it.
        segment: Option<&'p str>,
    },
    /// Routes take the path, but not with this method.
    MethodNotAllowed {
        /// The value of `Allow` (RFC 9110 §10.2.1): the methods that they take.
        allow: String,
    },
    /// No route takes the path.
    None,
}

/// The values of a pattern's `{name}` segments, in order: slices of the path (`'p`), which may outlive the router (`'r`).
#[derive(Clone, Debug)]
pub struct Params<'r, 'p> {
    rest: std::str::Split<'p, char>,
    /// How many segments were passed already.
    passed: usize,
    shape: &'r Shape,
    /// How many of the pattern's parameters were given.
    next: usize,
}

impl<'a> Ask<'a> {
    /// The question of a request with this head, normalised path and authority (`Host`, with or without port).
    pub fn new(head: HeadView<'a>, path: &'a str, authority: &'a str) -> Self {
        let method = head.method();
        let preflight = (method == Method::Options && head.present().contains(Known::Origin))
            .then(|| head.get(Known::AccessControlRequestMethod))
            .flatten();
        Self { path, host: host_of(authority), method, method_bytes: head.method_bytes(), head, preflight }
    }
}

/// An authority without its port.
fn host_of(authority: &str) -> &str {
    // By bytes: a port is a few digits, and the search for a character costs more than all of them.
    match authority.bytes().rposition(|b| b == b':') {
        Some(colon) if !authority.ends_with(']') => &authority[..colon],
        _ => authority,
    }
}

impl Router {
    /// Lays out routes. Where two are equally specific the one that comes first in `entries` is tried first.
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut tree = Growing::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let leaf = tree.leaf(&entry.pattern) as usize;
            if leaf == members.len() {
                members.push(Vec::new());
            }
            members[leaf].push(index);
        }
        let shapes: Box<[_]> = members.into_iter().map(|members| Shape::new(&entries, members)).collect();
        let only = shapes.iter().map(|shape| shape.only(&entries)).collect();
        Self { shapes, only, tree: tree.grown(), entries: entries.into() }
    }

    /// The routes, in the order given to [`Router::new`].
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Finds the route that takes a request.
    ///
    /// A preflight goes where the request that it announces would go, as far as can be known: its headers are not there
    /// yet, so that conditions on them count as fulfilled. If that method is taken nowhere, any route of the path does.
    pub fn find<'r, 'p: 'r>(&'r self, ask: &Ask<'p>) -> Found<'r, 'p> {
        let mut search = Search::new(self, ask);
        let taken = match ask.preflight {
            None => search.run(Want::Request),
            Some(method) => search
                .run(Want::Announced(Method::of(method), method))
                .or_else(|| search.run(Want::AnyMethod)),
        };
        match taken {
            Some((plan, shape, lead)) => {
                let mut params = Params { rest: ask.path.split('/'), passed: 0, shape, next: 0 };
                let segment = match lead {
                    Lead::None => None,
                    Lead::Literal => versions::segment(ask.path),
                    // The version's own place is no parameter of the route's.
                    Lead::Any => params.next(),
                };
                Found::Route { plan, params, segment }
            }
            None => search.refused(),
        }
    }
}

impl<'p> Iterator for Params<'_, 'p> {
    type Item = &'p str;
    fn next(&mut self) -> Option<&'p str> {
        let at = usize::from(*self.shape.params.get(self.next)?);
        self.next += 1;
        let value = self.rest.nth(at - self.passed)?;
        self.passed = at + 1;
        Some(value)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.shape.params.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Params<'_, '_> {}

#[cfg(test)]
mod tests;
