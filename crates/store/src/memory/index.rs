//! Where the entry of a hash lies: open addressing over numbers, without holes.
//!
//! A cell is a tag, 32 bits of the hash that also say where the cell would best lie, and the entry's number. So the index moves its
//! cells about without looking at entries, and looks at an entry only where the tags agree.

/// From tags to numbers of entries, several of one tag if need be.
pub(super) struct Index {
    /// A power of two of cells, at least half of them empty: most are found where they would best lie.
    cells: Box<[Cell]>,
}

#[derive(Clone, Copy)]
struct Cell {
    tag: u32,
    /// The entry's number and one; 0 in an empty cell.
    number: u32,
}

const EMPTY: Cell = Cell { tag: 0, number: 0 };

impl Index {
    pub(super) fn new() -> Self {
        Self { cells: vec![EMPTY; 8].into() }
    }

    /// The number with this tag that `is` takes.
    #[inline]
    pub(super) fn find(&self, tag: u32, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.cell(tag, &mut is).map(|at| self.cells[at].number - 1)
    }

    /// Adds to the `taken` numbers that there are already. Who has the entries knows how many they are, and here is no room to spare.
    pub(super) fn insert(&mut self, tag: u32, number: u32, taken: usize) {
        if (taken + 1) * 2 > self.cells.len() {
            self.grow();
        }
        self.put(Cell { tag, number: number + 1 });
    }

    /// Gives the entry `from` another number.
    pub(super) fn renumber(&mut self, tag: u32, from: u32, to: u32) {
        if let Some(at) = self.cell(tag, &mut |number| number == from) {
            self.cells[at].number = to + 1;
        }
    }

    /// Takes the entry out, and closes the gap: what lies behind it moves up as far as its tag allows (Knuth, 6.4, algorithm R).
    pub(super) fn remove(&mut self, tag: u32, number: u32) {
        let Some(mut gap) = self.cell(tag, &mut |other| other == number) else { return };
        let mask = self.cells.len() - 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let cell = self.cells[at];
            if cell.number == 0 {
                self.cells[gap] = EMPTY;
                return;
            }
            let from_home = at.wrapping_sub(cell.tag as usize) & mask;
            let from_gap = at.wrapping_sub(gap) & mask;
            if from_home >= from_gap {
                self.cells[gap] = cell;
                gap = at;
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.cells)
    }

    #[inline]
    fn cell(&self, tag: u32, is: &mut impl FnMut(u32) -> bool) -> Option<usize> {
        let mask = self.cells.len() - 1;
        let mut at = tag as usize & mask;
        loop {
            let cell = self.cells[at];
            if cell.number == 0 {
                return None;
            }
            if cell.tag == tag && is(cell.number - 1) {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
    }

    fn put(&mut self, cell: Cell) {
        let mask = self.cells.len() - 1;
        let mut at = cell.tag as usize & mask;
        while self.cells[at].number != 0 {
            at = (at + 1) & mask;
        }
        self.cells[at] = cell;
    }

    fn grow(&mut self) {
        let larger = vec![EMPTY; self.cells.len() * 2].into();
        for cell in std::mem::replace(&mut self.cells, larger) {
            if cell.number != 0 {
                self.put(cell);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few tags, so that many cells crowd; the model is a list of pairs.
        #[test]
        fn finds_what_was_put_in_and_not_taken_out(steps in proptest::collection::vec((0_u8..3, 0_u32..24, 0_u32..64), 1..300)) {
            let (mut index, mut model) = (Index::new(), Vec::<(u32, u32)>::new());
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
                    (1, Some(at)) => {
                        index.renumber(tag, number, number + 100);
                        model[at].1 += 100;
                    }
                    _ => {}
                }
                for tag in 0..24 {
                    let mut here = Vec::new();
                    let none = index.find(tag, |number| { here.push(number); false });
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
