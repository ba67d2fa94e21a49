//! Name and password as a request brings them (RFC 7617 §2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_wire::{HeadView, Known};

/// The longest that is looked at, in bytes of base64.
const LONGEST: usize = 2048;

/// What a request brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Presented {
    /// No credentials of this scheme.
    Nothing,
    Credentials(Credentials),
    /// Some that cannot be good, and why.
    Bad(&'static str),
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) name: Box<str>,
    pub(super) password: Box<str>,
}

/// Without the password.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The credentials in `Authorization`, as UTF-8, as the challenge says. Names and passwords are compared byte by byte.
pub(super) fn of(head: HeadView<'_>) -> Presented {
    let mut lines = head.all(Known::Authorization);
    let Some(value) = lines.next() else { return Presented::Nothing };
    let Some(encoded) = after_scheme(value) else {
        // A second line may hold what this scheme is about; which counts would be a guess.
        let other = lines.any(|value| after_scheme(value).is_some());
        return if other { Presented::Bad("duplicate") } else { Presented::Nothing };
    };
    if lines.next().is_some() {
        return Presented::Bad("duplicate");
    }
    decode(encoded).map_or(Presented::Bad("malformed"), Presented::Credentials)
}

/// What stands behind the scheme's name and the blanks after it.
fn after_scheme(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(5)?;
    (scheme.eq_ignore_ascii_case(b"basic") && (rest.is_empty() || rest[0] == b' '))
        .then(|| rest.trim_ascii_start())
}

fn decode(encoded: &[u8]) -> Option<Credentials> {
    if encoded.len() > LONGEST {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    if text.chars().any(char::is_control) {
        return None;
    }
    let (name, password) = text.split_once(':')?;
    Some(Credentials { name: name.into(), password: password.into() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sekisho_wire::HeadBuf;

    use super::*;

    fn presented(values: &[&[u8]]) -> Presented {
        let mut head = HeadBuf::default();
        head.request(b"GET", b"/").unwrap();
        for value in values {
            head.push("authorization", value).unwrap();
        }
        of(head.view())
    }

    fn basic(text: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn reads_what_rfc_7617_says() {
        let good = |name: &str, password: &str| {
            Presented::Credentials(Credentials { name: name.into(), password: password.into() })
        };
        for (value, want) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", good("Aladdin", "open sesame")),
            ("bASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==", good("Aladdin", "open sesame")),
            ("Basic dGVzdDoxMjPCow==", good("test", "123\u{a3}")),
            (&basic("a:b:c"), good("a", "b:c")),
            (&basic("a:"), good("a", "")),
            (&basic(":b"), good("", "b")),
            (&basic("a"), Presented::Bad("malformed")),
            (&basic("a\u{0}:b"), Presented::Bad("malformed")),
            (&basic("a:b\n"), Presented::Bad("malformed")),
            (&basic("a:b\u{85}"), Presented::Bad("malformed")),
            (&basic(b"a:\xff"), Presented::Bad("malformed")),
            ("Basic", Presented::Bad("malformed")),
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", Presented::Bad("malformed")),
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==", Presented::Bad("malformed")),
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, x", Presented::Bad("malformed")),
            ("Basic *", Presented::Bad("malformed")),
            ("Basically QTpi", Presented::Nothing),
            ("Bearer QTpi", Presented::Nothing),
            ("Basi", Presented::Nothing),
            ("", Presented::Nothing),
        ] {
            assert_eq!(presented(&[value.as_bytes()]), want, "{value}");
        }
        assert_eq!(presented(&[basic("a".repeat(2000) + ":b").as_bytes()]), Presented::Bad("malformed"));
        assert_eq!(presented(&[]), Presented::Nothing);
    }

    #[test]
    fn two_lines_are_no_credentials() {
        let one = basic("a:b");
        for values in
            [[one.as_bytes(), one.as_bytes()], [one.as_bytes(), b"Bearer x"], [b"Bearer x", one.as_bytes()]]
        {
            assert_eq!(presented(&values), Presented::Bad("duplicate"));
        }
        assert_eq!(presented(&[b"Bearer x", b"Bearer y"]), Presented::Nothing);
    }

    proptest! {
        #[test]
        fn reads_back_every_name_and_password(name in "[^:\\pC]{0,20}", password in "\\PC{0,40}") {
            let want = Presented::Credentials(Credentials { name: name.as_str().into(), password: password.as_str().into() });
            prop_assert_eq!(presented(&[basic(format!("{name}:{password}")).as_bytes()]), want);
        }

        #[test]
        fn never_panics(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = after_scheme(&value);
            let _ = decode(&value);
        }
    }
}
