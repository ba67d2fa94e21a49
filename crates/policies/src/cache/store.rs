//! Where answers are stored, and how they get there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sekisho_caching::{Key, KeyParts, NotStored};
use sekisho_exchange::Local;
use sekisho_store::redis::Away;

use super::entry::Entry;
use super::flight::{Flights, Lead};
use super::memory::{Filled, Memory, Stand};
use super::meter::{Meter, Tally};
use super::purge::Purge;
use super::redis::{Claim, Shared};
use crate::Kept;

/// What is stored and what is being fetched. It outlives a configuration.
pub struct Cached {
    pub(super) memory: Memory,
    pub(super) flights: Arc<Flights>,
    pub(super) meter: Meter,
    /// Bytes of bodies that come in.
    filling: AtomicU64,
    /// Most of these.
    most_filling: u64,
    /// Where answers are stored instead, if gateways share them.
    pub(super) shared: Option<Arc<Shared>>,
}

impl Cached {
    /// Room for so many bytes, and for bodies of that size.
    pub(super) fn new(max: u64, max_body: u64, workers: usize, shared: Option<Arc<Shared>>) -> Self {
        // Nothing is stored in memory then.
        let memory = if shared.is_some() { 0 } else { max };
        Self {
            memory: Memory::new(memory, max_body),
            flights: Arc::new(Flights::new()),
            meter: Meter::new(workers),
            filling: AtomicU64::new(0),
            most_filling: (max / 10).max(max_body),
            shared,
        }
    }

    /// Whether an answer may be stored that is asked for with this claim: without one nobody knows what was purged meanwhile.
    pub(super) fn may_store(&self, claim: Option<&Claim>) -> Result<(), NotStored> {
        if self.shared.is_some() && claim.is_none() { Err(NotStored::StoreAway) } else { Ok(()) }
    }

    /// Takes away what is meant, wherever it is. Gives how many answers there were.
    pub fn purge(&self, purge: &Purge) -> u64 {
        let gone = self.memory.purge(purge);
        // What comes in may be what is meant.
        self.flights.part();
        gone
    }

    /// How much is stored.
    pub fn filled(&self) -> Filled {
        self.memory.filled()
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        self.meter.read()
    }

    /// What an unsafe request has made doubtful.
    pub(super) fn forget(&self, worker: usize, host: &str, path: &str, query: Option<&str>) {
        self.memory.marks().forget(host, path, query);
        if let Some(shared) = &self.shared {
            shared.owe(uri(host, path, query));
            let shared = Arc::clone(shared);
            tokio::spawn(async move { shared.settle(worker).await });
        }
    }

    /// Takes away what is stored under a key.
    pub(super) fn remove(&self, worker: usize, key: &Key) {
        let Some(shared) = &self.shared else { return self.memory.remove(key) };
        let (shared, key) = (Arc::clone(shared), *key);
        tokio::spawn(async move { shared.remove(worker, &key).await });
    }
}

/// What unsafe requests make doubtful together: all that is stored of a URI.
pub(super) fn uri(host: &str, path: &str, query: Option<&str>) -> Key {
    Key::of(&KeyParts { host: host.as_bytes(), path, query, ..KeyParts::default() })
}

/// Takes away what is meant from all caches, and for all gateways that share one. Gives how many answers there were, as far as that
/// is known.
///
/// # Errors
/// [`Away`], if others could not be told: what they share is still there.
pub async fn purge(kept: &Kept, purge: &Purge) -> Result<u64, Away> {
    let mut gone = kept.all::<Cached>().iter().map(|(_, cached)| cached.purge(purge)).sum();
    for (_, shared) in kept.all::<Shared>() {
        gone += shared.purge(purge).await?;
    }
    Ok(gone)
}

/// Where a body is to be stored that comes in.
pub(super) struct Landing {
    pub(super) cached: Arc<Cached>,
    pub(super) key: Key,
    pub(super) stand: Stand,
    pub(super) claim: Option<Claim>,
}

impl Landing {
    /// Stores the answer. Those who ask from now on find it there, and not under way.
    ///
    /// # Errors
    /// Why it is not stored, as far as that is known at once: what gateways share is stored later, and what becomes of that is
    /// only counted.
    pub(super) fn land(&self, entry: Arc<Entry>, lead: Option<Lead>, local: &Local) -> Result<(), NotStored> {
        self.store(entry, lead, local, true)
    }

    /// Stores an answer that was stored before.
    pub(super) fn renew(&self, entry: Arc<Entry>, lead: Option<Lead>, local: &Local) {
        // What it is about is sent all the same, and the next one who asks finds out.
        let _ = self.store(entry, lead, local, false);
    }

    fn store(
        &self,
        entry: Arc<Entry>,
        lead: Option<Lead>,
        local: &Local,
        is_new: bool,
    ) -> Result<(), NotStored> {
        let worker = local.index;
        let Some(shared) = &self.cached.shared else {
            let stored = self.cached.memory.put(self.key, entry, self.stand.clone());
            if is_new {
                self.cached.meter.landed(stored, worker);
            }
            return if stored { Ok(()) } else { Err(NotStored::Outdated) };
        };
        let Some(claim) = self.claim else {
            if is_new {
                self.cached.meter.landed(false, worker);
            }
            return self.cached.may_store(None);
        };
        let (shared, cached, key) = (Arc::clone(shared), Arc::clone(&self.cached), self.key);
        let now = local.wall(local.clock.now());
        tokio::spawn(async move {
            let stored = shared.put(worker, &key, (&entry, now), &claim).await;
            if is_new {
                cached.meter.landed(stored, worker);
                if stored && lead.is_some() {
                    // Who looked before it was there finds it here.
                    tokio::time::sleep(shared.longest()).await;
                }
            }
            drop(lead);
        });
        Ok(())
    }
}

/// The room that one body takes while it comes in.
pub(super) struct Places {
    cached: Arc<Cached>,
    held: u64,
    most: u64,
}

impl Places {
    /// None yet, and at most so many bytes.
    pub(super) fn new(cached: &Arc<Cached>, most: u64) -> Self {
        Self { cached: Arc::clone(cached), held: 0, most }
    }

    /// Takes room for so many bytes in all. `false`: they are too many, or there is none.
    pub(super) fn hold(&mut self, bytes: u64) -> bool {
        if bytes > self.most {
            return false;
        }
        let more = bytes.saturating_sub(self.held);
        let before = self.cached.filling.fetch_add(more, Relaxed);
        self.held += more;
        before + more <= self.cached.most_filling
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.cached.filling.fetch_sub(self.held, Relaxed);
    }
}
