//! What a request's answer is stored under.

use std::borrow::Cow;

use sekisho_caching::{Key, KeyParts, hearsay};
use sekisho_exchange::{Exchange, Identity};

/// What the operator says of keys.
#[derive(Debug)]
pub(super) struct Naming {
    /// Query parameters that do not count; one that ends in `*` means all that begin so.
    pub(super) ignored: Box<[Box<str>]>,
    /// Fields that do.
    pub(super) fields: Box<[Box<str>]>,
}

impl Naming {
    /// The query as it counts: without credentials that a policy took out, and without what is ignored.
    pub(super) fn query<'q>(&self, exchange: &'q Exchange<'_>) -> Option<Cow<'q, str>> {
        self.counting(exchange.to_ask.query.as_deref()?)
    }

    /// What of a query counts.
    pub(super) fn counting<'q>(&self, query: &'q str) -> Option<Cow<'q, str>> {
        if self.ignored.is_empty() {
            return Some(Cow::Borrowed(query));
        }
        let counts = |parameter: &&str| {
            // Some services end a parameter at a semicolon too: what follows it would be another one, and not ignored there.
            if parameter.contains(';') {
                return true;
            }
            let name = parameter.split('=').next().unwrap_or_default();
            !self.ignored.iter().any(|ignored| match ignored.strip_suffix('*') {
                Some(stem) => name.starts_with(stem),
                None => name == &**ignored,
            })
        };
        let mut left = query.split('&').filter(counts);
        let mut rest = left.next()?.to_owned();
        for parameter in left {
            rest.push('&');
            rest.push_str(parameter);
        }
        Some(Cow::Owned(rest))
    }

    /// The key of a request; with a user, of that user's alone. Routes and services do not share answers: they may answer the
    /// same URI otherwise. The scheme is part of the URI, and services that want another one send clients there: stored
    /// without it, that would send them in a circle.
    pub(super) fn key(&self, exchange: &Exchange<'_>, query: Option<&str>, user: Option<&Identity>) -> Key {
        let route = exchange.route_identity.map_or("", |identity| identity);
        let version = Some(exchange.facts.version).filter(|version| !version.is_empty());
        let parts = |more: &[&[u8]]| {
            Key::of(&KeyParts {
                host: exchange.host.as_bytes(),
                path: exchange.path,
                query,
                version,
                user: user.map(Identity::subject),
                more,
            })
        };
        let told = hearsay(exchange.head, exchange.client.trusted);
        let scheme = exchange.client.scheme.as_str();
        // A token and a key may name two who share nothing but the name.
        let by = user.map_or("", |user| user.by);
        let place = [route, exchange.service, scheme, by].map(str::as_bytes);
        let place = [place[0], place[1], place[2], place[3], &told];
        if self.fields.is_empty() {
            return parts(&place);
        }
        let mut more: Vec<Cow<'_, [u8]>> = place.map(Cow::Borrowed).to_vec();
        for field in &self.fields {
            // Lines are told apart, since no value holds a line feed.
            let lines: Vec<&[u8]> = exchange.head.find_all(field).collect();
            more.push(match lines.as_slice() {
                [] => Cow::Borrowed(b"\n"),
                [one] => Cow::Borrowed(one),
                several => Cow::Owned(several.join(&b"\n"[..])),
            });
        }
        parts(&more.iter().map(|text| &**text).collect::<Vec<_>>())
    }
}
