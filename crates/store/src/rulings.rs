//! [`Rulings`]: how often a shared store has decided, and what was done when it has not.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::redis::Away;
use crate::store::Ruling;

/// Counts of all workers in one place: a decision over the network costs a hundred times what the count does.
#[derive(Debug, Default)]
pub(crate) struct Rulings {
    rulings: [AtomicU64; Ruling::WORDS.len()],
    failures: [AtomicU64; Away::WORDS.len()],
}

impl Rulings {
    /// Counts one.
    pub(crate) fn count(&self, ruling: &Ruling) {
        add(&self.rulings, &Ruling::WORDS, ruling.word());
        if let Some(away) = ruling.away() {
            add(&self.failures, &Away::WORDS, away.word());
        }
    }

    /// How many of each word of [`Ruling::word`].
    pub(crate) fn rulings(&self) -> [(&'static str, u64); Ruling::WORDS.len()] {
        read(&self.rulings, Ruling::WORDS)
    }

    /// How often the shared store has not decided, by the word of [`Away::word`].
    pub(crate) fn failures(&self) -> [(&'static str, u64); Away::WORDS.len()] {
        read(&self.failures, Away::WORDS)
    }
}

fn add(counts: &[AtomicU64], words: &[&str], word: &str) {
    if let Some(index) = words.iter().position(|known| *known == word) {
        counts[index].fetch_add(1, Relaxed);
    }
}

fn read<const N: usize>(counts: &[AtomicU64; N], words: [&'static str; N]) -> [(&'static str, u64); N] {
    std::array::from_fn(|index| (words[index], counts[index].load(Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rulings_are_counted_by_what_they_are_and_why() {
        let all = Rulings::default();
        for ruling in [Ruling::Open(Away::Late), Ruling::Closed(Away::Busy), Ruling::Closed(Away::Late)] {
            all.count(&ruling);
        }
        assert_eq!(all.rulings(), [("shared", 0), ("local", 0), ("allow", 1), ("deny", 2)]);
        assert_eq!(all.failures(), [("gone", 0), ("late", 2), ("busy", 1), ("refused", 0)]);
    }
}
