//! What policies keep from one configuration to the next.

mod tokens;
mod users;

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_policies::Kept;

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, kept: &Kept) -> fmt::Result {
    users::encode(encoder, kept)?;
    tokens::encode(encoder, kept)
}
