//! A part of the memory store: entries, and where each lies.
//!
//! What a decision about a known key changes is its entry alone, under the entry's own lock: one cache line, which is what workers on
//! different cores cost each other. All else it only reads, and that seldom changes. Entries come and go under the shard's lock. A hash has
//! one entry at most, since only whoever has that lock makes one, having seen that there is none.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

use super::entries::{self, Entries, Entry};
use super::index::{self, Index};
use super::{Tally, lock};
use crate::limit::{Decision, Kept, Moment, Rule, decide};

/// So many entries are looked at on the way of a decision: so many that what expires is gone faster than it can come.
const SWEPT: u32 = 4;

/// What has expired may lie there for so many milliseconds before it is looked for, unless room gets scarce: where entries live for moments
/// only, looking for them all the time would cost more than they do.
const REST: u64 = 10_000;

/// Of so many entries the one that expires first makes room.
const PICKED: u32 = 8;

/// Two cache lines at least, since processors fetch them in pairs.
#[repr(align(128))]
pub(super) struct Shard {
    entries: Entries,
    index: Index,
    /// Until this moment no entry expires that should be swept by then.
    due: AtomicU64,
    books: Books,
}

/// Apart from what all decisions read.
#[repr(align(128))]
struct Books(Mutex<Book>);

/// What is known of all entries together.
struct Book {
    bound: u32,
    /// From so many entries on, what has expired is looked for without a rest.
    crowded: u32,
    /// Entries now.
    len: u32,
    /// Numbers below this one have been given out.
    given: u32,
    /// One more than a number that was given back, whose entry tells of the next such in the same way; 0 for none.
    free: u32,
    /// Where the sweep stands.
    hand: u32,
    /// No entry that the sweep has passed since it was last at the first one expires before this moment.
    passed: u64,
    evicted: u64,
}

/// The bits by which the index goes; the lowest have chosen the shard.
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Shard {
    pub(super) fn new(bound: usize) -> Self {
        let bound = bound.clamp(1, index::MOST.min(entries::MOST)) as u32;
        let crowded = bound / 8 * 7;
        let book = Book { bound, crowded, len: 0, given: 0, free: 0, hand: 0, passed: u64::MAX, evicted: 0 };
        Self {
            entries: Entries::new(bound),
            index: Index::new(),
            due: AtomicU64::new(u64::MAX),
            books: Books(Mutex::new(book)),
        }
    }

    /// Decides about a request of the key with this hash, and counts it if it passes.
    #[inline]
    pub(super) fn take(&self, rule: &Rule, hash: u64, cost: u32, now: Moment) -> Decision {
        if now.as_millis() < self.due.load(Relaxed)
            && let Some(entry) = self.find(hash)
        {
            let (decision, sooner) = count(entry, rule, cost, now);
            if let Some(expires) = sooner {
                self.expires(&mut lock(&self.books.0), expires, now.as_millis());
            }
            return decision;
        }
        self.take_alone(rule, hash, cost, now)
    }

    /// The same where an entry must be made, if it counts, or where entries may have to go.
    #[inline(never)]
    fn take_alone(&self, rule: &Rule, hash: u64, cost: u32, now: Moment) -> Decision {
        let book = &mut *lock(&self.books.0);
        let millis = now.as_millis();
        if millis >= self.due.load(Relaxed) {
            self.sweep(book, millis);
        }
        if let Some(entry) = self.find(hash) {
            let (decision, sooner) = count(entry, rule, cost, now);
            if let Some(expires) = sooner {
                self.expires(book, expires, millis);
            }
            return decision;
        }
        let outcome = decide(rule, None, now, cost);
        if let Some(kept) = outcome.keep {
            self.insert(book, hash, kept, millis);
        }
        outcome.decision
    }

    pub(super) fn tally(&self) -> Tally {
        let book = lock(&self.books.0);
        let bytes = self.entries.bytes() + self.index.bytes();
        Tally { entries: book.len as usize, bytes, evicted: book.evicted }
    }

    #[inline]
    fn find(&self, hash: u64) -> Option<MutexGuard<'_, Entry>> {
        self.index.find(tag(hash), |number| self.entries.get(number).filter(|entry| entry.is_of(hash)))
    }

    /// Adds an entry that is not there.
    fn insert(&self, book: &mut Book, hash: u64, kept: Kept, now: u64) {
        if book.len >= book.crowded {
            self.due.fetch_min(now, Relaxed);
        }
        if book.len >= book.bound {
            self.evict(book, now);
        }
        let number = match book.free.checked_sub(1) {
            Some(number) => number,
            None => {
                book.given += 1;
                book.given - 1
            }
        };
        let mut entry = self.entries.make(number);
        if book.free > 0 {
            book.free = entry.kept.0[0] as u32;
        }
        *entry = Entry { hash, kept: (kept.0, kept.1.max(1)) };
        drop(entry);
        self.index.insert(tag(hash), number, book.len as usize);
        book.len += 1;
        self.expires(book, kept.1, now);
    }

    /// Notes that an entry expires at this moment: a new one, or one that did later. What expires later than it did need not be noted.
    #[inline]
    fn expires(&self, book: &mut Book, at: u64, now: u64) {
        let due = at.max(now + REST);
        if due < self.due.load(Relaxed) {
            self.due.store(due, Relaxed);
        }
        book.passed = book.passed.min(at);
    }

    /// Looks at the next few entries and throws out those that have expired. Once it has passed all, it knows when the next one is due.
    fn sweep(&self, book: &mut Book, now: u64) {
        for _ in 0..SWEPT {
            if book.hand >= book.given {
                book.hand = 0;
                let due = std::mem::replace(&mut book.passed, u64::MAX).max(now + REST);
                return self.due.store(due, Relaxed);
            }
            let number = book.hand;
            if let Some(entry) = self.entries.get(number).filter(|entry| entry.is_one()) {
                match entry.kept.1 {
                    expires if expires <= now => self.remove(book, number, entry),
                    expires => book.passed = book.passed.min(expires),
                }
            }
            book.hand += 1;
        }
    }

    /// All numbers have been given out and none given back.
    #[cold]
    fn evict(&self, book: &mut Book, now: u64) {
        let expires = |number: &u32| self.entries.get(*number).map_or(0, |entry| entry.kept.1);
        let picked = (0..PICKED).map(|_| fastrand::u32(..book.given)).min_by_key(expires);
        if let Some((number, entry)) = picked.and_then(|number| Some((number, self.entries.get(number)?))) {
            book.evicted += u64::from(entry.kept.1 > now);
            self.remove(book, number, entry);
        }
    }

    fn remove(&self, book: &mut Book, number: u32, mut entry: MutexGuard<'_, Entry>) {
        let hash = entry.hash;
        entry.kept = ([book.free.into(), 0, 0], 0);
        drop(entry);
        book.free = number + 1;
        book.len -= 1;
        self.index.remove(tag(hash), number);
    }
}

/// Decides about a request of an entry's key. Gives also when the entry expires now, if that is sooner than it was.
#[inline]
fn count(mut entry: MutexGuard<'_, Entry>, rule: &Rule, cost: u32, now: Moment) -> (Decision, Option<u64>) {
    let outcome = decide(rule, Some(entry.kept), now, cost);
    let mut sooner = None;
    if let Some((counts, expires)) = outcome.keep {
        let expires = expires.max(1);
        sooner = (expires < entry.kept.1).then_some(expires);
        entry.kept = (counts, expires);
    }
    (outcome.decision, sooner)
}
