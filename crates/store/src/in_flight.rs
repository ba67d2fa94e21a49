//! [`InFlight`]: how many requests of each key are under way.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::key::{Key, Keyed};

/// Requests under way, by key, in this process. A key without any takes no memory, so the number of keys is bounded by that of requests,
/// and by a bound of its own.
pub struct InFlight {
    shards: Box<[Place]>,
    keyed: Keyed,
    /// Of keys, in each shard.
    bound: usize,
}

/// So many locks that two threads seldom meet; a power of two.
const SHARDS: usize = 32;

/// Its own cache line (two of them, since processors fetch them in pairs).
#[repr(align(128))]
#[derive(Default)]
struct Place(Mutex<Counts>);

type Counts = HashMap<u128, u32, BuildHasherDefault<Already>>;

/// A request under way; dropping it ends it.
#[must_use = "a seat that is dropped is given back"]
pub struct Seat {
    of: Arc<InFlight>,
    hash: u128,
}

impl InFlight {
    /// A count for so many keys at once, give or take how they fall into shards.
    pub fn new(keys: usize) -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| Place::default()).collect();
        Arc::new(Self { shards, keyed: Keyed::new(), bound: keys.div_ceil(SHARDS).max(1) })
    }

    /// A seat, if fewer than `limit` requests of the key are under way. `None` as well if there are too many keys.
    pub fn enter(self: &Arc<Self>, key: Key<'_>, limit: u32) -> Option<Seat> {
        let hash = self.keyed.hash(key, None);
        let mut counts = self.counts(hash);
        let room = counts.len() < self.bound;
        match counts.get_mut(&hash) {
            Some(count) if *count < limit => *count += 1,
            None if limit > 0 && room => drop(counts.insert(hash, 1)),
            _ => return None,
        }
        Some(Seat { of: Arc::clone(self), hash })
    }

    /// How many requests of the key are under way.
    pub fn count(&self, key: Key<'_>) -> u32 {
        let hash = self.keyed.hash(key, None);
        self.counts(hash).get(&hash).copied().unwrap_or(0)
    }

    fn counts(&self, hash: u128) -> MutexGuard<'_, Counts> {
        let shard = &self.shards[(hash >> 64) as usize & (SHARDS - 1)].0;
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.of.counts(self.hash);
        match counts.get_mut(&self.hash) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.hash);
                // A crowd that is gone leaves no large table behind.
                if counts.capacity() > 1_024 && counts.len() < counts.capacity() / 8 {
                    counts.shrink_to_fit();
                }
            }
        }
    }
}

/// A key is a hash already, by a secret of this process.
#[derive(Default)]
struct Already(u64);

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte));
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = number as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;
    use crate::key::Space;

    fn key(name: &[u8]) -> Key<'_> {
        Key { space: Space::of("test"), name }
    }

    #[test]
    fn seats_are_limited_by_key_and_come_back() {
        let all = InFlight::new(1_000);
        let one = all.enter(key(b"a"), 2).unwrap();
        let two = all.enter(key(b"a"), 2).unwrap();
        assert!(all.enter(key(b"a"), 2).is_none());
        let _other = all.enter(key(b"b"), 2).unwrap();
        drop(one);
        assert_eq!((all.count(key(b"a")), all.count(key(b"b"))), (1, 1));
        drop(two);
        assert_eq!(all.count(key(b"a")), 0);
        assert!(all.enter(key(b"a"), 0).is_none());
        assert!(all.shards.iter().map(|shard| shard.0.lock().unwrap().len()).sum::<usize>() == 1);
    }

    #[test]
    fn keys_are_bounded_in_number() {
        let all = InFlight::new(SHARDS * 2);
        let seats: Vec<_> = (0..10_000_u32).filter_map(|n| all.enter(key(&n.to_be_bytes()), 1)).collect();
        assert_eq!(seats.len(), SHARDS * 2);
        drop(seats);
        assert!(all.enter(key(b"a"), 1).is_some());
    }

    #[test]
    fn a_crowd_that_is_gone_leaves_no_large_table_behind() {
        let all = InFlight::new(1 << 20);
        let seats: Vec<_> = (0..200_000_u32).filter_map(|n| all.enter(key(&n.to_be_bytes()), 1)).collect();
        assert_eq!(seats.len(), 200_000);
        drop(seats);
        let room: usize = all.shards.iter().map(|shard| shard.0.lock().unwrap().capacity()).sum();
        assert!(room <= SHARDS * 1_024, "{room}");
    }

    #[test]
    fn never_more_than_the_limit_are_under_way_at_any_parallelism() {
        let (all, here, most) = (InFlight::new(10), AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        if let Some(_seat) = all.enter(key(b"a"), 3) {
                            most.fetch_max(here.fetch_add(1, SeqCst) + 1, SeqCst);
                            std::thread::yield_now();
                            here.fetch_sub(1, SeqCst);
                        }
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
        assert_eq!(all.count(key(b"a")), 0);
    }
}
