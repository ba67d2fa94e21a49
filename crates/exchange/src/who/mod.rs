//! Who sends a request: the connection's other end, and whoever policies prove it to be.

mod challenges;
mod client;
mod identity;
mod papers;

pub use challenges::Challenges;
pub use client::{Client, Scheme};
pub use identity::{BadSubject, Described, Entries, Identity};
pub use papers::{Papers, Unproved};
