//! Health of endpoints: what checks have found, and who was left alone.

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
    let seen: Vec<(&str, bool, Vec<Seen>)> = site
        .services
        .iter()
        .map(|service| (&*service.name, service.is_checked(), service.fleet.look(now)))
        .collect();
    let rows = || {
        seen.iter().flat_map(|(service, checked, seen)| {
            seen.iter().take(MOST).map(move |one| (*service, *checked, one))
        })
    };
    let health = rows()
        .filter(|(_, checked, _)| *checked)
        .map(|(service, _, seen)| (labels(service, seen), u64::from(seen.healthy)));
    let help = "1 for an endpoint that passes its checks, 0 for one that fails them.";
    family::gauge(encoder, ("gateway_endpoint_health", help), health)?;
    let ejections = rows()
        .filter(|(.., seen)| seen.ejections > 0)
        .map(|(service, _, seen)| (labels(service, seen), seen.ejections));
    let help =
        "How often an endpoint was left alone because it failed its requests; one that never was has no row.";
    family::counter(encoder, ("gateway_endpoint_ejections", help), ejections)?;
    let checks = site.services.iter().filter(|service| service.is_checked()).flat_map(|service| {
        let (good, bad) = service.checks.counts();
        [("success", good), ("failure", bad)]
            .map(|(result, count)| ([("service", &*service.name), ("result", result)], count))
    });
    family::counter(encoder, ("gateway_health_checks", "Checks of endpoints, by what came of them."), checks)
}

fn labels<'a>(service: &'a str, seen: &'a Seen) -> family::Labels<'a, 2> {
    [("service", service), ("endpoint", &*seen.authority)]
}
