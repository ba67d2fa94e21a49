//! Few enough that somebody reads them: what is folded, and what is too much.

use super::{Receiver, about, config, count, order, wait_count, well};
use crate::harness::Gateway;

#[test]
fn what_flaps_is_told_once_and_then_as_it_stands() {
    let (service, receiver) = (well(), Receiver::new());
    let entry = format!("  - {{ webhook: '{}', dedupe: 4s }}", receiver.url());
    let gateway = Gateway::start(&config(&service, &entry));
    for _ in 0..5 {
        order(&gateway, "open");
        order(&gateway, "close");
    }
    wait_count(&gateway, "folded", 8.0);
    let told = receiver.told(3);
    let events: Vec<_> = told.iter().map(|one| (about(one).0, one["count"].as_u64().unwrap())).collect();
    let (opened, closed) = ("circuit_breaker_opened", "circuit_breaker_closed");
    assert_eq!(events, [(opened, 1), (closed, 1), (closed, 8)], "it stands closed");
    assert!(told[2]["text"].as_str().unwrap().ends_with("is asked again (8 times)"));
    wait_count(&gateway, "sent", 3.0);
    assert_eq!(receiver.service.requests(), 3);
}

#[test]
fn what_is_too_much_is_told_in_one() {
    let (service, receiver) = (well(), Receiver::new());
    let entry = format!("  - {{ webhook: '{}', dedupe: off, rate: 2/5s }}", receiver.url());
    let gateway = Gateway::start(&config(&service, &entry));
    for _ in 0..3 {
        order(&gateway, "open");
        order(&gateway, "close");
    }
    wait_count(&gateway, "suppressed", 4.0);
    let told = receiver.told(3);
    assert_eq!((about(&told[2]).0, &told[2]["count"]), ("alerts_suppressed", &4.into()));
    let message = "4 alerts suppressed; the last: circuit_breaker_closed: `up` is asked again";
    assert_eq!(told[2]["message"], message);
    wait_count(&gateway, "sent", 3.0);
    assert_eq!(count(&gateway, "folded"), 0.0);
}
