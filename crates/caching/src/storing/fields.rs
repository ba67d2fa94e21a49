//! Storing header and trailer fields (RFC 9111 §3.1): which lines of an answer are stored.

use sekisho_wire::{HeadView, Known, KnownSet, Skip, hop_by_hop};

use crate::directives::{items, targeted};
use crate::policy::{Policy, SetCookie};

/// Lines that are worked out anew for every answer, or belong to another hop.
const NEVER: KnownSet =
    KnownSet::of(&[Known::Age, Known::XCache, Known::XCacheKey, Known::XRequestId, Known::XCorrelationId]);

/// Fields that a 304 made from a stored answer leaves out: they describe a body that is not sent (RFC 9110 §15.4.5).
pub const NOT_MODIFIED_LEAVES_OUT: KnownSet = KnownSet::of(&[
    Known::ContentLength,
    Known::ContentType,
    Known::ContentEncoding,
    Known::ContentRange,
    Known::TransferEncoding,
    Known::AcceptRanges,
]);

/// The lines of an answer that are not stored: those of one hop, those that `private="…"` and `no-cache="…"` name, `Age`
/// and what else is the gateway's own to write, cookies unless they are wanted. The client who caused the answer to be
/// fetched gets them all the same.
#[must_use]
pub fn kept(response: HeadView<'_>, policy: &Policy) -> Skip {
    let mut skip = hop_by_hop(response);
    for name in response.present().intersection(NEVER).iter() {
        skip.insert_name(response, name);
    }
    if policy.set_cookie != SetCookie::Keep {
        skip.insert_name(response, Known::SetCookie);
        skip_named(response, b"Set-Cookie2", &mut skip);
    }
    skip_named(response, b"Proxy-Authentication-Info", &mut skip);
    // In a targeted field the list stands in a string of the same form, and then Cache-Control does not count.
    if targeted(response).is_some() {
        response.find_all(crate::directives::TARGETED).for_each(|line| limited(response, line, &mut skip));
    } else {
        response.all(Known::CacheControl).for_each(|line| limited(response, line, &mut skip));
    }
    skip
}

/// Whether `Date` must be added when the answer is stored or sent on (RFC 9110 §6.6.1).
#[must_use]
pub fn needs_date(response: HeadView<'_>) -> bool {
    !response.present().contains(Known::Date)
}

/// Marks the lines that one line of directives names.
fn limited(response: HeadView<'_>, line: &[u8], skip: &mut Skip) {
    for item in items(line).filter(|item| item.is("private") || item.is("no-cache")) {
        item.argument.names().into_iter().flatten().for_each(|name| skip_named(response, name, skip));
    }
}

fn skip_named(response: HeadView<'_>, name: &[u8], skip: &mut Skip) {
    match Known::of(name) {
        // Without these nobody could read the rest.
        Known::ContentLength | Known::ContentEncoding | Known::ContentType => {}
        Known::Unknown => {
            for (index, (own, _, _)) in response.lines().enumerate() {
                if own.eq_ignore_ascii_case(name) {
                    skip.insert(index);
                }
            }
        }
        known => skip.insert_name(response, known),
    }
}
