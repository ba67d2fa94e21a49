//! How many checks in a row it takes to change one's mind about an endpoint.

/// So many in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Thresholds {
    /// Good ones, for an endpoint to return.
    pub(super) healthy: u32,
    /// Bad ones, for it to leave.
    pub(super) unhealthy: u32,
}

/// What is thought of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tally {
    is_healthy: bool,
    /// Checks in a row that say otherwise.
    against: u32,
}

impl Tally {
    pub(super) fn new(is_healthy: bool) -> Self {
        Self { is_healthy, against: 0 }
    }

    /// Counts a check; gives what is thought from now on if that is another thing.
    pub(super) fn count(&mut self, is_good: bool, thresholds: Thresholds) -> Option<bool> {
        if is_good == self.is_healthy {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let enough = if is_good { thresholds.healthy } else { thresholds.unhealthy };
        if self.against < enough {
            return None;
        }
        *self = Self::new(is_good);
        Some(is_good)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_takes_several_in_a_row() {
        let mut tally = Tally::new(true);
        let thresholds = Thresholds { healthy: 2, unhealthy: 3 };
        let said: Vec<_> = "--+---+-++-".chars().map(|c| tally.count(c == '+', thresholds)).collect();
        let mut want = vec![None; 11];
        (want[5], want[9]) = (Some(false), Some(true));
        assert_eq!(said, want);
    }

    proptest! {
        /// Against a model that looks at all checks so far.
        #[test]
        fn as_one_who_remembers_all_would_think(
            checks in prop::collection::vec(any::<bool>(), 0..100), healthy in 1_u32..5, unhealthy in 1_u32..5,
        ) {
            let mut tally = Tally::new(true);
            let (mut thought, mut since) = (true, 0);
            for (index, good) in checks.iter().enumerate() {
                let said = tally.count(*good, Thresholds { healthy, unhealthy });
                let needed = if thought { unhealthy } else { healthy } as usize;
                let tail = &checks[since..=index];
                let changes = tail.len() >= needed && tail[tail.len() - needed..].iter().all(|one| *one != thought);
                if changes {
                    (thought, since) = (!thought, index + 1);
                }
                prop_assert_eq!(said, changes.then_some(thought));
            }
        }
    }
}
