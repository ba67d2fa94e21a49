//! What came of a reload, for the log, for metrics and for whoever asked.

use std::fmt;
use std::time::Duration;

use sekisho_gateway::Changes;
use sekisho_units::{Problems, Wall};
use serde_json::{Value, json};

/// Who asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// The signal HUP.
    Signal,
    /// A file that changed.
    File,
    /// `POST /api/reload`.
    Admin,
}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The new configuration is in force.
    Applied,
    /// It is in force, but for what the text says.
    Partly(String),
    /// It says what the old one said.
    Unchanged,
    /// The old one stays; the text says why.
    Refused(String),
}

/// What came of a reload.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) origin: Origin,
    pub(crate) outcome: Outcome,
    /// What is different, if it could be compiled.
    pub(crate) changes: Changes,
    /// What is wrong or odd.
    pub(crate) problems: Problems,
    pub(crate) took: Duration,
    pub(crate) at: Wall,
}

impl Origin {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "HUP",
            Self::File => "a file changed",
            Self::Admin => "asked for",
        }
    }
}

impl Outcome {
    /// The word in JSON.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Applied | Self::Partly(_) => "applied",
            Self::Unchanged => "unchanged",
            Self::Refused(_) => "refused",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Partly(reason) | Self::Refused(reason) => Some(reason),
            Self::Applied | Self::Unchanged => None,
        }
    }
}

impl Report {
    /// For programs. Durations are milliseconds.
    pub(crate) fn document(&self) -> Value {
        json!({
            "outcome": self.outcome.as_str(),
            "reason": self.outcome.reason(),
            "changes": self.changes,
            "problems": self.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "took": self.took.as_secs_f64() * 1e3,
            "timestamp": String::from_utf8_lossy(&self.at.rfc3339()),
        })
    }
}

/// The line in the log.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (origin, took) = (self.origin.as_str(), self.took.as_millis());
        match &self.outcome {
            Outcome::Applied => write!(f, "reloaded ({origin}) in {took} ms: {}", self.changes),
            Outcome::Partly(but) => {
                write!(f, "reloaded ({origin}) in {took} ms: {}; but {but}", self.changes)
            }
            Outcome::Unchanged => write!(f, "not reloaded ({origin}): nothing changed"),
            Outcome::Refused(reason) => {
                write!(f, "not reloaded ({origin}), all stays as it was: {reason}")
            }
        }
    }
}
