//! What is counted of an endpoint's tries, by all workers and without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// An endpoint's counts. A try that went well writes to none of them, as long as none failed before it and nobody wants to know
/// the share of those that do.
#[derive(Default)]
pub(crate) struct Record {
    /// Tries in a row without an answer.
    unanswered: AtomicU32,
    /// Tries in a row without an answer, or with one of 500 or above.
    bad: AtomicU32,
    /// All tries, and the bad among them, for those who reckon shares.
    tries: AtomicU64,
    bad_tries: AtomicU64,
}

/// How a try went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    /// An answer below 500.
    Answer,
    /// An answer of 500 or above.
    Error,
    /// None, by the endpoint's own fault.
    Nothing,
}

/// How many there were in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) unanswered: u32,
    pub(crate) bad: u32,
}

impl Record {
    /// Counts a try, for shares too if they are `shared`.
    #[inline]
    pub(crate) fn count(&self, heard: Heard, shared: bool) -> Rows {
        if shared {
            self.tries.fetch_add(1, Relaxed);
        }
        if heard == Heard::Answer {
            clear(&self.unanswered);
            clear(&self.bad);
            return Rows::default();
        }
        self.count_bad(heard, shared)
    }

    #[cold]
    fn count_bad(&self, heard: Heard, shared: bool) -> Rows {
        if shared {
            self.bad_tries.fetch_add(1, Relaxed);
        }
        let bad = self.bad.fetch_add(1, Relaxed).saturating_add(1);
        let unanswered = match heard {
            Heard::Nothing => self.unanswered.fetch_add(1, Relaxed).saturating_add(1),
            _ => {
                clear(&self.unanswered);
                0
            }
        };
        Rows { unanswered, bad }
    }

    /// What happened in a row is over.
    pub(crate) fn begin_anew(&self) {
        clear(&self.unanswered);
        clear(&self.bad);
    }

    /// All tries that were counted for shares, and the bad among them.
    pub(crate) fn tries(&self) -> (u64, u64) {
        // The bad ones first, so that there are never more of them than of all.
        let bad = self.bad_tries.load(Relaxed);
        (self.tries.load(Relaxed).max(bad), bad)
    }
}

/// Others share the cache line, so it is written only where that changes anything.
#[inline]
fn clear(count: &AtomicU32) {
    if count.load(Relaxed) != 0 {
        count.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_a_row() {
        use Heard::{Answer, Error, Nothing};
        let record = Record::default();
        for (heard, want) in [
            (Answer, (0, 0)),
            (Nothing, (1, 1)),
            (Nothing, (2, 2)),
            (Error, (0, 3)),
            (Nothing, (1, 4)),
            (Answer, (0, 0)),
            (Error, (0, 1)),
        ] {
            let rows = record.count(heard, heard == Error);
            assert_eq!((rows.unanswered, rows.bad), want, "{heard:?}");
        }
        assert_eq!(record.tries(), (2, 2), "only where shares are wanted");
    }
}
