//! How many requests of each key are under way.
//!
//! There is an entry for each key that has a request under way and for no other, so that there are never more of them than
//! connections.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::key::Value;

/// Keys are spread over so many locks, so that workers seldom meet at one.
const SHARDS: usize = 32;

type Shard = std::collections::HashMap<Value, u32, RandomState>;

/// The counts.
#[derive(Default)]
pub(super) struct Counts {
    /// Of requests that are not told apart.
    all: AtomicU32,
    shards: [Mutex<Shard>; SHARDS],
    spread: RandomState,
}

/// One request's place among those of its key; dropping it gives it back.
pub(super) struct Place {
    counts: Arc<Counts>,
    key: Value,
}

impl Counts {
    /// A place, if fewer than `max` are taken.
    #[inline]
    pub(super) fn take(self: &Arc<Self>, key: Value, max: u32) -> Option<Place> {
        if key == Value::All {
            let below = |taken: u32| (taken < max).then_some(taken + 1);
            self.all.fetch_update(Relaxed, Relaxed, below).ok()?;
        } else {
            let mut shard = self.shard(&key);
            match shard.get_mut(&key) {
                Some(taken) if *taken >= max => return None,
                Some(taken) => *taken += 1,
                None if max == 0 => return None,
                None => {
                    shard.insert(key.clone(), 1);
                }
            }
        }
        Some(Place { counts: Arc::clone(self), key })
    }

    fn shard(&self, key: &Value) -> MutexGuard<'_, Shard> {
        let index = (self.spread.hash_one(key) as usize) % SHARDS;
        // Whoever panicked while holding it left a number there, which is still one.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys have a request under way.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.key == Value::All {
            self.counts.all.fetch_sub(1, Relaxed);
            return;
        }
        let mut shard = self.counts.shard(&self.key);
        match shard.get_mut(&self.key) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => {
                shard.remove(&self.key);
                // A crowd that is gone leaves no large table behind.
                if shard.capacity() > 1024 && shard.len() < shard.capacity() / 8 {
                    shard.shrink_to_fit();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn exactly_as_many_pass_as_may_however_many_come_at_once() {
        for key in [Value::All, Value::V4(7), Value::Text(b"tenant"[..].into())] {
            let counts = Arc::new(Counts::default());
            let barrier = Arc::new(Barrier::new(8));
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let (counts, barrier, key) = (Arc::clone(&counts), Arc::clone(&barrier), key.clone());
                    std::thread::spawn(move || {
                        barrier.wait();
                        (0..50).filter_map(|_| counts.take(key.clone(), 100)).collect::<Vec<_>>()
                    })
                })
                .collect();
            let taken: Vec<Place> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
            assert_eq!(taken.len(), 100, "{key:?}");
            assert!(counts.take(key.clone(), 100).is_none());
            drop(taken);
            assert!(
                (0..100)
                    .map(|_| counts.take(key.clone(), 100))
                    .collect::<Vec<_>>()
                    .iter()
                    .all(Option::is_some)
            );
            assert_eq!(counts.keys(), 0, "nothing is left of a key without requests");
        }
    }

    #[test]
    fn keys_are_counted_apart() {
        let counts = Arc::new(Counts::default());
        let _one = counts.take(Value::V4(1), 1).unwrap();
        assert!(counts.take(Value::V4(1), 1).is_none());
        let _two = counts.take(Value::V4(2), 1).unwrap();
        let _prefix = counts.take(Value::V6(1), 1).unwrap();
        assert_eq!(counts.keys(), 3);
    }

    #[test]
    fn a_smaller_limit_holds_once_places_are_given_back() {
        let counts = Arc::new(Counts::default());
        let mut taken: Vec<_> = (0..3).map(|_| counts.take(Value::V4(1), 3).unwrap()).collect();
        assert!(counts.take(Value::V4(1), 2).is_none());
        taken.truncate(1);
        assert!(counts.take(Value::V4(1), 2).is_some());
    }
}
