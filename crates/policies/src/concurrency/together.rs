//! Requests that are not told apart: one number, which costs all workers less than a table with one key would.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How many are under way.
#[derive(Default)]
pub(super) struct Together(AtomicU32);

/// One of them; dropping it ends it.
pub(super) struct Place(Arc<Together>);

impl Together {
    /// A place, if fewer than `max` are taken.
    #[inline]
    pub(super) fn enter(self: &Arc<Self>, max: u32) -> Option<Place> {
        let below = |taken: u32| (taken < max).then_some(taken + 1);
        self.0.fetch_update(Relaxed, Relaxed, below).ok()?;
        Some(Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn exactly_as_many_pass_as_may_however_many_come_at_once() {
        let (all, barrier) = (Arc::new(Together::default()), Barrier::new(8));
        let enter = || {
            barrier.wait();
            (0..50).filter_map(|_| all.enter(100)).collect::<Vec<_>>()
        };
        let taken: Vec<Place> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(enter)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!((taken.len(), all.enter(100).is_none()), (100, true));
        drop(taken);
        assert!(all.enter(1).is_some_and(|_one| all.enter(1).is_none()), "all places were given back");
    }
}
