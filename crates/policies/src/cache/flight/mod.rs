//! One fetch a key at a time: whoever asks first asks for all who come before the answer has wholly come in, and those have it as
//! it comes.

mod alone;
mod coming;
mod fill;

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use sekisho_caching::Key;
use sekisho_exchange::Awaited;
use sekisho_units::Tick;
use tokio::sync::watch;

use self::alone::Alone;
pub(super) use self::coming::{Coming, Headed, Reader};
pub(super) use self::fill::Fill;

/// Parts that are locked apart.
const SHARDS: usize = 64;

/// What is being fetched.
pub(super) struct Flights {
    shards: Box<[Shard]>,
    alone: Alone,
    hasher: RandomState,
}

type Shard = Mutex<HashMap<Key, Arc<Flight>, RandomState>>;

/// One fetch.
pub(super) struct Flight {
    says: watch::Sender<Phase>,
}

/// How far it has come.
#[derive(Clone)]
pub(super) enum Phase {
    /// The service was asked.
    Asked,
    /// Its answer comes in, and will be stored.
    Coming(Arc<Coming>),
    /// Nothing comes of it.
    Over(Over),
}

/// Why nothing comes of a fetch for those who wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Over {
    /// Whoever asked gave up: another may ask.
    Abandoned,
    /// The service failed, or its answer is only for the one who asked.
    NotShared,
}

/// What a request finds.
pub(super) enum Joined {
    /// Nobody asks: the request is to, for all who come after it.
    Lead(Lead),
    /// Somebody does.
    Follow(Arc<Flight>),
}

impl Flights {
    pub(super) fn new() -> Self {
        Self {
            shards: std::iter::repeat_with(Shard::default).take(SHARDS).collect(),
            alone: Alone::new(),
            hasher: RandomState::default(),
        }
    }

    /// Whether those who ask for that key need not wait for each other: what comes is only for the one who asked. Those who bring
    /// something secret, such as a cookie, are apart from those who do not.
    #[inline]
    pub(super) fn is_alone(&self, key: &Key, secret: bool, now: Tick) -> bool {
        self.alone.has((key, secret), now)
    }

    /// Says so from now on, for a while.
    pub(super) fn leave_alone(&self, key: &Key, secret: bool, now: Tick) {
        self.alone.add((key, secret), now);
    }

    /// An answer for all has come.
    pub(super) fn bring_together(&self, key: &Key, secret: bool) {
        self.alone.remove((key, secret));
    }

    /// Joins whoever asks for that key, or begins to.
    pub(super) fn join(self: &Arc<Self>, key: Key) -> Joined {
        let mut shard = self.shard(&key);
        if let Some(flight) = shard.get(&key) {
            return Joined::Follow(Arc::clone(flight));
        }
        let flight = Arc::new(Flight { says: watch::Sender::new(Phase::Asked) });
        shard.insert(key, Arc::clone(&flight));
        Joined::Lead(Lead { flights: Arc::clone(self), key, flight, landed: false })
    }

    /// From now on nobody joins those that are under way: what they bring may be what was just purged.
    pub(super) fn part(&self) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, Arc<Flight>, RandomState>> {
        let index = self.hasher.hash_one(key) as usize % self.shards.len();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// Waits until the answer comes in, or nothing comes of it.
    pub(super) async fn told(self: Arc<Self>) -> Phase {
        let mut says = self.says.subscribe();
        let told = says.wait_for(|phase| !matches!(phase, Phase::Asked)).await;
        // It is held here, so that it cannot be gone.
        told.map_or(Phase::Over(Over::Abandoned), |phase| phase.clone())
    }

    /// How far it is now.
    pub(super) fn phase(&self) -> Phase {
        self.says.borrow().clone()
    }
}

/// The one who asks. Dropped before anything came of that, it has given up.
pub(super) struct Lead {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
    landed: bool,
}

impl Lead {
    /// The answer comes in.
    pub(super) fn comes(&mut self, coming: Arc<Coming>) {
        self.landed = true;
        self.flight.says.send_replace(Phase::Coming(coming));
    }

    /// Nothing that others could have comes of it.
    pub(super) fn keeps(mut self) {
        self.end(Over::NotShared);
    }

    /// Whether others wait, to be asked from wherever.
    pub(super) fn awaited(&self) -> Box<dyn Awaited> {
        Box::new(Waiting(Arc::clone(&self.flight)))
    }

    fn end(&mut self, over: Over) {
        self.leave();
        if !std::mem::replace(&mut self.landed, true) {
            self.flight.says.send_replace(Phase::Over(over));
        }
    }

    /// From now on nobody finds it.
    pub(super) fn leave(&self) {
        let mut shard = self.flights.shard(&self.key);
        if shard.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            shard.remove(&self.key);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.end(Over::Abandoned);
    }
}

struct Waiting(Arc<Flight>);

impl Awaited for Waiting {
    fn is_awaited(&self) -> bool {
        self.0.says.receiver_count() > 0
    }
}
