//! [`Memory`]: what was counted, within this process.
//!
//! Shards of a power of two. A decision about a known key takes the lock of its entry for a few dozen nanoseconds and writes nowhere else;
//! entries come and go under the lock of their shard, which a decision takes that makes one, or where something may have expired.
//!
//! The number of entries is bounded: if a shard is full, of a few entries picked blindly the one that expires first makes room. What that
//! key had counted is forgotten; so a store must be large enough for the keys of one period, and [`Tally::evicted`] tells when it is not.

mod entries;
mod index;
mod shard;

use std::sync::{Mutex, MutexGuard, PoisonError};

use self::shard::Shard;
use crate::key::{Key, Keyed};
use crate::limit::{Decision, Moment, Rule};

/// So many shards at most: as many as let two of thirty-two threads seldom meet.
const SHARDS: usize = 64;

/// A shard holds at least so many entries, so that the bound of a small store is kept well.
const LEAST: usize = 1_024;

/// Counts in memory, bounded in number. Shared by all workers.
pub struct Memory {
    shards: Box<[Shard]>,
    keyed: Keyed,
}

/// What a memory store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries.
    pub entries: usize,
    /// Bytes that they take, and room that is kept for more of them.
    pub bytes: usize,
    /// Entries that were thrown out before they had expired, since the store was made.
    pub evicted: u64,
}

/// A key, as the memory store knows it: among a million of them, two are taken for one in one process of 40 million.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Memory {
    /// The bound on entries unless another is given.
    pub const ENTRIES: usize = 1_000_000;

    /// A store for so many entries, at least one. Room is made as they come.
    ///
    /// Keys fall into shards by chance, so with nearly so many entries one shard may be full before the others are.
    pub fn new(entries: usize) -> Self {
        let entries = entries.max(1);
        let shards = (entries / LEAST).clamp(1, SHARDS);
        let shards = if shards.is_power_of_two() { shards } else { shards.next_power_of_two() / 2 };
        Self { shards: (0..shards).map(|_| Shard::new(entries / shards)).collect(), keyed: Keyed::new() }
    }

    /// Decides about a request of a key, and counts it if it passes. `now` is any clock's, but always the same's.
    #[inline]
    pub fn take(&self, rule: &Rule, key: Key<'_>, cost: u32, now: Moment) -> Decision {
        self.take_hashed(rule, self.hash(rule, key), cost, now)
    }

    /// What stands for a key here, for [`Memory::take_hashed`].
    #[inline]
    pub(crate) fn hash(&self, rule: &Rule, key: Key<'_>) -> Hash {
        Hash(self.keyed.short(key, Some(rule.algorithm())))
    }

    /// [`Memory::take`], for those who no longer have the key.
    pub(crate) fn take_hashed(&self, rule: &Rule, hash: Hash, cost: u32, now: Moment) -> Decision {
        // The index within a shard goes by other bits of the hash.
        self.shards[hash.0 as usize & (self.shards.len() - 1)].take(rule, hash.0, cost, now)
    }

    /// What it holds now.
    pub fn tally(&self) -> Tally {
        self.shards.iter().map(Shard::tally).fold(Tally::default(), |all, one| Tally {
            entries: all.entries + one.entries,
            bytes: all.bytes + one.bytes,
            evicted: all.evicted + one.evicted,
        })
    }
}

/// A thread that panicked within left everything whole: nothing there can fail between two writes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
