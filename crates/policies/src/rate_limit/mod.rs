//! `rate_limit`: how many requests an address may send.
//!
//! It comes before authentication, so that guessing credentials is limited too; limits of users are `quota`, with the same words
//! and the same engine. A limit is counted by where it is written: all routes beneath it together, in this process or, with a
//! shared `store`, over all gateways, and a reload forgets nothing. Of N exactly N pass, however many come together.
//!
//! Two drafts of one standard tell clients what is left (draft-ietf-httpapi-ratelimit-headers): 06, as express-rate-limit sends it,
//! and 11. Where several limits hold, the newer has an entry for each, the older one speaks of that of which least is left.

mod config;
mod engine;
#[cfg(test)]
pub(crate) mod tests;
mod told;

use std::sync::Arc;

use sekisho_exchange::{Exchange, Policy, Verdict};

pub(crate) use self::config::Stand;
pub use self::config::{Config, Key};
pub(crate) use self::engine::Engine;
pub use self::told::Shown;
use crate::{Compile, Context, Here};

const STAND: Stand = Stand { name: "rate_limit", key: "ip", knows_users: false };

/// The policy as it runs.
pub struct RateLimit(Arc<Engine>);

impl Compile for Config {
    type Into = RateLimit;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<RateLimit> {
        self.compile_at(&STAND, here, context).map(|engine| RateLimit(Arc::new(engine)))
    }
}

impl Policy for RateLimit {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        self.0.enter(exchange)
    }
}
