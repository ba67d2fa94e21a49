//! A part of the memory store: entries in a row, and where each lies.

use super::Tally;
use super::index::Index;
use crate::limit::{Counts, Kept};

/// So many entries are looked at on the way of each decision. More than one, so that they are gone faster than they come.
const SWEPT: usize = 2;

/// Of so many entries the one that expires first makes room.
const PICKED: usize = 8;

pub(super) struct Shard {
    entries: Vec<Entry>,
    index: Index,
    bound: usize,
    /// Where the sweep stands.
    hand: usize,
    evicted: u64,
}

/// 48 bytes.
struct Entry {
    hash: u128,
    counts: Counts,
    /// From this moment on, in milliseconds, it says nothing any more.
    expires: u64,
}

impl Entry {
    /// The bits by which the index goes; the lowest have chosen the shard.
    const fn tag(hash: u128) -> u32 {
        (hash >> 64) as u32
    }
}

impl Shard {
    pub(super) fn new(bound: usize) -> Self {
        let bound = bound.clamp(1, u32::MAX as usize / 2);
        Self { entries: Vec::new(), index: Index::new(), bound, hand: 0, evicted: 0 }
    }

    /// Where the entry of a hash lies, until the next change. Sweeps a little on the way.
    #[inline]
    pub(super) fn find(&mut self, hash: u128, now: u64) -> Option<usize> {
        self.sweep(now);
        let entries = &self.entries;
        let found = self.index.find(Entry::tag(hash), |number| entries[number as usize].hash == hash);
        found.map(|number| number as usize)
    }

    #[inline]
    pub(super) fn kept(&self, at: usize) -> Kept {
        let entry = &self.entries[at];
        (entry.counts, entry.expires)
    }

    #[inline]
    pub(super) fn update(&mut self, at: usize, (counts, expires): Kept) {
        let entry = &mut self.entries[at];
        (entry.counts, entry.expires) = (counts, expires);
    }

    /// Adds an entry that is not there.
    pub(super) fn insert(&mut self, hash: u128, (counts, expires): Kept) {
        if self.entries.len() >= self.bound {
            self.evict();
        }
        if self.entries.len() == self.entries.capacity() {
            // By a quarter, not by twice as `Vec` would: at a million entries that is what keeps within the memory promised.
            let more = (self.entries.len() / 4).max(16).min(self.bound - self.entries.len());
            self.entries.reserve_exact(more);
        }
        self.index.insert(Entry::tag(hash), self.entries.len() as u32);
        self.entries.push(Entry { hash, counts, expires });
    }

    pub(super) fn tally(&self) -> Tally {
        let bytes = self.entries.capacity() * size_of::<Entry>() + self.index.bytes();
        Tally { entries: self.entries.len(), bytes, evicted: self.evicted }
    }

    /// Looks at the next few entries and throws out those that have expired.
    #[inline]
    fn sweep(&mut self, now: u64) {
        for _ in 0..SWEPT {
            match self.entries.get(self.hand) {
                Some(entry) if entry.expires <= now => self.remove(self.hand),
                Some(_) => self.hand += 1,
                None => {
                    self.hand = 0;
                    return;
                }
            }
        }
    }

    #[cold]
    fn evict(&mut self) {
        let picked = (0..PICKED).map(|_| fastrand::usize(..self.entries.len()));
        if let Some(at) = picked.min_by_key(|at| self.entries[*at].expires) {
            self.remove(at);
            self.evicted += 1;
        }
    }

    /// Takes an entry out; the last one moves into its place.
    fn remove(&mut self, at: usize) {
        let gone = self.entries.swap_remove(at);
        self.index.remove(Entry::tag(gone.hash), at as u32);
        if let Some(moved) = self.entries.get(at) {
            self.index.renumber(Entry::tag(moved.hash), self.entries.len() as u32, at as u32);
        }
    }
}
