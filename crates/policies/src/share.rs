//! How much memory all that is of one kind holds together, over all workers and routes.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What one of them holds, as far as it has said so. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    held: usize,
    all: &'static AtomicUsize,
}

impl Share {
    /// One that holds nothing yet, of `all`.
    pub(crate) const fn of(all: &'static AtomicUsize) -> Self {
        Self { held: 0, all }
    }

    /// Notes that it holds so many bytes now; whether all together hold at most `most`. Less is always allowed.
    pub(crate) fn is_within(&mut self, bytes: usize, most: usize) -> bool {
        let all = match bytes.checked_sub(self.held) {
            // As it is most of the time.
            Some(0) => return true,
            Some(more) => self.all.fetch_add(more, Relaxed).saturating_add(more),
            None => {
                self.all.fetch_sub(self.held - bytes, Relaxed);
                0
            }
        };
        self.held = bytes;
        all <= most
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.fetch_sub(self.held, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_count_together_and_what_is_dropped_is_given_back() {
        static ALL: AtomicUsize = AtomicUsize::new(0);
        let share = || Share::of(&ALL);
        let (mut one, mut other) = (share(), share());
        assert!(one.is_within(60, 100) && other.is_within(40, 100));
        assert!(one.is_within(60, 0), "nothing more is nothing new");
        assert!(!other.is_within(41, 100));
        assert!(one.is_within(10, 0), "less is always allowed");
        assert!(other.is_within(90, 100));
        drop(other);
        assert_eq!(ALL.load(Relaxed), 10);
        drop(one);
        assert_eq!(ALL.load(Relaxed), 0);
    }
}
