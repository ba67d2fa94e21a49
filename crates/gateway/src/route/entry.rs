//! What a route asks of a request, as data: the router decides by it, `explain` prints it.

use std::cmp::Reverse;
use std::fmt;

use sekisho_units::{HostPattern, Pattern};
use sekisho_wire::HeadView;

use super::Methods;

/// One route as the router sees it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Index of its plan.
    pub plan: usize,
    /// The paths it takes.
    pub pattern: Pattern,
    /// The hosts it takes; empty for all.
    pub hosts: Vec<HostPattern>,
    /// The methods it takes.
    pub methods: Methods,
    /// What it asks of header fields; all must hold.
    pub headers: Vec<HeaderRule>,
    /// Whether the pattern begins with a version that is not part of the route's own.
    pub lead: Lead,
}

/// The version with which the pattern of an entry begins, before the route's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Lead {
    /// None: it is the route's own pattern.
    #[default]
    None,
    /// A literal.
    Literal,
    /// A parameter, which must be a version.
    Any,
}

/// What a route asks of one header field.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct HeaderRule {
    /// The field's name, in lower case.
    pub name: Box<str>,
    /// What its value must be.
    pub want: HeaderMatch,
}

/// What a field's value must be. A field of several lines has several values; one of them is enough.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum HeaderMatch {
    /// This value, byte by byte.
    Exact(Box<str>),
    /// A value that begins so.
    Prefix(Box<str>),
    /// Any value.
    Present,
    /// No such field.
    Absent,
}

impl Entry {
    /// Whether it takes every request whose path it matches.
    pub(super) fn takes_all(&self) -> bool {
        self.lead == Lead::None
            && self.hosts.is_empty()
            && self.methods == Methods::Any
            && self.headers.is_empty()
    }

    /// The order in which routes of one pattern and host are tried: smaller first.
    pub(super) fn order(&self) -> impl Ord + use<> {
        let weight: usize = self.headers.iter().map(|rule| rule.want.weight()).sum();
        let methods = (self.methods == Methods::Any, !self.methods.lists_head());
        // A version is a condition that no other route of the pattern has.
        (self.lead != Lead::Any, Reverse(self.headers.len()), Reverse(weight), methods)
    }

    /// Whether the request's header fields are as asked.
    #[inline]
    pub(super) fn headers_hold(&self, head: HeadView<'_>) -> bool {
        self.headers.iter().all(|rule| rule.holds(head))
    }
}

impl HeaderRule {
    /// Whether a request's head has what is asked.
    pub fn holds(&self, head: HeadView<'_>) -> bool {
        self.want.is_met_by(head.find_all(&self.name))
    }
}

impl HeaderMatch {
    /// Whether these values are as wanted.
    pub(crate) fn is_met_by<'v>(&self, mut values: impl Iterator<Item = &'v [u8]>) -> bool {
        match self {
            Self::Exact(value) => values.any(|found| found == value.as_bytes()),
            Self::Prefix(start) => values.any(|found| found.starts_with(start.as_bytes())),
            Self::Present => values.next().is_some(),
            Self::Absent => values.next().is_none(),
        }
    }

    /// How closely the value is described: a rule that implies another weighs more.
    fn weight(&self) -> usize {
        match self {
            Self::Exact(_) => 1 << 20,
            Self::Prefix(start) => (1 << 10) + start.len().min(1 << 18),
            Self::Present | Self::Absent => 1,
        }
    }
}

impl fmt::Display for HeaderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.want)
    }
}

impl fmt::Display for HeaderMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(value) => write!(f, "is `{value}`"),
            Self::Prefix(start) => write!(f, "begins with `{start}`"),
            Self::Present => f.write_str("is present"),
            Self::Absent => f.write_str("is absent"),
        }
    }
}
