//! Updating stored header fields (RFC 9111 §3.2), by a 304 (§4.3.4) or by the answer to a HEAD (§4.3.5).

use sekisho_wire::{BadField, HeadBuf, HeadView, Known, KnownSet, hop_by_hop, list_items};

use crate::date;
use crate::etag::Tag;
use crate::stored::Stored;

/// Fields that keep their stored values: the bytes that are stored depend on them.
const KEPT: KnownSet = KnownSet::of(&[
    Known::ContentLength,
    Known::ContentEncoding,
    Known::ContentRange,
    Known::TransferEncoding,
    Known::SetCookie,
]);

/// What an answer about a stored one says of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirmed {
    /// It is still good: [`freshen`] it.
    Yes,
    /// It speaks of another: the stored one must not be used, and the origin be asked again without condition.
    No,
}

/// Whether a 304 speaks of the stored answer whose validators were sent (§4.3.4). A strong validator must be the same,
/// a weak one alike; a 304 without any is taken at its word, as it answers a request about one answer only.
#[must_use]
pub fn confirms(stored: &Stored, not_modified: HeadView<'_>) -> Confirmed {
    let tag = not_modified.get(Known::Etag).and_then(Tag::read);
    let same = match (tag, stored.tag()) {
        (Some(new), Some(old)) if !new.weak && !old.weak => new.is_strongly(old),
        (Some(new), Some(old)) => new.is_weakly(old),
        (Some(_), None) | (None, _) => {
            let new = date::of(not_modified, Known::LastModified);
            new.is_none() || stored.last_modified.is_none() || new == stored.last_modified
        }
    };
    if same { Confirmed::Yes } else { Confirmed::No }
}

/// Whether the answer to a HEAD speaks of a stored answer to GET (§4.3.5): then [`freshen`] it, else invalidate it.
/// `None` for answers that say nothing about it, as they are not 200.
#[must_use]
pub fn answers_for(stored: &Stored, stored_head: HeadView<'_>, head: HeadView<'_>) -> Option<Confirmed> {
    if head.status() != 200 || stored.status != 200 {
        return None;
    }
    let same = [Known::ContentLength, Known::Etag, Known::LastModified]
        .iter()
        .all(|name| head.get(*name).is_none() || head.get(*name) == stored_head.get(*name));
    Some(if same && confirms(stored, head) == Confirmed::Yes { Confirmed::Yes } else { Confirmed::No })
}

/// Writes the stored head with the fields of `news` in place of its own (§3.2) into `out`, but for those that the
/// stored bytes depend on, those of one hop, and cookies. The result is to be [admitted](crate::admit) as an answer to the
/// request that was sent, with its times.
///
/// What the gateway changed before it stored the answer stays as it is, though the origin knows nothing of it: a tag that
/// was weakened since the body was compressed, and the fields that `Vary` got for the same reason.
///
/// # Errors
/// [`BadField`] if the result would be too large for a head; the stored one is then as good as not confirmed.
pub fn freshen(stored: HeadView<'_>, news: HeadView<'_>, out: &mut HeadBuf) -> Result<(), BadField> {
    out.response(stored.status());
    let hop = hop_by_hop(news);
    let (tag, vary) = (same_but_weaker(stored, news), stored.present().contains(Known::Vary));
    let taken = |index: usize, known: Known| {
        let kept = KEPT.contains(known) || (known == Known::Etag && tag) || (known == Known::Vary && vary);
        !kept && !hop.contains(index)
    };
    for (name, value, known) in stored.lines() {
        let replaced = match known {
            // The age is that of the confirmation, not of what was stored before.
            Known::Age => true,
            _ => news.lines().enumerate().any(|(index, (new, _, new_known))| {
                taken(index, new_known) && known == new_known && new.eq_ignore_ascii_case(name)
            }),
        };
        if !replaced {
            out.push(text(name), value)?;
        }
    }
    for (index, (name, value, known)) in news.lines().enumerate() {
        if taken(index, known) || (known == Known::Vary && names_more(stored, value)) {
            out.push(text(name), value)?;
        }
    }
    Ok(())
}

/// Whether the new tag is the stored one but for weakness.
fn same_but_weaker(stored: HeadView<'_>, news: HeadView<'_>) -> bool {
    let tags = [stored, news].map(|head| head.get(Known::Etag).and_then(Tag::read));
    match tags.into() {
        (Some(old), Some(new)) => old.weak != new.weak && old.is_weakly(new),
        _ => false,
    }
}

/// Whether one line of `Vary` has a name that the stored ones have not, so that it must stand beside them.
fn names_more(stored: HeadView<'_>, line: &[u8]) -> bool {
    let known =
        |name: &[u8]| stored.all(Known::Vary).flat_map(list_items).any(|one| one.eq_ignore_ascii_case(name));
    list_items(line).any(|name| !known(name))
}

/// A field name as text; names are tokens, which are ASCII.
fn text(name: &[u8]) -> &str {
    std::str::from_utf8(name).unwrap_or_default()
}
