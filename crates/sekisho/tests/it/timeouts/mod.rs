//! Whoever is too slow, and who hears of it: each limit ends its wait when it says, not before and not much after.
//!
//! The spans are short, so that the tests are; the bounds leave room for a busy machine.

mod believed;
mod client;
pub(crate) mod service;
mod told;
mod upload;

/// The latest that a limit of 200 ms may act on a machine with much else to do, in milliseconds: before the limits of 10 s and
/// more that hold where nothing is written.
const LATEST: u64 = 9_000;
