//! [`Store`]: limits in memory, or in Redis with what happens while Redis is away.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_units::Tick;
use serde::{Deserialize, Serialize};

use crate::key::Key;
use crate::limit::{Decision, Rule};
use crate::memory::{Hash, Memory, Tally};
use crate::redis::{Away, Limits, Link};
use crate::rulings::Rulings;
use crate::unheard::Unheard;

/// What a limit does while the shared store is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Each gateway counts by itself, from zero, until the store is back.
    #[default]
    Local,
    /// Requests pass uncounted.
    Allow,
    /// Requests are refused.
    Deny,
}

/// Where limits are counted. Shared by all workers; it is to outlive a reload, and keeps what it counted.
pub struct Store {
    /// What counts, or what counts while Redis is away.
    memory: Memory,
    /// What all gateways count together, if they do.
    shared: Option<Shared>,
}

struct Shared {
    limits: Limits,
    rulings: Rulings,
    unheard: Unheard,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The store has decided.
    Decided(Decision),
    /// The shared store is away; this process has decided by itself.
    Local(Decision, Away),
    /// The shared store is away; the request passes, by [`OnFailure::Allow`].
    Open(Away),
    /// The shared store is away; the request does not pass, by [`OnFailure::Deny`].
    Closed(Away),
}

impl Ruling {
    /// All that [`Ruling::word`] gives.
    pub const WORDS: [&'static str; 4] = ["shared", "local", "allow", "deny"];

    /// One word of who has decided, or what was done instead, for metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Decided(_) => "shared",
            Self::Local(..) => "local",
            Self::Open(_) => "allow",
            Self::Closed(_) => "deny",
        }
    }

    /// Whether the request passes.
    pub const fn allowed(&self) -> bool {
        match self {
            Self::Decided(decision) | Self::Local(decision, _) => decision.allowed,
            Self::Open(_) => true,
            Self::Closed(_) => false,
        }
    }

    /// The numbers, if anybody has counted.
    pub const fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Decided(decision) | Self::Local(decision, _) => Some(decision),
            Self::Open(_) | Self::Closed(_) => None,
        }
    }

    /// Why the shared store has not decided.
    pub const fn away(&self) -> Option<&Away> {
        match self {
            Self::Decided(_) => None,
            Self::Local(_, away) | Self::Open(away) | Self::Closed(away) => Some(away),
        }
    }
}

/// A ruling, now or later.
pub enum Taken {
    /// Now: by memory, or because Redis is known to be away.
    Now(Ruling),
    /// Once Redis has answered, or its time is over. To be polled on the worker's runtime.
    Later(Later),
}

/// A ruling to come.
pub type Later = Pin<Box<dyn Future<Output = Ruling> + Send>>;

impl Store {
    /// Counts in this process.
    pub const fn memory(memory: Memory) -> Self {
        Self { memory, shared: None }
    }

    /// Counts in Redis, with all gateways together; `local` counts while it is away.
    pub fn redis(shared: Limits, local: Memory) -> Self {
        let shared = Shared { limits: shared, rulings: Rulings::default(), unheard: Unheard::default() };
        Self { memory: local, shared: Some(shared) }
    }

    /// The connection to the shared store, if there is one.
    pub fn link(&self) -> Option<&Link> {
        self.shared.as_ref().map(|shared| shared.limits.link())
    }

    /// What is counted in this process.
    pub fn tally(&self) -> Tally {
        self.memory.tally()
    }

    /// How many decisions of the shared store there were, and of what was done instead, by [`Ruling::word`].
    pub fn rulings(&self) -> Option<[(&'static str, u64); Ruling::WORDS.len()]> {
        self.shared.as_ref().map(|shared| shared.rulings.rulings())
    }

    /// How often the shared store has not decided, by [`Away::word`].
    pub fn failures(&self) -> Option<[(&'static str, u64); Away::WORDS.len()]> {
        self.shared.as_ref().map(|shared| shared.rulings.failures())
    }

    /// Rules on a request of a key by `rule`, and counts it if it passes; a cost of 0 only looks.
    ///
    /// `now` is the process's time, `worker` the number of the worker that asks.
    #[inline]
    pub fn take(
        self: &Arc<Self>,
        rule: &Rule,
        key: Key<'_>,
        cost: u32,
        now: Tick,
        worker: usize,
        failing: OnFailure,
    ) -> Taken {
        let Some(shared) = &self.shared else {
            return Taken::Now(Ruling::Decided(self.memory.take(rule, key, cost, now.into())));
        };
        let own = Own { hash: self.memory.hash(rule, key), rule: *rule, cost, now, failing };
        match shared.limits.link().gone(worker) {
            Some(away) => Taken::Now(self.counted(own.rule(&self.memory, away))),
            None => Taken::Later(self.later(own, shared.limits.take(worker, rule, key, cost, None))),
        }
    }

    /// Lets a ruling be made that nobody waits for, so that its request counts: on the worker's runtime, and bounded in number. Where
    /// too many are under way the request does not count, which is reported as any other failure.
    pub fn unheard(&self, ruling: Later) {
        let Some(shared) = &self.shared else { return };
        if !shared.unheard.begin(async move { drop(ruling.await) }) {
            shared.rulings.count(&Ruling::Open(Away::Busy));
        }
    }

    fn later(
        self: &Arc<Self>,
        own: Own,
        asked: impl Future<Output = Result<Decision, Away>> + Send + 'static,
    ) -> Later {
        let store = Arc::clone(self);
        Box::pin(async move {
            let ruling = match asked.await {
                Ok(decision) => Ruling::Decided(decision),
                Err(away) => own.rule(&store.memory, away),
            };
            store.counted(ruling)
        })
    }

    fn counted(&self, ruling: Ruling) -> Ruling {
        if let Some(shared) = &self.shared {
            shared.rulings.count(&ruling);
        }
        ruling
    }
}

/// A question that this process may have to answer by itself.
struct Own {
    hash: Hash,
    rule: Rule,
    cost: u32,
    now: Tick,
    failing: OnFailure,
}

impl Own {
    fn rule(&self, local: &Memory, away: Away) -> Ruling {
        match self.failing {
            OnFailure::Local => {
                Ruling::Local(local.take_hashed(&self.rule, self.hash, self.cost, self.now.into()), away)
            }
            OnFailure::Allow => Ruling::Open(away),
            OnFailure::Deny => Ruling::Closed(away),
        }
    }
}

#[cfg(test)]
mod tests {
    use sekisho_units::{Rate, Span};

    use super::*;
    use crate::{Algorithm, Space};

    #[test]
    fn memory_rules_at_once_and_without_a_runtime() {
        let store = Arc::new(Store::memory(Memory::new(10)));
        let rate = Rate::new(1, Span::from_secs(1)).unwrap();
        let rule = Rule::new(Algorithm::FixedWindow, rate, None).unwrap();
        let key = Key { space: Space::of("test"), name: b"a" };
        for (millis, want) in [(0, true), (1, false), (999, false), (1_000, true)] {
            let now = Tick::from_nanos(millis * 1_000_000);
            let Taken::Now(Ruling::Decided(told)) = store.take(&rule, key, 1, now, 7, OnFailure::Deny) else {
                panic!("memory is never away");
            };
            assert_eq!(told.allowed, want, "at {millis} ms");
        }
    }
}
