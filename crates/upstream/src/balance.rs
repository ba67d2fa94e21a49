//! Smooth weighted round robin: each endpoint in proportion to its weight, evenly interleaved.
//!
//! The rotation (as nginx's algorithm of that name produces it: raise every endpoint by its weight, take the highest, lower
//! it by the total) repeats after as many picks as the weights add up to. It is laid out once, so that a pick is one
//! atomic addition and one look-up, from any number of workers.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The longest rotation laid out; larger weights are scaled down to it.
const LONGEST: u64 = 10_000;

/// A rotation over endpoints.
pub(crate) struct RoundRobin {
    turns: Box<[u32]>,
    next: AtomicUsize,
}

impl RoundRobin {
    /// `weights[i]` is the share of endpoint `i`; those with 0 get no turn unless all are 0.
    pub(crate) fn new(weights: &[u32]) -> Self {
        Self { turns: rotation(weights).into(), next: AtomicUsize::new(0) }
    }

    /// The endpoint whose turn it is.
    pub(crate) fn next(&self) -> usize {
        match &*self.turns {
            [only] => *only as usize,
            turns => turns[self.next.fetch_add(1, Ordering::Relaxed) % turns.len()] as usize,
        }
    }
}

fn rotation(weights: &[u32]) -> Vec<u32> {
    let weights = scaled(weights);
    let total: i64 = weights.iter().sum();
    if total == 0 {
        return (0..weights.len().max(1) as u32).collect();
    }
    let mut standing = vec![0_i64; weights.len()];
    let mut turns = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for _ in 0..total {
        for (standing, weight) in standing.iter_mut().zip(&weights) {
            *standing += weight;
        }
        // The first of the highest, so that equal weights go in the order written.
        let highest = standing
            .iter()
            .enumerate()
            .rev()
            .max_by_key(|(_, standing)| **standing)
            .map_or(0, |(index, _)| index);
        standing[highest] -= total;
        turns.push(highest as u32);
    }
    turns
}

/// The weights divided by their greatest common divisor, and scaled down if their rotation would be too long.
fn scaled(weights: &[u32]) -> Vec<i64> {
    let divisor = weights.iter().fold(0, |a, b| gcd(a, u64::from(*b))).max(1);
    let total: u64 = weights.iter().map(|weight| u64::from(*weight) / divisor).sum();
    weights
        .iter()
        .map(|weight| {
            let weight = u64::from(*weight) / divisor;
            let weight =
                if total > LONGEST && weight > 0 { (weight * LONGEST / total).max(1) } else { weight };
            weight as i64
        })
        .collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_follow_the_weights_and_interleave() {
        for (weights, want) in [
            (&[1][..], &[0][..]),
            (&[1, 1], &[0, 1]),
            (&[1, 3], &[1, 0, 1, 1]),
            (&[2, 6], &[1, 0, 1, 1]),
            (&[5, 1, 1], &[0, 0, 1, 0, 2, 0, 0]),
            (&[0, 2], &[1]),
        ] {
            assert_eq!(rotation(weights), want, "{weights:?}");
        }
    }

    #[test]
    fn huge_weights_keep_their_proportion_within_one_percent() {
        let turns = rotation(&[3_000_000_000, 1_000_000_007]);
        let first = turns.iter().filter(|turn| **turn == 0).count();
        assert!(turns.len() <= 2 * LONGEST as usize);
        assert!((first as f64 / turns.len() as f64 - 0.75).abs() < 0.01);
    }

    #[test]
    fn the_rotation_starts_over() {
        let robin = RoundRobin::new(&[1, 3]);
        let picks: Vec<_> = (0..8).map(|_| robin.next()).collect();
        assert_eq!(picks, [1, 0, 1, 1, 1, 0, 1, 1]);
    }
}
