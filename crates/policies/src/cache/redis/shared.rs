//! [`Shared`]: the store that gateways share, as the policy uses it: nobody's request waits for what is stored, and what fails is
//! told and is a miss.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sekisho_caching::{Key, KeyParts};
use sekisho_exchange::{Errands, Event};
use sekisho_store::redis::{Away, Link};
use sekisho_units::Wall;

use super::super::entry::Entry;
use super::super::purge::Purge;
use super::{Found, Put, Redis, Ticket};

/// For how long an answer is kept beyond the time in which it may be sent, if it can be validated.
const VALIDATED: Duration = Duration::from_secs(3_600);

/// The store that gateways share. It outlives a configuration.
pub struct Shared {
    redis: Redis,
    server: Arc<str>,
    /// Failures, by [`Away::WORDS`].
    failures: [AtomicU64; Away::WORDS.len()],
    events: Arc<dyn Errands>,
}

/// What a request's answer may be stored by.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Claim {
    /// The key of host, path and query alone.
    pub(in crate::cache) uri: Key,
    ticket: Ticket,
}

impl Claim {
    /// A key for those only who have the same claim.
    pub(in crate::cache) fn flight(&self, key: &Key) -> Key {
        let Ticket { moment, life } = &self.ticket;
        let more: [&[u8]; 3] = [key.bytes(), &moment.to_le_bytes(), life];
        Key::of(&KeyParts { more: &more, ..KeyParts::default() })
    }
}

impl Shared {
    /// A store on the server of a link.
    pub(in crate::cache) fn new(link: &Link, events: &Arc<dyn Errands>) -> Self {
        let (server, failures) = (link.server().into(), Default::default());
        Self { redis: Redis::new(link), server, failures, events: Arc::clone(events) }
    }

    /// How often the server did not do what it was asked, by why not.
    pub fn failures(&self) -> [(&'static str, u64); Away::WORDS.len()] {
        std::array::from_fn(|at| (Away::WORDS[at], self.failures[at].load(Relaxed)))
    }

    /// How much was found that is no answer.
    pub fn garbage(&self) -> u64 {
        self.redis.garbage()
    }

    /// Whether nothing can be looked up now. That is counted as a failure.
    pub(in crate::cache) fn is_gone(&self, worker: usize) -> bool {
        self.redis.gone(worker).is_some_and(|away| {
            self.failed(&away);
            true
        })
    }

    /// What is stored under a key, and by what an answer may be stored there that is asked for now.
    pub(in crate::cache) async fn look(
        &self,
        worker: usize,
        uri: Key,
        key: &Key,
    ) -> (Vec<Arc<Entry>>, Option<Claim>) {
        match self.redis.look(worker, &uri, key).await {
            Ok(Found { entries, ticket, garbage }) => {
                if garbage > 0 {
                    self.tell_garbage(garbage);
                }
                (entries, Some(Claim { uri, ticket }))
            }
            Err(away) => {
                self.failed(&away);
                (Vec::new(), None)
            }
        }
    }

    /// Stores an answer; gives whether it did.
    pub(in crate::cache) async fn put(
        &self,
        worker: usize,
        key: &Key,
        (entry, now): (&Entry, Wall),
        claim: &Claim,
    ) -> bool {
        let put = self.redis.put(worker, &claim.uri, key, entry, keep(entry, now), &claim.ticket).await;
        self.heed(put).is_some_and(|put| put == Put::Stored)
    }

    /// Takes away what is stored under a key.
    pub(in crate::cache) async fn remove(&self, worker: usize, key: &Key) {
        let removed = self.redis.remove(worker, key).await;
        self.heed(removed);
    }

    /// From now on nothing is found here of what is stored under a URI; elsewhere, once [`Shared::settle`] is done.
    pub(in crate::cache) fn owe(&self, uri: Key) {
        self.redis.owe(uri);
    }

    /// Makes others forget what is owed.
    pub(in crate::cache) async fn settle(&self, worker: usize) {
        let settled = self.redis.settle(worker).await;
        self.heed(settled);
    }

    /// Takes away what an operator wants gone.
    pub(in crate::cache) async fn purge(&self, purge: &Purge) -> Result<u64, Away> {
        self.redis.purge(purge).await
    }

    /// How long looking takes at most; a second at most.
    pub(in crate::cache) fn longest(&self) -> Duration {
        self.redis.timeout().min(Duration::from_secs(1))
    }

    fn heed<T>(&self, done: Result<T, Away>) -> Option<T> {
        done.map_err(|away| self.failed(&away)).ok()
    }

    #[cold]
    fn failed(&self, away: &Away) {
        if let Some(at) = Away::WORDS.iter().position(|word| *word == away.word()) {
            self.failures[at].fetch_add(1, Relaxed);
        }
    }

    /// Tells of it, the more seldom the more there is.
    #[cold]
    fn tell_garbage(&self, more: u64) {
        let count = self.redis.garbage();
        if count.ilog2() != count.saturating_sub(more).max(1).ilog2() || count == more {
            self.events.tell(Event::StoreGarbage { store: Arc::clone(&self.server), count });
        }
    }
}

/// How long an answer is of use.
fn keep(entry: &Entry, now: Wall) -> Duration {
    let useful = Duration::from_secs(entry.facts.useful_for(now));
    if entry.facts.has_validator() { useful + VALIDATED } else { useful }
}
