//! Bodies as they pass: what a request's and an answer's go through, and a copy of a request's.

mod copy;
mod filter;
mod request;

pub use copy::BodyCopy;
pub use filter::{Filter, Filters};
pub use request::{DIGESTS, PORTION, Refused, RequestFilter, RequestFilters, Taken};
