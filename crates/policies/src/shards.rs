//! A table that all workers share: in shards, each behind a lock of its own, and with a bound on its entries.
//!
//! A look takes one lock that is hardly ever contended, and allocates nothing. Where a shard is full, the entry that went in
//! first makes room, unless it was looked at since: then it gets a second chance (the CLOCK algorithm, Corbató 1968).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

/// Most shards; a table of few entries has fewer, so that its bound is true to the last one.
const MOST: usize = 64;
/// Fewest entries for which a shard is worth it.
const FEWEST: usize = 64;
/// Second chances that are given before one entry goes in any case, so that making room takes no longer than that.
const CHANCES: usize = 16;

/// The table.
pub(crate) struct Shards<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    hasher: RandomState,
}

/// What was found over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Looks that found what they needed.
    pub hits: u64,
    /// Looks that did not, so that somebody was asked.
    pub misses: u64,
    /// Looks that found somebody already asked, and waited for the same answer.
    pub joined: u64,
    /// Questions that got no answer.
    pub failed: u64,
    /// Entries that made room for others.
    pub evicted: u64,
    /// Entries now.
    pub entries: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            joined: self.joined + other.joined,
            failed: self.failed + other.failed,
            evicted: self.evicted + other.evicted,
            entries: self.entries + other.entries,
        }
    }
}

struct Shard<V> {
    /// By the hash of the key: two keys of one hash take turns.
    entries: HashMap<u64, Entry<V>, BuildHasherDefault<Hashed>>,
    /// The hashes in the order in which their chance comes.
    order: VecDeque<u64>,
    most: usize,
    counts: Counts,
}

struct Entry<V> {
    key: Box<[u8]>,
    value: V,
    used: bool,
}

impl<V> Shards<V> {
    /// A table for at most so many entries, at least one.
    pub(crate) fn new(entries: usize) -> Self {
        let shards = (entries / FEWEST).clamp(1, MOST);
        let shard = || Shard {
            entries: HashMap::default(),
            order: VecDeque::new(),
            most: (entries / shards).max(1),
            counts: Counts::default(),
        };
        Self { shards: (0..shards).map(|_| Mutex::new(shard())).collect(), hasher: RandomState::default() }
    }

    /// Does `work` at the place of a key, which nobody else looks at meanwhile.
    #[inline]
    pub(crate) fn at<R>(&self, key: &[u8], work: impl FnOnce(&mut Place<'_, V>) -> R) -> R {
        let hash = self.hasher.hash_one(key);
        // Bits that the table within the shard looks at least.
        let shard = (hash >> 32) as usize % self.shards.len();
        work(&mut Place { shard: lock(&self.shards[shard]), hash, key })
    }

    /// Takes out all entries that are `unwanted`; gives how many there were.
    pub(crate) fn remove_all(&self, mut unwanted: impl FnMut(&V) -> bool) -> usize {
        let mut count = 0;
        for shard in &self.shards {
            let Shard { entries, order, .. } = &mut *lock(shard);
            let before = entries.len();
            entries.retain(|_, entry| !unwanted(&entry.value));
            if entries.len() < before {
                order.retain(|hash| entries.contains_key(hash));
            }
            count += before - entries.len();
        }
        count
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> Counts {
        self.shards.iter().fold(Counts::default(), |sum, shard| {
            let shard = lock(shard);
            sum.and(Counts { entries: shard.entries.len() as u64, ..shard.counts })
        })
    }
}

fn lock<V>(shard: &Mutex<Shard<V>>) -> MutexGuard<'_, Shard<V>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of one key.
pub(crate) struct Place<'a, V> {
    shard: MutexGuard<'a, Shard<V>>,
    hash: u64,
    key: &'a [u8],
}

impl<V> Place<'_, V> {
    /// What is there.
    #[inline]
    pub(crate) fn get(&mut self) -> Option<&mut V> {
        let entry = self.shard.entries.get_mut(&self.hash).filter(|entry| *entry.key == *self.key)?;
        entry.used = true;
        Some(&mut entry.value)
    }

