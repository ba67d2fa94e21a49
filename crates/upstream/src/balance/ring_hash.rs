//! Requests of one key to one endpoint: a ring of many points an endpoint (Karger et al., "Consistent Hashing and Random
//! Trees", 1997). When one goes, only its keys move, each to the endpoint of the next point.

use super::{Asked, Known, Loads, Pick, Share, mixed};

/// With the shares of all that are known there are between so many points and half as many. Where one endpoint is on the ring
/// does not depend on who else is, or it would move others' keys when it goes.
const POINTS: usize = 131_072;
/// With many endpoints there are so many for each of them instead.
const EACH: usize = 256;

/// A ring.
pub(crate) struct RingHash {
    /// Where a point is and whose it is, all the way round.
    points: Box<[(u64, u32)]>,
    /// The first point of each equal part of the ring.
    parts: Box<[u32]>,
    shift: u32,
}

impl RingHash {
    /// `known` are all endpoints, whether on or not.
    pub(crate) fn new(shares: &[Share], known: Known) -> Self {
        // By powers of two, so that as good as never a newcomer changes others' points.
        let most = (known.count * EACH).next_power_of_two().max(POINTS) as f64;
        let scale = 2_f64.powi((most / known.weight.max(1) as f64).log2().floor() as i32);
        let mut points = Vec::new();
        for (index, share) in shares.iter().enumerate() {
            let count = (share.weight as f64 * scale).round().clamp(1.0, most) as u64;
            let own = mixed(share.id);
            points.extend((0..count).map(|point| (mixed(own ^ point), index as u32)));
        }
        // Two on one spot: whoever has the smaller name, in every gateway.
        points.sort_unstable_by_key(|(at, index)| (*at, shares[*index as usize].id));
        let bits = points.len().next_power_of_two().trailing_zeros().max(1);
        let shift = 64 - bits;
        let mut parts = Vec::with_capacity(1 << bits);
        let mut point = 0;
        for part in 0..1_u64 << bits {
            while points.get(point).is_some_and(|(at, _)| at >> shift < part) {
                point += 1;
            }
            parts.push(point as u32);
        }
        Self { points: points.into(), parts: parts.into(), shift }
    }

    #[inline]
    fn at(&self, key: u64) -> usize {
        let first = self.parts[(key >> self.shift) as usize] as usize;
        let next = self.points[first..].iter().find(|(at, _)| *at >= key);
        next.unwrap_or(&self.points[0]).1 as usize
    }
}

impl Pick for RingHash {
    #[inline]
    fn pick<L: Loads + ?Sized>(&self, asked: &Asked, _: &L) -> usize {
        self.at(asked.key.unwrap_or(asked.random))
    }
}
