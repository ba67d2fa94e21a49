//! [`Pattern`]: which paths a route takes, `/api/users/*`, `/orders/{id}`.
//!
//! Requests are matched after their path was normalised (unreserved characters decoded, dot segments and
//! duplicate slashes gone), so a pattern that is not itself in normal form could never match. It is
//! refused with the form to write. [`Pattern::matches`] is the plain definition of what matches; the
//! router's tree is tested against it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::text::textual;

/// A pattern of paths.
///
/// * `/a/b` is that path alone; `/a` and `/a/` are different paths.
/// * `{name}` stands for one segment that is not empty.
/// * `/*`, only at the end, stands for the path before it and all beneath: `/a/*` is `/a`, `/a/`, `/a/b`.
///
/// Greater means more specific, see [`Pattern::specificity`].
#[derive(Clone)]
pub struct Pattern {
    text: Arc<str>,
    segments: Arc<[Segment]>,
}

/// One part of a [`Pattern`] between slashes. A trailing slash is a last `Literal` that is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This text exactly, in normal form.
    Literal(Box<str>),
    /// One segment that is not empty, whatever it holds; the name without braces.
    Param(Box<str>),
    /// All that follows, or nothing; always the last.
    Rest,
}

/// How closely a pattern describes its paths: of two patterns that match one path, the greater wins.
///
/// Compared segment by segment: a literal beats a parameter, and both beat `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity(Vec<Rank>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Rest,
    End,
    Param,
    Literal,
}

/// Why a text is not a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Does not begin with a slash.
    #[error("path `{0}` must begin with `/`; write `/{0}`")]
    NoSlash(String),
    /// Holds `?` or `#`.
    #[error("path `{0}` must have no query or fragment; write `{1}`")]
    Query(String, String),
    /// Holds `//`.
    #[error("path `{0}` has an empty segment; write `{1}`")]
    DoubleSlash(String, String),
    /// Holds `.` or `..` as a segment.
    #[error("path `{0}` has a dot segment, which no normalised path has; write the path that it means")]
    DotSegment(String),
    /// `*` elsewhere than as the whole last segment.
    #[error(
        "path `{0}` has `*` elsewhere than as its last segment; write `/…/*` for all beneath, `{{name}}` for one segment"
    )]
    Star(String),
    /// Braces that are not a whole segment with a name in them.
    #[error(
        "path `{0}` has the bad parameter `{1}`; a whole segment must be `{{name}}`, its name of letters, digits, `_` and `-`"
    )]
    Param(String, String),
    /// The same name twice.
    #[error("path `{0}` names the parameter `{1}` twice; give each its own name")]
    Twice(String, String),
    /// `%` without two hexadecimal digits.
    #[error("path `{0}` has a `%` without two hexadecimal digits; write `%25` for a percent sign")]
    Percent(String),
    /// An encoding that normalisation would change, or a character that no path holds unencoded.
    #[error("path `{0}` has `{1}`, which normalised paths write as `{2}`")]
    NotNormal(String, String, String),
    /// More than 8 KiB, the longest request target there is.
    #[error("the path is longer than 8192 bytes, longer than any request target; shorten it")]
    TooLong,
}