    /// Puts something there, in the place of what was.
    pub(crate) fn put(&mut self, value: V) {
        let Shard { entries, order, most, counts } = &mut *self.shard;
        if let Some(entry) = entries.get_mut(&self.hash) {
            if *entry.key != *self.key {
                entry.key = self.key.into();
            }
            entry.value = value;
            return;
        }
        let mut chances = 0;
        while entries.len() >= *most {
            let Some(hash) = order.pop_front() else { break };
            match entries.get_mut(&hash) {
                Some(entry) if entry.used && chances < CHANCES => {
                    chances += 1;
                    entry.used = false;
                    order.push_back(hash);
                }
                _ => {
                    entries.remove(&hash);
                    counts.evicted += 1;
                }
            }
        }
        order.push_back(self.hash);
        entries.insert(self.hash, Entry { key: self.key.into(), value, used: false });
    }

    /// Takes out what is there.
    pub(crate) fn remove(&mut self) -> Option<V> {
        self.get()?;
        let hash = self.hash;
        self.shard.order.retain(|other| *other != hash);
        self.shard.entries.remove(&hash).map(|entry| entry.value)
    }

    /// For counting.
    #[inline]
    pub(crate) fn counts(&mut self) -> &mut Counts {
        &mut self.shard.counts
    }
}

/// Takes a hash for what it is.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(table: &Shards<u32>, key: u32) {
        table.at(&key.to_le_bytes(), |place| place.put(key));
    }

    fn get(table: &Shards<u32>, key: u32) -> Option<u32> {
        table.at(&key.to_le_bytes(), |place| place.get().copied())
    }

    #[test]
    fn there_are_never_more_entries_than_the_bound() {
        for bound in [1, 2, 63, 64, 200, 1000, 5000] {
            let table = Shards::new(bound);
            for key in 0..3 * bound as u32 {
                put(&table, key);
                assert_eq!(get(&table, key), Some(key), "the newest is there");
            }
            let counts = table.counts();
            assert!(counts.entries <= bound as u64, "{bound}: {counts:?}");
            assert!(counts.entries >= bound as u64 / 2, "{bound}: {counts:?}");
            assert_eq!(counts.evicted + counts.entries, 3 * bound as u64);
        }
    }

    #[test]
    fn what_is_looked_at_stays_and_what_is_not_makes_room() {
        let table = Shards::new(10);
        for key in 0..1000 {
            put(&table, key);
            assert_eq!(get(&table, 0), Some(0), "after {key}");
        }
        assert_eq!(get(&table, 1), None);
    }

    #[test]
    fn where_all_are_looked_at_one_goes_all_the_same() {
        let table = Shards::new(60);
        for key in 0..60 {
            put(&table, key);
            get(&table, key);
        }
        put(&table, 60);
        assert_eq!(table.counts().entries, 60);
        assert_eq!((0..61).filter_map(|key| get(&table, key)).count(), 60);
    }

    #[test]
    fn what_is_taken_out_leaves_no_trace() {
        let table = Shards::new(10);
        for round in 0..100 {
            put(&table, 7);
            assert_eq!(table.at(&7_u32.to_le_bytes(), |place| place.remove().unwrap_or_default()), 7);
            assert_eq!(table.at(&7_u32.to_le_bytes(), |place| place.remove().unwrap_or_default()), 0);
            put(&table, round);
            put(&table, 1000 + round);
            assert_eq!(table.remove_all(|value| *value == 1000 + round), 1);
        }
        let shard = lock(&table.shards[0]);
        assert_eq!(
            (shard.order.len(), shard.entries.len()),
            (9, 9),
            "the last one made room for one that went"
        );
    }

    #[test]
    fn two_keys_of_one_hash_are_not_taken_for_each_other() {
        let table = Shards::new(10);
        table.at(b"one", |place| place.put(1));
        let hash = table.hasher.hash_one(&b"one"[..]);
        let mut place = Place { shard: lock(&table.shards[0]), hash, key: b"two" };
        assert_eq!((place.get().copied(), place.remove()), (None, None));
        place.put(2);
        assert_eq!(place.get().copied(), Some(2));
        drop(place);
        assert_eq!(table.at(b"one", |place| place.get().copied()), None);
    }
}
