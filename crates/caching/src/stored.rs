//! [`Stored`]: what is worked out once, when an answer is stored, so that using it costs comparisons only.

use std::fmt;

use sekisho_units::Wall;

use crate::etag::Tag;
use crate::reuse::Vary;

/// The facts of a stored answer that decisions need. Head and body are the store's to keep.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// When the answer had been received.
    pub(crate) received: Wall,
    /// Its age then, in seconds (RFC 9111 §4.2.3, corrected_initial_age).
    pub(crate) initial_age: u32,
    /// Age at which it is stale, in seconds (§4.2.1).
    pub(crate) lifetime: u32,
    /// Seconds past `lifetime` that it may be sent while it is renewed; 0 where that is forbidden.
    pub(crate) while_revalidating: u32,
    /// Seconds past `lifetime` that it may be sent instead of a failure; 0 where that is forbidden.
    pub(crate) if_error: u32,
    /// `Date`, in seconds since 1970, or when it was received (RFC 9110 §6.6.1).
    pub(crate) date: u64,
    /// `Last-Modified`, in seconds since 1970.
    pub(crate) last_modified: Option<u64>,
    /// The entity tag as it was received; empty if there is none.
    pub(crate) etag: Box<[u8]>,
    pub(crate) status: u16,
    pub(crate) rules: Rules,
    pub(crate) vary: Vary,
}

/// Rules for using a stored answer, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rules(pub(crate) u8);

impl Rules {
    /// Not without asking the origin (`no-cache`).
    pub(crate) const NO_CACHE: Rules = Rules(1);
    /// Not stale because a client says so (`must-revalidate`, `proxy-revalidate`, `s-maxage`, `no-cache`).
    pub(crate) const NEVER_STALE: Rules = Rules(2);
    /// Its freshness was said, not guessed.
    pub(crate) const EXPLICIT: Rules = Rules(4);

    /// Not for requests with cookies: that it is for all was assumed.
    pub(crate) const NOT_WITH_COOKIES: Rules = Rules(8);

    /// Whether there are no others in it.
    pub(crate) fn is_known(self) -> bool {
        self.0 < 16
    }

    pub(crate) fn has(self, rule: Rules) -> bool {
        self.0 & rule.0 != 0
    }

    pub(crate) fn with(self, rule: Rules, when: bool) -> Rules {
        if when { Rules(self.0 | rule.0) } else { self }
    }
}

impl Stored {
    /// Seconds since the origin sent or confirmed it (RFC 9111 §4.2.3, current_age); what `Age` says. If the clock
    /// was set back the answer looks younger, but never younger than it was when it came.
    #[inline]
    #[must_use]
    pub fn age(&self, now: Wall) -> u32 {
        let resident = now.as_millis().saturating_sub(self.received.as_millis()) / 1_000;
        self.initial_age.saturating_add(u32::try_from(resident).unwrap_or(u32::MAX))
    }

    /// Seconds of freshness left; negative if it is stale (§4.2). `ttl` of `Cache-Status`.
    #[inline]
    #[must_use]
    pub fn remaining(&self, now: Wall) -> i64 {
        i64::from(self.lifetime) - i64::from(self.age(now))
    }

    /// Seconds after which nothing can be done with it any more but to validate it: what a store may drop it by if it
    /// has no validator, and should keep it beyond, as long as room allows, if it has one.
    #[must_use]
    pub fn useful_for(&self, now: Wall) -> u64 {
        let last = u64::from(self.lifetime) + u64::from(self.while_revalidating.max(self.if_error));
        last.saturating_sub(u64::from(self.age(now)))
    }

    /// Whether the origin can be asked if it is still good (§4.3.1).
    #[must_use]
    pub fn has_validator(&self) -> bool {
        self.last_modified.is_some() || !self.etag.is_empty()
    }

    /// Status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the origin said how long it is fresh, or the operator's `ttl` stands for that.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.rules.has(Rules::EXPLICIT)
    }

    /// The fields of requests by which it was chosen (§4.1).
    #[must_use]
    pub fn vary(&self) -> &Vary {
        &self.vary
    }

    /// Bytes it takes beyond its own size.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.etag.len() + self.vary.heap_size()
    }

    /// Makes it stale, as invalidation may do instead of dropping it (§4.4): it must be validated before it is used.
    pub fn invalidate(&mut self) {
        self.rules = self.rules.with(Rules::NO_CACHE, true).with(Rules::NEVER_STALE, true);
        (self.lifetime, self.while_revalidating, self.if_error) = (0, 0, 0);
    }

    pub(crate) fn tag(&self) -> Option<Tag<'_>> {
        Tag::read(&self.etag)
    }
}

impl fmt::Debug for Stored {
    /// Without what clients sent, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("status", &self.status)
            .field("received", &self.received)
            .field("initial_age", &self.initial_age)
            .field("lifetime", &self.lifetime)
            .field("while_revalidating", &self.while_revalidating)
            .field("if_error", &self.if_error)
            .field("rules", &self.rules)
            .field("vary", &self.vary)
            .finish_non_exhaustive()
    }
}
