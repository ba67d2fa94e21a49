//! [`Unheard`]: rulings that nobody waits for, made beside everything else, and few at a time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many of them may be under way, over all workers: far fewer than operations of one, so that whoever sends only rubbish does
/// not take the places of those who wait.
const BOUND: usize = 256;

/// How many are under way.
#[derive(Debug, Default)]
pub(crate) struct Unheard(Arc<AtomicUsize>);

/// A place among them; dropping it gives it back.
struct Place(Arc<AtomicUsize>);

impl Unheard {
    /// Sees to it that `work` is done on the runtime of the thread that calls, unless too much is under way already.
    #[must_use]
    pub(crate) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let place = Place(Arc::clone(&self.0));
        if self.0.fetch_add(1, Relaxed) >= BOUND {
            return false;
        }
        tokio::spawn(async move {
            let _place = place;
            work.await;
        });
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn of_a_flood_only_so_many_are_under_way_and_more_once_those_are_done() {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (unheard, done) = (Unheard::default(), Arc::new(Semaphore::new(0)));
            let begin = || {
                let done = Arc::clone(&done);
                unheard.begin(async move { done.acquire().await.unwrap().forget() })
            };
            let begun = (0..100_000).filter(|_| begin()).count();
            assert_eq!(begun, BOUND);
            done.add_permits(3);
            // Each lets the others run, and those that are done go.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            assert_eq!((0..10).filter(|_| begin()).count(), 3);
        });
    }
}
