//! A route whose interface has versions: which one a request means.
//!
//! Each version is a plan of its own (or several, where its requests part again), and the first plan of the route is that of
//! requests that mean none of them. A request may say its version in a header, in the first segment of its path, or as a
//! parameter of `Accept`; the first of these that says anything decides, whatever the others say.

mod accept;
mod edition;
mod number;

use std::fmt;

use sekisho_exchange::Reply;
use sekisho_wire::{HeadView, Known};

pub use accept::{MediaTypes, Said};
pub use edition::Edition;
pub use number::ApiVersion;

/// Where a version may be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A header.
    Header,
    /// The first segment of the path.
    Path,
    /// A parameter of `Accept`.
    Accept,
}

/// The versions of a route, and how to tell which one is meant.
#[derive(Debug)]
pub struct Versions {
    /// The places that are looked at, in this order.
    pub order: Box<[Source]>,
    /// The header's name.
    pub header: Box<str>,
    /// Whose parameter counts.
    pub accept: MediaTypes,
    /// Those that are served, in the order written.
    pub served: Box<[Served]>,
    /// Which of the route's plans takes versions that are not served, if one does.
    pub others: Option<usize>,
    /// Which of the route's plans takes requests that say no version, if one does.
    pub unsaid: Option<usize>,
    /// Whether the service is asked for the path with its version.
    pub keep_segment: bool,
    /// The header that tells the service the version, if one does.
    pub tell: Option<Box<str>>,
    /// The value of `Vary`, if there is one, for an answer that was decided by so many places.
    pub vary: Box<[Option<Box<str>>]>,
}

/// A version that is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Served {
    /// As it is written.
    pub name: Box<str>,
    /// Which one it is.
    pub version: ApiVersion,
    /// The first of its plans, among the route's.
    pub way: usize,
}

/// Why no version is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unmet {
    /// It is not served.
    Unknown,
    /// What is said is no version.
    Malformed,
    /// None is said, and none is the default.
    Unsaid,
}

/// What a request means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice<'a> {
    /// Which of the route's plans, or why none; then the route's first.
    pub way: Result<usize, Unmet>,
    /// Where it was said; `None` for nowhere.
    pub by: Option<Source>,
    /// As it was said; empty where it was not, or not well.
    pub said: &'a str,
    /// How many of the places were looked at.
    pub looked: usize,
}

impl Versions {
    /// What a request means that has this head and this version as the first segment of its path.
    pub fn choose<'a>(&self, head: HeadView<'a>, segment: Option<&'a str>) -> Choice<'a> {
        for (index, source) in self.order.iter().enumerate() {
            let said = match source {
                Source::Header => head.find_all(&self.header).map(Said::by).fold(Said::Nothing, Said::and),
                Source::Path => segment.map_or(Said::Nothing, |segment| Said::by(segment.as_bytes())),
                Source::Accept => {
                    self.accept.version(head.all(Known::Accept), |version| self.serves(version).is_some())
                }
            };
            let (way, said) = match said {
                Said::Nothing => continue,
                Said::Garbage => (Err(Unmet::Malformed), ""),
                Said::Version(version, said) => (self.way(version), said),
            };
            return Choice { way, by: Some(*source), said, looked: index + 1 };
        }
        self.unsaid(self.unsaid)
    }

    /// Where a preflight goes: its request's headers are not there yet, so that only the path can tell.
    pub fn announced<'a>(&self, segment: Option<&'a str>) -> Choice<'a> {
        let segment = segment.filter(|_| self.order.contains(&Source::Path));
        match segment.map(|segment| (ApiVersion::of_segment(segment), segment)) {
            Some((Some(version), said)) => {
                Choice { way: self.way(version), by: Some(Source::Path), said, looked: 0 }
            }
            _ => {
                let first = self.served.first().map(|served| served.way);
                self.unsaid(self.unsaid.or(self.others).or(first))
            }
        }
    }

    fn unsaid<'a>(&self, way: Option<usize>) -> Choice<'a> {
        Choice { way: way.ok_or(Unmet::Unsaid), by: None, said: "", looked: self.order.len() }
    }

    fn way(&self, version: ApiVersion) -> Result<usize, Unmet> {
        self.serves(version).map(|served| served.way).or(self.others).ok_or(Unmet::Unknown)
    }

    fn serves(&self, version: ApiVersion) -> Option<&Served> {
        self.served.iter().find(|served| served.version == version)
    }

    /// The names of those that are served, in the order written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.served.iter().map(|served| &*served.name)
    }

    /// The answer to a request that means none of them.
    pub fn refusal(&self, why: Unmet) -> Reply {
        Reply::unsupported_version(self.names(), why.as_str())
    }

    /// As the service is told the version that was chosen; `None` where none was.
    pub(crate) fn told(&self, choice: &Choice<'_>) -> Option<String> {
        let way = choice.way.ok()?;
        let served = self.served.iter().find(|served| served.way == way).map(|served| served.version);
        let version = served.or_else(|| ApiVersion::read(choice.said.as_bytes()));
        version.map(|version| version.to_string())
    }

    /// Why `choice` was made, as in `API-Version says 2`.
    pub fn reason(&self, choice: &Choice<'_>) -> String {
        match choice.by {
            Some(source) => format!("{} says {}", self.place(source), or_garbage(choice.said)),
            None => {
                let places: Vec<_> = self.places().collect();
                let default = if choice.way.is_ok() { "the default, as " } else { "" };
                format!("{default}nothing says one: {}", places.join(", "))
            }
        }
    }

    /// The places where a version may be said, in their order, as people call them.
    pub fn places(&self) -> impl Iterator<Item = String> {
        self.order.iter().map(|source| self.place(*source))
    }

    fn place(&self, source: Source) -> String {
        match source {
            Source::Header => self.header.to_string(),
            Source::Path => "the path".to_owned(),
            Source::Accept => "Accept".to_owned(),
        }
    }
}

fn or_garbage(said: &str) -> &str {
    if said.is_empty() { "something that is no version" } else { said }
}

impl Unmet {
    /// The reason in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_version",
            Self::Malformed => "malformed_version",
            Self::Unsaid => "no_version",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Path => "path",
            Self::Accept => "accept",
        })
    }
}

/// The first segment of a path, if it is a version.
pub(super) fn segment(path: &str) -> Option<&str> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    ApiVersion::of_segment(first).map(|_| first)
}

#[cfg(test)]
mod tests;
