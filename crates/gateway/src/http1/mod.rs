//! A client that speaks HTTP/1: its connection from the first byte to the last.

mod arrival;
mod client;
mod connection;
mod linger;
mod side;

pub(crate) use connection::refuse;
pub use connection::{Caller, serve};
