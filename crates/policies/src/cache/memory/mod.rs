//! Answers in this process's memory, bounded in bytes.
//!
//! What stays is decided by how often and how lately it was asked for (S3-FIFO, Yang 2023), so that a scan of many rare targets does
//! not flush out what everybody wants.

mod marks;

use std::cell::Cell;
use std::sync::Arc;

use foldhash::fast::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use sekisho_caching::Key;

pub(super) use self::marks::{Marks, Stand};
use super::entry::Entry;
use super::purge::Purge;

/// Most answers under one key: one that varies by what all clients send otherwise must not take the place of all others.
pub(super) const VARIANTS: usize = 16;
/// Most parts that are locked apart.
const SHARDS: u64 = 64;
/// What was asked for more than once has so much of the room; the rest is for what is new, as Yang 2023 has it: with less, of what
/// everybody asks for twice within a second, nothing is still there.
const PROVEN: f64 = 0.9;
/// The smallest part is worth so many of the largest bodies, so that those fit.
const BODIES: u64 = 8;

/// Answers by their keys.
pub(super) struct Memory {
    table: Cache<Key, Arc<Variants>, Weight, RandomState>,
    marks: Marks,
}

/// The answers under one key.
pub(super) struct Variants(Vec<Variant>);

struct Variant {
    entry: Arc<Entry>,
    stand: Stand,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Variants>> for Weight {
    fn weight(&self, _: &Key, variants: &Arc<Variants>) -> u64 {
        variants.0.iter().map(|variant| variant.entry.weight() as u64).sum()
    }
}

/// How much is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filled {
    /// Bytes.
    pub bytes: u64,
    /// Keys.
    pub keys: u64,
    /// Bytes at most.
    pub most: u64,
}

impl Filled {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, keys: self.keys + other.keys, most: self.most + other.most }
    }
}

impl Memory {
    /// Room for so many bytes, and for bodies of that size.
    pub(super) fn new(max: u64, max_body: u64) -> Self {
        let marks = Marks::new(max);
        let room = max.saturating_sub(marks.bytes() as u64).max(1);
        let shards = (room / (BODIES * max_body.max(1))).clamp(1, SHARDS);
        // Rounded down, for it would be rounded up.
        let shards = 1 << shards.ilog2();
        let options = OptionsBuilder::new()
            .shards(shards)
            .weight_capacity(room)
            .hot_allocation(PROVEN)
            .estimated_items_capacity((room / 2048).max(64) as usize)
            .build()
            .expect("all that is needed is there");
        let table = Cache::with_options(options, Weight, RandomState::default(), DefaultLifecycle::default());
        Self { table, marks }
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What is stored under a key.
    #[inline]
    pub(super) fn get(&self, key: &Key) -> Option<Arc<Variants>> {
        self.table.get(key)
    }

    /// The good ones of these.
    #[inline]
    pub(super) fn good<'v>(&'v self, variants: &'v Variants) -> impl Iterator<Item = &'v Arc<Entry>> {
        variants.0.iter().filter(|variant| self.marks.holds(&variant.stand)).map(|variant| &variant.entry)
    }

    /// Stores an answer in place of the one for the same requests, unless it has become doubtful.
    pub(super) fn put(&self, key: Key, entry: Arc<Entry>, stand: Stand) -> bool {
        if !self.marks.may_store(&stand) {
            return false;
        }
        let before = self.table.peek(&key);
        let stay = before.iter().flat_map(|variants| &variants.0).filter(|variant| {
            self.marks.holds(&variant.stand) && !variant.entry.facts.vary().is_same(entry.facts.vary())
        });
        let mut variants: Vec<Variant> = stay
            .map(|variant| Variant { entry: Arc::clone(&variant.entry), stand: variant.stand.clone() })
            .collect();
        if variants.len() >= VARIANTS {
            // The one that came first.
            let _ = variants.remove(0);
        }
        variants.push(Variant { entry, stand });
        self.table.insert(key, Arc::new(Variants(variants)));
        // A purge that came between must have seen it.
        true
    }

    /// Takes away what is stored under a key.
    pub(super) fn remove(&self, key: &Key) {
        self.table.remove(key);
    }

    /// Takes away what is meant. Gives how many answers there were.
    pub(super) fn purge(&self, purge: &Purge) -> u64 {
        self.marks.purge(purge);
        if let Purge::Key(key) = purge {
            return self.table.remove(key).map_or(0, |(_, gone)| gone.0.len() as u64);
        }
        let count = Cell::new(0);
        self.table.retain(|key, variants| {
            let gone = variants.0.iter().filter(|variant| purge.means(key, &variant.entry)).count();
            count.set(count.get() + gone as u64);
            // The others under that key are fetched again.
            gone == 0
        });
        count.get()
    }

    pub(super) fn filled(&self) -> Filled {
        Filled {
            bytes: self.table.weight() + self.marks.bytes() as u64,
            keys: self.table.len() as u64,
            most: self.table.capacity() + self.marks.bytes() as u64,
        }
    }
}
