//! What policies keep from one configuration to the next, and the store in which limits are counted.

mod limits;
mod tokens;
mod users;

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_policies::Kept;
use sekisho_store::Store;

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, kept: &Kept, store: &Store) -> fmt::Result {
    users::encode(encoder, kept)?;
    tokens::encode(encoder, kept)?;
    limits::encode(encoder, store)
}