/// The longest pattern in bytes: as long as the longest request target.
const LONGEST: usize = 8_192;

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A [`PatternError`] that names the text and what to write instead.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > LONGEST {
            return Err(PatternError::TooLong);
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PatternError::NoSlash(text.to_owned()));
        };
        if let Some(at) = text.find(['?', '#']) {
            return Err(PatternError::Query(text.to_owned(), text[..at].to_owned()));
        }
        if text.contains("//") {
            return Err(PatternError::DoubleSlash(text.to_owned(), merge_slashes(text)));
        }
        let count = rest.split('/').count();
        let mut segments = Vec::with_capacity(count);
        for (index, part) in rest.split('/').enumerate() {
            let segment = segment(text, part, index + 1 == count)?;
            if let Segment::Param(name) = &segment
                && segments.contains(&segment)
            {
                return Err(PatternError::Twice(text.to_owned(), name.to_string()));
            }
            segments.push(segment);
        }
        Ok(Self { text: text.into(), segments: segments.into() })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parts between slashes; never empty (`/` is one empty `Literal`).
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Param(name) => Some(&**name),
            _ => None,
        })
    }

    /// Whether a normalised path, without its query, matches. The definition, not the fast way.
    pub fn matches(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix('/') else {
            return false;
        };
        let mut parts = rest.split('/');
        for segment in self.segments() {
            let fits = match (segment, parts.next()) {
                (Segment::Rest, _) => return true,
                (Segment::Literal(literal), Some(part)) => **literal == *part,
                (Segment::Param(_), Some(part)) => !part.is_empty(),
                (_, None) => false,
            };
            if !fits {
                return false;
            }
        }
        parts.next().is_none()
    }

    /// Whether every path that `other` matches is matched by this pattern as well.
    pub fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.segments().iter();
        for mine in self.segments() {
            let fits = match (mine, theirs.next()) {
                (Segment::Rest, _) => return true,
                (Segment::Literal(a), Some(Segment::Literal(b))) => a == b,
                (Segment::Param(_), Some(Segment::Literal(b))) => !b.is_empty(),
                (Segment::Param(_), Some(Segment::Param(_))) => true,
                _ => false,
            };
            if !fits {
                return false;
            }
        }
        theirs.next().is_none()
    }

    /// How closely the pattern describes its paths.
    pub fn specificity(&self) -> Specificity {
        let ranks = self.segments().iter().map(|segment| match segment {
            Segment::Literal(_) => Rank::Literal,
            Segment::Param(_) => Rank::Param,
            Segment::Rest => Rank::Rest,
        });
        let end = (!matches!(self.segments().last(), Some(Segment::Rest))).then_some(Rank::End);
        Specificity(ranks.chain(end).collect())
    }
}

fn segment(whole: &str, part: &str, last: bool) -> Result<Segment, PatternError> {
    if part == "*" && last {
        return Ok(Segment::Rest);
    }
    if part.contains('*') {
        return Err(PatternError::Star(whole.to_owned()));
    }
    if part.contains(['{', '}']) {
        let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        return match name {
            Some(name) if is_name(name) => Ok(Segment::Param(name.into())),
            _ => Err(PatternError::Param(whole.to_owned(), part.to_owned())),
        };
    }
    if part == "." || part == ".." {
        return Err(PatternError::DotSegment(whole.to_owned()));
    }
    check_normal(whole, part)?;
    Ok(Segment::Literal(part.into()))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Normal form (RFC 3986 §6.2.2): upper-case hexadecimal digits, unreserved characters not encoded, and
/// all that is no `pchar` (RFC 3986 §3.3) encoded.
fn check_normal(whole: &str, part: &str) -> Result<(), PatternError> {
    let not_normal = |found: &str, normal: String| {
        Err(PatternError::NotNormal(whole.to_owned(), found.to_owned(), normal))
    };
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        if first != '%' {
            let (this, after) = rest.split_at(first.len_utf8());
            if !is_pchar(first) {
                return not_normal(this, this.bytes().map(|b| format!("%{b:02X}")).collect());
            }
            rest = after;
            continue;
        }
        let hex = rest.get(1..3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some((hex, byte)) = hex.and_then(|hex| Some((hex, u8::from_str_radix(hex, 16).ok()?))) else {
            return Err(PatternError::Percent(whole.to_owned()));
        };
        if is_unreserved(byte) {
            return not_normal(&rest[..3], char::from(byte).to_string());
        }
        if hex.bytes().any(|b| b.is_ascii_lowercase()) {
            return not_normal(&rest[..3], rest[..3].to_ascii_uppercase());
        }
        rest = &rest[3..];
    }
    Ok(())
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 §3.3, without percent-encodings.
fn is_pchar(c: char) -> bool {
    c.is_ascii() && (is_unreserved(c as u8) || "!$&'()*+,;=:@".contains(c))
}

fn merge_slashes(text: &str) -> String {
    let mut merged = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '/' || !merged.ends_with('/') {
            merged.push(c);
        }
    }
    merged
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.specificity().cmp(&other.specificity()).then_with(|| self.text.cmp(&other.text))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;
    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

textual!(Pattern, "Pattern", expecting "a path pattern such as `/api/users/*`", schema {
    "type": "string",
    "description": "A path; `{name}` stands for one segment, `*` as the last segment for all beneath and the path itself.",
    "pattern": "^/[^?#\\s]*$",
    "examples": ["/api/users/*", "/orders/{id}", "/health"]
});

#[cfg(test)]
mod tests;
