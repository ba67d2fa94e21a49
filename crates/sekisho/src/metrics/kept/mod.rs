//! What goes on from one configuration to the next: what policies keep, the store in which limits are counted, and alerts.

mod alerts;
mod cache;
mod limits;
mod tokens;
mod users;

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_store::Store;

use super::family;
use crate::server::State;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, state: &State, store: &Store) -> fmt::Result {
    cache::encode(encoder, &state.kept)?;
    users::encode(encoder, &state.kept)?;
    tokens::encode(encoder, &state.kept)?;
    limits::encode(encoder, store)?;
    alerts::encode(encoder, &state.alerts)
}
