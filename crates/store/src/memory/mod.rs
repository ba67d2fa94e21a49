//! [`Memory`]: what was counted, within this process.
//!
//! Shards of a power of two, each with a lock and a cache line of its own. A decision takes one lock for a few dozen nanoseconds, looks
//! at one entry and, where something may have expired, at a few more, to throw it out. What workers on different cores cost each other is
//! cache lines: that of the lock, with all that a decision reads there, and that of the entry's counts.
//!
//! The number of entries is bounded: if a shard is full, of a few entries picked blindly the one that expires first makes room. What that
//! key had counted is forgotten; so a store must be large enough for the keys of one period, and [`Tally::evicted`] tells when it is not.

mod index;
mod shard;

use std::sync::{Mutex, MutexGuard, PoisonError};

use self::shard::Shard;
use crate::key::{Key, Keyed};
use crate::limit::{Decision, Moment, Rule, decide};

/// So many shards at most: as many as let two of thirty-two threads seldom meet.
const SHARDS: usize = 64;

/// A shard holds at least so many entries, so that the bound of a small store is kept well.
const LEAST: usize = 1_024;

/// Counts in memory, bounded in number. Shared by all workers.
pub struct Memory {
    shards: Box<[Place]>,
    keyed: Keyed,
}

/// Its own cache line (two of them, since processors fetch them in pairs).
#[repr(align(128))]
struct Place(Mutex<Shard>);

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
        let place = |_| Place(Mutex::new(Shard::new(entries / shards)));
        Self { shards: (0..shards).map(place).collect(), keyed: Keyed::new() }
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
        let mut shard = self.shard(hash.0);
        let found = shard.find(hash.0, now.as_millis());
        let outcome = decide(rule, found.map(|at| shard.kept(at)), now, cost);
        if let Some(kept) = outcome.keep {
            match found {
                Some(at) => shard.update(at, kept, now.as_millis()),
                None => shard.insert(hash.0, kept, now.as_millis()),
            }
        }
        outcome.decision
    }

    /// What it holds now.
    pub fn tally(&self) -> Tally {
        self.shards.iter().map(|place| lock(&place.0).tally()).fold(Tally::default(), |all, one| Tally {
            entries: all.entries + one.entries,
            bytes: all.bytes + one.bytes,
            evicted: all.evicted + one.evicted,
        })
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The index within a shard goes by other bits of the hash.
        lock(&self.shards[hash as usize & (self.shards.len() - 1)].0)
    }
}

/// A thread that panicked within a shard left it whole: nothing there can fail between two writes.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
