//! Receivers that fail, are not there, or never answer.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::{Receiver, about, config, count, order, said, wait_count, wait_said, well};
use crate::harness::{Gateway, Service, until};

/// A port at which nobody is.
fn nobody() -> String {
    format!("http://{}/hook", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[test]
fn a_receiver_that_fails_twice_gets_the_same_alert_a_third_time() {
    let (service, receiver) = (well(), Receiver::saying(&[500, 503]));
    let entry = format!("  - {{ name: ops, webhook: '{}', backoff: 20ms }}", receiver.url());
    let gateway = Gateway::start(&config(&service, &entry));
    order(&gateway, "open");
    let told = receiver.told(3);
    assert!(told.iter().all(|one| *one == told[0]), "{told:#?}");
    assert_eq!(about(&told[0]), ("circuit_breaker_opened", "up"));
    wait_count(&gateway, "sent", 1.0);
    assert_eq!(count(&gateway, "failed"), 0.0);
    let alert = &gateway.admin_get("/api/alerts").json()["alerts"][0];
    assert_eq!((&alert["state"], &alert["attempts"]), (&"sent".into(), &3.into()));
    assert_eq!((&alert["id"], &alert["channel"]), (&told[0]["id"], &"ops".into()));
    assert_eq!(receiver.service.requests(), 3);
}

#[test]
fn a_receiver_says_how_long_to_wait() {
    let service = well();
    let answers = Service::fixed("HTTP/1.1 429 Wait\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
    let entry = format!("  - {{ webhook: '{}', backoff: 1ms, retries: 1 }}", answers.url());
    let gateway = Gateway::start(&config(&service, &entry));
    let began = Instant::now();
    order(&gateway, "open");
    answers.wait_seen(2);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    wait_count(&gateway, "failed", 1.0);
}

#[test]
fn a_receiver_that_refuses_is_not_asked_again() {
    let (service, receiver) = (well(), Receiver::saying(&[410]));
    let entry = format!("  - {{ webhook: '{}', backoff: 1ms }}", receiver.url());
    let gateway = Gateway::start(&config(&service, &entry));
    order(&gateway, "open");
    wait_count(&gateway, "failed", 1.0);
    let line = wait_said(&gateway, "alert_failed");
    assert!(line.contains("was not told circuit_breaker_opened: status_410, after 1 attempt"), "{line}");
    order(&gateway, "close");
    assert_eq!(about(&receiver.told(2)[1]).0, "circuit_breaker_closed");
}

#[test]
fn a_receiver_that_is_not_there_is_tried_so_often_and_traffic_goes_on() {
    let service = well();
    let entry = format!("  - {{ name: ops, webhook: '{}', retries: 2, backoff: 10ms }}", nobody());
    let gateway = Gateway::start(&config(&service, &entry));
    order(&gateway, "open");
    order(&gateway, "close");
    for _ in 0..50 {
        assert_eq!(gateway.get("/").status, 200);
    }
    wait_count(&gateway, "failed", 2.0);
    let alerts = gateway.admin_get("/api/alerts").json()["alerts"].clone();
    for alert in alerts.as_array().unwrap() {
        assert_eq!((&alert["state"], &alert["attempts"]), (&"failed".into(), &3.into()), "{alert:#}");
        assert_eq!(alert["error"], "connection_refused");
    }
    let lines = until("both lines", || Some(said(&gateway, "alert_failed")).filter(|lines| lines.len() == 2));
    assert!(
        lines[0].contains("`ops` was not told circuit_breaker_opened: connection_refused, after 3 attempts")
    );
}

#[test]
fn a_receiver_that_never_answers_holds_up_neither_traffic_nor_another_receiver() {
    let (service, receiver) = (well(), Receiver::new());
    let mute = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let entries = format!(
        "  - {{ name: mute, webhook: '{}', timeout: 200ms, retries: 0 }}\n  - {{ name: ops, webhook: '{}' }}",
        mute.url(),
        receiver.url()
    );
    let gateway = Gateway::start(&config(&service, &entries));
    order(&gateway, "open");
    order(&gateway, "close");
    receiver.heard(2);
    assert_eq!(gateway.get("/").status, 200);
    gateway.wait_metric("gateway_alerts_total", &[("channel", "mute"), ("result", "failed")], 2.0);
    assert_eq!(gateway.admin_get("/api/alerts").json()["channels"][1]["sent"], 2);
}

#[test]
fn the_end_waits_for_no_better_moment_but_tells_what_it_can() {
    let (service, receiver) = (well(), Receiver::saying(&[500, 200]));
    let entry = format!("  - {{ webhook: '{}', backoff: 1h }}", receiver.url());
    let mut gateway = Gateway::start(&config(&service, &entry));
    order(&gateway, "open");
    receiver.heard(1);
    order(&gateway, "close");
    // Held back, since it was told a moment ago.
    order(&gateway, "open");
    gateway.signal("TERM");
    assert!(gateway.wait_exit().success());
    let told = receiver.told(4);
    let events: Vec<_> = told.iter().map(|one| about(one).0).collect();
    let (opened, closed) = ("circuit_breaker_opened", "circuit_breaker_closed");
    assert_eq!(events, [opened, opened, closed, opened]);
    assert_eq!(told[0]["id"], told[1]["id"]);
}

#[test]
fn a_receiver_that_never_answers_does_not_keep_the_gateway_from_ending() {
    let service = well();
    let mute = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let mut gateway =
        Gateway::start(&config(&service, &format!("  - {{ webhook: '{}', timeout: 1m }}", mute.url())));
    order(&gateway, "open");
    mute.wait_seen(1);
    gateway.signal("TERM");
    // For that it has less time than the receiver.
    assert!(gateway.wait_exit().success());
    assert_eq!(said(&gateway, "alerts that could not be told within").len(), 1);
}
