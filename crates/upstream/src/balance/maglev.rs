//! Requests of one key to one endpoint: a table that endpoints fill by turns, each in an order of its own (Eisenbud et al.,
//! "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016). More even than a ring and quicker to read; when
//! one goes, a few keys of others move with its own.

use super::{Asked, Loads, Pick, Share, mixed};

/// Entries of the table: a prime, as every order must reach all of them. The paper's own.
const SMALL: u64 = 65_537;
/// For more endpoints than a hundredth of that.
const LARGE: u64 = 655_373;

/// A table.
pub(crate) struct Maglev {
    table: Box<[u32]>,
}

impl Maglev {
    /// `known` is the number of all endpoints, whether on or not.
    pub(crate) fn new(shares: &[Share], known: usize) -> Self {
        Self { table: filled(shares, if known as u64 > SMALL / 100 { LARGE } else { SMALL }) }
    }

    #[inline]
    fn at(&self, key: u64) -> usize {
        self.table[((u128::from(key) * self.table.len() as u128) >> 64) as usize] as usize
    }
}

/// One who fills the table.
struct Turn {
    /// The entry it wants next.
    next: u64,
    skip: u64,
    weight: u64,
    /// What it has used of its weights so far.
    used: u64,
}

fn filled(shares: &[Share], size: u64) -> Box<[u32]> {
    const FREE: u32 = u32::MAX;
    let mut table = vec![FREE; size as usize];
    let greatest = shares.iter().map(|share| share.weight).max().unwrap_or(1);
    let mut turns: Vec<_> = shares
        .iter()
        .map(|share| Turn {
            next: mixed(share.id) % size,
            skip: mixed(!share.id) % (size - 1) + 1,
            weight: share.weight,
            used: 0,
        })
        .collect();
    let mut left = size;
    for round in 1.. {
        for (index, turn) in turns.iter_mut().enumerate() {
            // One of half the weight has its turn in every other round.
            if round * turn.weight < turn.used + greatest {
                continue;
            }
            turn.used += greatest;
            while table[turn.next as usize] != FREE {
                turn.next = (turn.next + turn.skip) % size;
            }
            table[turn.next as usize] = index as u32;
            left -= 1;
            if left == 0 {
                return table.into();
            }
        }
    }
    table.into()
}

impl Pick for Maglev {
    #[inline]
    fn pick<L: Loads + ?Sized>(&self, asked: &Asked, _: &L) -> usize {
        self.at(asked.key.unwrap_or(asked.random))
    }
}
