//! One spelling for each path (RFC 3986 §6.2.2), so that routes, policies and services all see the same.

use crate::field::is_unreserved;
use crate::head::is_target;
use crate::refusal::Refusal;

/// How paths are normalised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathRules {
    /// Whether `//` becomes `/`. Default yes.
    pub merge_slashes: bool,
}

impl Default for PathRules {
    fn default() -> PathRules {
        PathRules { merge_slashes: true }
    }
}

/// A path in its one spelling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Normal<'a> {
    /// The path: begins with a slash, ASCII, no dot segments, percent-encoding only where it is needed and
    /// then in upper case.
    pub path: &'a str,
    /// The query as received, without its question mark.
    pub query: Option<&'a str>,
    /// Whether the path as received holds an encoded slash, backslash or control character, or a backslash, be
    /// it in a segment that dots take away. Servers disagree about what these mean, so they are to be refused
    /// unless a route allows them.
    pub risky: bool,
}

/// Path and query of a target in origin-form. A target that begins with a question mark has the path `/`.
#[must_use]
pub fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (path, query) = match memchr::memchr(b'?', target) {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    };
    (if path.is_empty() { b"/" } else { path }, query)
}

/// Normalises a target in origin-form: percent-encoded unreserved characters are decoded, other encodings put
/// in upper case, dot segments resolved (also encoded ones), and duplicate slashes merged if `rules` say so.
/// Normalising the result again changes nothing.
///
/// Where nothing is to be done the result borrows from `target`, else from `scratch`.
///
/// # Errors
/// [`Refusal::BadEscape`] for a percent sign without two hexadecimal digits in the path, [`Refusal::AboveRoot`] for dot
/// segments that lead above the root, [`Refusal::BadTarget`] for bytes that [`parse_request`](crate::parse_request)
/// refuses or a path that does not begin with a slash.
pub fn normalise<'a>(
    target: &'a [u8],
    rules: PathRules,
    scratch: &'a mut String,
) -> Result<Normal<'a>, Refusal> {
    let (work, end) = scan(target)?;
    let query = match target.get(end + 1..) {
        None => None,
        Some(query) if is_target(query) => Some(text(query)?),
        Some(_) => return Err(Refusal::BadTarget),
    };
    let path = match &target[..end] {
        b"" => b"/",
        path => path,
    };
    if !work {
        return Ok(Normal { path: text(path)?, query, risky: false });
    }
    scratch.clear();
    scratch.reserve(path.len());
    let risky = rewrite(path, rules, scratch)?;
    Ok(Normal { path: scratch, query, risky })
}

/// Whether the path may need work, as it has a percent sign, a backslash, or a slash before a slash or a dot;
/// and where it ends. Paths are short, so one plain loop beats several vector ones.
#[inline]
fn scan(target: &[u8]) -> Result<(bool, usize), Refusal> {
    if !matches!(target.first(), Some(b'/' | b'?')) {
        return Err(Refusal::BadTarget);
    }
    let mut work = false;
    for (at, &b) in target.iter().enumerate() {
        if is_unreserved(b) {
            continue;
        }
        match b {
            b'/' => work |= matches!(target.get(at + 1), Some(b'/' | b'.')),
            b'%' | b'\\' => work = true,
            b'?' => return Ok((work, at)),
            b'#' => return Err(Refusal::BadTarget),
            0x21..=0x7e => {}
            _ => return Err(Refusal::BadTarget),
        }
    }
    Ok((work, target.len()))
}

#[inline]
fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| Refusal::BadTarget)
}

/// Writes the normal form of `path`, which begins with a slash, and says whether it is risky.
fn rewrite(path: &[u8], rules: PathRules, out: &mut String) -> Result<bool, Refusal> {
    let mut risky = false;
    let mut segments = path[1..].split(|&b| b == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        let start = out.len();
        if segment.is_empty() && rules.merge_slashes && !last {
            continue;
        }
        out.push('/');
        risky |= decode(segment, out)?;
        match &out[start + 1..] {
            "." => {
                out.truncate(start);
                if last {
                    out.push('/');
                }
            }
            ".." => {
                out.truncate(start);
                let Some(parent) = out.rfind('/') else {
                    return Err(Refusal::AboveRoot);
                };
                out.truncate(parent);
                if last {
                    out.push('/');
                }
            }
            _ => {}
        }
    }
    Ok(risky)
}

/// Appends a segment with its needless encodings undone, and says whether it is risky.
fn decode(segment: &[u8], out: &mut String) -> Result<bool, Refusal> {
    let mut risky = false;
    let mut rest = segment;
    while let [b, tail @ ..] = rest {
        rest = tail;
        if *b != b'%' {
            risky |= *b == b'\\';
            out.push(char::from(*b));
            continue;
        }
        let [high, low, tail @ ..] = tail else {
            return Err(Refusal::BadEscape);
        };
        let (Some(h), Some(l)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16)) else {
            return Err(Refusal::BadEscape);
        };
        let byte = (h * 16 + l) as u8;
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            risky |= byte < 0x20 || matches!(byte, b'/' | b'\\' | 0x7f);
            out.push('%');
            out.push(char::from(high.to_ascii_uppercase()));
            out.push(char::from(low.to_ascii_uppercase()));
        }
        rest = tail;
    }
    Ok(risky)
}

#[cfg(test)]
mod tests;
