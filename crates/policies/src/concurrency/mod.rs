//! `concurrency`: how many requests may be under way at once.
//!
//! A request is under way until the last byte of its answer is sent, its tunnel has ended, or its client is gone. One more than
//! `max` is answered with 503 at once: nobody waits in a line. Exactly `max` get through, however many come together. Counts
//! are this process's own, and a reload does not forget them.

#[cfg(test)]
mod tests;
mod together;

use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Reply, Verdict};
use sekisho_store::{InFlight, Key, Space};
use sekisho_units::At;
use serde::Deserialize;

use self::together::Together;
use crate::key::{BadKey, Keys, NETWORK, Part};
use crate::{Compile, Context, Here};

/// Soon there may be a place again, as requests end all the time.
const RETRY_AFTER: u64 = 1;

/// Of so many keys requests may be under way; there are fewer connections.
const KEYS: usize = 1 << 20;

/// `concurrency` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Most requests under way at once, 1 or more. One more gets 503.
    pub max: At<u32>,
    /// Whose requests are counted together: those of an `ip` (of IPv6, of a network of 64 bits), of a `route`, or those with
    /// the same value of `header.NAME`; one without the header counts for its address. Default: all to which this policy
    /// applies.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key: Option<At<String>>,
}

/// The policy as it runs.
pub struct Concurrency {
    max: u32,
    counts: Counts,
}

/// What is under way.
enum Counts {
    Together(Arc<Together>),
    ByKey { keys: Keys, space: Space, under_way: Arc<InFlight> },
}

impl Compile for Config {
    type Into = Concurrency;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<Concurrency> {
        let part = match &self.key {
            None => Some(None),
            Some(written) => part(written, here).map(Some),
        };
        if self.max.value == 0 {
            return here.refuse("max", &self.max.place, "no request could pass", "write 1 or more");
        }
        let counts = match part? {
            None => Counts::Together(context.kept.of(here.scope, Together::default)),
            Some(part) => {
                let keys = Keys::new(vec![part], u32::BITS, NETWORK);
                // Counts of another kind of key would mean nothing.
                let identity = format!("{} {}", here.scope, keys.identity());
                let under_way = context.kept.shared(identity, || InFlight::new(KEYS));
                Counts::ByKey { keys, space: Space::of("concurrency"), under_way }
            }
        };
        Some(Concurrency { max: self.max.value, counts })
    }
}

fn part(written: &At<String>, here: &mut Here<'_>) -> Option<Part> {
    const WORDS: &str = "write `ip`, `route` or `header.NAME`";
    match Part::parse(written) {
        Ok(Part::User) => {
            let message = "who the user is, is not known yet where requests are counted";
            here.refuse("key", &written.place, message, WORDS)
        }
        Ok(part) => Some(part),
        Err(error @ BadKey::Unknown(_)) => {
            let remedy = format!("{WORDS}, or leave it out for all together");
            here.refuse("key", &written.place, error.to_string(), remedy)
        }
        Err(error) => here.refuse("key", &written.place, error.to_string(), error.remedy()),
    }
}

impl Policy for Concurrency {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let held = match &self.counts {
            Counts::Together(all) => all.enter(self.max).map(|place| exchange.hold(place)),
            Counts::ByKey { keys, space, under_way } => {
                let enter = |name: &[u8], _| under_way.enter(Key { space: *space, name }, self.max);
                keys.name(exchange, enter).map(|seat| exchange.hold(seat))
            }
        };
        if held.is_some() {
            return Verdict::Proceed(());
        }
        Verdict::Answer(Box::new(Reply::overloaded(exchange.service, RETRY_AFTER, "concurrency")))
    }
}
