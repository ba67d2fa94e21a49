//! A route whose requests part: by the version that they mean, or among several services, by what they say or by shares.
//!
//! Each version and each service has a plan of its own, with its own counters. Which one a request takes is decided when its route
//! is found, so that all that follows is as on any other route.

use std::fmt;

use sekisho_exchange::{Exchange, Turns};
use sekisho_upstream::Key;
use sekisho_wire::HeadView;

use super::{HeaderMatch, HeaderRule, Versions};

/// How the requests of a route part, or those of one of its versions.
#[derive(Debug)]
pub enum Fork {
    /// Among services.
    Split(Split),
    /// By versions.
    Versions(Versions),
}

/// Who shares requests.
#[derive(Debug)]
pub struct Split {
    /// Tried in order; the first that holds decides.
    pub rules: Box<[Rule]>,
    /// The shares of those that no rule decides; one at least is not 0.
    pub shares: Box<[Share]>,
    /// What the requests of one client have in common, so that they take one way.
    pub by: Option<Key>,
    /// Their sum.
    total: u64,
    /// How many were decided by shares.
    turns: Turns,
}

/// Requests that say so go to one service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What header fields must be; all must hold.
    pub headers: Box<[HeaderRule]>,
    /// What cookies must be, by name; all must hold.
    pub cookies: Box<[(Box<str>, HeaderMatch)]>,
    /// Which plan of the route's.
    pub way: usize,
}

/// A share of the requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// Beside the others' weights.
    pub weight: u32,
    /// Which plan of the route's.
    pub way: usize,
}

impl Split {
    pub(crate) fn new(rules: Vec<Rule>, shares: Vec<Share>, by: Option<Key>) -> Self {
        let total = shares.iter().map(|share| u64::from(share.weight)).sum::<u64>().max(1);
        Self { rules: rules.into(), shares: shares.into(), by, total, turns: Turns::default() }
    }

    /// Which of the route's plans a request takes.
    pub(crate) fn way(&self, exchange: &Exchange<'_>) -> usize {
        self.decided(exchange.head).unwrap_or_else(|| {
            let place =
                self.by.as_ref().and_then(|key| key.of(exchange)).unwrap_or_else(|| self.turns.next());
            self.at(place)
        })
    }

    /// Which plan a request takes by what it says, if that decides.
    pub(crate) fn decided(&self, head: HeadView<'_>) -> Option<usize> {
        self.rules.iter().find(|rule| rule.holds(head)).map(|rule| rule.way)
    }

    fn at(&self, place: u64) -> usize {
        let mut place = ((u128::from(place) * u128::from(self.total)) >> 64) as u64;
        for share in &self.shares {
            match place.checked_sub(u64::from(share.weight)) {
                None => return share.way,
                Some(left) => place = left,
            }
        }
        // Not reached, as the place is less than the sum of all.
        self.shares.last().map_or(0, |share| share.way)
    }

    /// Its share in percent, rounded.
    pub fn percent(&self, share: &Share) -> u64 {
        (u64::from(share.weight) * 100 + self.total / 2) / self.total
    }
}

impl Rule {
    fn holds(&self, head: HeadView<'_>) -> bool {
        self.headers.iter().all(|rule| rule.holds(head))
            && self.cookies.iter().all(|(name, want)| want.is_met_by(head.cookies(name)))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter().map(ToString::to_string);
        let cookies = self.cookies.iter().map(|(name, want)| format!("cookie {name} {want}"));
        f.write_str(&headers.chain(cookies).collect::<Vec<_>>().join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(weights: &[u32]) -> Split {
        let shares = weights.iter().enumerate().map(|(way, weight)| Share { weight: *weight, way });
        Split::new(Vec::new(), shares.collect(), None)
    }

    fn counts(split: &Split, ways: usize, requests: usize) -> Vec<usize> {
        let mut counts = vec![0; ways];
        (0..requests).for_each(|_| counts[split.at(split.turns.next())] += 1);
        counts
    }

    #[test]
    fn shares_are_kept_within_one_percent_of_ten_thousand() {
        for weights in [&[90, 10][..], &[1, 1, 1], &[999, 1], &[0, 1], &[7]] {
            let counted = counts(&split(weights), weights.len(), 10_000);
            let total: u32 = weights.iter().sum();
            for (weight, count) in weights.iter().zip(counted) {
                let want = f64::from(*weight) / f64::from(total) * 10_000.0;
                assert!((count as f64 - want).abs() <= 100.0, "{weights:?}: {count} for {want}");
            }
        }
    }

    #[test]
    fn shares_interleave() {
        let split = split(&[90, 10]);
        let rare: Vec<_> = (0..1_000).filter(|_| split.at(split.turns.next()) == 1).collect();
        assert!(rare.windows(2).all(|two| two[1] - two[0] <= 14), "{rare:?}");
    }

    proptest! {
        #[test]
        fn every_place_has_a_way_that_has_a_weight(
            weights in prop::collection::vec(0_u32.., 1..8),
            place in any::<u64>(),
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            prop_assert!(weights[split(&weights).at(place)] > 0);
        }
    }
}
