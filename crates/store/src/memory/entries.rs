//! Entries by their numbers, each with a lock of its own, which never move: whoever has a number may look at any time.

use std::sync::{Mutex, MutexGuard, OnceLock};

use super::lock;
use crate::limit::Kept;

/// Room for entries, made as they come, in blocks each twice as large as the one before.
pub(super) struct Entries {
    blocks: [OnceLock<Box<[Slot]>>; BLOCKS],
    /// So many at most.
    bound: u32,
}

/// Of the first block.
const FIRST: u32 = 16;
const BLOCKS: usize = 25;

/// So many entries find room.
pub(super) const MOST: usize = (FIRST as usize) << (BLOCKS - 1);

/// A cache line, with the lock and all that a decision changes.
#[repr(align(64))]
#[derive(Default)]
struct Slot(Mutex<Entry>);

const _: () = assert!(size_of::<Slot>() == 64);

/// What was counted for a key.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) hash: u64,
    pub(super) kept: Kept,
}

impl Entry {
    /// Whether it is one, and of this hash.
    #[inline]
    pub(super) fn is_of(&self, hash: u64) -> bool {
        self.hash == hash && self.is_one()
    }

    /// Whether anything is kept here.
    #[inline]
    pub(super) fn is_one(&self) -> bool {
        self.kept.1 != 0
    }
}

/// In which block a number lies, where in it, and how large the block is unless the bound comes first.
const fn place(number: u32) -> (usize, usize, u32) {
    let block = ((number + FIRST) / FIRST).ilog2();
    let size = FIRST << block;
    (block as usize, (number + FIRST - size) as usize, size)
}

impl Entries {
    pub(super) const fn new(bound: u32) -> Self {
        Self { blocks: [const { OnceLock::new() }; BLOCKS], bound }
    }

    /// The entry of this number, locked; `None` if there never was one.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<MutexGuard<'_, Entry>> {
        let (block, at, _) = place(number);
        Some(lock(&self.blocks[block].get()?.get(at)?.0))
    }

    /// The same, with room made for it. The number is below the bound.
    pub(super) fn make(&self, number: u32) -> MutexGuard<'_, Entry> {
        let (block, at, size) = place(number);
        let size = size.min(self.bound - (number - at as u32));
        let slots = self.blocks[block].get_or_init(|| (0..size).map(|_| Slot::default()).collect());
        lock(&slots[at].0)
    }

    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().filter_map(OnceLock::get).map(|slots| size_of_val(&**slots)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_below_the_bound_has_a_place_of_its_own() {
        for bound in [1, 15, 16, 17, 48, 49, 1_000] {
            let entries = Entries::new(bound);
            for number in 0..bound {
                assert!(entries.get(number).is_none_or(|entry| !entry.is_one()));
                entries.make(number).kept.1 = u64::from(number) + 1;
            }
            let all: Vec<u64> = (0..bound).map(|number| entries.get(number).unwrap().kept.1).collect();
            assert_eq!(all, (1..=u64::from(bound)).collect::<Vec<_>>());
            assert_eq!(entries.bytes(), bound as usize * 64, "no more room than that");
            assert!(entries.get(bound).is_none());
        }
    }
}
