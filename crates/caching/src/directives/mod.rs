//! `Cache-Control` in both directions (RFC 9111 §5.2), and the field that overrules it for gateways (RFC 9213).

mod request;
mod response;
mod scan;
mod targeted;

pub(crate) use request::Request;
pub(crate) use response::{Response, TARGETED};
pub(crate) use scan::{LONGEST, comma, items, seconds};
pub(crate) use targeted::read as targeted;
