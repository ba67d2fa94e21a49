//! Evenly spread turns: how shares of requests are kept without chance.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Places on a circle of 64 bits, one after the other. Multiples of the golden ratio lie so evenly on it (Weyl's equidistribution) that
/// each part of the circle gets its number of turns to within a few, at any time.
#[derive(Debug, Default)]
pub struct Turns(AtomicU64);

impl Turns {
    /// The next place. The first one is in the middle.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1 << 63)
    }
}
