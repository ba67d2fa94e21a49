//! Why a route does not take a request.

use sekisho_units::{Pattern, Segment};

use crate::route::{Ask, Entry};

/// How near a route came: nearer is greater. By segments of the path first, then by what else was as asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Nearness {
    path: PathFit,
    segments: usize,
    rest: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum PathFit {
    Differs,
    Whole,
}

impl Nearness {
    /// Whether it came near enough to be worth a line.
    pub(super) fn is_near(self) -> bool {
        self.path == PathFit::Whole || self.segments > 0
    }
}

/// Why `entry` does not take the request, and how near it came. `taken` is the route that does.
pub(super) fn reason(entry: &Entry, ask: &Ask<'_>, taken: Option<&Entry>) -> (Nearness, String) {
    if let Some((segments, difference)) = path_differs(&entry.pattern, ask.path) {
        return (Nearness { path: PathFit::Differs, segments, rest: 0 }, difference);
    }
    let segments = entry.pattern.segments().len();
    let near = |rest, reason: String| (Nearness { path: PathFit::Whole, segments, rest }, reason);
    if !entry.hosts.is_empty() && !entry.hosts.iter().any(|host| host.matches(ask.host)) {
        let hosts = entry.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let asked = if ask.host.is_empty() { "the request names none" } else { ask.host };
        return near(0, format!("host: {asked}, not {hosts}"));
    }
    if let Some(rule) = entry.headers.iter().find(|rule| ask.preflight.is_none() && !rule.holds(ask.head)) {
        return near(1, format!("header: asks that {rule}"));
    }
    let announced = ask.preflight.unwrap_or(ask.method_bytes);
    let method = sekisho_wire::Method::of(announced);
    if !entry.methods.allows(method, announced) {
        let name = String::from_utf8_lossy(announced);
        return near(2, format!("method: {name} is not among {}", entry.methods));
    }
    match taken {
        Some(taken) if taken.pattern.specificity() != entry.pattern.specificity() => {
            near(3, format!("less specific than {}", taken.pattern))
        }
        Some(taken) => near(3, format!("asks less of the request than {}", taken.pattern)),
        None => near(3, "takes it".to_owned()),
    }
}

/// How many segments agree and where the path parts from the pattern; `None` where it does not.
fn path_differs(pattern: &Pattern, path: &str) -> Option<(usize, String)> {
    let mut parts = path.strip_prefix('/')?.split('/');
    for (index, segment) in pattern.segments().iter().enumerate() {
        let number = index + 1;
        let difference = match (segment, parts.next()) {
            (Segment::Rest, _) => return None,
            (Segment::Literal(want), Some(part)) if **want == *part => continue,
            (Segment::Param(_), Some(part)) if !part.is_empty() => continue,
            (Segment::Literal(want), Some("")) if !want.is_empty() => {
                format!("path: segment {number} is empty, not `{want}`")
            }
            (Segment::Literal(want), Some(part)) if want.is_empty() => {
                format!("path: segment {number} is `{part}`, where the pattern ends in a slash")
            }
            (Segment::Literal(want), Some(part)) => {
                format!("path: segment {number} is `{part}`, not `{want}`")
            }
            (Segment::Param(name), Some(_)) => {
                format!("path: segment {number} is empty, where `{{{name}}}` must be")
            }
            (Segment::Literal(want), None) if want.is_empty() => "path: has no slash at its end".to_owned(),
            (Segment::Literal(want), None) => format!("path: ends before `{want}`"),
            (Segment::Param(name), None) => format!("path: ends before `{{{name}}}`"),
        };
        return Some((index, difference));
    }
    let further = parts.next()?;
    let agreed = pattern.segments().len();
    Some((
        agreed,
        match further {
            "" => "path: has a slash at its end".to_owned(),
            further => format!("path: goes on with `{further}`"),
        },
    ))
}
