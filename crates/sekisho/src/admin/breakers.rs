//! Circuit breakers on the admin port: how each stands, and the operator's hand on them.

use hyper::{Method, StatusCode};
use sekisho_upstream::Guard;
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

/// The service and the order in `/api/breakers/{service}/{order}`.
pub(super) fn asked(path: &str) -> Option<(&str, Order)> {
    let (service, order) = path.strip_prefix("/api/breakers/")?.rsplit_once('/')?;
    let order = match order {
        "open" => Order::Open,
        "close" => Order::Close,
        _ => return None,
    };
    Some((service, order))
}

/// All breakers.
pub(super) fn all(state: &State) -> Value {
    let site = state.site.load();
    let breakers =
        site.services.iter().filter_map(|service| Some((&service.name, service.breaker.as_ref()?)));
    breakers.map(|(name, guard)| document(name, guard, state)).collect()
}

fn document(name: &str, guard: &Guard, state: &State) -> Value {
    let now = state.clock.now();
    let (requests, failures) = guard.breaker.window(now);
    json!({
        "service": name,
        "state": guard.breaker.standing(now).as_str(),
        "window": { "requests": requests, "failures": failures },
        "refused": guard.breaker.state().refused(),
    })
}

/// Carries out an order: 200 with how the breaker stands now, 404 if the service has none.
pub(super) fn answer(state: &State, name: &str, order: Order, method: &Method) -> Answer {
    if method != Method::POST {
        return answer::not_allowed("POST", state.clock.wall());
    }
    let site = state.site.load();
    let service = site.services.iter().find(|service| *service.name == *name);
    let Some(guard) = service.and_then(|service| service.breaker.as_ref()) else {
        return answer::unknown(state.clock.wall());
    };
    match order {
        Order::Open => guard.hold_open(),
        Order::Close => guard.close(),
    };
    answer::json(StatusCode::OK, &document(name, guard, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_a_service() {
        for (path, want) in [
            ("/api/breakers/orders/open", Some(("orders", Order::Open))),
            ("/api/breakers/a/b/close", Some(("a/b", Order::Close))),
            ("/api/breakers/orders", None),
            ("/api/breakers/orders/shut", None),
        ] {
            assert_eq!(asked(path), want, "{path}");
        }
    }
}
