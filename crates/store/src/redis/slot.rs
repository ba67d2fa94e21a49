//! One worker's connection: whether it is there, and how it comes back.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::Away;
use super::dial::Connection;

/// What a worker has. A cache line of its own, since each worker writes to its own.
#[repr(align(128))]
pub(super) struct Slot {
    pub(super) phase: watch::Sender<Phase>,
    /// Connections so far.
    made: AtomicU64,
    /// Operations under way.
    under_way: AtomicUsize,
    /// Answers so far, of which only the change is of interest.
    answers: AtomicU64,
    /// Failures of the connection since the last answer.
    failures: AtomicU32,
    /// The task that makes the connection.
    task: Mutex<Option<AbortHandle>>,
}

/// Where a connection stands.
#[derive(Clone)]
pub(super) enum Phase {
    /// Nobody has needed it yet.
    Fresh,
    /// It is being made, and operations wait for it, each for its own time.
    Dialling,
    /// It is there; the number tells it from the one before.
    Up(Connection, u64),
    /// It is being made again, and operations fail at once.
    Gone(Away),
}

/// A place among the operations under way; dropping it gives it back.
pub(super) struct Place<'a>(&'a Slot);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Fresh),
            made: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            answers: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            task: Mutex::new(None),
        }
    }

    pub(super) fn place(&self, bound: usize) -> Option<Place<'_>> {
        let place = Place(self);
        (self.under_way.fetch_add(1, Relaxed) < bound).then_some(place)
    }

    /// The number of the next connection.
    pub(super) fn next(&self) -> u64 {
        self.made.fetch_add(1, Relaxed)
    }

    /// The number of the connection that is there.
    pub(super) fn number(&self) -> Option<u64> {
        match &*self.phase.borrow() {
            Phase::Up(_, number) => Some(*number),
            _ => None,
        }
    }

    /// A mark that [`Slot::silent_since`] understands.
    pub(super) fn mark(&self) -> u64 {
        self.answers.load(Relaxed)
    }

    /// Whether nothing at all has been answered since then.
    pub(super) fn silent_since(&self, mark: u64) -> bool {
        self.answers.load(Relaxed) == mark
    }

    pub(super) fn answered(&self) {
        self.answers.fetch_add(1, Relaxed);
        // A store to a line that other operations read as well, so only when it changes something.
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
    }

    /// Counts a failure of the connection; gives how many came before it since the last answer.
    pub(super) fn failed(&self) -> u32 {
        self.failures.fetch_add(1, Relaxed)
    }

    pub(super) fn watch_over(&self, task: AbortHandle) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    pub(super) fn end(&self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// How long to wait before the next try, by the failures before it: twice as long each time, up to five seconds, and each time
/// by chance up to half less, so that not all workers and gateways come back at one moment.
pub(super) fn pause(failures: u32) -> Duration {
    let whole = (50_u64 << failures.min(7)).min(5_000);
    Duration::from_millis(fastrand::u64(whole / 2..=whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_seconds_and_differ() {
        for (failures, longest) in [(0, 50), (1, 100), (4, 800), (7, 5_000), (u32::MAX, 5_000)] {
            for _ in 0..100 {
                let pause = pause(failures).as_millis();
                assert!((longest / 2..=longest).contains(&pause), "{failures}: {pause}");
            }
        }
        assert!((0..100).map(|_| pause(7)).any(|one| one != pause(7)));
    }

    #[test]
    fn places_are_bounded_and_come_back() {
        let slot = Slot::new();
        let one = slot.place(2).unwrap();
        let _two = slot.place(2).unwrap();
        assert!(slot.place(2).is_none());
        drop(one);
        assert!(slot.place(2).is_some());
    }
}
