//! What policies that encode or decode bodies have in common: names of codings, and lists of them in settings.

use sekisho_units::At;

use crate::Here;

/// A content coding (RFC 9110 §8.4.1), of those that a policy knows.
pub(crate) trait Coding: Copy + PartialEq {
    /// As `Content-Encoding` names it.
    fn name(self) -> &'static str;

    /// Whether a header field means it by `name`.
    fn is_called(self, name: &[u8]) -> bool {
        let own = self.name();
        name.eq_ignore_ascii_case(own.as_bytes()) || own == "gzip" && name.eq_ignore_ascii_case(b"x-gzip")
    }
}

/// The `codings` of the policy called `policy`, each of which must stand there once. `none` says what an empty list would mean.
pub(crate) fn codings<C: Coding>(
    written: &[At<C>],
    (policy, none): (&str, &str),
    here: &mut Here<'_>,
) -> Option<Vec<C>> {
    if written.is_empty() {
        let place = here.place.clone();
        return here.refuse("codings", &place, none, format!("name one, or write `{policy}: off`"));
    }
    let mut codings = Vec::new();
    for coding in written {
        if codings.contains(&coding.value) {
            let message = format!("`{}` stands here twice", coding.name());
            return here.refuse("codings", &coding.place, message, "leave one of them out");
        }
        codings.push(coding.value);
    }
    Some(codings)
}
