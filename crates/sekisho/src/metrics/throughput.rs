//! How many requests there were in the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use sekisho_units::Tick;

/// What is looked back on.
const MINUTE: Duration = Duration::from_secs(60);
/// Most totals kept: one a second, and the one before.
const MOST: usize = 62;

/// Totals as they were noted over the last minute.
#[derive(Default)]
pub(crate) struct Throughput {
    noted: VecDeque<(Tick, u64)>,
}

impl Throughput {
    /// Notes the number of requests since the start.
    pub(super) fn note(&mut self, now: Tick, total: u64) {
        // The newest one that is a minute old stays: it is what the minute began with.
        while self.noted.len() >= MOST || self.noted.get(1).is_some_and(|(at, _)| now.since(*at) >= MINUTE) {
            self.noted.pop_front();
        }
        self.noted.push_back((now, total));
    }

    /// Requests between the first note of the last minute and the last one.
    pub(super) fn last_minute(&self) -> u64 {
        match (self.noted.front(), self.noted.back()) {
            (Some((_, before)), Some((_, now))) => now.saturating_sub(*before),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Tick {
        Tick::ZERO + Duration::from_secs(second)
    }

    #[test]
    fn counts_a_minute_back_and_forgets_what_is_older() {
        let mut throughput = Throughput::default();
        assert_eq!(throughput.last_minute(), 0);
        throughput.note(at(0), 0);
        throughput.note(at(1), 100);
        assert_eq!(throughput.last_minute(), 100);
        for second in 2..=60 {
            throughput.note(at(second), 100);
        }
        assert_eq!(throughput.last_minute(), 100);
        throughput.note(at(61), 105);
        assert_eq!(throughput.last_minute(), 5);
    }

    #[test]
    fn keeps_no_more_than_a_minute_however_often_it_notes() {
        let mut throughput = Throughput::default();
        for step in 0..10_000_u64 {
            throughput.note(Tick::ZERO + Duration::from_millis(step), step);
        }
        assert!(throughput.noted.len() <= MOST);
    }

    #[test]
    fn a_pause_longer_than_a_minute_leaves_nothing_behind() {
        let mut throughput = Throughput::default();
        throughput.note(at(0), 0);
        throughput.note(at(1), 50);
        throughput.note(at(500), 60);
        assert_eq!(throughput.last_minute(), 10);
    }

    #[test]
    fn totals_that_begin_anew_give_nothing_below_zero() {
        let mut throughput = Throughput::default();
        throughput.note(at(0), 50);
        throughput.note(at(1), 3);
        assert_eq!(throughput.last_minute(), 0);
    }
}
