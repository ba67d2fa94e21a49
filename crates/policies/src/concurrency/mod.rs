//! `concurrency`: how many requests may be under way at once.
//!
//! A request is under way until the last byte of its answer is sent, its tunnel has ended, or its client is gone. One more than
//! `max` is answered with 503 at once: nobody waits in a line. Exactly `max` get through, however many come together. Counts
//! are this process's own, and a reload does not forget them.

mod counts;
mod key;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Reply, Verdict};
use sekisho_units::At;
use serde::Deserialize;

use self::counts::Counts;
use self::key::Key;
use crate::{Compile, Context, Here};

/// Soon there may be a place again, as requests end all the time.
const RETRY_AFTER: u64 = 1;

/// `concurrency` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Most requests under way at once, 1 or more. One more gets 503.
    pub max: At<u32>,
    /// Whose requests are counted together: those of an `ip` (of IPv6, of a network of 64 bits), of a `route`, or those with
    /// the same value of `header.NAME`. Default: all to which this policy applies.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key: Option<At<String>>,
}

/// The policy as it runs.
pub struct Concurrency {
    max: u32,
    key: Key,
    counts: Arc<Counts>,
}

impl Compile for Config {
    type Into = Concurrency;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<Concurrency> {
        let key = match &self.key {
            None => Some(Key::All),
            Some(written) => Key::parse(written).map_or_else(
                |error| here.refuse("key", &written.place, error.message(), error.remedy()),
                Some,
            ),
        };
        if self.max.value == 0 {
            return here.refuse("max", &self.max.place, "no request could pass", "write 1 or more");
        }
        let key = key?;
        // Counts of another kind of key would mean nothing.
        let counts = context.kept.of(format!("{} {key:?}", here.scope), Counts::default);
        Some(Concurrency { max: self.max.value, key, counts })
    }
}

impl Policy for Concurrency {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        match self.counts.take(self.key.of(exchange), self.max) {
            Some(place) => {
                exchange.hold(place);
                Verdict::Proceed(())
            }
            None => {
                let reply = Reply::overloaded(exchange.service, RETRY_AFTER, "concurrency");
                Verdict::Answer(Box::new(reply))
            }
        }
    }
}
