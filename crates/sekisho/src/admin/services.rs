//! Services on the admin port: where they run, how each endpoint stands, and the operator's hand on them.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use sekisho_upstream::{Fault, LimitSeen, Seen, Service};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::discovery;
use crate::server::State;

/// What an operator may ask of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// Send it nothing new.
    Drain,
    /// Send it requests again.
    Restore,
}

/// The service, the endpoint and the order in `/api/services/{service}/{endpoint}/{order}`.
pub(super) fn asked(path: &str) -> Option<(&str, &str, Order)> {
    let (rest, order) = path.strip_prefix("/api/services/")?.rsplit_once('/')?;
    let order = match order {
        "drain" => Order::Drain,
        "restore" => Order::Restore,
        _ => return None,
    };
    let (service, endpoint) = rest.rsplit_once('/')?;
    Some((service, endpoint, order))
}

/// Carries out an order: 200 with how the service stands now, 404 if there is no such endpoint.
pub(super) fn answer(
    state: &State,
    (service, endpoint, order): (&str, &str, Order),
    method: &Method,
) -> Answer {
    if method != Method::POST {
        return answer::not_allowed("POST", state.clock.wall());
    }
    let site = state.site.load();
    let Some(service) = site.services.iter().find(|known| *known.name == *service) else {
        return answer::unknown(state.clock.wall());
    };
    let endpoints = service.fleet.endpoints();
    let mut named = endpoints.iter().filter(|known| *known.authority == *endpoint).peekable();
    if named.peek().is_none() {
        return answer::unknown(state.clock.wall());
    }
    let reason = (order == Order::Drain).then_some("by an operator");
    for endpoint in named {
        service.fleet.mark(endpoint, Fault::Drained, reason, state.clock.now());
    }
    answer::json(StatusCode::OK, &document(service, state))
}

/// All services.
pub(super) fn all(state: &State) -> Value {
    state.site.load().services.iter().map(|service| document(service, state)).collect()
}

fn document(service: &Service, state: &State) -> Value {
    let endpoints = service.fleet.look(state.clock.now());
    json!({
        "service": *service.name,
        "panics": service.fleet.panics(),
        "limit": service.limit.as_ref().map(|limit| bound(&limit.look())),
        "endpoints": endpoints.iter().map(endpoint).collect::<Value>(),
        "discovery": service.discovery.as_ref().map(|discovery| discovery::document(&discovery.look())),
    })
}

fn bound(seen: &LimitSeen) -> Value {
    json!({
        "in_flight": seen.in_flight,
        "limit": seen.limit,
        "queued": seen.queued,
        "shed": seen.shed.iter().map(|(reason, count)| (*reason, *count)).collect::<BTreeMap<_, _>>(),
        "adaptive": seen.adaptive.map(|(min, max, baseline)| {
            json!({ "min": min, "max": max, "baseline": baseline.map(|time| time.as_secs_f64()) })
        }),
    })
}

fn endpoint(seen: &Seen) -> Value {
    let (state, reason) = match &seen.fault {
        Some((fault, reason)) => (fault.as_str(), Some(&**reason)),
        None => ("available", None),
    };
    json!({
        "endpoint": *seen.authority,
        "state": state,
        "reason": reason,
        "picked": seen.picked,
        "weight": seen.weight,
        "share": seen.share,
        "priority": seen.priority,
        "zone": seen.zone.as_deref(),
        "in_flight": seen.in_flight,
        "latency": seen.latency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_a_service_and_an_endpoint() {
        for (path, want) in [
            ("/api/services/orders/10.0.0.1:80/drain", Some(("orders", "10.0.0.1:80", Order::Drain))),
            ("/api/services/a/b/[::1]:80/restore", Some(("a/b", "[::1]:80", Order::Restore))),
            ("/api/services/orders/drain", None),
            ("/api/services/orders/10.0.0.1:80/stop", None),
        ] {
            assert_eq!(asked(path), want, "{path}");
        }
    }
}
