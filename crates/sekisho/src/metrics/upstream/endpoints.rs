//! Endpoints of services: how they stand, and what they have to do.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;
use sekisho_units::Tick;
use sekisho_upstream::Seen;

use super::family;

/// Endpoints of one service that get rows of their own: a registry may tell of any number.
const MOST: usize = 1_000;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site, now: Tick) -> fmt::Result {
    let all: Vec<(&str, Vec<Seen>)> =
        site.services.iter().map(|service| (&*service.name, service.fleet.look(now))).collect();
    let rows =
        || all.iter().flat_map(|(service, seen)| seen.iter().take(MOST).map(move |seen| (*service, seen)));
    let in_flight = rows().map(|(service, seen)| (labels(service, seen), u64::from(seen.in_flight)));
    let help = "Requests that an endpoint has, from the choice of it to the last byte of the answer, tunnels included.";
    family::gauge(encoder, ("gateway_endpoint_requests_in_flight", help), in_flight)?;
    let up = rows().map(|(service, seen)| (labels(service, seen), u64::from(seen.fault.is_none())));
    let help = "1 for an endpoint that is available, 0 for one that is unhealthy, ejected or drained.";
    family::gauge(encoder, ("gateway_endpoint_available", help), up)?;
    let on = rows().map(|(service, seen)| (labels(service, seen), u64::from(seen.picked)));
    let help =
        "1 for an endpoint that gets requests now; others are of another priority or zone, or not available.";
    family::gauge(encoder, ("gateway_endpoint_picked", help), on)?;
    let weight = rows()
        .map(|(service, seen)| (labels(service, seen), f64::from(seen.weight) * seen.share as f64 / 100.0));
    let help = "The weight of an endpoint, as far as it has grown.";
    family::gauge(encoder, ("gateway_endpoint_weight", help), weight)?;
    let latency =
        rows().filter_map(|(service, seen)| Some((labels(service, seen), f64::from(seen.latency?))));
    let help = "The time to an answer's head that `balance: ewma` goes by.";
    family::gauge(encoder, ("gateway_endpoint_latency_seconds", help), latency)?;
    let panics = site
        .services
        .iter()
        .map(|service| ([("service", &*service.name)], u64::from(service.fleet.panics())));
    let help = "1 for a service of which so few endpoints are available that all are used.";
    family::gauge(encoder, ("gateway_service_panics", help), panics)
}

fn labels<'a>(service: &'a str, seen: &'a Seen) -> family::Labels<'a, 2> {
    [("service", service), ("endpoint", &*seen.authority)]
}
