//! Invalidating stored responses (RFC 9111 §4.4): what a successful unsafe request makes doubtful.

use sekisho_wire::{HeadView, Known, PathRules, Scheme, normalise, same_authority};

/// The targets, beside the request's own, whose stored answers the answer to an unsafe request makes doubtful: those of
/// `Location` and `Content-Location` on the same host, as path and query in their one spelling. `None` if the method is
/// safe or the answer is an error: then nothing is invalidated, not even the request's own target.
///
/// `host` and `target` are those of the request as it was understood: the target begins with a slash.
#[must_use]
pub fn invalidated(
    request: HeadView<'_>,
    host: &[u8],
    target: &[u8],
    rules: PathRules,
    response: HeadView<'_>,
) -> Option<Vec<String>> {
    if request.method().is_safe() || !(200..400).contains(&response.status()) {
        return None;
    }
    let named = [response.get(Known::Location), response.find("Content-Location")];
    let mut targets: Vec<String> = Vec::new();
    for reference in named.into_iter().flatten() {
        let Some(found) = resolve(reference, host, target).and_then(|found| spelled(&found, rules)) else {
            continue;
        };
        if !targets.contains(&found) {
            targets.push(found);
        }
    }
    Some(targets)
}

/// Path and query of a reference (RFC 3986 §5.2), if it stays on the host.
fn resolve(reference: &[u8], host: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let reference = reference.split(|&b| b == b'#').next().unwrap_or_default();
    let (scheme, rest) = schemed(reference)?;
    let ends = |b: u8| matches!(b, b'/' | b'?');
    if let [b'/', b'/', rest @ ..] = rest {
        let (authority, path) = rest.split_at(rest.iter().position(|&b| ends(b)).unwrap_or(rest.len()));
        let same = match scheme {
            Some(scheme) => same_authority(authority, host, scheme),
            None => [Scheme::Http, Scheme::Https]
                .into_iter()
                .any(|scheme| same_authority(authority, host, scheme)),
        };
        // Without a path it is the root.
        let root: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
        return same.then(|| [root, path].concat());
    }
    let path_end = target.iter().position(|&b| b == b'?').unwrap_or(target.len());
    let path = &target[..path_end];
    match rest {
        // `http:path` is of no use today.
        _ if scheme.is_some() => None,
        [] => Some(target.to_vec()),
        [b'/', ..] => Some(rest.to_vec()),
        [b'?', ..] => Some([path, rest].concat()),
        _ => {
            let folder = path.iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1);
            Some([&path[..folder], rest].concat())
        }
    }
}

/// The scheme, if there is one, and what follows it; `None` for schemes that are not HTTP.
fn schemed(reference: &[u8]) -> Option<(Option<Scheme>, &[u8])> {
    let end = reference.iter().position(|&b| matches!(b, b':' | b'/' | b'?')).unwrap_or(reference.len());
    match reference.split_at(end) {
        (name, [b':', rest @ ..]) if name.eq_ignore_ascii_case(b"http") => Some((Some(Scheme::Http), rest)),
        (name, [b':', rest @ ..]) if name.eq_ignore_ascii_case(b"https") => Some((Some(Scheme::Https), rest)),
        (_, [b':', ..]) => None,
        _ => Some((None, reference)),
    }
}

/// The one spelling of a target.
fn spelled(target: &[u8], rules: PathRules) -> Option<String> {
    let mut scratch = String::new();
    let normal = normalise(target, rules, &mut scratch).ok()?;
    Some(match normal.query {
        Some(query) => [normal.path, "?", query].concat(),
        None => normal.path.to_owned(),
    })
}
