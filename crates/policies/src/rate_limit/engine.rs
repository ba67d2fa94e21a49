//! The limit as it runs, for `rate_limit` and `quota` alike.

use std::sync::Arc;

use sekisho_exchange::{Exchange, RateOf, Reply, Resume, Verdict};
use sekisho_store::{Decision, Key, OnFailure, Rule, Ruling, Space, Store, Taken};
use sekisho_units::Span;

use super::told::{Told, seconds};
use crate::key::Keys;

/// What is asked where the shared store is away, as problem documents call it.
const STORE: &str = "store";

/// One limit with its tiers, counted in a store.
pub(crate) struct Engine {
    pub(super) store: Arc<Store>,
    /// Keeps its counts apart from those of other limits.
    pub(super) space: Space,
    pub(super) keys: Keys,
    pub(super) cost: u32,
    /// The usual limit, and that of each tier in their order.
    pub(super) limits: Box<[Limit]>,
    pub(super) tiers: Box<[Box<str>]>,
    pub(super) failing: OnFailure,
}

/// So many in a period, and what is told of it.
pub(super) struct Limit {
    pub(super) rule: Rule,
    pub(super) period: Span,
    pub(super) told: Told,
}

impl Engine {
    /// Rules on a request, now or once the store has answered.
    #[inline]
    pub(crate) fn enter(self: &Arc<Self>, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let index = self.limit_of(exchange);
        let rule = &self.limits[index].rule;
        // Not the time when the request began: its head may have come slowly, and a step before this one may have waited; a time
        // that lies a period back would begin the window anew.
        let (now, worker) = (exchange.local.clock.now(), exchange.local.index);
        let (taken, of) = self.keys.name(exchange, |name, of| {
            let key = Key { space: self.space, name };
            (self.store.take(rule, key, self.cost, now, worker, self.failing), of)
        });
        match taken {
            Taken::Now(ruling) => self.conclude(&ruling, (index, of), exchange),
            // It counts, whatever the ruling.
            Taken::Later(ruling) if exchange.answered => {
                self.store.unheard(ruling);
                Verdict::Proceed(())
            }
            Taken::Later(ruling) => {
                let engine = Arc::clone(self);
                Verdict::Wait(Box::pin(async move {
                    let ruling = ruling.await;
                    Box::new(move |exchange: &mut Exchange<'_>| {
                        engine.conclude(&ruling, (index, of), exchange)
                    }) as Resume<()>
                }))
            }
        }
    }

    #[inline]
    fn limit_of(&self, exchange: &Exchange<'_>) -> usize {
        if self.tiers.is_empty() {
            return 0;
        }
        let tier = exchange.identity().map_or("", |who| who.tier());
        self.tiers.iter().position(|known| **known == *tier).map_or(0, |index| index + 1)
    }

    /// What a ruling means for a request.
    #[inline]
    fn conclude(
        &self,
        ruling: &Ruling,
        (index, of): (usize, RateOf),
        exchange: &mut Exchange<'_>,
    ) -> Verdict<()> {
        let Some(decision) = ruling.decision() else { return uncounted(ruling) };
        let limit = &self.limits[index];
        if decision.allowed {
            let reset = seconds(decision.reset);
            limit.told.write(&mut exchange.to_client, decision.remaining, reset, false);
            return Verdict::Proceed(());
        }
        refuse(limit, decision, of, exchange)
    }
}

/// 429. What the headers call the reset is when the same request may come again, as draft 6 has it beside a `Retry-After`.
#[cold]
fn refuse(limit: &Limit, decision: &Decision, of: RateOf, exchange: &mut Exchange<'_>) -> Verdict<()> {
    let after = decision.retry_after.unwrap_or(decision.reset);
    let after = seconds(after).max(1);
    limit.told.write(&mut exchange.to_client, decision.remaining, after, true);
    Verdict::Answer(Box::new(Reply::rate_limited(of, limit.period, Span::from_secs(after))))
}

/// The shared store is away, and nobody counts instead.
#[cold]
fn uncounted(ruling: &Ruling) -> Verdict<()> {
    if ruling.allowed() {
        return Verdict::Proceed(());
    }
    let why = ruling.away().map_or("away", |away| away.word());
    Verdict::Answer(Box::new(Reply::dependency_unavailable(STORE, format!("store_{why}"))))
}
