//! Where the entry of a hash lies: open addressing over numbers, without holes.
//!
//! A cell is a tag, 32 bits of the hash that also say where the cell would best lie, and the entry's number. Anybody may look at any time;
//! whoever changes it must see to it that nobody else does. Who looks while it is changed may miss what is there, or find what is no longer
//! there: so the entry has the last word, and whoever finds nothing asks again when nobody changes it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// From tags to numbers of entries, several of one tag if need be.
pub(super) struct Index {
    /// Each four times as large as the one before. The smaller ones stay, since somebody may be looking into them: together they have a third
    /// of the cells of the one that counts.
    tables: [OnceLock<Box<[AtomicU64]>>; TABLES],
    /// Which one counts, if it is there.
    last: AtomicUsize,
}

/// Cells of the first table.
const FIRST: usize = 32;
const TABLES: usize = 13;

/// So many numbers find room: at least half of the cells are empty, so that most are found where they would best lie.
pub(super) const MOST: usize = (FIRST << (2 * (TABLES - 1))) / 2;

/// An empty cell.
const EMPTY: u64 = 0;

/// The tag, and the number and one.
const fn cell(tag: u32, number: u32) -> u64 {
    (tag as u64) << 32 | (number as u64 + 1)
}

const fn tag(cell: u64) -> u32 {
    (cell >> 32) as u32
}

impl Index {
    pub(super) fn new() -> Self {
        Self { tables: [const { OnceLock::new() }; TABLES], last: AtomicUsize::new(0) }
    }

    /// What `look` makes of the first number with this tag of which it makes something.
    #[inline]
    pub(super) fn find<R>(&self, of: u32, mut look: impl FnMut(u32) -> Option<R>) -> Option<R> {
        let table = self.table()?;
        let mask = table.len() - 1;
        let mut at = of as usize & mask;
        // Once around at most, since cells may move meanwhile.
        for _ in 0..table.len() {
            let cell = table[at].load(Ordering::Relaxed);
            if cell == EMPTY {
                return None;
            }
            if tag(cell) == of
                && let Some(found) = look(cell as u32 - 1)
            {
                return Some(found);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Adds to the `taken` numbers that there are already.
    pub(super) fn insert(&self, tag: u32, number: u32, taken: usize) {
        let table =
            self.table().filter(|table| (taken + 1) * 2 <= table.len()).unwrap_or_else(|| self.grow());
        put(table, cell(tag, number));
    }

    /// Takes a number out, and closes the gap: what lies behind it moves up as far as its tag allows (Knuth, 6.4, algorithm R).
    pub(super) fn remove(&self, of: u32, number: u32) {
        let Some(table) = self.table() else { return };
        let mask = table.len() - 1;
        let load = |at: usize| table[at].load(Ordering::Relaxed);
        let mut gap = of as usize & mask;
        while load(gap) != cell(of, number) {
            if load(gap) == EMPTY {
                return;
            }
            gap = (gap + 1) & mask;
        }
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let moving = load(at);
            if moving == EMPTY {
                return table[gap].store(EMPTY, Ordering::Relaxed);
            }
            let from_home = at.wrapping_sub(tag(moving) as usize) & mask;
            let from_gap = at.wrapping_sub(gap) & mask;
            if from_home >= from_gap {
                table[gap].store(moving, Ordering::Relaxed);
                gap = at;
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.tables.iter().filter_map(OnceLock::get).map(|table| size_of_val(&**table)).sum()
    }

    #[inline]
    fn table(&self) -> Option<&[AtomicU64]> {
        self.tables[self.last.load(Ordering::Acquire)].get().map(|table| &**table)
    }

    #[cold]
    fn grow(&self) -> &[AtomicU64] {
        let old = self.table();
        let next = self.last.load(Ordering::Relaxed) + usize::from(old.is_some());
        let size = FIRST << (2 * next);
        let table = self.tables[next].get_or_init(|| (0..size).map(|_| AtomicU64::new(EMPTY)).collect());
        let cells = old.into_iter().flatten().map(|cell| cell.load(Ordering::Relaxed));
        cells.filter(|cell| *cell != EMPTY).for_each(|cell| put(table, cell));
        self.last.store(next, Ordering::Release);
        table
    }
}

fn put(table: &[AtomicU64], cell: u64) {
    let mask = table.len() - 1;
    let mut at = tag(cell) as usize & mask;
    while table[at].load(Ordering::Relaxed) != EMPTY {
        at = (at + 1) & mask;
    }
    table[at].store(cell, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few tags, so that many cells crowd; the model is a list of pairs.
        #[test]
        fn finds_what_was_put_in_and_not_taken_out(steps in proptest::collection::vec((0_u8..3, 0_u32..24, 0_u32..64), 1..300)) {
            let (index, mut model) = (Index::new(), Vec::<(u32, u32)>::new());
            for (what, tag, number) in steps {
                let known = model.iter().position(|pair| *pair == (tag, number));
                match (what, known) {
                    (0 | 1, None) => {
                        index.insert(tag, number, model.len());
                        model.push((tag, number));
                    }
                    (2, Some(at)) => {
                        index.remove(tag, number);
                        model.swap_remove(at);
                    }
                    _ => {}
                }
                for tag in 0..24 {
                    let mut here = Vec::new();
                    let none = index.find(tag, |number| { here.push(number); None::<()> });
                    prop_assert_eq!(none, None);
                    here.sort_unstable();
                    let mut want: Vec<_> = model.iter().filter(|pair| pair.0 == tag).map(|pair| pair.1).collect();
                    want.sort_unstable();
                    prop_assert_eq!(here, want);
                }
            }
        }
    }
}
