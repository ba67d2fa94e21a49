//! What is counted of a cache.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What became of requests, in the words of `X-Cache` and in those of metrics.
const WORDS: [(&str, &str); 5] = [
    ("HIT", "hit"),
    ("MISS", "miss"),
    ("STALE", "stale"),
    ("REVALIDATED", "revalidated"),
    ("BYPASS", "bypass"),
];

/// Counts, a share a worker.
pub(super) struct Meter(Box<[Share]>);

#[derive(Default)]
#[repr(align(128))]
struct Share {
    requests: [AtomicU64; WORDS.len()],
    stored: AtomicU64,
    dropped: AtomicU64,
    renewed: AtomicU64,
}

/// What was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Requests by what became of them, in the words of `X-Cache` as metrics spell them.
    pub requests: [(&'static str, u64); WORDS.len()],
    /// Answers that were stored.
    pub stored: u64,
    /// Answers that were not, since they were purged or invalidated while they came in, or the shared store failed.
    pub dropped: u64,
    /// Answers that were asked for again while the stale one was sent.
    pub renewed: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for ((_, count), (_, more)) in self.requests.iter_mut().zip(other.requests) {
            *count += more;
        }
        self.stored += other.stored;
        self.dropped += other.dropped;
        self.renewed += other.renewed;
        self
    }

    /// The share of requests, but for those that bypassed the cache, that a stored answer served; none without such requests.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let [(_, hit), (_, miss), (_, stale), (_, revalidated), _] = self.requests;
        let served = hit + stale + revalidated;
        let all = served + miss;
        (all > 0).then(|| served as f64 / all as f64)
    }
}

impl Meter {
    pub(super) fn new(workers: usize) -> Self {
        Self(std::iter::repeat_with(Share::default).take(workers.max(1)).collect())
    }

    /// A request for which the cache did what that word of `X-Cache` says.
    #[inline]
    pub(super) fn request(&self, word: &'static str, worker: usize) {
        if let Some(index) = WORDS.iter().position(|(known, _)| *known == word) {
            self.share(worker).requests[index].fetch_add(1, Relaxed);
        }
    }

    /// An answer that came in whole.
    pub(super) fn landed(&self, stored: bool, worker: usize) {
        let share = self.share(worker);
        let count = if stored { &share.stored } else { &share.dropped };
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn renews(&self, worker: usize) {
        self.share(worker).renewed.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> Tally {
        let sum =
            |of: &dyn Fn(&Share) -> &AtomicU64| self.0.iter().map(|share| of(share).load(Relaxed)).sum();
        let mut requests = WORDS.map(|(_, word)| (word, 0));
        for (index, (_, count)) in requests.iter_mut().enumerate() {
            *count = sum(&|share| &share.requests[index]);
        }
        Tally {
            requests,
            stored: sum(&|share| &share.stored),
            dropped: sum(&|share| &share.dropped),
            renewed: sum(&|share| &share.renewed),
        }
    }

    fn share(&self, worker: usize) -> &Share {
        &self.0[worker % self.0.len()]
    }
}
