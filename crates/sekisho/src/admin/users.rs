//! Forgetting what is remembered about a user, so that the next request asks anew.

use sekisho_policies::{Kept, forward_auth, user_lookup};

/// The id in `/api/users/{id}/forget`, as it stands there.
pub(super) fn named_in(path: &str) -> Option<&str> {
    let id = path.strip_prefix("/api/users/")?.strip_suffix("/forget")?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// The id that a segment of a path spells (RFC 3986 §2.1), or `None` if it spells none.
pub(super) fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

/// Forgets a user wherever one is remembered; gives in how many places.
pub(super) fn forget(kept: &Kept, id: &str) -> usize {
    let lookups = kept.all::<user_lookup::Users>();
    let looked_up = lookups.iter().filter(|(_, users)| users.forget(id)).count();
    let asked = kept.all::<forward_auth::Known>();
    looked_up + asked.iter().map(|(_, known)| known.forget(id)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_percent_decoded() {
        for (path, want) in [
            ("/api/users/u-1/forget", Some("u-1")),
            ("/api/users/a%2Fb%20c/forget", Some("a/b c")),
            ("/api/users/%C3%BC/forget", Some("ü")),
            ("/api/users//forget", None),
            ("/api/users/forget", None),
            ("/api/users/a/b/forget", None),
            ("/api/users/a", None),
            ("/api/users/%/forget", None),
            ("/api/users/%2/forget", None),
            ("/api/users/%+1/forget", None),
            ("/api/users/%FF/forget", None),
        ] {
            assert_eq!(named_in(path).and_then(decoded).as_deref(), want, "{path}");
        }
    }
}
