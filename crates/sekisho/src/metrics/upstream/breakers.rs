//! Circuit breakers, by service; services without one have no row.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use sekisho_gateway::Site;
use sekisho_units::Tick;
use sekisho_upstream::Standing;

use super::family;

const STANDINGS: [Standing; 3] = [Standing::Closed, Standing::Open, Standing::HalfOpen];

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, site: &Site, now: Tick) -> fmt::Result {
    let breakers: Vec<_> = site
        .services
        .iter()
        .filter_map(|service| Some((&*service.name, &service.breaker.as_ref()?.breaker)))
        .collect();
    let stand = breakers.iter().flat_map(|(service, breaker)| {
        let now = breaker.standing(now);
        STANDINGS.map(|state| ([("service", *service), ("state", state.as_str())], u64::from(state == now)))
    });
    let help = "1 for the state that the circuit breaker is in, 0 for the others.";
    family::gauge(encoder, ("gateway_circuit_breaker_state", help), stand)?;
    let changes = breakers.iter().flat_map(|(service, breaker)| {
        breaker.state().changes().map(|(change, count)| ([("service", *service), ("change", change)], count))
    });
    family::counter(encoder, ("gateway_circuit_breaker_changes", "Changes of circuit breakers."), changes)?;
    let ended = breakers.iter().flat_map(|(service, breaker)| {
        let (total, failed) = breaker.window(now);
        [("success", total - failed), ("failure", failed)]
            .map(|(result, count)| ([("service", *service), ("result", result)], count))
    });
    let help = "Requests in the circuit breaker's window, by how they went.";
    family::gauge(encoder, ("gateway_circuit_breaker_window", help), ended)?;
    let refused =
        breakers.iter().map(|(service, breaker)| ([("service", *service)], breaker.state().refused()));
    let help = "Requests refused because the circuit breaker was open.";
    family::counter(encoder, ("gateway_circuit_breaker_refused", help), refused)
}
