//! Endpoints of which fewer tries go well than should, or than of the others.

use std::collections::VecDeque;
use std::time::Duration;

use sekisho_units::Tick;

/// Which share of success is too small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Below {
    /// Below so many hundredths of a percent.
    Share(u16),
    /// Far below that of the others.
    Others,
}

/// When an endpoint's share of success counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    pub(crate) below: Below,
    /// Fewest tries in the window.
    pub(crate) volume: u64,
    pub(crate) window: Duration,
}

/// A window is looked at so many times, so that its edge is no coarser than that.
const LOOKS: u32 = 10;
/// Of so many endpoints at least one can be told to be unlike the others: with fewer, nothing is 1.9 deviations from their mean.
const CROWD: usize = 5;
/// How many standard deviations from the mean are too many, as in Envoy.
const DEVIATIONS: f64 = 1.9;
/// Less than this below the mean is nothing, however alike the others are.
const LEAST: f64 = 0.05;

impl Rule {
    /// How often to look.
    pub(crate) fn step(&self) -> Duration {
        self.window / LOOKS
    }

    /// Of endpoints with so many tries and bad ones among them, those that are to be ejected: the worst first.
    pub(crate) fn outliers(&self, all: &[(u64, u64)]) -> Vec<usize> {
        let rate = |(tries, bad): (u64, u64)| 1.0 - bad as f64 / tries as f64;
        let counts = all.iter().enumerate().filter(|(_, (tries, _))| *tries >= self.volume.max(1));
        let mut rates: Vec<(usize, f64)> = counts.map(|(index, counts)| (index, rate(*counts))).collect();
        let least = match self.below {
            Below::Share(hundredths) => f64::from(hundredths) / 10_000.0,
            Below::Others if rates.len() < CROWD => return Vec::new(),
            Below::Others => {
                let count = rates.len() as f64;
                let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / count;
                let variance = rates.iter().map(|(_, rate)| (rate - mean).powi(2)).sum::<f64>() / count;
                mean - (DEVIATIONS * variance.sqrt()).max(LEAST)
            }
        };
        rates.retain(|(_, rate)| *rate < least);
        rates.sort_by(|a, b| a.1.total_cmp(&b.1));
        rates.into_iter().map(|(index, _)| index).collect()
    }
}

/// An endpoint's counts as they stood at several times in the window.
#[derive(Default)]
pub(crate) struct Window(VecDeque<(Tick, u64, u64)>);

impl Window {
    /// Notes the counts as they stand at `now`; gives by how much they have grown within the window.
    pub(crate) fn note(&mut self, (tries, bad): (u64, u64), rule: &Rule, now: Tick) -> (u64, u64) {
        if self.0.back().is_none_or(|(last, ..)| now.since(*last) >= rule.step()) {
            self.0.push_back((now, tries, bad));
        }
        // One that is as old as the window stays, to be reckoned from.
        while self.0.get(1).is_some_and(|(next, ..)| now.since(*next) >= rule.window) {
            self.0.pop_front();
        }
        let (_, before, bad_before) = self.0.front().copied().unwrap_or((now, tries, bad));
        (tries.saturating_sub(before), bad.saturating_sub(bad_before))
    }

    /// What was counted so far counts no more.
    pub(crate) fn begin_anew(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(below: Below) -> Rule {
        Rule { below, volume: 20, window: Duration::from_secs(10) }
    }

    fn at(millis: u64) -> Tick {
        Tick::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn who_succeeds_too_seldom_is_found_and_the_worst_first() {
        let share = rule(Below::Share(8_500));
        let others = rule(Below::Others);
        for (rule, all, want) in [
            (share, &[(100, 0), (100, 50), (100, 15), (100, 16), (19, 19)][..], &[1, 3][..]),
            (share, &[(20, 20), (40, 38)], &[0, 1]),
            (share, &[(0, 0)], &[]),
            (others, &[(100, 0), (100, 0), (100, 0), (100, 0), (100, 50)], &[4]),
            (others, &[(100, 0), (100, 0), (100, 0), (100, 50)], &[]),
            (others, &[(100, 40), (100, 45), (100, 50), (100, 55), (100, 50), (100, 99)], &[5]),
            (others, &[(1000, 0), (1000, 0), (1000, 0), (1000, 0), (1000, 3)], &[]),
            (others, &[(100, 0), (100, 0), (100, 0), (100, 0), (10, 10)], &[]),
        ] {
            assert_eq!(rule.outliers(all), want, "{:?} of {all:?}", rule.below);
        }
    }

    proptest! {
        /// Against a model that keeps every try with its time.
        #[test]
        fn a_window_holds_what_happened_within_it(steps in prop::collection::vec((0_u64..3_000, 0_u64..50, 0_u64..50), 1..60)) {
            let (rule, mut window) = (rule(Below::Others), Window::default());
            let (mut now, mut tries, mut bad) = (0, 0, 0);
            let mut history = vec![(0, 0, 0)];
            prop_assert_eq!(window.note((0, 0), &rule, at(0)), (0, 0));
            for (pause, good, failed) in steps {
                (now, tries, bad) = (now + pause, tries + good + failed, bad + failed);
                let got = window.note((tries, bad), &rule, at(now));
                history.push((now, tries, bad));
                // All of the window counts, and nothing from before it but what came between two looks.
                let within = |age: u64| history.iter().rev().find(|(then, ..)| now - then >= age).copied();
                let least = history.iter().find(|(then, ..)| now - then <= 9_000).unwrap();
                prop_assert!(got.0 >= tries - least.1.max(history[0].1), "{:?} {:?}", got, least);
                if let Some((_, before, _)) = within(14_000) {
                    prop_assert!(got.0 <= tries - before);
                }
                prop_assert!(got.1 <= got.0);
            }
        }
    }
}
