//! Freshness (RFC 9111 §4.2): how long an answer is fresh, how old it is when it comes, how stale it may be sent.

use sekisho_wire::{HeadView, Known};

use crate::date;
use crate::directives::{LONGEST, Response, seconds};
use crate::policy::{HEURISTIC_MOST, Policy};
use crate::storing::{Times, is_cacheable_by_default};

/// A freshness lifetime, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lifetime {
    /// The origin said it.
    Said(u32),
    /// Nobody said anything, and this is what the operator wants then, or nothing.
    Assumed(u32),
}

impl Lifetime {
    pub(crate) fn seconds(self) -> u32 {
        let (Lifetime::Said(seconds) | Lifetime::Assumed(seconds)) = self;
        seconds
    }

    pub(crate) fn is_explicit(self) -> bool {
        matches!(self, Lifetime::Said(_))
    }
}

/// The freshness lifetime (§4.2.1): `s-maxage`, `max-age`, `Expires`, then the operator's choice (§4.2.2). `None` if
/// nothing is said and the status is not one to assume anything of, which is the last condition of §3 as well.
pub(crate) fn lifetime(
    response: HeadView<'_>,
    told: &Response,
    times: Times,
    policy: &Policy,
) -> Option<Lifetime> {
    if let Some(said) = told.s_maxage.or(told.max_age) {
        return Some(Lifetime::Said(said));
    }
    if told.expires_counts && response.present().contains(Known::Expires) {
        return Some(Lifetime::Said(expires(response, times)));
    }
    assumed(response, told, times, policy).map(|seconds| Lifetime::Assumed(seconds.min(LONGEST)))
}

/// What is assumed of an answer whose origin says nothing (§4.2.2).
fn assumed(response: HeadView<'_>, told: &Response, times: Times, policy: &Policy) -> Option<u32> {
    let status = response.status();
    if told.no_guess {
        return (told.public || is_cacheable_by_default(status)).then_some(0);
    }
    if let Some(seconds) = policy.ttl_of.of(status) {
        return Some(seconds);
    }
    if !told.public && !is_cacheable_by_default(status) {
        return None;
    }
    if policy.heuristic > 0
        && let Some(modified) = date::of(response, Known::LastModified)
    {
        let sent = date::of(response, Known::Date).unwrap_or(times.received.as_secs());
        let share = sent.saturating_sub(modified).saturating_mul(policy.heuristic.into()) / 10_000;
        return Some(u32::try_from(share).unwrap_or(LONGEST).min(HEURISTIC_MOST));
    }
    // An error may be the fault of what is part of no key.
    if status >= 400 && !told.public { Some(0) } else { Some(policy.ttl.unwrap_or(0)) }
}

/// Seconds from `Date` to `Expires`; what is no date lies in the past (§5.3), and so do several that disagree.
fn expires(response: HeadView<'_>, times: Times) -> u32 {
    let mut lines = response.all(Known::Expires);
    let Some(end) = lines.next().and_then(date::seconds) else { return 0 };
    if lines.any(|line| date::seconds(line) != Some(end)) {
        return 0;
    }
    let sent = date::of(response, Known::Date).unwrap_or(times.received.as_secs());
    u32::try_from(end.saturating_sub(sent)).unwrap_or(LONGEST).min(LONGEST)
}

/// The age of a response when it was received (§4.2.3, corrected_initial_age), in seconds.
pub(crate) fn initial_age(response: HeadView<'_>, times: Times) -> u32 {
    let sent = date::of(response, Known::Date).unwrap_or(times.received.as_secs());
    let apparent = times.received.as_secs().saturating_sub(sent);
    let delay = times.received.since(times.asked).as_secs();
    let corrected = u64::from(told_age(response)).saturating_add(delay);
    u32::try_from(apparent.max(corrected)).unwrap_or(LONGEST).min(LONGEST)
}

/// The first member of the first `Age` (§5.1); what is no number is not there.
fn told_age(response: HeadView<'_>) -> u32 {
    let Some(line) = response.get(Known::Age) else { return 0 };
    let first = line.split(|&b| b == b',').next().unwrap_or_default();
    seconds(first.trim_ascii()).unwrap_or(0)
}

/// Whether no word but the origin's own confirmation makes a stale answer good (§4.2.4).
pub(crate) fn never_stale(told: &Response) -> bool {
    told.must_revalidate || told.proxy_revalidate || told.no_cache
}

/// Seconds beyond its freshness that an answer may be sent while it is renewed, and instead of a failure (RFC 5861).
///
/// `s-maxage` forbids it (§5.2.2.10), so that the operator's wish does not count beside it. But an origin that writes
/// `s-maxage=60, stale-while-revalidate=30` means both, and is taken at its word.
pub(crate) fn stale(told: &Response, policy: &Policy) -> (u32, u32) {
    if never_stale(told) {
        return (0, 0);
    }
    let wished = |wish: u32| if told.s_maxage.is_some() { 0 } else { wish.min(LONGEST) };
    (
        told.stale_while_revalidate.unwrap_or_else(|| wished(policy.stale_while_revalidate)),
        told.stale_if_error.unwrap_or_else(|| wished(policy.stale_if_error)),
    )
}
