//! How a client may prove itself on a route, as its answers say it (RFC 9110 §11.6.1).

use std::borrow::Cow;

/// A challenge for each policy of a route that may vouch for a client and has a scheme of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Challenges(Vec<Box<str>>);

/// Of a route without any.
const USUAL: &str = "Bearer";
/// About a token that was good but leads to nobody (RFC 6750 §3.1).
const INVALID: &str = "Bearer error=\"invalid_token\"";

impl Challenges {
    /// None at all.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// These, in the order in which the policies are asked.
    pub fn new<'c>(all: impl IntoIterator<Item = &'c str>) -> Self {
        Self(all.into_iter().map(Into::into).collect())
    }

    /// To a client that has proved nothing. A 401 must have at least one: `Bearer`, where the route has none.
    pub fn to_nobody(&self) -> impl Iterator<Item = Cow<'static, str>> {
        let usual = self.0.is_empty().then_some(Cow::Borrowed(USUAL));
        self.0.iter().map(|challenge| Cow::Owned(challenge.to_string())).chain(usual)
    }

    /// To a client whom the policy `by` vouches for, and who must not be served all the same.
    pub fn to_one_known(&self, by: &str) -> impl Iterator<Item = Cow<'static, str>> {
        // Only tokens have a word for it; whoever signed in by a password may do so as somebody else.
        let invalid = self.0.is_empty() || by == "jwt";
        let others = if invalid { Self::NONE } else { self };
        others
            .0
            .iter()
            .map(|challenge| Cow::Owned(challenge.to_string()))
            .chain(invalid.then_some(INVALID.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_the_schemes_of_the_route_and_of_none_that_a_token_would_do() {
        let all = ["ApiKey realm=\"a\"", "Basic realm=\"b\""];
        for (route, by, nobody, known) in [
            (&all[..], "basic_auth", &all[..], &all[..]),
            (&all[..], "jwt", &all[..], &[INVALID][..]),
            (&[], "forward_auth", &[USUAL], &[INVALID]),
        ] {
            let challenges = Challenges::new(route.iter().copied());
            assert_eq!(challenges.to_nobody().collect::<Vec<_>>(), nobody);
            assert_eq!(challenges.to_one_known(by).collect::<Vec<_>>(), known);
        }
    }
}
