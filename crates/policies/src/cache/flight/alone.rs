//! [`Alone`]: keys whose answers are only for the one who asked, so that those who ask next need not wait for each other.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use foldhash::fast::RandomState;
use sekisho_caching::Key;
use sekisho_units::Tick;

/// Keys that are remembered at a time; one more takes another's place.
const PLACES: usize = 8192;
/// For so long requests for such a key do not wait for each other. Then one of them finds out anew.
const MEMORY: Duration = Duration::from_secs(30);

/// Each place holds the end of a key's hash and until when it counts, in seconds.
pub(super) struct Alone {
    places: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// A key, and whether those are meant who bring something secret.
type Who<'k> = (&'k Key, bool);

impl Alone {
    pub(super) fn new() -> Self {
        let places = std::iter::repeat_with(AtomicU64::default).take(PLACES).collect();
        Self { places, hasher: RandomState::default() }
    }

    #[inline]
    pub(super) fn has(&self, who: Who<'_>, now: Tick) -> bool {
        let (place, mark) = self.place(who);
        let held = place.load(Relaxed);
        held >> 32 == mark && held & u64::from(u32::MAX) > seconds(now)
    }

    pub(super) fn add(&self, who: Who<'_>, now: Tick) {
        let (place, mark) = self.place(who);
        place.store(mark << 32 | (seconds(now + MEMORY) & u64::from(u32::MAX)), Relaxed);
    }

    pub(super) fn remove(&self, who: Who<'_>) {
        let (place, mark) = self.place(who);
        if place.load(Relaxed) >> 32 == mark {
            place.store(0, Relaxed);
        }
    }

    fn place(&self, who: Who<'_>) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(who);
        (&self.places[hash as usize % PLACES], hash >> 32)
    }
}

fn seconds(at: Tick) -> u64 {
    at.since(Tick::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use sekisho_caching::KeyParts;

    use super::*;

    #[test]
    fn a_key_is_alone_for_a_while() {
        let (alone, now) = (Alone::new(), Tick::ZERO + Duration::from_secs(7));
        let key = |path| Key::of(&KeyParts { path, ..KeyParts::default() });
        let (one, two) = (key("/1"), key("/2"));
        assert!(!alone.has((&one, false), now));
        alone.add((&one, false), now);
        assert!(
            alone.has((&one, false), now) && !alone.has((&two, false), now) && !alone.has((&one, true), now)
        );
        assert!(alone.has((&one, false), now + MEMORY - Duration::from_secs(1)));
        assert!(!alone.has((&one, false), now + MEMORY));
        alone.remove((&two, false));
        assert!(alone.has((&one, false), now));
        alone.remove((&one, false));
        assert!(!alone.has((&one, false), now));
    }
}
