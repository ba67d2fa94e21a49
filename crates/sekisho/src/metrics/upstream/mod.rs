//! What calls to services met with: tunnels, circuit breakers, retries.

mod breakers;
mod retries;
mod tunnels;

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;
use sekisho_units::Tick;

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site, now: Tick) -> fmt::Result {
    tunnels::encode(encoder, site)?;
    breakers::encode(encoder, site, now)?;
    retries::encode(encoder, site)
}
