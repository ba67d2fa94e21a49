//! Bodies as they pass: a copy of a request's, and what an answer's goes through.

mod copy;
mod filter;

pub use copy::BodyCopy;
pub use filter::{Filter, Filters};
