//! Circuit breakers on the admin port: how each stands, and the operator's hand on them.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use sekisho_upstream::{Endpoint, Guard, Service};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use crate::server::State;

/// What an operator may ask of a breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// Open it, and keep it open.
    Open,
    /// Close it.
    Close,
}

/// Whose breaker it is, and the order, in `/api/breakers/{service}/{order}` or `/api/breakers/{service}/{endpoint}/{order}`.
pub(super) fn asked(path: &str) -> Option<(&str, Order)> {
    let (whose, order) = path.strip_prefix("/api/breakers/")?.rsplit_once('/')?;
    let order = match order {
        "open" => Order::Open,
        "close" => Order::Close,
        _ => return None,
    };
    Some((whose, order))
}

/// All breakers.
pub(super) fn all(state: &State) -> Value {
    let site = state.site.load();
    let mut all = Vec::new();
    for service in &site.services {
        all.extend(service.breaker.as_ref().map(|guard| document(&service.name, None, guard, state)));
        all.extend(of_endpoints(service, &service.fleet.endpoints(), state));
    }
    all.into()
}

/// The breakers of those that have one of their own.
fn of_endpoints(service: &Service, endpoints: &[Arc<Endpoint>], state: &State) -> Vec<Value> {
    let guarded = endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.breaker.as_ref()?)));
    guarded
        .map(|(endpoint, guard)| document(&service.name, Some(&endpoint.authority), guard, state))
        .collect()
}

fn document(service: &str, endpoint: Option<&str>, guard: &Guard, state: &State) -> Value {
    let now = state.clock.now();
    let (requests, failures) = guard.breaker.window(now);
    let mut document = json!({
        "service": service,
        "state": guard.breaker.standing(now).as_str(),
        "window": { "requests": requests, "failures": failures },
        "refused": guard.breaker.state().refused(),
    });
    if let Some(endpoint) = endpoint {
        document["endpoint"] = endpoint.into();
    }
    document
}

/// Carries out an order: 200 with how the breaker stands now, 404 if there is none.
pub(super) fn answer(state: &State, whose: &str, order: Order, method: &Method) -> Answer {
    if method != Method::POST {
        return answer::not_allowed("POST", state.clock.wall());
    }
    let site = state.site.load();
    let named = |name: &str| site.services.iter().find(|service| *service.name == *name);
    if let Some((service, guard)) =
        named(whose).and_then(|service| Some((service, service.breaker.as_ref()?)))
    {
        match order {
            Order::Open => guard.hold_open(),
            Order::Close => guard.close(),
        };
        return answer::json(StatusCode::OK, &document(&service.name, None, guard, state));
    }
    let of_endpoint =
        whose.rsplit_once('/').and_then(|(service, endpoint)| Some((named(service)?, endpoint)));
    let Some((service, endpoint)) = of_endpoint else { return answer::unknown(state.clock.wall()) };
    move_endpoint(state, service, endpoint, order)
}

/// Moves the breaker of the endpoint of this name; of all, where a registry tells of several.
fn move_endpoint(state: &State, service: &Service, name: &str, order: Order) -> Answer {
    let mut endpoints = service.fleet.endpoints();
    endpoints.retain(|endpoint| *endpoint.authority == *name && endpoint.breaker.is_some());
    let now = state.clock.now();
    for endpoint in &endpoints {
        match order {
            Order::Open => service.fleet.hold_open(endpoint, now),
            Order::Close => service.fleet.close(endpoint, now),
        }
    }
    match of_endpoints(service, &endpoints, state).into_iter().next() {
        Some(document) => answer::json(StatusCode::OK, &document),
        None => answer::unknown(state.clock.wall()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_a_service_and_perhaps_an_endpoint() {
        for (path, want) in [
            ("/api/breakers/orders/open", Some(("orders", Order::Open))),
            ("/api/breakers/orders/[::1]:80/open", Some(("orders/[::1]:80", Order::Open))),
            ("/api/breakers/a/b/close", Some(("a/b", Order::Close))),
            ("/api/breakers/orders", None),
            ("/api/breakers/orders/shut", None),
        ] {
            assert_eq!(asked(path), want, "{path}");
        }
    }
}
