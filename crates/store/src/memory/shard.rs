//! A part of the memory store: entries in a row, and where each lies.

use super::Tally;
use super::index::Index;
use crate::limit::Kept;

/// So many entries are looked at on the way of a decision: so many that what expires is gone faster than it can come.
const SWEPT: u32 = 4;

/// What has expired may lie there for so many milliseconds before it is looked for, unless room gets scarce: where entries live for moments
/// only, looking for them all the time would cost more than they do.
const REST: u64 = 10_000;

/// Of so many entries the one that expires first makes room.
const PICKED: u32 = 8;

/// With its lock it fills one cache line, so that a worker which comes after another fetches no more than that and the entry.
pub(super) struct Shard {
    /// Room for entries, of which the first `len` are some.
    blocks: Box<[Block]>,
    index: Index,
    len: u32,
    /// Where the sweep stands.
    hand: u32,
    /// Until this moment no entry expires that should be swept by then, and no other entry need be looked at, which another worker may
    /// have had last.
    due: u64,
    cold: Box<Cold>,
}

/// What few decisions need.
struct Cold {
    bound: u32,
    /// From so many entries on, what has expired is looked for without a rest.
    crowded: u32,
    evicted: u64,
    /// No entry that the sweep has passed since it was last at the first one expires before this moment.
    passed: u64,
}

/// Eight entries, of 40 bytes each. What finds them lies apart from what each decision changes, so that the one stays in every
/// worker's cache; and neither of an entry's parts lies across two cache lines.
#[repr(C, align(64))]
struct Block {
    hashes: [u64; BLOCK],
    kept: [Kept; BLOCK],
}

const BLOCK: usize = 8;

impl Block {
    const EMPTY: Self = Self { hashes: [0; BLOCK], kept: [([0; 3], 0); BLOCK] };
}

const _: () = assert!(size_of::<Block>() == BLOCK * 40);
const _: () = assert!(size_of::<std::sync::Mutex<Shard>>() <= 64);

/// The bits by which the index goes; the lowest have chosen the shard.
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Where an entry lies: in which block, and where in it.
const fn place(number: u32) -> (usize, usize) {
    (number as usize / BLOCK, number as usize % BLOCK)
}

impl Shard {
    pub(super) fn new(bound: usize) -> Self {
        let bound = bound.clamp(1, u32::MAX as usize / 2) as u32;
        Self {
            blocks: Box::default(),
            index: Index::new(),
            len: 0,
            hand: 0,
            due: u64::MAX,
            cold: Box::new(Cold { bound, crowded: bound / 8 * 7, evicted: 0, passed: u64::MAX }),
        }
    }

    /// The entry of a hash, until the next change. Sweeps a little on the way.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, now: u64) -> Option<u32> {
        if now >= self.due {
            self.sweep(now);
        }
        let blocks = &self.blocks;
        self.index.find(tag(hash), |number| {
            let (block, at) = place(number);
            blocks[block].hashes[at] == hash
        })
    }

    #[inline]
    pub(super) fn kept(&self, number: u32) -> Kept {
        let (block, at) = place(number);
        self.blocks[block].kept[at]
    }

    #[inline]
    pub(super) fn update(&mut self, number: u32, kept: Kept, now: u64) {
        let (block, at) = place(number);
        let before = std::mem::replace(&mut self.blocks[block].kept[at], kept).1;
        if kept.1 < before {
            self.expires(kept.1, now);
        }
    }

    /// Adds an entry that is not there.
    pub(super) fn insert(&mut self, hash: u64, kept: Kept, now: u64) {
        if self.len >= self.cold.crowded {
            self.due = self.due.min(now);
        }
        if self.len >= self.cold.bound {
            self.evict(now);
        }
        let number = self.len;
        let (block, at) = place(number);
        if block == self.blocks.len() {
            self.make_room();
        }
        self.index.insert(tag(hash), number, number as usize);
        self.blocks[block].hashes[at] = hash;
        self.blocks[block].kept[at] = kept;
        self.len += 1;
        self.expires(kept.1, now);
    }

    pub(super) fn tally(&self) -> Tally {
        let bytes = size_of_val(&*self.blocks) + self.index.bytes();
        Tally { entries: self.len as usize, bytes, evicted: self.cold.evicted }
    }

    /// Notes that an entry expires at this moment: a new one, or one that did later. What expires later than it did need not be noted.
    fn expires(&mut self, at: u64, now: u64) {
        self.due = self.due.min(at.max(now + REST));
        self.cold.passed = self.cold.passed.min(at);
    }

    /// Looks at the next few entries and throws out those that have expired. Once it has passed all, it knows when the next one is due.
    #[inline(never)]
    fn sweep(&mut self, now: u64) {
        for _ in 0..SWEPT {
            if self.hand >= self.len {
                self.hand = 0;
                self.due = std::mem::replace(&mut self.cold.passed, u64::MAX).max(now + REST);
                return;
            }
            let (_, expires) = self.kept(self.hand);
            if expires <= now {
                self.remove(self.hand);
            } else {
                self.cold.passed = self.cold.passed.min(expires);
                self.hand += 1;
            }
        }
    }

    #[cold]
    fn evict(&mut self, now: u64) {
        let picked = (0..PICKED).map(|_| fastrand::u32(..self.len));
        if let Some(number) = picked.min_by_key(|number| self.kept(*number).1) {
            self.cold.evicted += u64::from(self.kept(number).1 > now);
            self.remove(number);
        }
    }

    /// By a quarter, not by twice as `Vec` would: at a million entries that is what keeps within the memory promised.
    #[cold]
    fn make_room(&mut self) {
        let most = (self.cold.bound as usize).div_ceil(BLOCK);
        let more = (self.blocks.len() / 4).max(2).min(most - self.blocks.len());
        let mut blocks = std::mem::take(&mut self.blocks).into_vec();
        blocks.reserve_exact(more);
        blocks.resize_with(blocks.len() + more, || Block::EMPTY);
        self.blocks = blocks.into_boxed_slice();
    }

    /// Takes an entry out; the last one moves into its place.
    fn remove(&mut self, number: u32) {
        let last = self.len - 1;
        let ((block, at), (last_block, last_at)) = (place(number), place(last));
        self.index.remove(tag(self.blocks[block].hashes[at]), number);
        if number != last {
            let moved = self.blocks[last_block].hashes[last_at];
            self.index.renumber(tag(moved), last, number);
            self.blocks[block].hashes[at] = moved;
            let kept = self.blocks[last_block].kept[last_at];
            self.blocks[block].kept[at] = kept;
            // The sweep may have passed its new place already.
            self.cold.passed = self.cold.passed.min(kept.1);
        }
        self.len = last;
    }
}
