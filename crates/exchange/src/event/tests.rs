//! Names, texts and fields of events.

use super::*;

fn text(text: &str) -> Arc<str> {
    text.into()
}

/// One of each.
fn all() -> Vec<Event> {
    let (service, endpoint, reason) = (text("orders"), text("http://10.0.0.7:80"), text("refused"));
    let (store, source) = (text("redis://cache"), text("https://id.test/keys"));
    let dns = || text("dns `orders.internal`");
    vec![
        Event::CircuitBreakerOpened { service: service.clone(), endpoint: None },
        Event::CircuitBreakerHalfOpened { service: service.clone(), endpoint: None },
        Event::CircuitBreakerClosed { service: service.clone(), endpoint: None },
        Event::EndpointDown { service: service.clone(), endpoint: endpoint.clone(), reason: reason.clone() },
        Event::EndpointUp { service: service.clone(), endpoint, reason: reason.clone() },
        Event::NoHealthyEndpoint { service: service.clone() },
        Event::StoreAway { store: store.clone(), reason: reason.clone() },
        Event::StoreBack { store: store.clone() },
        Event::StoreGarbage { store, count: 4 },
        Event::JwksFailed { source: source.clone(), reason: reason.clone(), keys_left: true },
        Event::JwksFetched { source, keys: 2 },
        Event::EndpointsChanged { service: service.clone(), source: dns(), added: 2, removed: 1, count: 5 },
        Event::DiscoveryFailed {
            service: service.clone(),
            source: dns(),
            reason: reason.clone(),
            any_left: true,
        },
        Event::DiscoveryRecovered { service: service.clone(), source: dns() },
        Event::DiscoverySkipped { service, source: dns(), reason },
    ]
}

#[test]
fn a_line_begins_with_the_events_name() {
    let lines: Vec<_> = all().iter().map(ToString::to_string).collect();
    let want = [
        "circuit_breaker_opened: `orders` is not asked any more",
        "circuit_breaker_half_opened: `orders` is tried again",
        "circuit_breaker_closed: `orders` is asked again",
        "endpoint_down: http://10.0.0.7:80 of `orders` is not asked any more (refused)",
        "endpoint_up: http://10.0.0.7:80 of `orders` is asked again (refused)",
        "no_healthy_endpoint: no endpoint of `orders` is healthy",
        "store_away: redis://cache does not answer any more (refused); limits go by `on_store_failure`, caches miss",
        "store_back: redis://cache answers again",
        "store_garbage: redis://cache holds 4 things under names of stored answers that are none; they are removed",
        "jwks_failed: no keys from `https://id.test/keys`: refused; the last good ones stay in force",
        "jwks_fetched: 2 keys from `https://id.test/keys`",
        "endpoints_changed: `orders` by dns `orders.internal`: +2 -1, 5 in all",
        "discovery_failed: `orders` by dns `orders.internal`: refused; the last good ones stay",
        "discovery_recovered: `orders` by dns `orders.internal`: there are answers again",
        "discovery_skipped: `orders` by dns `orders.internal`: refused",
    ];
    assert_eq!(lines, want);
}

#[test]
fn a_breaker_of_an_endpoint_names_it_and_is_less_urgent() {
    let service = text("orders");
    let of = |endpoint| Event::CircuitBreakerOpened { service: service.clone(), endpoint };
    let (whole, one) = (of(None), of(Some(text("10.0.0.7:80"))));
    assert_eq!((whole.endpoint(), one.endpoint()), (None, Some("10.0.0.7:80")));
    assert_eq!((whole.severity(), one.severity()), (Severity::Critical, Severity::Warning));
    assert_eq!(one.to_string(), "circuit_breaker_opened: 10.0.0.7:80 of `orders` is not asked any more");
}

#[test]
fn the_configuration_knows_every_name_and_no_other() {
    for (name, event) in EventName::ALL.into_iter().zip(all()) {
        assert_eq!(event.name(), name);
        let read: EventName = serde_json::from_str(&format!("\"{name}\"")).unwrap();
        assert_eq!(read, name);
        let about = [event.service(), event.store(), event.dependency()];
        assert_eq!(about.into_iter().flatten().count(), 1, "{name} is about one thing");
    }
    assert!(serde_json::from_str::<EventName>("\"opened\"").is_err());
}

#[test]
fn an_error_of_several_lines_is_told_in_one() {
    let event = Event::StoreAway { store: text("redis://a"), reason: text("gone\r\nstore_back: redis://a") };
    assert_eq!(event.to_string().lines().count(), 1, "{event}");
}
