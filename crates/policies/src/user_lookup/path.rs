//! What the user service is asked for: a path in which the user's id is one segment.

use sekisho_units::At;
use sekisho_wire::HeadBuf;

use crate::Here;

/// What stands for the id.
const SUBJECT: &str = "{subject}";

/// The path, in pieces between which the id stands.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pieces: Box<[Box<str>]>,
}

/// The path as it runs, or `None` if it is none, which `here` has then.
pub(super) fn compile(path: &At<String>, here: &mut Here<'_>) -> Option<Path> {
    let pieces: Box<[Box<str>]> = path.split(SUBJECT).map(Into::into).collect();
    let found = Path { pieces };
    let wrong = if !path.starts_with('/') {
        "the path does not begin with `/`"
    } else if found.pieces.len() < 2 {
        "the path does not say where the user's id goes"
    } else if found.pieces.iter().any(|piece| piece.contains(['{', '}'])) {
        "nothing but `{subject}` can stand in braces"
    } else if HeadBuf::default().request(b"GET", found.of("id").unwrap_or_default().as_bytes()).is_err() {
        "the path holds characters that no path may hold"
    } else {
        return Some(found);
    };
    here.refuse("path", &path.place, wrong, "write a path such as `/users/{subject}`")
}

impl Path {
    /// The path for a user; none for an id that would be no segment but a way up (RFC 3986 §5.2.4).
    pub(super) fn of(&self, subject: &str) -> Option<String> {
        if matches!(subject, "." | "..") {
            return None;
        }
        let mut encoded = String::with_capacity(subject.len() + 16);
        for byte in subject.bytes() {
            // Unreserved characters stay as they are (RFC 3986 §2.3).
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(byte.into());
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        Some(self.pieces.join(&encoded))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sekisho_units::{Place, Problems};
    use sekisho_wire::{PathRules, normalise};

    use super::*;

    fn path(text: &str) -> Result<Path, String> {
        let mut problems = Problems::new();
        let mut here = Here { place: Place::none(), path: "it".into(), scope: "", problems: &mut problems };
        compile(&At::nowhere(text.to_owned()), &mut here).ok_or_else(|| problems.to_string())
    }

    #[test]
    fn an_id_is_one_segment_whatever_it_holds() {
        let users = path("/users/{subject}?by=id").unwrap();
        for (subject, want) in [
            ("u-1", Some("/users/u-1?by=id")),
            ("a/b?c#d", Some("/users/a%2Fb%3Fc%23d?by=id")),
            ("../admin", Some("/users/..%2Fadmin?by=id")),
            ("auth0|5f7", Some("/users/auth0%7C5f7?by=id")),
            ("ü %", Some("/users/%C3%BC%20%25?by=id")),
            ("...", Some("/users/...?by=id")),
            (".", None),
            ("..", None),
        ] {
            assert_eq!(users.of(subject).as_deref(), want, "{subject}");
        }
    }

    #[test]
    fn what_is_no_path_for_a_user_is_refused() {
        for (text, wrong) in [
            ("users/{subject}", "does not begin"),
            ("/users", "where the user's id goes"),
            ("/users/{id}", "where the user's id goes"),
            ("/{tenant}/{subject}", "nothing but `{subject}`"),
            ("/us ers/{subject}", "characters"),
            ("/users/{subject}#x", "characters"),
        ] {
            let error = path(text).map(|_| ()).unwrap_err();
            assert!(error.contains("it.path:") && error.contains(wrong), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_id_leaves_its_segment(subject in "\\PC{1,40}") {
            let users = path("/users/{subject}/profile").unwrap();
            let Some(target) = users.of(&subject) else { return Ok(()) };
            let mut scratch = String::new();
            let normal = normalise(target.as_bytes(), PathRules::default(), &mut scratch).unwrap();
            let segments: Vec<&str> = normal.path.split('/').collect();
            prop_assert_eq!(segments.len(), 4, "{}", normal.path);
            prop_assert_eq!((segments[1], segments[3], normal.query), ("users", "profile", None));
        }
    }
}
