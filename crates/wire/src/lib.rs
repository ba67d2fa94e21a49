//! HTTP/1.1 as bytes (RFC 9110, RFC 9112): no I/O, no async, nothing allocated per header.
//!
//! A gateway sits between two parsers that may disagree, so this one is strict: whatever it accepts has one
//! reading only. The order of use on each side is
//!
//! 1. [`parse_request`] or [`parse_response`] fills a [`Head`] with positions into the caller's buffer;
//! 2. [`check_request`] or [`check_response`] decides framing and persistence, refusing what is ambiguous;
//! 3. policies read the [`HeadView`] and write down [`Edits`];
//! 4. [`Edits::write`] copies the kept lines in runs and appends the new ones;
//! 5. [`BodyReader`] walks the body in place.
//!
//! Ahead of all that, [`parse_proxy`] reads what a load balancer may say of the connection.
//!
//! The grammar of a head is checked here, in one pass over its bytes, a word at a time and without `unsafe`. A
//! test holds the scanner against `httparse`: what it takes is read alike, and all it refuses beyond that is what
//! that crate lets pass (bare LF, several empty lines, bytes outside ASCII in a target).

mod body;
mod check;
mod edit;
mod field;
mod frames;
mod head;
mod path;
mod proxy;
mod refusal;
mod write;

pub use body::{
    BadBody, BodyReader, CHUNK_END, Framing, Step, filter_trailers, write_chunk_head, write_last_chunk,
};
pub use check::{
    RequestFacts, ResponseFacts, Scheme, TargetForm, asks_to_upgrade, check_request, check_response,
    is_authority, origin_form, same_authority,
};
pub use edit::{Blob, Edits, Form, Mark, Name, Part, Skip, hop_by_hop, odd_spellings};
pub use field::{BadField, FRAMING, is_field_name, is_field_value, list_items};
pub use frames::Frames;
pub use head::{
    Head, HeadBuf, HeadView, Known, KnownSet, Limits, Line, MAX_HEAD, MAX_LINES, Method, Parsed, Span,
    Version, parse_request, parse_response,
};
pub use path::{Normal, PathRules, normalise, split_target};
pub use proxy::{BadProxy, MAX_PROXY, ProxyHeader, ProxyParsed, parse_proxy};
pub use refusal::{Malformed, Refusal};
pub use write::{reason, write_field, write_length, write_request_line, write_status_line};
