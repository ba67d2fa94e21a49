//! Where a request may have its token: RFC 6750 §2.1, a cookie, or §2.3.

use std::borrow::Cow;

use sekisho_exchange::Exchange;
use sekisho_wire::Known;

use crate::query;

/// The places that are looked at, in this order; the first that holds something counts.
pub(super) struct Places {
    /// A header of its own, with or without the scheme's name; `None` for `Authorization: Bearer …`.
    pub(super) header: Option<Box<str>>,
    pub(super) cookie: Option<Box<str>>,
    pub(super) query: Option<Box<str>>,
    /// Whether services get the request without the header.
    pub(super) hide: bool,
}

/// What a request brings.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Presented<'a> {
    Nothing,
    Token(Cow<'a, [u8]>),
    /// Which of them counts would be a guess.
    Several,
}

impl Places {
    /// The token. What services must not see of it is taken off the request.
    #[inline]
    pub(super) fn look<'a>(&self, exchange: &mut Exchange<'a>) -> Presented<'a> {
        let mut presented = match &self.header {
            None => bearer(exchange.head.all(Known::Authorization), Scheme::Needed),
            Some(name) => bearer(exchange.head.find_all(name), Scheme::Free),
        };
        if self.hide {
            match &self.header {
                None if presented != Presented::Nothing => exchange.to_service.remove(Known::Authorization),
                None => {}
                Some(name) => exchange.to_service.remove_name(name),
            }
        }
        if let Some(name) = &self.cookie
            && presented == Presented::Nothing
        {
            presented = one(exchange.head.cookies(name).map(Cow::Borrowed));
        }
        if let Some(name) = &self.query {
            let values = query::take_out(exchange, name);
            if presented == Presented::Nothing {
                presented = one(values.into_iter().map(Cow::Owned));
            }
        }
        presented
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// A value of another scheme is no token, and another policy's business.
    Needed,
    Free,
}

#[inline]
fn bearer<'a>(mut lines: impl Iterator<Item = &'a [u8]>, scheme: Scheme) -> Presented<'a> {
    let Some(value) = lines.next() else { return Presented::Nothing };
    let Some(more) = lines.next() else {
        return one(credential(value, scheme).map(Cow::Borrowed).into_iter());
    };
    // A service may read another line than the one that was checked, whatever it holds.
    let ours = [value, more].into_iter().chain(lines).any(|value| credential(value, scheme).is_some());
    if ours { Presented::Several } else { Presented::Nothing }
}

/// What stands behind the scheme's name, if it stands there.
#[inline]
fn credential(value: &[u8], scheme: Scheme) -> Option<&[u8]> {
    let bare = match value.split_at_checked(7) {
        Some((name, rest)) if name.eq_ignore_ascii_case(b"bearer ") => Some(rest.trim_ascii()),
        _ if scheme == Scheme::Free => Some(value),
        _ => None,
    };
    bare.filter(|bare| !bare.is_empty())
}

#[inline]
fn one<'a>(mut values: impl Iterator<Item = Cow<'a, [u8]>>) -> Presented<'a> {
    match (values.next(), values.next()) {
        (None, _) => Presented::Nothing,
        (Some(token), None) => Presented::Token(token),
        (Some(_), Some(_)) => Presented::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn places(header: Option<&str>, cookie: Option<&str>, query: Option<&str>) -> Places {
        Places {
            header: header.map(Into::into),
            cookie: cookie.map(Into::into),
            query: query.map(Into::into),
            hide: false,
        }
    }

    #[track_caller]
    fn assert_found(places: &Places, lines: &str, want: Option<&str>) {
        let fixture = Fixture::new(&format!("GET /?token=q&x=1 HTTP/1.1\nHost: a\n{lines}"));
        let mut exchange = fixture.exchange();
        let want = match want {
            None => Presented::Nothing,
            Some("several") => Presented::Several,
            Some(token) => Presented::Token(Cow::Owned(token.as_bytes().to_vec())),
        };
        assert_eq!(places.look(&mut exchange), want, "{lines}");
    }

    #[test]
    fn a_bearer_token_is_what_stands_behind_the_schemes_name() {
        let usual = places(None, None, None);
        for (lines, want) in [
            ("", None),
            ("Authorization: Bearer a.b.c", Some("a.b.c")),
            ("authorization: bEARER  a.b.c", Some("a.b.c")),
            ("Authorization: Bearer", None),
            ("Authorization: Bearera.b.c", None),
            ("Authorization: a.b.c", None),
            ("Authorization: Basic YTpi", None),
            ("Authorization: Bearer a\nAuthorization: Bearer a", Some("several")),
            ("Authorization: Basic YTpi\nAuthorization: Bearer a", Some("several")),
            ("Authorization: Bearer a\nAuthorization: Basic YTpi", Some("several")),
            ("Authorization: Basic YTpi\nAuthorization: Basic YTpi", None),
            ("Cookie: token=c\nX-Token: h", None),
        ] {
            assert_found(&usual, lines, want);
        }
    }

    #[test]
    fn the_first_place_that_holds_something_counts() {
        let all = places(Some("X-Token"), Some("session"), Some("token"));
        for (lines, want) in [
            ("X-Token: h\nCookie: session=c", Some("h")),
            ("X-Token: Bearer h", Some("h")),
            ("X-Token: h\nX-Token: i", Some("several")),
            ("Authorization: Bearer a\nCookie: a=b; session=c", Some("c")),
            ("Cookie: session=\"c\"", Some("c")),
            ("Cookie: xsession=c; Session=d; session =e", Some("q")),
            ("Cookie: session=c; session=d", Some("several")),
            ("Cookie: session=c\nCookie: session=d", Some("several")),
            ("Cookie: session=", Some("q")),
            ("", Some("q")),
        ] {
            assert_found(&all, lines, want);
        }
    }

    #[test]
    fn services_do_not_see_what_is_hidden() {
        let fixture = Fixture::new("GET /?token=q&x=1 HTTP/1.1\nHost: a\nAuthorization: Bearer h");
        let mut exchange = fixture.exchange();
        Places { hide: true, ..places(None, None, Some("token")) }.look(&mut exchange);
        assert!(exchange.to_service.removes(Known::Authorization));
        assert_eq!(exchange.to_ask.query.as_deref(), Some("x=1"));
        let fixture = Fixture::new("GET / HTTP/1.1\nHost: a\nAuthorization: Basic YTpi");
        let mut exchange = fixture.exchange();
        Places { hide: true, ..places(None, None, None) }.look(&mut exchange);
        assert!(!exchange.to_service.removes(Known::Authorization), "it is another policy's");
    }
}
