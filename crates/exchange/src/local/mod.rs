//! What one worker owns and everything on it may use.

mod alarm;
mod buffer;
mod io;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use sekisho_units::{Clock, Tick, Wall};

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
    /// A time of day, and when it was read.
    read: Cell<Option<(Tick, Wall)>>,
}

/// For so long the time of day is reckoned from the last reading: a reading costs several times the monotonic clock's.
const RENEW: Duration = Duration::from_millis(100);

impl Local {
    /// A worker's things; spawn [`Alarms::sweep`] of `alarms` on the worker's runtime.
    pub fn new(index: usize, clock: Clock) -> Rc<Self> {
        Rc::new(Self { index, alarms: Alarms::new(clock.clone()), clock, stash: Stash::default(), cut: Cell::new(false), read: Cell::new(None) })
    }

    /// The time of day at `now`, which is a reading of this clock not long ago.
    pub fn wall(&self, now: Tick) -> Wall {
        if let Some((tick, wall)) = self.read.get()
            && now.since(tick) < RENEW
        {
            return Wall::from_millis(wall.as_millis() + now.since(tick).as_millis() as u64);
        }
        let wall = self.clock.wall();
        self.read.set(Some((now, wall)));
        wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_reckoned_and_renewed() {
        let clock = Clock::manual();
        let local = Local::new(0, clock.clone());
        let start = clock.wall();
        assert_eq!(local.wall(clock.now()), start);
        clock.advance(Duration::from_millis(99));
        assert_eq!(local.wall(clock.now()), clock.wall());
        clock.set_wall(Wall::from_secs(1));
        clock.advance(Duration::from_millis(1));
        assert_eq!(local.wall(clock.now()), clock.wall(), "a clock that was set shows within a tenth of a second");
    }
}
