//! [`ReadError`]: what serde reports, kept as data until there is a node to blame.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Expected, Unexpected};

use super::report;
use crate::node::Node;

/// Why a node cannot be read. Prints the reason and the field beneath the node that was read;
/// [`read`](super::read) makes a problem with a place and a remedy of it.
#[derive(Debug)]
pub struct ReadError(Box<Fault>);

/// The reason and the way to it.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) what: What,
    pub(crate) spot: Spot,
    /// From the innermost to the outermost.
    trail: Vec<Step>,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum What {
    UnknownField {
        name: String,
        expected: &'static [&'static str],
    },
    UnknownVariant {
        name: String,
        expected: &'static [&'static str],
    },
    MissingField(&'static str),
    /// Something of another kind was expected; the node says what was found.
    Type {
        expected: String,
    },
    /// Said by whoever refused the value.
    Other(String),
}

/// Which part of an entry is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    Key,
    Value,
}

/// One step down a tree.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Entry(usize, Arc<str>),
    Item(usize),
}

impl Step {
    pub(crate) fn index(&self) -> usize {
        match self {
            Self::Entry(index, _) | Self::Item(index) => *index,
        }
    }

    /// The node that the step leads to.
    pub(crate) fn follow<'n>(&self, from: &'n Node) -> Option<&'n Node> {
        match self {
            Self::Entry(index, _) => from.entries().get(*index).map(|(_, value)| value),
            Self::Item(index) => from.items().get(*index),
        }
    }
}

impl Fault {
    /// The way from the root to what is to blame.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.trail.iter().rev().cloned().collect()
    }
}

impl ReadError {
    pub(crate) fn new(what: What) -> Self {
        Self(Box::new(Fault { what, spot: Spot::Value, trail: Vec::new() }))
    }

    /// Something else was expected than the node is.
    pub(crate) fn expected(expected: &dyn Expected) -> Self {
        Self::new(What::Type { expected: expected.to_string() })
    }

    pub(crate) fn into_fault(self) -> Fault {
        *self.0
    }

    /// The same error, seen from the node one step up.
    pub(crate) fn beneath(mut self, step: Step) -> Self {
        self.0.trail.push(step);
        self
    }

    /// The same error, of the entry's key.
    pub(crate) fn of_key(mut self) -> Self {
        self.0.spot = Spot::Key;
        self
    }
}

impl Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(What::Other(message.to_string()))
    }
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }
    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = report::human(&expected.to_string());
        Self::new(What::Other(format!("expected {expected}, found {length}")))
    }
    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        Self::new(What::UnknownVariant { name: name.to_owned(), expected })
    }
    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        Self::new(What::UnknownField { name: name.to_owned(), expected })
    }
    fn missing_field(name: &'static str) -> Self {
        Self::new(What::MissingField(name))
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = report::path("", &self.0.steps());
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        // Without the node nobody knows whether a value is secret, so that values are left out.
        f.write_str(match &self.0.what {
            What::UnknownField { name, .. } => return write!(f, "unknown field `{name}`"),
            What::MissingField(name) => return write!(f, "missing field `{name}`"),
            What::Type { expected } => return write!(f, "expected {}", report::human(expected)),
            What::UnknownVariant { .. } => "unknown word",
            What::Other(_) => "the value is refused",
        })
    }
}

impl std::error::Error for ReadError {}
