//! Of two endpoints drawn by weight the one that has fewer requests for its weight.
//!
//! Two choices are nearly as good as looking at all (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
//! 2001), and workers that know nothing of each other's picks do not all run to the same endpoint.

use super::random::Random;
use super::{Asked, Loads, Pick, Share};

/// A choice by weight and by requests in flight.
pub(crate) struct LeastRequests {
    drawn: Random,
    weights: Box<[u64]>,
}

impl LeastRequests {
    pub(crate) fn new(shares: &[Share]) -> Self {
        let weights = shares.iter().map(|share| share.weight).collect();
        Self { drawn: Random::new(shares), weights }
    }
}

impl Pick for LeastRequests {
    #[inline]
    fn pick<L: Loads + ?Sized>(&self, asked: &Asked, loads: &L) -> usize {
        let (first, second) = self.drawn.draw_two(asked.random);
        // Where both have nothing to do the first is taken, so that it is the weights that decide.
        let of =
            |index: usize, other: usize| u128::from(loads.in_flight(index)) * u128::from(self.weights[other]);
        if of(second, first) < of(first, second) { second } else { first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::tests::{Busy, asked_at, draws, shares};

    #[test]
    fn who_has_more_to_do_for_his_weight_is_spared() {
        let picker = LeastRequests::new(&shares(&[1, 1]));
        assert!(draws(100).all(|asked| picker.pick(&asked, &Busy(&[3, 2])) == 1));
        let picker = LeastRequests::new(&shares(&[4, 1]));
        assert!(
            draws(100).all(|asked| picker.pick(&asked, &Busy(&[7, 2])) == 0),
            "7 of 4 are less than 2 of 1"
        );
        assert!(draws(100).all(|asked| picker.pick(&asked, &Busy(&[9, 2])) == 1));
    }

    #[test]
    fn the_greatest_weights_and_counts_do_not_overflow() {
        let picker = LeastRequests::new(&shares(&[u64::from(u32::MAX), u64::from(u32::MAX) - 1]));
        assert!(draws(100).all(|asked| picker.pick(&asked, &Busy(&[u32::MAX, u32::MAX])) == 0));
    }

    #[test]
    fn a_slow_endpoint_gets_no_more_than_it_ends() {
        // Each has as many requests as it got less what it has ended: the first ends one in ten turns, the others one a turn.
        let picker = LeastRequests::new(&shares(&[1, 1, 1]));
        let (mut has, mut got) = ([0_u32; 3], [0_u32; 3]);
        for turn in 0..3_000_u64 {
            let index = picker.pick(&asked_at(turn), &Busy(&has));
            has[index] += 1;
            got[index] += 1;
            for (index, has) in has.iter_mut().enumerate() {
                if index > 0 || turn % 10 == 0 {
                    *has = has.saturating_sub(1);
                }
            }
        }
        assert!((290..=320).contains(&got[0]), "{got:?}");
    }
}
