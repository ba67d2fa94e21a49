//! Constructing responses from caches (RFC 9111 §4).

mod choose;
pub(crate) mod freshness;
mod invalidate;
mod request;
mod validate;
mod vary;

pub use choose::{Choice, Failure, Needed, Served, may_stand_in};
pub use invalidate::invalidated;
pub use request::{Asked, Bypass, Told};
pub use validate::{validate, whole};
pub use vary::Vary;
