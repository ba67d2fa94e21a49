//! Smooth weighted round robin: each endpoint in proportion to its weight, evenly interleaved.
//!
//! The rotation (as nginx's algorithm of that name produces it: raise every endpoint by its weight, take the highest, lower
//! it by the total) repeats after as many picks as the weights add up to. It is laid out once, so that a pick is one
//! atomic addition and one look-up, from any number of workers.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Asked, Loads, Pick, Share};

/// The longest rotation laid out; larger weights are scaled down to it.
const LONGEST: u64 = 10_000;
/// With many endpoints it is shorter, as laying it out takes so many steps in all; but each of them has its turn.
const STEPS: u64 = 4_000_000;

/// A rotation over endpoints.
pub(crate) struct RoundRobin {
    turns: Box<[u32]>,
    /// How many there are to choose from at each.
    count: usize,
    next: AtomicUsize,
}

impl RoundRobin {
    /// Begins at turn `first`, so that one laid out anew goes on where the one before it was.
    pub(crate) fn new(shares: &[Share], first: usize) -> Self {
        let weights: Vec<_> = shares.iter().map(|share| share.weight).collect();
        Self { turns: rotation(&weights).into(), count: shares.len(), next: AtomicUsize::new(first) }
    }

    /// Whose turn it is after `ahead` others, which takes nobody's.
    pub(crate) fn peek(&self, ahead: usize) -> usize {
        self.turns[self.next.load(Ordering::Relaxed).wrapping_add(ahead) % self.turns.len()] as usize
    }

    /// In how many steps it was laid out.
    pub(crate) fn steps(&self) -> usize {
        self.turns.len() * self.count
    }

    /// Turns taken so far.
    pub(crate) fn taken(&self) -> usize {
        self.next.load(Ordering::Relaxed)
    }
}

impl Pick for RoundRobin {
    #[inline]
    fn pick<L: Loads + ?Sized>(&self, _: &Asked, _: &L) -> usize {
        self.turns[self.next.fetch_add(1, Ordering::Relaxed) % self.turns.len()] as usize
    }
}

fn rotation(weights: &[u64]) -> Vec<u32> {
    let weights = scaled(weights);
    let total: i64 = weights.iter().sum();
    let mut standing = vec![0_i64; weights.len()];
    let mut turns = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for _ in 0..total {
        // The first of the highest, so that equal weights go in the order written.
        let mut highest = (0, i64::MIN);
        for (index, (standing, weight)) in standing.iter_mut().zip(&weights).enumerate() {
            *standing += weight;
            if *standing > highest.1 {
                highest = (index, *standing);
            }
        }
        standing[highest.0] -= total;
        turns.push(highest.0 as u32);
    }
    turns
}

/// The weights divided by their greatest common divisor, and scaled down if their rotation would be too long.
fn scaled(weights: &[u64]) -> Vec<i64> {
    let divisor = weights.iter().fold(0, |a, b| gcd(a, *b)).max(1);
    let total: u64 = weights.iter().map(|weight| weight / divisor).sum();
    let count = weights.len().max(1) as u64;
    let longest = (STEPS / count).clamp(count, LONGEST.max(count));
    weights
        .iter()
        .map(|weight| {
            let weight = weight / divisor;
            let weight = if total > longest { (weight * longest + total / 2) / total } else { weight };
            weight.max(1) as i64
        })
        .collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::tests::Idle;

    #[test]
    fn turns_follow_the_weights_and_interleave() {
        for (weights, want) in [
            (&[1, 1][..], &[0, 1][..]),
            (&[1, 3], &[1, 0, 1, 1]),
            (&[2, 6], &[1, 0, 1, 1]),
            (&[5, 1, 1], &[0, 0, 1, 0, 2, 0, 0]),
        ] {
            assert_eq!(rotation(weights), want, "{weights:?}");
        }
    }

    #[test]
    fn huge_weights_keep_their_proportion_within_one_percent() {
        let turns = rotation(&[3_000_000_000, 1_000_000_007]);
        let first = turns.iter().filter(|turn| **turn == 0).count();
        assert!(turns.len() <= LONGEST as usize + 1);
        assert!((first as f64 / turns.len() as f64 - 0.75).abs() < 0.01);
    }

    #[test]
    fn the_rotation_starts_over() {
        let shares = [1, 3].map(|weight| Share { id: weight, weight });
        let robin = RoundRobin::new(&shares, 0);
        let asked = Asked::default();
        let mut picks: Vec<_> = (0..6).map(|_| robin.pick(&asked, &Idle)).collect();
        let next = RoundRobin::new(&shares, robin.taken());
        picks.extend((0..2).map(|_| next.pick(&asked, &Idle)));
        assert_eq!(picks, [1, 0, 1, 1, 1, 0, 1, 1], "one laid out anew goes on where the one before was");
    }
}
