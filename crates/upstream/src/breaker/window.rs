//! How many of the last requests failed: a window that rolls in steps, counted without locks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bits of each of the two counts of a step; the rest tells which step it is.
const COUNT: u32 = 20;
const FULL: u64 = (1 << COUNT) - 1;

/// Counts of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) total: u32,
    pub(super) failed: u32,
}

/// A ring of steps. Each is one word, `number << 40 | total << 20 | failed`, so that no reader ever sees half a change.
pub(super) struct Window {
    steps: Box<[AtomicU64]>,
}

impl Window {
    pub(super) fn new(steps: usize) -> Self {
        Self { steps: (0..steps).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Counts a request that ended in step number `at`.
    pub(super) fn count(&self, at: u64, failed: bool) {
        let step = &self.steps[(at % self.steps.len() as u64) as usize];
        let add = 1 << COUNT | u64::from(failed);
        let counted = |word: u64| {
            if word >> (2 * COUNT) != tag(at) {
                return Some(tag(at) << (2 * COUNT) | add);
            }
            // A full step stands still: a million requests tell the share of failures well enough.
            (word >> COUNT & FULL != FULL).then_some(word + add)
        };
        let _ = step.fetch_update(Relaxed, Relaxed, counted);
    }

    /// What the window holds that ends in step number `at`.
    pub(super) fn sum(&self, at: u64) -> Counts {
        let oldest = (at + 1).saturating_sub(self.steps.len() as u64);
        let mut counts = Counts::default();
        for number in oldest..=at {
            let word = self.steps[(number % self.steps.len() as u64) as usize].load(Relaxed);
            if word >> (2 * COUNT) == tag(number) {
                counts.total = counts.total.saturating_add((word >> COUNT & FULL) as u32);
                counts.failed = counts.failed.saturating_add((word & FULL) as u32);
            }
        }
        counts
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.steps.iter().for_each(|step| step.store(0, Relaxed));
    }
}

/// A step's number as far as there is room for it; never 0, which is a step that nobody has counted in.
fn tag(number: u64) -> u64 {
    number % 0xff_ffff + 1
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_counted_in_its_steps(
            steps in 1_usize..12,
            moves in proptest::collection::vec((0_u64..4, any::<bool>()), 1..200),
        ) {
            let window = Window::new(steps);
            let mut model: HashMap<u64, Counts> = HashMap::new();
            let mut at = 0;
            for (forward, failed) in moves {
                at += forward;
                window.count(at, failed);
                let counts = model.entry(at).or_default();
                counts.total += 1;
                counts.failed += u32::from(failed);
                let within = (0..steps as u64).filter_map(|back| model.get(&at.checked_sub(back)?));
                let want = within.fold(Counts::default(), |sum, counts| Counts {
                    total: sum.total + counts.total,
                    failed: sum.failed + counts.failed,
                });
                prop_assert_eq!(window.sum(at), want);
            }
            window.clear();
            prop_assert_eq!(window.sum(at), Counts::default());
        }
    }

    #[test]
    fn a_full_step_stands_still() {
        let window = Window::new(1);
        window.steps[0].store(tag(5) << (2 * COUNT) | FULL << COUNT | 7, Relaxed);
        window.count(5, true);
        assert_eq!(window.sum(5), Counts { total: FULL as u32, failed: 7 });
        window.count(6, true);
        assert_eq!(window.sum(6), Counts { total: 1, failed: 1 });
    }

    #[test]
    fn parallel_counts_are_all_kept() {
        let window = Window::new(4);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let window = &window;
                scope.spawn(move || (0..10_000).for_each(|n| window.count(3 + n % 2, thread == 0)));
            }
        });
        assert_eq!(window.sum(4), Counts { total: 40_000, failed: 10_000 });
    }
}
