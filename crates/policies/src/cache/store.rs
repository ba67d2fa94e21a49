//! Where answers are stored, and how they get there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sekisho_caching::Key;
use sekisho_exchange::Local;

use super::entry::Entry;
use super::flight::{Flights, Lead};
use super::memory::{Filled, Memory, Stand};
use super::meter::{Meter, Tally};
use super::purge::Purge;

/// What is stored and what is being fetched. It outlives a configuration.
pub struct Cached {
    pub(super) memory: Memory,
    pub(super) flights: Arc<Flights>,
    pub(super) meter: Meter,
    /// Bytes of bodies that come in.
    filling: AtomicU64,
    /// Most of these.
    most_filling: u64,
}

impl Cached {
    /// Room for so many bytes, and for bodies of that size.
    pub(super) fn new(max: u64, max_body: u64, workers: usize) -> Self {
        Self {
            memory: Memory::new(max, max_body),
            flights: Arc::new(Flights::new()),
            meter: Meter::new(workers),
            filling: AtomicU64::new(0),
            most_filling: (max / 10).max(max_body),
        }
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
    pub(super) fn forget(&self, host: &str, path: &str, query: Option<&str>) {
        self.memory.marks().forget(host, path, query);
    }
}

/// Where a body is to be stored that comes in.
pub(super) struct Landing {
    pub(super) cached: Arc<Cached>,
    pub(super) key: Key,
    pub(super) stand: Stand,
}

impl Landing {
    /// Stores the answer. Those who ask from now on find it there, and not under way.
    pub(super) fn land(&self, entry: Arc<Entry>, lead: Option<Lead>, local: &Local) {
        let stored = self.cached.memory.put(self.key, entry, self.stand.clone());
        self.cached.meter.landed(stored, local.index);
        drop(lead);
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
