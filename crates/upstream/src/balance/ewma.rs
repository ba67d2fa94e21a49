//! Of two endpoints drawn by weight the one that promises the sooner answer.
//!
//! Peak EWMA, as in Twitter's Finagle: the cost of an endpoint is the time its answers took (an exponentially weighted moving
//! average that jumps to each peak and decays slowly), times the requests it would have then. What nobody asks about is
//! forgotten, so that a slow endpoint is tried again.

use super::random::Random;
use super::{Asked, Loads, Pick, Share};
use crate::fleet::Decay;

/// A choice by weight and by the time that answers take.
pub(crate) struct Ewma {
    drawn: Random,
    weights: Box<[f32]>,
    decay: Decay,
}

/// In microseconds: what an answer is taken to cost while the first one is still awaited.
const UNKNOWN: f32 = 1e9;

impl Ewma {
    pub(crate) fn new(shares: &[Share], decay: Decay) -> Self {
        let weights = shares.iter().map(|share| share.weight as f32).collect();
        Self { drawn: Random::new(shares), weights, decay }
    }

    /// The average and the requests, as one number.
    #[inline]
    fn cost<L: Loads + ?Sized>(&self, index: usize, asked: &Asked, loads: &L) -> f32 {
        let latency = loads.latency(index, asked.now, self.decay);
        let in_flight = loads.in_flight(index) as f32;
        let cost = match latency > 0.0 {
            true => latency * (in_flight + 1.0),
            false => in_flight * UNKNOWN,
        };
        cost / self.weights[index]
    }
}

impl Pick for Ewma {
    #[inline]
    fn pick<L: Loads + ?Sized>(&self, asked: &Asked, loads: &L) -> usize {
        let (first, second) = self.drawn.draw_two(asked.random);
        if self.cost(second, asked, loads) < self.cost(first, asked, loads) { second } else { first }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sekisho_units::Tick;

    use super::*;
    use crate::balance::tests::{draws, shares};
    use crate::fleet::Load;

    impl Loads for [Load; 2] {
        fn in_flight(&self, index: usize) -> u32 {
            self[index].in_flight()
        }
        fn latency(&self, index: usize, now: Tick, decay: Decay) -> f32 {
            self[index].latency(now, decay)
        }
    }

    #[test]
    fn the_one_that_promises_the_sooner_answer_is_asked() {
        let decay = Decay::new(Duration::from_secs(10));
        let picker = Ewma::new(&shares(&[1, 1]), decay);
        let (loads, now) = ([Load::default(), Load::default()], Tick::from_nanos(1_000_000_000));
        let all = |want: usize| draws(100).all(|asked| picker.pick(&Asked { now, ..asked }, &loads) == want);
        loads[0].enter();
        assert!(all(1), "one that never answered waits for its first answer");
        loads[0].took(Duration::from_millis(10), now, decay);
        loads[1].took(Duration::from_millis(30), now, decay);
        assert!(all(0), "twice 10 ms are less than 30 ms");
        loads[0].enter();
        loads[0].enter();
        assert!(all(1), "four times 10 ms are more");
    }

    #[test]
    fn one_that_was_slow_is_tried_again_in_time() {
        let decay = Decay::new(Duration::from_secs(10));
        let picker = Ewma::new(&shares(&[1, 1]), decay);
        let loads = [Load::default(), Load::default()];
        loads[0].took(Duration::from_secs(1), Tick::ZERO, decay);
        let tried = (0..100_u64).find(|second| {
            let now = Tick::from_nanos(second * 1_000_000_000);
            loads[1].took(Duration::from_millis(10), now, decay);
            draws(1).all(|asked| picker.pick(&Asked { now, ..asked }, &loads) == 0)
        });
        assert_eq!(tried, Some(47), "a hundredth is left after 10 s × ln 100");
    }
}
