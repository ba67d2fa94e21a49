//! Tokens that were verified before: a signature costs its check once.
//!
//! The table has room for so many and no locks: a look reads, and who knows a token to be good writes over another. It goes
//! by bits of the signature, which nobody chooses who cannot sign, mixed with chance; what is found is compared as a whole,
//! so that a token can never be taken for another one.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use arc_swap::ArcSwapOption;
use foldhash::fast::RandomState;
use sekisho_exchange::Identity;
use sekisho_units::Wall;

use super::issuers::Stamp;
use crate::Counts;

/// Places where one token may stand.
const WAYS: usize = 4;
/// Bytes of the signature's end that choose them.
const TAIL: usize = 16;

/// The tokens.
pub struct Remembered {
    places: Box<[Place]>,
    hasher: RandomState,
    counts: Box<[Counted]>,
    turn: AtomicUsize,
}

#[derive(Default)]
struct Place {
    /// Of the token that stands here; 0 for none. To be looked at first, as it costs nothing.
    tag: AtomicU64,
    known: ArcSwapOption<Known>,
}

/// A token that is good.
struct Known {
    token: Box<[u8]>,
    identity: Arc<Identity>,
    /// Until then, and not a leeway longer.
    until: Wall,
    stamp: Stamp,
}

/// One worker's, in a cache line of its own: only that worker writes there.
#[derive(Default)]
#[repr(align(64))]
struct Counted {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Remembered {
    /// Room for at least so many, where so many workers look.
    pub(super) fn new(entries: usize, workers: usize) -> Self {
        let places = entries.next_power_of_two().max(WAYS);
        Self {
            places: (0..places).map(|_| Place::default()).collect(),
            hasher: RandomState::default(),
            counts: (0..=workers).map(|_| Counted::default()).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Whose token it is, if it is known to be good `now` and its issuer's keys are `current`.
    #[inline]
    pub(super) fn find(
        &self,
        token: &[u8],
        now: Wall,
        worker: usize,
        current: impl Fn(Stamp) -> bool,
    ) -> Option<Arc<Identity>> {
        let (tag, ways) = self.ways(token);
        let found = ways.iter().filter(|place| place.tag.load(Relaxed) == tag).find_map(|place| {
            let known = place.known.load();
            let known = known.as_ref()?;
            let good = *known.token == *token && now < known.until && current(known.stamp);
            good.then(|| Arc::clone(&known.identity))
        });
        if let Some(counted) = self.counts.get(worker) {
            let count = if found.is_some() { &counted.hits } else { &counted.misses };
            count.store(count.load(Relaxed) + 1, Relaxed);
        }
        found
    }

    /// Remembers a good token until then.
    pub(super) fn put(&self, token: &[u8], identity: &Arc<Identity>, until: Wall, stamp: Stamp) {
        let (tag, ways) = self.ways(token);
        // In the place where it stood, in one that is free, or in that whose turn it is.
        let place =
            [tag, 0].iter().find_map(|wanted| ways.iter().find(|place| place.tag.load(Relaxed) == *wanted));
        let place = place.unwrap_or_else(|| &ways[self.turn.fetch_add(1, Relaxed) % ways.len()]);
        let known = Known { token: token.into(), identity: Arc::clone(identity), until, stamp };
        // A look between the two finds another token there, and sees that it is another one.
        place.known.store(Some(Arc::new(known)));
        place.tag.store(tag, Relaxed);
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for counted in &self.counts {
            sum.hits += counted.hits.load(Relaxed);
            sum.misses += counted.misses.load(Relaxed);
        }
        sum.entries = self.places.iter().filter(|place| place.tag.load(Relaxed) != 0).count() as u64;
        sum
    }

    #[inline]
    fn ways(&self, token: &[u8]) -> (u64, &[Place]) {
        let tail = &token[token.len().saturating_sub(TAIL)..];
        let hash = self.hasher.hash_one(tail);
        let set = (hash >> 32) as usize & (self.places.len() / WAYS - 1);
        (hash | 1, &self.places[set * WAYS..(set + 1) * WAYS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { issuer: 0, generation: 1 };

    fn who(name: &str) -> Arc<Identity> {
        Arc::new(Identity::of("jwt", name, 0).unwrap().done())
    }

    fn find(table: &Remembered, token: &str, now: u64) -> Option<String> {
        let found = table.find(token.as_bytes(), Wall::from_secs(now), 0, |stamp| stamp == STAMP);
        found.map(|who| who.subject().to_owned())
    }

    #[test]
    fn a_token_is_good_until_it_ends_or_its_keys_change() {
        let table = Remembered::new(100, 1);
        table.put(b"a.b.c", &who("u"), Wall::from_secs(10), STAMP);
        assert_eq!(find(&table, "a.b.c", 9).as_deref(), Some("u"));
        assert_eq!(find(&table, "a.b.c", 10), None);
        assert_eq!(find(&table, "a.x.c", 9), None);
        table.put(b"a.b.c", &who("u"), Wall::from_secs(10), Stamp { issuer: 0, generation: 0 });
        assert_eq!(find(&table, "a.b.c", 9), None);
        let counts = table.counts();
        assert_eq!((counts.hits, counts.misses, counts.entries), (1, 3, 1));
    }

    #[test]
    fn tokens_with_the_same_end_are_not_taken_for_each_other() {
        let table = Remembered::new(1, 1);
        let tail = "0123456789abcdef";
        let tokens: Vec<_> = (0..20).map(|number| format!("{number}.{tail}")).collect();
        for token in &tokens {
            table.put(token.as_bytes(), &who(token), Wall::from_secs(10), STAMP);
            assert_eq!(find(&table, token, 0).as_deref(), Some(token.as_str()));
        }
        for token in &tokens {
            assert!(find(&table, token, 0).is_none_or(|who| who == *token));
        }
    }

    #[test]
    fn there_are_never_more_tokens_than_places() {
        let table = Remembered::new(64, 1);
        for number in 0..10_000 {
            let token = format!("a.b.{number:032}");
            table.put(token.as_bytes(), &who("u"), Wall::from_secs(10), STAMP);
            assert!(find(&table, &token, 0).is_some(), "the newest is there");
        }
        assert_eq!(table.counts().entries, 64);
        for token in ["", "a", ".."] {
            assert_eq!(find(&table, token, 0), None);
        }
    }
}
