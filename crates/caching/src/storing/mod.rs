//! Storing responses (RFC 9111 §3): [`admit`] says whether, and works out what using the answer will need.

mod fields;
mod freshen;
mod status;

use std::fmt;

use sekisho_units::Wall;
use sekisho_wire::{Edits, HeadView, Known, Method};

pub use fields::{NOT_MODIFIED_LEAVES_OUT, kept, needs_date};
pub use freshen::{Confirmed, answers_for, confirms, freshen};

use crate::date;
use crate::directives::{Request, Response};
use crate::etag::Tag;
use crate::policy::{Cookies, Policy, SetCookie, Sharing};
use crate::reuse::{Vary, freshness};
use crate::stored::{Rules, Stored};

/// When a request was sent on, and when the head of its answer had come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// Time of the request.
    pub asked: Wall,
    /// Time of the response.
    pub received: Wall,
}

/// Why an answer is not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum NotStored {
    /// The request was no GET.
    Method,
    /// The client said `no-store` (§5.2.1.5).
    ClientNoStore,
    /// The status cannot be stored: interim, 206, 304 (§3), or not to be understood though that is asked (§5.2.2.3).
    Status,
    /// `no-store` (§5.2.2.5).
    NoStore,
    /// `private` (§5.2.2.7).
    Private,
    /// The request had `Authorization`, and the origin did not say that its answer is for others too (§3.5).
    Authorization,
    /// It sets a cookie.
    SetCookie,
    /// The request had cookies, and that its answer is for others too was only assumed.
    Cookie,
    /// `Vary: *`: no request will ever match it (§4.1).
    VaryAny,
    /// It varies by what the gateway itself writes into requests, so that requests from clients do not tell.
    VaryOurs,
    /// It varies by too many fields, or too long ones.
    VaryLong,
    /// Nothing says that it may be stored (§3, last condition): no word of freshness and a status that is not cacheable
    /// by default.
    NotCacheable,
    /// It is larger than may be stored.
    TooLarge,
    /// Its body has no end that could be relied on: only the end of its connection tells it, so that one that broke off looks like
    /// a whole one, or it is a stream of events.
    Unbounded,
    /// It announces fields behind its body which the client is to have (RFC 9110 §6.5): what is stored has none.
    Trailers,
    /// It could never be used: never fresh, never sent stale, and nothing to validate it by.
    Useless,
    /// The store that gateways share could not be asked when the request came, so that nobody knows what was purged since.
    StoreAway,
    /// It was purged or invalidated while it came in.
    Outdated,
}

impl NotStored {
    /// The reason for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            NotStored::Method => "method",
            NotStored::ClientNoStore => "client-no-store",
            NotStored::Status => "status",
            NotStored::NoStore => "no-store",
            NotStored::Private => "private",
            NotStored::Authorization => "authorization",
            NotStored::SetCookie => "set-cookie",
            NotStored::Cookie => "cookie",
            NotStored::VaryAny => "vary-any",
            NotStored::VaryOurs => "vary-ours",
            NotStored::VaryLong => "vary-long",
            NotStored::NotCacheable => "not-cacheable",
            NotStored::TooLarge => "too-large",
            NotStored::Unbounded => "unbounded",
            NotStored::Trailers => "trailers",
            NotStored::Useless => "never-usable",
            NotStored::StoreAway => "store-away",
            NotStored::Outdated => "outdated",
        }
    }
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether `response` may be stored as the answer to `request`, and the facts to store with it. The head is that of
/// the origin, or one that [`freshen`] made; of its lines those are to be written which [`kept`] leaves.
///
/// `ours` are the edits with which the request was sent on: what the origin saw of a field that they touch was not
/// the client's.
///
/// # Errors
/// The first reason against it.
pub fn admit(
    request: HeadView<'_>,
    ours: &Edits,
    response: HeadView<'_>,
    times: Times,
    sharing: Sharing,
    policy: &Policy,
) -> Result<Stored, NotStored> {
    if request.method() != Method::Get {
        return Err(NotStored::Method);
    }
    if Request::read(request).no_store {
        return Err(NotStored::ClientNoStore);
    }
    let told = Response::read(response);
    permitted(request, response, &told, sharing, policy)?;
    let vary = Vary::read(request, ours, response)?;

    let lifetime = freshness::lifetime(response, &told, times, policy).ok_or(NotStored::NotCacheable)?;
    let cookies_matter = sharing == Sharing::Everyone
        && policy.cookies == Cookies::Heeded
        && !(lifetime.is_explicit() || told.public || vary.names().any(|name| name == Known::Cookie.name()));
    if cookies_matter && request.present().contains(Known::Cookie) {
        return Err(NotStored::Cookie);
    }
    let (while_revalidating, if_error) = freshness::stale(&told, policy);
    let rules = Rules::default()
        .with(Rules::NO_CACHE, told.no_cache)
        .with(Rules::NEVER_STALE, freshness::never_stale(&told) || told.s_maxage.is_some())
        .with(Rules::EXPLICIT, lifetime.is_explicit())
        .with(Rules::NOT_WITH_COOKIES, cookies_matter);
    let stored = Stored {
        received: times.received,
        initial_age: freshness::initial_age(response, times),
        lifetime: lifetime.seconds(),
        while_revalidating,
        if_error,
        date: date::of(response, Known::Date).unwrap_or(times.received.as_secs()),
        last_modified: date::of(response, Known::LastModified),
        etag: response.get(Known::Etag).filter(|tag| Tag::read(tag).is_some()).unwrap_or_default().into(),
        status: response.status(),
        rules,
        vary,
    };
    let usable = !told.no_cache && stored.useful_for(times.received) > 0;
    if usable || stored.has_validator() { Ok(stored) } else { Err(NotStored::Useless) }
}

/// The conditions of §3 that forbid.
fn permitted(
    request: HeadView<'_>,
    response: HeadView<'_>,
    told: &Response,
    sharing: Sharing,
    policy: &Policy,
) -> Result<(), NotStored> {
    let understood = status::is_understood(response.status());
    if !status::is_storable(response.status()) || (told.must_understand && !understood) {
        return Err(NotStored::Status);
    }
    // Who understands the status leaves `no-store` unheard: it is for those who do not know `must-understand`.
    if told.no_store && !told.must_understand {
        return Err(NotStored::NoStore);
    }
    if told.private {
        return Err(NotStored::Private);
    }
    let leave = told.public || told.must_revalidate || told.s_maxage.is_some();
    if sharing == Sharing::Everyone && request.present().contains(Known::Authorization) && !leave {
        return Err(NotStored::Authorization);
    }
    let cookie = response.present().contains(Known::SetCookie) && policy.set_cookie == SetCookie::Refuse;
    if cookie { Err(NotStored::SetCookie) } else { Ok(()) }
}

pub(crate) use status::is_cacheable_by_default;
