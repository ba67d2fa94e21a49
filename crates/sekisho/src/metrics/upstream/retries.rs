//! Retries, by service; services that needed none have no row.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;

use super::family;

/// Writes the family.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let rows = site.services.iter().filter_map(|service| {
        let meter = service.retries()?;
        let (made, refused) = (meter.made.load(Relaxed), meter.refused.load(Relaxed));
        (made + refused > 0).then_some((&*service.name, made, refused))
    });
    let rows = rows.flat_map(|(service, made, refused)| {
        [("made", made), ("over_budget", refused)]
            .map(|(result, count)| ([("service", service), ("result", result)], count))
    });
    let help = "Requests that failed and were to be tried again: those that were, and those that the budget did not allow.";
    family::counter(encoder, ("gateway_upstream_retries", help), rows)
}
