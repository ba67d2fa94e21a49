//! Handling a received validation request (RFC 9111 §4.3.2), and `If-Range` (RFC 9110 §13.1.5).

use sekisho_wire::{HeadView, Known};

use crate::date;
use crate::etag::{Tag, names};
use crate::stored::Stored;

/// Whether the client has the stored answer already. `If-None-Match` takes precedence, even if it cannot be read.
pub(super) fn has_it(request: HeadView<'_>, stored: &Stored) -> bool {
    if request.present().contains(Known::IfNoneMatch) {
        return request.all(Known::IfNoneMatch).any(|list| names(list, stored.tag()));
    }
    // Two dates are one too many (RFC 9110 §13.1.3: a value that is no date is ignored).
    if request.count(Known::IfModifiedSince) != 1 {
        return false;
    }
    let Some(since) = date::of(request, Known::IfModifiedSince) else { return false };
    // An answer that does not say when it changed had not changed after it was sent (§4.3.2).
    stored.last_modified.unwrap_or(stored.date) <= since
}

/// Whether a range may be sent: without `If-Range`, or if that names the stored answer beyond doubt.
pub(super) fn range_holds(request: HeadView<'_>, stored: &Stored) -> bool {
    if !request.present().contains(Known::IfRange) {
        return true;
    }
    if request.count(Known::IfRange) != 1 {
        return false;
    }
    let value = request.get(Known::IfRange).unwrap_or_default();
    match (Tag::read(value), stored.tag()) {
        (Some(theirs), Some(ours)) => theirs.is_strongly(ours),
        (Some(_), None) => false,
        // A date is a strong validator only if it lies well before the answer was sent (RFC 9110 §8.8.2.2).
        (None, _) => {
            let strong = |modified: u64| stored.date >= modified.saturating_add(1);
            date::seconds(value).is_some_and(|date| stored.last_modified == Some(date) && strong(date))
        }
    }
}
