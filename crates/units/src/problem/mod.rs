//! [`Problem`]: something wrong in what people wrote, where it stands, and what to write instead.
//!
//! Configuration is checked whole, so a problem is a value to collect and not an error to return: a reader
//! pushes into [`Problems`] and carries on.

mod at;
mod nearest;
mod place;

use std::fmt;

pub use at::{AT, At};
pub use nearest::nearest;
pub use place::Place;

/// Whether a problem forbids the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, but probably does not do what its author meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing wrong. Prints as `sekisho.yaml:14:9: error: routes[0].pth: unknown field; did you mean …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// How bad it is.
    pub severity: Severity,
    /// The field, as a dotted path: `routes[2].policies.cors.origins`. Empty for the whole document.
    pub path: String,
    /// What is wrong, in lower case, without the path.
    pub message: String,
    /// What to write instead.
    pub remedy: Option<String>,
}

impl Problem {
    /// An error without a remedy yet.
    pub fn error(place: Place, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place, severity: Severity::Error, path: path.into(), message: message.into(), remedy: None }
    }

    /// A warning without a remedy yet.
    pub fn warning(place: Place, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, path, message) }
    }

    /// The same problem with what to write instead.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_none() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}: ", self.severity)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// Problems as they are found. Prints one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.found.push(problem);
    }

    /// Adds an error without a remedy.
    pub fn error(&mut self, place: &Place, path: impl Into<String>, message: impl Into<String>) {
        self.push(Problem::error(place.clone(), path, message));
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// How many there are, warnings included.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Orders them by place (those without one last) and drops repetitions.
    pub fn sort(&mut self) {
        self.found.sort_by(|a, b| {
            (a.place.is_none(), &a.place, a.severity, &a.path, &a.message).cmp(&(
                b.place.is_none(),
                &b.place,
                b.severity,
                &b.path,
                &b.message,
            ))
        });
        self.found.dedup();
    }

    /// One by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.found.iter()
    }

    /// All, as a list.
    pub fn into_vec(self) -> Vec<Problem> {
        self.found
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.found.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { found: vec![problem] }
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.found.extend(problems);
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_place_field_reason_and_remedy() {
        let place = Place::new("sekisho.yaml", 14, 9);
        let problem = Problem::error(place.clone(), "routes[0].pth", "unknown field `pth`");
        assert_eq!(
            problem.clone().remedy("did you mean `path`?").to_string(),
            "sekisho.yaml:14:9: error: routes[0].pth: unknown field `pth`; did you mean `path`?"
        );
        assert_eq!(problem.to_string(), "sekisho.yaml:14:9: error: routes[0].pth: unknown field `pth`");
        assert_eq!(Problem::warning(place, "", "odd").to_string(), "sekisho.yaml:14:9: warning: odd");
        assert_eq!(Problem::error(Place::none(), "a", "bad").to_string(), "error: a: bad");
    }

    #[test]
    fn sorts_by_place_and_drops_repetitions() {
        let at = |line, column| Problem::error(Place::new("a", line, column), "", "bad");
        let mut problems = Problems::new();
        problems.extend([
            Problem::error(Place::none(), "", "last"),
            at(10, 1),
            at(9, 20),
            at(9, 3),
            at(10, 1),
        ]);
        problems.sort();
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["a:9:3: error: bad", "a:9:20: error: bad", "a:10:1: error: bad", "error: last"]);
    }

    #[test]
    fn warnings_alone_are_no_errors() {
        let mut problems = Problems::from(Problem::warning(Place::none(), "", "odd"));
        assert!(!problems.has_errors() && !problems.is_empty());
        problems.error(&Place::none(), "", "bad");
        assert!(problems.has_errors());
    }
}
