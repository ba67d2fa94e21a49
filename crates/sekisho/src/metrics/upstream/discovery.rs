//! Where endpoints are found: how often, and how many there are.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let looked =
        || site.services.iter().filter_map(|service| Some((service, service.discovery.as_ref()?.look())));
    let rows = looked().map(|(service, looked)| (labels(&service.name, looked.source), looked.updates));
    let help = "Answers of a service's registry that changed its endpoints.";
    family::counter(encoder, ("gateway_discovery_updates", help), rows)?;
    let rows = looked().map(|(service, looked)| (labels(&service.name, looked.source), looked.failures));
    let help = "Answers of a service's registry that failed, or were empty where they must not be.";
    family::counter(encoder, ("gateway_discovery_failures", help), rows)?;
    let count = |fleet: &sekisho_upstream::Fleet| fleet.endpoints().len() as u64;
    let rows = site.services.iter().map(|service| ([("service", &*service.name)], count(&service.fleet)));
    family::gauge(encoder, ("gateway_service_endpoints", "Endpoints of a service, available or not."), rows)
}

fn labels<'a>(service: &'a str, source: &'static str) -> [(&'static str, &'a str); 2] {
    [("service", service), ("source", source)]
}
