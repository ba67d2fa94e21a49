//! What one worker owns and everything on it may use.

mod alarm;
mod buffer;
mod io;
mod queue;
mod tcp;

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use sekisho_units::{Clock, Stamp, Tick, Wall};

pub use alarm::{Alarm, Alarms};
pub use buffer::{Buffer, LARGE, SMALL, Stash};
pub use io::Io;
pub use tcp::Tcp;

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
    /// Where bytes are read to that are passed on at once: [`SMALL`] of them, the same warm ones for all connections.
    pub space: RefCell<Box<[u8]>>,
    /// Set once the time for exchanges in flight is over: an alarm that rings then means the end, whatever is due.
    pub cut: Cell<bool>,
    /// What an upper floor keeps for this worker.
    lent: OnceCell<Weak<dyn Any>>,
    /// A time of day, and when it was read.
    read: Cell<Option<(Tick, Wall)>>,
    /// The texts of the last second.
    stamp: RefCell<Stamp>,
}

/// For so long the time of day is reckoned from the last reading: a reading costs several times the monotonic clock's.
const RENEW: Duration = Duration::from_millis(100);

impl Local {
    /// A worker's things; spawn [`Alarms::sweep`] of `alarms` on the worker's runtime.
    pub fn new(index: usize, clock: Clock) -> Rc<Self> {
        Rc::new(Self {
            index,
            alarms: Alarms::new(clock.clone()),
            clock,
            stash: Stash::default(),
            space: RefCell::new(vec![0; SMALL].into_boxed_slice()),
            cut: Cell::new(false),
            lent: OnceCell::new(),
            read: Cell::new(None),
            stamp: RefCell::default(),
        })
    }

    /// Makes known what an upper floor keeps for this worker, such as its connections to services. The first one counts.
    pub fn lend<T: Any>(&self, things: &Rc<T>) {
        let things: Rc<dyn Any> = Rc::<T>::clone(things);
        let _ = self.lent.set(Rc::downgrade(&things));
    }

    /// What was made known, if it is of this type and still there.
    pub fn lent<T: Any>(&self) -> Option<Rc<T>> {
        self.lent.get()?.upgrade()?.downcast().ok()
    }

    /// The time of day at `moment`, which is now or not long ago.
    pub fn wall(&self, moment: Tick) -> Wall {
        let (tick, wall) = match self.read.get() {
            Some(read) if moment.since(read.0) < RENEW => read,
            _ => {
                let read = (self.clock.now(), self.clock.wall());
                self.read.set(Some(read));
                read
            }
        };
        let (after, before) = (moment.since(tick).as_millis() as u64, tick.since(moment).as_millis() as u64);
        Wall::from_millis((wall.as_millis() + after).saturating_sub(before))
    }

    /// Gives the time of day at `moment`, with a cache of its texts, to `with`.
    pub fn stamped<T>(&self, moment: Tick, with: impl FnOnce(&mut Stamp, Wall) -> T) -> T {
        with(&mut self.stamp.borrow_mut(), self.wall(moment))
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
        assert_eq!(
            local.wall(clock.now()),
            clock.wall(),
            "a clock that was set shows within a tenth of a second"
        );
        let before = clock.now() - Duration::from_millis(7);
        assert_eq!(
            clock.wall().since(local.wall(before)),
            Duration::from_millis(7),
            "a moment before the reading"
        );
    }
}
