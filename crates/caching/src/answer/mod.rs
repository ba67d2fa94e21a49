//! What is sent of a stored answer: the whole, a part of it, or the word that the client has it already.

mod precondition;
mod range;

pub use range::Slice;

use sekisho_wire::{HeadView, Known, Method};

use crate::stored::Stored;

/// What to send. The head is the stored one with `Age` and the like; what else changes is said at each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// The stored status, head and body; to HEAD without the body.
    Whole,
    /// 304 without a body, and without the fields in [`NOT_MODIFIED_LEAVES_OUT`](crate::NOT_MODIFIED_LEAVES_OUT)
    /// (RFC 9110 §15.4.5).
    NotModified,
    /// 206 with that part of the body and its `Content-Range`.
    Part(Slice),
    /// 206 with these parts as `multipart/byteranges` (RFC 9110 §14.6), in this order.
    Parts(Vec<Slice>),
    /// 416 with `Content-Range: bytes */LENGTH` and no body (RFC 9110 §15.5.17).
    Unsatisfiable,
}

/// What `request` gets of a stored answer with a body of `length` bytes: its conditions (RFC 9111 §4.3.2) and ranges
/// (RFC 9110 §14.2) in the order of RFC 9110 §13.2.2. Also for an answer that has just been stored on behalf of the
/// request.
#[inline]
#[must_use]
pub fn shape(request: HeadView<'_>, stored: &Stored, length: u64) -> Shape {
    // Conditions are about what a 200 would bring.
    if stored.status() != 200 {
        return Shape::Whole;
    }
    let present = request.present();
    if (present.contains(Known::IfNoneMatch) || present.contains(Known::IfModifiedSince))
        && precondition::has_it(request, stored)
    {
        return Shape::NotModified;
    }
    if present.contains(Known::Range)
        && request.method() == Method::Get
        && precondition::range_holds(request, stored)
    {
        return range::shape(request, length);
    }
    Shape::Whole
}
