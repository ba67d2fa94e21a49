//! `cache`: answers from memory (RFC 9111).
//!
//! What may be stored, what is fresh, and what a stored answer says to a request is decided in `sekisho-caching`; here are the
//! stores, the one fetch a key at a time, and how both stand in a request's way. On the way in (`enter`) a stored answer is sent, or the
//! request goes on, for itself or for all who want the same. On the way back (`leave`) the answer, as all policies behind this one have
//! changed it, is stored while it is sent: what policies before this one add (limits, ids, security headers) is each client's own.

mod config;
mod enter;
mod entry;
mod flight;
mod key;
mod leave;
mod memory;
mod meter;
mod purge;
mod redis;
mod serve;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use sekisho_caching::Key;
use sekisho_caching::{Bypass, Needed, Outcome, Policy as Choices};
use sekisho_exchange::{CacheNote, Exchange, Policy, Response, Verdict};
use sekisho_units::Wall;
use sekisho_wire::{Edits, HeadView, Known};

pub use self::config::Config;
use self::entry::Entry;
use self::flight::Lead;
use self::key::Naming;
pub use self::memory::Filled;
use self::memory::Stand;
pub use self::meter::Tally;
pub use self::purge::Purge;
use self::redis::Claim;
pub use self::redis::{Shared, is_record};
pub use self::store::{Cached, purge};

/// What this cache is called in `Cache-Status` (RFC 9211).
const NAME: &str = "sekisho";

/// The policy as it runs.
pub struct Cache(Arc<Inner>);

struct Inner {
    terms: Terms,
    naming: Naming,
    cached: Arc<Cached>,
}

/// What the operator decides.
struct Terms {
    policy: Choices,
    /// Whether known users are served from it.
    authenticated: bool,
    /// Paths beneath which nothing is cached, without a slash at their end.
    except: Box<[Box<str>]>,
    max_body: u64,
    /// How long a request waits for another one's answer.
    wait: Duration,
    /// Whether clients are told.
    headers: bool,
}

/// What a request takes along to the answer.
#[derive(Clone, Copy, Default)]
pub enum Fare {
    /// It has nothing to do with the cache.
    #[default]
    Nothing,
    /// It passes the cache by.
    Bypass(Bypass),
    /// It may make stored answers doubtful.
    Unsafe,
    /// Its answer may be stored. What is to be known then is set aside ([`Exchange::aside`]).
    Bound,
}

/// A request whose answer may be stored.
struct Bound {
    key: Key,
    stand: Stand,
    claim: Option<Claim>,
    why: Needed,
    asked: Wall,
    /// Whether the answer is only for the user in the key.
    is_users: bool,
    /// Whether the client's conditions and ranges were taken out, to be answered here.
    whole: bool,
    /// What policies before this one have changed of the answer.
    outer: Edits,
    /// The stored answer that is to be validated, or sent if the service fails.
    before: Option<Arc<Entry>>,
    /// Others who wait for the same.
    lead: Option<Lead>,
    /// Whether there is no client.
    renews: bool,
}

impl Bound {
    /// What was set aside, if it is of this policy.
    fn take(exchange: &mut Exchange<'_>) -> Option<Box<Self>> {
        exchange.aside.take()?.downcast().ok()
    }
}

impl Cache {
    fn new(terms: Terms, naming: Naming, cached: Arc<Cached>) -> Self {
        Self(Arc::new(Inner { terms, naming, cached }))
    }
}

impl Policy for Cache {
    type Pass = Fare;
    const WEIGHS: bool = true;

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<Fare> {
        // One that only watches would have to change requests to have anything to tell.
        if exchange.watched || exchange.answered {
            return Verdict::Proceed(Fare::Nothing);
        }
        enter::enter(&self.0, exchange)
    }

    fn weigh(&self, _: &mut Fare, exchange: &mut Exchange<'_>, head: HeadView<'_>) -> bool {
        let Some(mut bound) = Bound::take(exchange) else { return false };
        let is_of_another = leave::is_of_another(&mut bound, exchange, head);
        exchange.aside = Some(bound);
        is_of_another
    }

    fn leave(&self, fare: Fare, exchange: &mut Exchange<'_>, response: &Response<'_>) {
        match fare {
            Fare::Nothing => {}
            Fare::Bypass(why) => self.0.tell(exchange, &Outcome::Bypass(why), None),
            Fare::Unsafe => {
                leave::invalidate(&self.0, exchange, response);
                self.0.tell(exchange, &Outcome::Bypass(Bypass::Method), None);
            }
            Fare::Bound => {
                if let Some(bound) = Bound::take(exchange) {
                    leave::leave(&self.0, *bound, exchange, response);
                }
            }
        }
    }
}

impl Inner {
    /// Tells log, metrics and client what the cache did.
    fn tell(&self, exchange: &mut Exchange<'_>, outcome: &Outcome, key: Option<&Key>) {
        let word = outcome.x_cache();
        let not_stored = outcome.not_stored().map(sekisho_caching::NotStored::as_str);
        exchange.facts.cache = Some(CacheNote { word, reason: outcome.reason(), not_stored });
        self.cached.meter.request(word, exchange.local.index);
        if !self.terms.headers {
            return;
        }
        let edits = &mut exchange.to_client;
        let mut fine = edits.set(Known::XCache, word.as_bytes()).is_ok();
        if let Some(key) = key {
            fine &= edits.set_fixed(Known::XCacheKey, &key.hex()).is_ok();
        }
        let mut status = Vec::with_capacity(64);
        outcome.write_cache_status(NAME, &mut status);
        // Behind what caches nearer to the service have said.
        fine &= edits.add(Known::CacheStatus, &status).is_ok();
        debug_assert!(fine, "words of ours are valid values");
    }
}
