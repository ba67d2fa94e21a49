//! What stays and what goes when the configuration is replaced.

use super::{Receiver, about, config, count, order, said, wait_count, well};
use crate::harness::{Gateway, until};

#[test]
fn a_retry_and_what_was_told_lately_outlive_a_reload() {
    let (service, receiver) = (well(), Receiver::saying(&[500]));
    let entry = format!("  - {{ name: ops, webhook: '{}', backoff: 1s }}", receiver.url());
    let gateway = Gateway::start(&config(&service, &entry));
    order(&gateway, "open");
    receiver.heard(1);
    let more = format!("{}limits: {{ fields: 99 }}\n", config(&service, &entry));
    gateway.reconfigure(&more);
    order(&gateway, "close");
    order(&gateway, "open");
    let told = receiver.told(3);
    assert_eq!(told[0], told[1], "the retry goes on");
    assert_eq!(about(&told[2]).0, "circuit_breaker_closed");
    wait_count(&gateway, "sent", 2.0);
    assert_eq!(count(&gateway, "folded"), 1.0, "what was told before the reload is not told again at once");
}

#[test]
fn a_channel_that_is_written_otherwise_begins_anew_and_one_that_is_gone_is_told_nothing() {
    let (service, old, new) = (well(), Receiver::saying(&[500; 9]), Receiver::new());
    let entry =
        |receiver: &Receiver| format!("  - {{ name: ops, webhook: '{}', backoff: 200ms }}", receiver.url());
    let gateway = Gateway::start(&config(&service, &entry(&old)));
    order(&gateway, "open");
    old.heard(1);
    gateway.reconfigure(&config(&service, &entry(&new)));
    order(&gateway, "close");
    assert_eq!(about(&new.told(1)[0]).0, "circuit_breaker_closed");
    until("the old alert to be given up", || {
        let alerts = gateway.admin_get("/api/alerts").json()["alerts"].clone();
        (alerts[1]["state"] == "dropped").then_some(())
    });
    let asked = old.service.requests();
    // Counted a moment after it was heard.
    wait_count(&gateway, "sent", 1.0);
    order(&gateway, "open");
    new.heard(2);
    assert_eq!(old.service.requests(), asked);
}

#[test]
fn an_empty_webhook_is_left_out_with_a_note_at_the_start() {
    let service = well();
    let entry = "  - webhook: ${ALERT_WEBHOOK:-}\n    on: [circuit_breaker_opened, circuit_breaker_closed]";
    let gateway = Gateway::start(&config(&service, entry));
    let lines = said(&gateway, "alerts[0].webhook is empty, so that nobody is told by it");
    assert_eq!(lines.len(), 1, "{:?}", gateway.stderr.all());
    assert!(lines[0].starts_with("sekisho: ") && lines[0].contains("sekisho.yaml:10:14: "), "{}", lines[0]);
    assert_eq!(gateway.admin_get("/api/alerts").json()["channels"].as_array().unwrap().len(), 0);
    let receiver = Receiver::new();
    let gateway = Gateway::start_with(&config(&service, entry), &[("ALERT_WEBHOOK", &receiver.url())], &[]);
    order(&gateway, "open");
    assert_eq!(about(&receiver.told(1)[0]), ("circuit_breaker_opened", "up"));
    assert_eq!(said(&gateway, "is empty").len(), 0);
}
