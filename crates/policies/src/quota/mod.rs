//! `quota`: how many requests a user may send, by tier.
//!
//! The same engine and the same words as `rate_limit`, but after authentication and authorization: it knows users and their tiers,
//! and what is refused before costs nothing.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Verdict};
use serde::Deserialize;

use crate::rate_limit::{self, Engine, Stand};
use crate::{Compile, Context, Here};

const STAND: Stand = Stand { name: "quota", key: "user", knows_users: true };

/// `quota` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Config(pub rate_limit::Config);

/// The policy as it runs.
pub struct Quota(Arc<Engine>);

impl Compile for Config {
    type Into = Quota;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<Quota> {
        self.0.compile_at(&STAND, here, context).map(|engine| Quota(Arc::new(engine)))
    }
}

impl Policy for Quota {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        self.0.enter(exchange)
    }
}
