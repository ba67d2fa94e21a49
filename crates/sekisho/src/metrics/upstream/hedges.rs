//! Hedged requests, by service; services that had none have no row.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;

use super::family;

/// Writes the family.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let rows = site.services.iter().filter_map(|service| {
        let meter = service.hedges()?;
        meter.outcomes().any(|(_, count)| count > 0).then_some((&*service.name, meter))
    });
    let rows = rows.flat_map(|(service, meter)| {
        meter.outcomes().map(move |(outcome, count)| ([("service", service), ("outcome", outcome)], count))
    });
    let help = "Requests whose answers were so long in coming that another endpoint was to be asked as well, by what became of that.";
    family::counter(encoder, ("gateway_hedges", help), rows)
}
