//! [`Asked`]: what a request says of caches, read once before anything is looked up.

use std::fmt;

use sekisho_units::Wall;
use sekisho_wire::{HeadView, Known, KnownSet, Method};

use super::choose::{self, Choice};
use crate::directives::Request;
use crate::hearsay::overrides;
use crate::policy::{Clients, Policy};
use crate::stored::Stored;

/// Why a request has nothing to do with the cache: it is sent on, and its answer is not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Bypass {
    /// Neither GET nor HEAD. An unsafe method may [invalidate](crate::invalidated).
    Method,
    /// A body, which is part of no key.
    Body,
    /// `If-Match` or `If-Unmodified-Since`, which are for the origin (RFC 9111 §4.3.2).
    Precondition,
    /// It would become another protocol.
    Upgrade,
    /// A field by which some frameworks take it for another method or path than it has (`X-HTTP-Method-Override`,
    /// `X-Original-URL`): its answer stored would be another's (cache poisoning).
    Override,
    /// The route's policy leaves this path, or this client, out.
    Policy,
}

impl Bypass {
    /// The reason for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Bypass::Method => "method",
            Bypass::Body => "body",
            Bypass::Precondition => "precondition",
            Bypass::Upgrade => "upgrade",
            Bypass::Override => "override",
            Bypass::Policy => "policy",
        }
    }
}

impl fmt::Display for Bypass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Any of these asks for a closer look.
const SPECIAL: KnownSet = KnownSet::of(&[
    Known::TransferEncoding,
    Known::ContentLength,
    Known::IfMatch,
    Known::IfUnmodifiedSince,
    Known::Upgrade,
]);

/// A request for which stored answers may be looked up.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    view: HeadView<'r>,
    pub(super) told: Request,
}

/// What a request says of caches, apart from its head: for one who comes back to the request and need not read it again.
#[derive(Clone, Copy, Debug)]
pub struct Told(Request);

impl Told {
    /// The request that was told of, by its head.
    #[must_use]
    pub fn of(self, view: HeadView<'_>) -> Asked<'_> {
        Asked { view, told: self.0 }
    }
}

impl<'r> Asked<'r> {
    /// Reads a request's head.
    ///
    /// # Errors
    /// Why it bypasses the cache.
    #[inline]
    pub fn read(view: HeadView<'r>, policy: &Policy) -> Result<Asked<'r>, Bypass> {
        if !matches!(view.method(), Method::Get | Method::Head) {
            return Err(Bypass::Method);
        }
        if !view.present().intersection(SPECIAL).is_empty() {
            special(view)?;
        }
        if overrides(view) {
            return Err(Bypass::Override);
        }
        let mut told = Request::default();
        if view.present().contains(Known::CacheControl) || view.present().contains(Known::Pragma) {
            told = Request::read(view);
            if policy.clients == Clients::Ignored {
                let Request { no_store, only_if_cached, .. } = told;
                told = Request { no_store, only_if_cached, ..Request::default() };
            }
        }
        Ok(Asked { view, told })
    }

    /// The request's head.
    #[must_use]
    pub fn view(&self) -> HeadView<'r> {
        self.view
    }

    /// What was read, for later.
    #[must_use]
    pub fn told(&self) -> Told {
        Told(self.told)
    }

    /// Whether the client wants no answer from beyond the cache (RFC 9111 §5.2.1.7).
    #[must_use]
    pub fn only_if_cached(&self) -> bool {
        self.told.only_if_cached
    }

    /// Whether the answer may be stored at all as far as the request is concerned: a GET without `no-store`. If it may
    /// be, it should be asked for as a whole ([`whole`](crate::whole)), or the store would never be filled.
    #[must_use]
    pub fn may_fill(&self) -> bool {
        self.view.method() == Method::Get && !self.told.no_store
    }

    /// What to do, given the answers that are stored under the request's key (§4).
    #[inline]
    pub fn choose<'s>(&self, stored: impl IntoIterator<Item = &'s Stored>, now: Wall) -> Choice {
        choose::choose(self, stored, now)
    }
}

/// The rarer reasons to bypass.
#[cold]
fn special(view: HeadView<'_>) -> Result<(), Bypass> {
    let present = view.present();
    if present.contains(Known::TransferEncoding)
        || view.get(Known::ContentLength).is_some_and(|length| length != b"0")
    {
        return Err(Bypass::Body);
    }
    if present.contains(Known::IfMatch) || present.contains(Known::IfUnmodifiedSince) {
        return Err(Bypass::Precondition);
    }
    if present.contains(Known::Upgrade) { Err(Bypass::Upgrade) } else { Ok(()) }
}
