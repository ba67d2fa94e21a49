//! What one worker owns and everything on it may use.

mod alarm;
mod buffer;
mod io;

use std::cell::Cell;
use std::rc::Rc;

use sekisho_units::Clock;

pub use alarm::{Alarm, Alarms};
pub use buffer::{Buffer, LARGE, SMALL, Stash};
pub use io::Io;

/// A worker's own things. Nothing here is shared with another thread, so nothing here needs a lock.
pub struct Local {
    /// The worker's number, from 0: the index of its share of every per-worker counter and buffer.
    pub index: usize,
    /// The clock.
    pub clock: Clock,
    /// Deadlines of the worker's connections.
    pub alarms: Rc<Alarms>,
    /// Spare read buffers.
    pub stash: Stash,
    /// Set once the time for exchanges in flight is over: an alarm that rings then means the end, whatever is due.
    pub cut: Cell<bool>,
}

impl Local {
    /// A worker's things; spawn [`Alarms::sweep`] of `alarms` on the worker's runtime.
    pub fn new(index: usize, clock: Clock) -> Rc<Self> {
        Rc::new(Self { index, alarms: Alarms::new(clock.clone()), clock, stash: Stash::default(), cut: Cell::new(false) })
    }
}
