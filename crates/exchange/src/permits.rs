//! A bounded number of places, over all threads, whose bound can be moved while places are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Places. Whoever waits for one gets it in turn.
pub struct Permits {
    free: Arc<Semaphore>,
    bound: AtomicUsize,
    /// Places still taken above the bound: each ceases to exist when it is given back.
    surplus: AtomicUsize,
}

/// One place; dropping it gives it back.
pub struct Permit {
    place: Option<OwnedSemaphorePermit>,
    permits: Arc<Permits>,
}

impl Permits {
    /// `bound` places, all free.
    pub fn new(bound: usize) -> Arc<Self> {
        let bound = bound.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            free: Arc::new(Semaphore::new(bound)),
            bound: AtomicUsize::new(bound),
            surplus: AtomicUsize::new(0),
        })
    }

    /// A place, if one is free.
    pub fn try_take(self: &Arc<Self>) -> Option<Permit> {
        match Arc::clone(&self.free).try_acquire_owned() {
            Ok(place) => Some(Permit { place: Some(place), permits: Arc::clone(self) }),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => None,
        }
    }

    /// A place, once one is free.
    pub async fn take(self: Arc<Self>) -> Permit {
        let place = Arc::clone(&self.free).acquire_owned().await.expect("the semaphore is never closed");
        Permit { place: Some(place), permits: self }
    }

    /// Moves the bound. Places taken beyond a lower one stay until they are given back. One thread at a time may do this.
    pub fn rebound(&self, bound: usize) {
        let bound = bound.min(Semaphore::MAX_PERMITS);
        let before = self.bound.swap(bound, Relaxed);
        if bound < before {
            let fewer = before - bound;
            let gone = self.free.forget_permits(fewer);
            self.surplus.fetch_add(fewer - gone, Relaxed);
            return;
        }
        let mut more = bound - before;
        while more > 0 && self.ends_surplus() {
            more -= 1;
        }
        self.free.add_permits(more);
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        let all = self.bound.load(Relaxed) + self.surplus.load(Relaxed);
        all.saturating_sub(self.free.available_permits())
    }

    /// Returns once all places are free, after which none can be taken any more.
    pub async fn closed(&self) {
        let mut left = self.bound.load(Relaxed);
        while left > 0 {
            let some = left.min(u32::MAX as usize);
            let Ok(places) = self.free.acquire_many(some as u32).await else { return };
            places.forget();
            left -= some;
        }
    }

    /// Takes one off the surplus, if there is any.
    fn ends_surplus(&self) -> bool {
        self.surplus.fetch_update(Relaxed, Relaxed, |surplus| surplus.checked_sub(1)).is_ok()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(place) = self.place.take()
            && self.permits.ends_surplus()
        {
            place.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_bound_holds_once_places_are_given_back() {
        let permits = Permits::new(3);
        let mut taken: Vec<_> = (0..3).map(|_| permits.try_take().unwrap()).collect();
        permits.rebound(1);
        assert_eq!(permits.taken(), 3);
        taken.pop();
        assert!(permits.try_take().is_none());
        taken.pop();
        assert!(permits.try_take().is_none(), "one is taken, and there is only one");
        taken.pop();
        assert_eq!(permits.taken(), 0);
        let _one = permits.try_take().unwrap();
        assert!(permits.try_take().is_none());
    }

    #[test]
    fn a_higher_bound_first_covers_what_is_taken_already() {
        let permits = Permits::new(3);
        let _taken: Vec<_> = (0..3).map(|_| permits.try_take().unwrap()).collect();
        permits.rebound(1);
        permits.rebound(3);
        assert!(permits.try_take().is_none());
        permits.rebound(4);
        let _fourth = permits.try_take().unwrap();
        assert!(permits.try_take().is_none());
        assert_eq!(permits.taken(), 4);
    }

    #[tokio::test]
    async fn closes_once_the_last_place_is_given_back() {
        let permits = Permits::new(2);
        let taken = permits.try_take().unwrap();
        let mut closed = std::pin::pin!(permits.closed());
        let early =
            tokio::select! { biased; () = &mut closed => true, () = tokio::task::yield_now() => false };
        assert!(!early);
        drop(taken);
        closed.await;
        assert!(permits.try_take().is_none());
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_that_comes_back() {
        let permits = Permits::new(1);
        let taken = permits.try_take().unwrap();
        let waiting = tokio::spawn(Arc::clone(&permits).take());
        drop(taken);
        let _place = waiting.await.unwrap();
        assert!(permits.try_take().is_none());
    }
}
