//! What a whole head means: framing, persistence, authority (RFC 9110 §7, RFC 9112 §3, §6, §9).

mod authority;
mod connection;
mod framing;
mod request;
mod response;

pub use authority::{Scheme, is_authority, same_authority};
pub use connection::asks_to_upgrade;
pub use request::{RequestFacts, TargetForm, check_request, origin_form};
pub use response::{ResponseFacts, check_response};
