//! [`Marks`]: what was invalidated since an answer was asked for, without a list of what is stored.
//!
//! Each URI and each tag has a counter among many, found by its hash, which whatever makes its answers doubtful moves on. An
//! answer remembers where its counters stood when its request was sent, and serves as long as they stand there: so an answer that
//! is under way meanwhile is not stored as a good one. Two that share a counter cost each other a miss, and nothing else.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use foldhash::fast::RandomState;

use super::super::purge::Purge;

/// The counters.
pub(in crate::cache) struct Marks {
    counters: Box<[AtomicU32]>,
    /// Of all answers.
    all: AtomicU32,
    /// Purges so far.
    purges: AtomicU32,
    hasher: RandomState,
}

/// Where the counters of one answer stood.
#[derive(Clone, Debug)]
pub(in crate::cache) struct Stand {
    all: u32,
    purges: u32,
    uri: Counter,
    tags: Box<[Counter]>,
}

/// One counter, and where it stood.
#[derive(Clone, Copy, Debug)]
struct Counter {
    index: u32,
    stood: u32,
}

impl Marks {
    /// For a store of so many bytes: one in a hundred of them goes to counters.
    pub(in crate::cache) fn new(bytes: u64) -> Self {
        let count = (bytes / 512).next_power_of_two().clamp(1 << 10, 1 << 21) as usize;
        Self {
            counters: std::iter::repeat_with(AtomicU32::default).take(count).collect(),
            all: AtomicU32::default(),
            purges: AtomicU32::default(),
            hasher: RandomState::default(),
        }
    }

    /// Bytes that the counters take.
    pub(in crate::cache) fn bytes(&self) -> usize {
        size_of_val(&*self.counters)
    }

    /// Where those of a URI stand now.
    pub(in crate::cache) fn stand(&self, host: &str, path: &str, query: Option<&str>) -> Stand {
        Stand {
            all: self.all.load(Relaxed),
            purges: self.purges.load(Relaxed),
            uri: self.now(self.of_uri(host, path, query)),
            tags: Box::default(),
        }
    }

    /// The same for an answer with these tags, which are known only once it comes.
    pub(in crate::cache) fn tagged(&self, stand: &Stand, tags: &[Box<str>]) -> Stand {
        let tags = tags.iter().map(|tag| self.now(self.index(self.hasher.hash_one(&**tag)))).collect();
        Stand { tags, ..stand.clone() }
    }

    /// Whether nothing has made it doubtful.
    #[inline]
    pub(in crate::cache) fn holds(&self, stand: &Stand) -> bool {
        let stands = |counter: &Counter| self.at(counter.index) == counter.stood;
        stand.all == self.all.load(Relaxed) && stands(&stand.uri) && stand.tags.iter().all(stands)
    }

    /// Whether an answer may be stored that was asked for then: it holds, and nothing at all was purged since, as nobody knows if
    /// that would have meant it.
    pub(in crate::cache) fn may_store(&self, stand: &Stand) -> bool {
        stand.purges == self.purges.load(Relaxed) && self.holds(stand)
    }

    /// Makes the answers of a URI doubtful.
    pub(in crate::cache) fn forget(&self, host: &str, path: &str, query: Option<&str>) {
        self.advance(self.of_uri(host, path, query));
    }

    /// Something is purged: to be told before it is taken away.
    pub(in crate::cache) fn purge(&self, purge: &Purge) {
        self.purges.fetch_add(1, Relaxed);
        match purge {
            Purge::Tag(tag) => self.advance(self.index(self.hasher.hash_one(&**tag))),
            Purge::All => drop(self.all.fetch_add(1, Relaxed)),
            Purge::Key(_) | Purge::Path { .. } => {}
        }
    }

    fn now(&self, index: u32) -> Counter {
        Counter { index, stood: self.at(index) }
    }

    fn at(&self, index: u32) -> u32 {
        self.counters.get(index as usize).map_or(0, |counter| counter.load(Relaxed))
    }

    fn advance(&self, index: u32) {
        if let Some(counter) = self.counters.get(index as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Hosts are the same in any case.
    fn of_uri(&self, host: &str, path: &str, query: Option<&str>) -> u32 {
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return self.of_uri(&host.to_ascii_lowercase(), path, query);
        }
        self.index(self.hasher.hash_one((host, path, query)))
    }

    fn index(&self, hash: u64) -> u32 {
        hash as u32 & (self.counters.len() as u32 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_until_what_it_is_of_is_invalidated() {
        let marks = Marks::new(1 << 20);
        let stand =
            |path| marks.tagged(&marks.stand("a.example", path, Some("q=1")), &["red".into(), "blue".into()]);
        let (one, two) = (stand("/1"), stand("/2"));
        marks.forget("A.example", "/1", Some("q=1"));
        assert!(!marks.holds(&one) && marks.holds(&two));
        let one = stand("/1");
        marks.forget("a.example", "/1", None);
        marks.purge(&Purge::Tag("green".into()));
        assert!(marks.holds(&one) && marks.holds(&two));
        assert!(!marks.may_store(&one), "it might have been green");
        marks.purge(&Purge::Tag("blue".into()));
        assert!(!marks.holds(&one) && !marks.holds(&two));
        let before = marks.stand("a.example", "/3", None);
        marks.purge(&Purge::All);
        assert!(!marks.holds(&before) && marks.holds(&stand("/1")));
    }
}
