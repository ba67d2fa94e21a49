//! Sending a validation request (RFC 9111 §4.3.1), and asking for the whole of what is to be stored.

use sekisho_units::Wall;
use sekisho_wire::{Edits, Known};

use crate::stored::Stored;

/// Conditions and parts that a client asked for: the cache answers them itself (§4.3.2, RFC 9110 §14.2).
const CLIENTS: [Known; 4] = [Known::IfNoneMatch, Known::IfModifiedSince, Known::IfRange, Known::Range];

/// Makes the request one for the whole answer, without the client's conditions, so that what comes can be stored. The
/// client's conditions are answered from it afterwards ([`shape`](crate::shape)).
pub fn whole(edits: &mut Edits) {
    CLIENTS.into_iter().for_each(|name| edits.remove(name));
}

/// Makes the request ask whether the stored answer is still good: [`whole`], with its validators as conditions. Without
/// validators it is just that.
pub fn validate(stored: &Stored, edits: &mut Edits) {
    whole(edits);
    if !stored.etag.is_empty() {
        // The value of a field that was received is one line.
        let _fits = edits.set(Known::IfNoneMatch, &stored.etag);
    }
    if let Some(modified) = stored.last_modified {
        let _fits = edits.set_fixed(Known::IfModifiedSince, &Wall::from_secs(modified).http_date());
    }
}
