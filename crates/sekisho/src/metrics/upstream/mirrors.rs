//! Copies of requests, by the service that was shown them; services that were shown none have no row.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;

use super::family;

/// Writes the family.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    // Several routes may show theirs to one service, which counts them all.
    let mirrors = site.plans.iter().filter_map(|plan| plan.handed.mirror.as_ref());
    let by_service: BTreeMap<_, _> = mirrors.map(|mirror| (mirror.service(), mirror.counts())).collect();
    let rows = by_service.into_iter().flat_map(|(service, counts)| {
        counts.map(|(result, count)| ([("service", service), ("result", result)], count))
    });
    let help = "Copies of requests shown to a service, by what became of them.";
    family::counter(encoder, ("gateway_mirrored_requests", help), rows)
}
