//! Circuit breakers, by service and endpoint; services without one have no row, and one for all of a service names no endpoint.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;
use sekisho_units::Tick;
use sekisho_upstream::{Breaker, Endpoint, Standing};

use super::family;

const STANDINGS: [Standing; 3] = [Standing::Closed, Standing::Open, Standing::HalfOpen];
/// Endpoints of one service that get rows of their own: a registry may tell of any number.
const MOST: usize = 1_000;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site, now: Tick) -> fmt::Result {
    let endpoints: Vec<_> =
        site.services.iter().map(|service| (&*service.name, service.fleet.endpoints())).collect();
    let breakers: Vec<([(&str, &str); 2], &Breaker)> = site
        .services
        .iter()
        .filter_map(|service| Some((labels(&service.name, ""), &service.breaker.as_ref()?.breaker)))
        .chain(endpoints.iter().flat_map(|(service, endpoints)| of_endpoints(service, endpoints)))
        .collect();
    let stand = breakers.iter().flat_map(|([service, endpoint], breaker)| {
        let now = breaker.standing(now);
        STANDINGS.map(|state| ([*service, *endpoint, ("state", state.as_str())], u64::from(state == now)))
    });
    let help = "1 for the state that the circuit breaker is in, 0 for the others.";
    family::gauge(encoder, ("gateway_circuit_breaker_state", help), stand)?;
    let changes = breakers.iter().flat_map(|([service, endpoint], breaker)| {
        let changes = breaker.state().changes();
        changes.map(|(change, count)| ([*service, *endpoint, ("change", change)], count))
    });
    family::counter(encoder, ("gateway_circuit_breaker_changes", "Changes of circuit breakers."), changes)?;
    let ended = breakers.iter().flat_map(|([service, endpoint], breaker)| {
        let (total, failed) = breaker.window(now);
        [("success", total - failed), ("failure", failed)]
            .map(|(result, count)| ([*service, *endpoint, ("result", result)], count))
    });
    let help = "Requests in the circuit breaker's window, by how they went.";
    family::gauge(encoder, ("gateway_circuit_breaker_window", help), ended)?;
    let refused = breakers.iter().map(|(labels, breaker)| (*labels, breaker.state().refused()));
    let help = "Requests refused because the circuit breaker was open; of endpoints, at the one that was to open first.";
    family::counter(encoder, ("gateway_circuit_breaker_refused", help), refused)
}

fn of_endpoints<'a>(
    service: &'a str,
    endpoints: &'a [Arc<Endpoint>],
) -> impl Iterator<Item = ([(&'static str, &'a str); 2], &'a Breaker)> {
    let guarded = endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.breaker.as_ref()?)));
    guarded.take(MOST).map(|(endpoint, guard)| (labels(service, &endpoint.authority), &guard.breaker))
}

fn labels<'a>(service: &'a str, endpoint: &'a str) -> [(&'static str, &'a str); 2] {
    [("service", service), ("endpoint", endpoint)]
}
