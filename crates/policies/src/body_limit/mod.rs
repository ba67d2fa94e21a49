//! `body_limit`: how many bytes a request's body may have.
//!
//! A body whose length is announced is refused before a byte of it is read; one that comes in chunks is counted while it
//! streams, and refused with the same 413 as long as no answer has begun.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use sekisho_exchange::{BodyLimit as Limit, Exchange, Mode, Policy, Reply, Verdict};
use sekisho_units::Size;
use sekisho_wire::Framing;
use serde::Deserialize;

use crate::{Compile, Context, Here};

/// `body_limit` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most bytes of a request's body. Default `10MiB`. A longer one is answered with 413. `0` allows no body at all.
    pub max: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self { max: Size::from_mib(10) }
    }
}

/// The policy as it runs.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit {
    max: u64,
}

impl Compile for Config {
    type Into = BodyLimit;

    fn compile(self, _: &mut Here<'_>, _: &Context<'_>) -> Option<BodyLimit> {
        Some(BodyLimit { max: self.max.bytes() })
    }
}

impl Policy for BodyLimit {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        match exchange.body {
            Framing::Length(length) if length > self.max => {
                Verdict::Answer(Box::new(Reply::body_too_large(self.max)))
            }
            _ => {
                exchange.body_limit = Some(Limit { max: self.max, mode: Mode::Enforce });
                Verdict::Proceed(())
            }
        }
    }
}
