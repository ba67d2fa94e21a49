//! Limits of services; services without one have no row.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;
use sekisho_upstream::LimitSeen;

use super::family;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let all: Vec<(&str, LimitSeen)> = site
        .services
        .iter()
        .filter_map(|service| Some((&*service.name, service.limit.as_ref()?.look())))
        .collect();
    let rows = |of: fn(&LimitSeen) -> u32| {
        all.iter().map(move |(service, seen)| ([("service", *service)], u64::from(of(seen))))
    };
    let help = "Requests that a service with a limit has, each until the last byte of its answer.";
    family::gauge(encoder, ("gateway_service_requests_in_flight", help), rows(|seen| seen.in_flight))?;
    let help = "Requests that a service may have at once; it moves where the limit adapts.";
    family::gauge(encoder, ("gateway_service_limit", help), rows(|seen| seen.limit))?;
    let help = "Requests that wait for a place among those that a service may have at once.";
    family::gauge(encoder, ("gateway_service_requests_queued", help), rows(|seen| seen.queued))?;
    let shed = all.iter().flat_map(|(service, seen)| {
        seen.shed.map(|(reason, count)| ([("service", *service), ("reason", reason)], count))
    });
    let help =
        "Requests turned away because a service had as many as it may: the queue was full, or the wait over.";
    family::counter(encoder, ("gateway_service_requests_shed", help), shed)?;
    let known = all.iter().filter_map(|(service, seen)| {
        let baseline = seen.adaptive?.2?;
        Some(([("service", *service)], baseline.as_secs_f64()))
    });
    let help =
        "The time to an answer's head with little in flight that `limit: { adaptive: gradient }` goes by.";
    family::gauge(encoder, ("gateway_service_baseline_seconds", help), known)
}
