//! Good answers that are remembered, shared by all workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use schemars::JsonSchema;
use sekisho_exchange::Identity;
use sekisho_units::Tick;
use serde::Deserialize;

use crate::shards::{Counts, Shards};

/// Which requests an answer is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ForwardAuthCacheBy")]
pub enum By {
    /// Those of which the service would be told the very same.
    #[default]
    Request,
    /// All with the same headers of `send`, whatever they ask for: for a service that looks at nothing else.
    Credentials,
}

/// What a request is known by.
pub(super) type Key = [u8; 32];

/// A good answer.
#[derive(Debug)]
pub(super) struct Passed {
    /// Who the client is, if it said so.
    pub(super) identity: Option<Arc<Identity>>,
    /// Lines for the request to the service.
    pub(super) copied: Vec<(Box<str>, Box<[u8]>)>,
}

/// The answers.
pub struct Known {
    table: Shards<(Arc<Passed>, Tick)>,
    /// How often somebody was forgotten: an answer from before that is not kept.
    forgotten: AtomicU64,
}

impl Known {
    pub(super) fn new(entries: usize) -> Self {
        Self { table: Shards::new(entries), forgotten: AtomicU64::new(0) }
    }

    /// A good answer that is not older than `cache`.
    pub(super) fn find(&self, key: &Key, now: Tick, cache: Duration) -> Option<Arc<Passed>> {
        self.table.at(key, |place| {
            let found = place.get().filter(|(_, since)| now.since(*since) < cache);
            let found = found.map(|(passed, _)| Arc::clone(passed));
            let counts = place.counts();
            if found.is_some() {
                counts.hits += 1;
            } else {
                counts.misses += 1;
            }
            found
        })
    }

    /// For [`Known::put`], from before the question.
    pub(super) fn times_forgotten(&self) -> u64 {
        self.forgotten.load(SeqCst)
    }

    /// Keeps a good answer, unless somebody was forgotten since the question.
    pub(super) fn put(&self, key: &Key, passed: &Arc<Passed>, now: Tick, forgotten: u64) {
        self.table.at(key, |place| {
            // Under the lock, which whoever forgets takes after counting.
            if self.times_forgotten() == forgotten {
                place.put((Arc::clone(passed), now));
            }
        });
    }

    /// Forgets all good answers about a user; gives how many there were.
    pub fn forget(&self, subject: &str) -> usize {
        self.forgotten.fetch_add(1, SeqCst);
        let is_it = |passed: &Passed| passed.identity.as_ref().is_some_and(|who| who.subject() == subject);
        self.table.remove_all(|(passed, _)| is_it(passed))
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.table.counts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(subject: &str) -> Arc<Passed> {
        let identity = Identity::of("forward_auth", subject, 0).unwrap().done();
        Arc::new(Passed { identity: Some(Arc::new(identity)), copied: Vec::new() })
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_until_its_user_is_forgotten() {
        let known = Known::new(100);
        let (minute, start) = (Duration::from_secs(60), Tick::ZERO);
        let before = known.times_forgotten();
        known.put(&[1; 32], &passed("u"), start, before);
        known.put(&[2; 32], &passed("u"), start, before);
        known.put(&[3; 32], &passed("v"), start, before);
        assert!(known.find(&[1; 32], start + minute - Duration::from_nanos(1), minute).is_some());
        assert!(known.find(&[1; 32], start + minute, minute).is_none());
        assert_eq!(known.forget("u"), 2);
        let there = |key: u8| known.find(&[key; 32], start, minute).is_some();
        assert_eq!([1, 2, 3].map(there), [false, false, true]);
        known.put(&[1; 32], &passed("u"), start, before);
        assert!(!there(1), "the question was asked before the user was forgotten");
        known.put(&[1; 32], &passed("u"), start, known.times_forgotten());
        assert!(there(1));
    }
}
