//! What calls to services met with: endpoints and their health, limits, tunnels, circuit breakers, retries, hedges; and where endpoints are found.

mod breakers;
mod discovery;
mod endpoints;
mod health;
mod hedges;
mod limits;
mod mirrors;
mod retries;
mod tunnels;

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;
use sekisho_units::Tick;

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site, now: Tick) -> fmt::Result {
    endpoints::encode(encoder, site, now)?;
    tunnels::encode(encoder, site)?;
    limits::encode(encoder, site)?;
    breakers::encode(encoder, site, now)?;
    mirrors::encode(encoder, site)?;
    retries::encode(encoder, site)?;
    hedges::encode(encoder, site)?;
    health::encode(encoder, site, now)?;
    discovery::encode(encoder, site)
}
