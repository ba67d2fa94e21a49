//! By chance, each endpoint in proportion to its weight.
//!
//! The alias method (Walker 1974, laid out as Vose 1991 does): one look-up and one comparison, however many there are.

use super::{Asked, Loads, Pick, Share};

/// A choice by weights.
pub(crate) struct Random {
    /// For each place: below what it stays there, and where it goes from that on.
    columns: Box<[(u32, u32)]>,
}

impl Random {
    pub(crate) fn new(shares: &[Share]) -> Self {
        let count = shares.len() as f64;
        let total: f64 = shares.iter().map(|share| share.weight as f64).sum();
        let mut heights: Vec<f64> = shares.iter().map(|share| share.weight as f64 * count / total).collect();
        let mut columns: Vec<(u32, u32)> = (0..shares.len() as u32).map(|index| (u32::MAX, index)).collect();
        let (mut low, mut high): (Vec<usize>, Vec<usize>) =
            (0..heights.len()).partition(|index| heights[*index] < 1.0);
        while let (Some(lower), Some(higher)) = (low.pop(), high.last().copied()) {
            columns[lower] = ((heights[lower] * 2_f64.powi(32)) as u32, higher as u32);
            heights[higher] -= 1.0 - heights[lower];
            if heights[higher] < 1.0 {
                high.pop();
                low.push(higher);
            }
        }
        Self { columns: columns.into() }
    }

    /// The place that 32 bits of chance lead to.
    #[inline]
    pub(super) fn draw(&self, random: u32) -> usize {
        // The upper half of the product is a place, the lower half is by chance again.
        let product = u64::from(random) * self.columns.len() as u64;
        let place = (product >> 32) as usize;
        let (stays, other) = self.columns[place];
        if product as u32 <= stays { place } else { other as usize }
    }

    /// Two places, the first by weight and the second another one, also by weight where that is quick. With one endpoint they
    /// are the same.
    #[inline]
    pub(super) fn draw_two(&self, random: u64) -> (usize, usize) {
        let first = self.draw((random >> 32) as u32);
        let second = self.draw(random as u32);
        if first != second {
            return (first, second);
        }
        let others = self.columns.len() as u64 - 1;
        let step = 1 + (((super::mixed(random) >> 32) * others) >> 32) as usize;
        (first, (first + step) % self.columns.len())
    }
}

impl Pick for Random {
    #[inline]
    fn pick<L: Loads + ?Sized>(&self, asked: &Asked, _: &L) -> usize {
        self.draw((asked.random >> 32) as u32)
    }
}
