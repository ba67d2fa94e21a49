//! Constructing responses from caches (RFC 9111 §4): which stored answer serves a request, or what is to be asked.

use std::fmt;

use sekisho_units::Wall;
use sekisho_wire::Known;

use super::request::Asked;
use crate::directives::LONGEST;
use crate::stored::{Rules, Stored};

/// What to do for a request. An `index` counts the stored answers in the order they were given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Send that one.
    Serve {
        /// Which one.
        index: usize,
        /// Its `Age`, in seconds.
        age: u32,
        /// Why it may be sent.
        why: Served,
    },
    /// Ask the origin.
    Ask {
        /// The answer to be validated, or to fall back to if the origin fails ([`may_stand_in`]).
        index: Option<usize>,
        /// Why none of the stored answers will do.
        why: Needed,
    },
    /// Answer 504: the client wants nothing from beyond the cache (§5.2.1.7).
    Refuse {
        /// Why none of the stored answers will do.
        why: Needed,
    },
}

/// Why a stored answer may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Served {
    /// It is fresh (§4.2).
    Fresh,
    /// It is stale, but the client would have it (`max-stale`, §5.2.1.2).
    MaxStale,
    /// It is stale and may be sent if it is renewed meanwhile (RFC 5861 §3): do so.
    WhileRevalidating,
}

/// Why the origin is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Needed {
    /// Nothing is stored.
    Empty,
    /// Something is stored, but for other requests (§4.1).
    Variant,
    /// It is stale (§4.2).
    Stale,
    /// It must not be used without asking (`no-cache`, §5.2.2.4, or it was invalidated, §4.4).
    NoCache,
    /// The request has cookies, and that the answer is for all was only assumed.
    Cookie,
    /// The client said `no-cache` (§5.2.1.4).
    ClientNoCache,
    /// It is older than the client wants (`max-age`, §5.2.1.1).
    ClientMaxAge,
    /// It will not be fresh for as long as the client wants (`min-fresh`, §5.2.1.3).
    ClientMinFresh,
    /// The store that gateways share could not be asked: nobody knows what is there. The cache around it finds that out.
    StoreAway,
}

impl Served {
    /// The reason for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Served::Fresh => "fresh",
            Served::MaxStale => "max-stale",
            Served::WhileRevalidating => "stale-while-revalidate",
        }
    }
}

impl Needed {
    /// The reason for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Needed::Empty => "empty",
            Needed::Variant => "variant",
            Needed::Stale => "stale",
            Needed::NoCache => "no-cache",
            Needed::Cookie => "cookie",
            Needed::ClientNoCache => "client-no-cache",
            Needed::ClientMaxAge => "client-max-age",
            Needed::ClientMinFresh => "client-min-fresh",
            Needed::StoreAway => "store-away",
        }
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[inline]
pub(super) fn choose<'s>(
    asked: &Asked<'_>,
    stored: impl IntoIterator<Item = &'s Stored>,
    now: Wall,
) -> Choice {
    let mut needed = Needed::Empty;
    let mut found: Option<(usize, &Stored)> = None;
    for (index, one) in stored.into_iter().enumerate() {
        if !one.vary.matches(asked.view()) {
            needed = Needed::Variant;
            continue;
        }
        // Of several the most recent one (§4); of the same second the one that came last.
        if found.is_none_or(|(_, best)| (best.date, best.received) <= (one.date, one.received)) {
            found = Some((index, one));
        }
    }
    let index = found.map(|(index, _)| index);
    let why = match found {
        None => needed,
        Some((index, one)) => {
            let age = one.age(now);
            match judge(asked, one, age) {
                Ok(why) => return Choice::Serve { index, age, why },
                Err(why) => why,
            }
        }
    };
    // What was stored for nobody in particular says nothing of this client's.
    let index = index.filter(|_| why != Needed::Cookie);
    if asked.told.only_if_cached { Choice::Refuse { why } } else { Choice::Ask { index, why } }
}

/// Whether an answer of that age serves the request.
#[inline]
fn judge(asked: &Asked<'_>, one: &Stored, age: u32) -> Result<Served, Needed> {
    let told = &asked.told;
    if one.rules.has(Rules::NO_CACHE) {
        return Err(Needed::NoCache);
    }
    if one.rules.has(Rules::NOT_WITH_COOKIES) && asked.view().present().contains(Known::Cookie) {
        return Err(Needed::Cookie);
    }
    if told.no_cache {
        return Err(Needed::ClientNoCache);
    }
    // `max-age=0` is how clients say "ask", even within the second.
    if told.max_age.is_some_and(|most| most == 0 || age > most) {
        return Err(Needed::ClientMaxAge);
    }
    if one.lifetime > age {
        let enough = one.lifetime - age >= told.min_fresh;
        return if enough { Ok(Served::Fresh) } else { Err(Needed::ClientMinFresh) };
    }
    let past = age - one.lifetime;
    // A client that asks for freshness to spare gets nothing stale.
    if told.min_fresh > 0 {
        return Err(Needed::Stale);
    }
    if past < one.while_revalidating {
        return Ok(Served::WhileRevalidating);
    }
    let accepted = told.max_stale > 0 && (past <= told.max_stale || told.max_stale == LONGEST);
    if accepted && !one.rules.has(Rules::NEVER_STALE) { Ok(Served::MaxStale) } else { Err(Needed::Stale) }
}

/// How asking the origin failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It answered with this status.
    Status(u16),
    /// It could not be reached, did not answer in time, or broke off before its head.
    Unreachable,
}

/// Whether a stored answer may be sent since the origin failed (`stale-if-error`, RFC 5861 §4; RFC 9111 §4.2.4, §4.3.3).
/// A fresh one may, though the client wished for better.
#[must_use]
pub fn may_stand_in(stored: &Stored, failure: Failure, now: Wall) -> bool {
    let failed = matches!(failure, Failure::Unreachable | Failure::Status(500 | 502..=504));
    let age = stored.age(now);
    let within = age < stored.lifetime || age - stored.lifetime < stored.if_error;
    failed && within && !stored.rules.has(Rules::NO_CACHE)
}
