//! [`Live`]: answers from Redis that are being sent, so that many who are sent the same one hold it once.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use foldhash::fast::RandomState;
use sekisho_caching::Key;

use super::super::entry::Entry;
use super::Ticket;
use super::record::Variant;

/// Parts that are locked apart.
const SHARDS: usize = 64;
/// A part is cleared of what is gone when it has grown to so many.
const FEWEST: usize = 64;

/// Answers that somebody holds, by what their records say they are.
pub(super) struct Live {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    answers: HashMap<(Key, Variant), Held, RandomState>,
    /// It is cleared when it has so many.
    full: usize,
}

/// What the record says that it is, and what was read from it.
struct Held {
    check: u64,
    answer: Weak<Entry>,
    made: Ticket,
}

impl Live {
    pub(super) fn new() -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { shards, hasher: RandomState::default() }
    }

    /// The answer of a record that has this check, if somebody holds it, and how things stood when it was asked for.
    pub(super) fn find(&self, key: &Key, variant: &Variant, check: u64) -> Option<(Arc<Entry>, Ticket)> {
        let shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        let held = shard.answers.get(&(*key, *variant)).filter(|held| held.check == check)?;
        Some((held.answer.upgrade()?, held.made))
    }

    /// Somebody holds it from now on.
    pub(super) fn add(
        &self,
        (key, variant): (&Key, &Variant),
        check: u64,
        (answer, made): (&Arc<Entry>, Ticket),
    ) {
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.answers.len() >= shard.full.max(FEWEST) {
            shard.answers.retain(|_, held| held.answer.strong_count() > 0);
            shard.full = 2 * shard.answers.len();
        }
        shard.answers.insert((*key, *variant), Held { check, answer: Arc::downgrade(answer), made });
    }

    fn shard(&self, key: &Key) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}
