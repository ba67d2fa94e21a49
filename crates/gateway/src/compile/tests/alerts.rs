//! `alerts`: who is told, and what cannot be.

use super::*;
use crate::alert::{Alerting, Way};

fn alerts(entries: &str) -> String {
    format!("alerts:\n{entries}\nroutes: [{{ path: /, respond: x }}]")
}

fn compiled(entries: &str) -> Alerting {
    site(&alerts(entries)).alerts
}

fn names(alerting: &Alerting) -> Vec<&str> {
    alerting.channels.iter().map(|channel| &*channel.name).collect()
}

#[test]
fn a_url_is_enough_and_its_secrets_are_in_no_name() {
    let alerting = compiled(
        "  - webhook: https://hooks.Example.com/services/T0/s3cret?token=s3cret\n  - command: [/usr/bin/page, s3cret]",
    );
    assert_eq!(names(&alerting), ["webhook:hooks.example.com", "command:page"]);
    let usual = [
        "circuit_breaker_opened",
        "circuit_breaker_closed",
        "endpoint_down",
        "endpoint_up",
        "no_healthy_endpoint",
        "store_away",
        "store_back",
    ];
    for channel in &alerting.channels {
        assert_eq!(channel.on.iter().map(|name| name.as_str()).collect::<Vec<_>>(), usual);
        assert_eq!((channel.dedupe.as_secs(), channel.rate.to_string().as_str()), (60, "60/m"));
        assert!(!format!("{channel:?}").contains("s3cret"), "{channel:?}");
    }
    let [webhook, command] = &*alerting.channels else { panic!("{alerting:?}") };
    assert_eq!((webhook.timeout.as_secs(), webhook.retries), (5, 5));
    assert_eq!((command.timeout.as_secs(), command.retries), (10, 0));
    let Way::Webhook(webhook) = &webhook.way else { panic!("{webhook:?}") };
    assert_eq!(webhook.target, "/services/T0/s3cret?token=s3cret");
}

#[test]
fn channels_without_a_name_of_their_own_are_numbered() {
    let alerting = compiled(
        "  - webhook: http://a/1\n  - webhook: http://a/2\n  - { name: ops, webhook: http://a/2 }\n  - webhook: http://a/3",
    );
    assert_eq!(names(&alerting), ["webhook:a", "webhook:a-2", "ops", "webhook:a-3"]);
}

#[test]
fn an_empty_webhook_is_left_out_and_said_so() {
    let alerting = compiled("  - webhook: ${ALERT_WEBHOOK:-}\n    on: [store_away]\n  - webhook: http://a/");
    assert_eq!(names(&alerting), ["webhook:a"]);
    assert_eq!(
        *alerting.left_out,
        ["t:2:14: alerts[0].webhook is empty, so that nobody is told by it".to_owned()]
    );
}

#[test]
fn a_channel_is_the_same_wherever_it_stands_and_another_if_a_secret_differs() {
    let of = |entries: &str| compiled(entries).channels[0].identity;
    let one = of("  - { name: a, webhook: 'http://a/', secret: one, on: [store_away] }");
    assert_eq!(one, of("\n  # moved\n  - { on: [store_away], name: a, webhook: 'http://a/', secret: one }"));
    for other in [
        "  - { name: a, webhook: 'http://a/', secret: two, on: [store_away] }",
        "  - { name: a, webhook: 'http://a/x', secret: one, on: [store_away] }",
        "  - { name: b, webhook: 'http://a/', secret: one, on: [store_away] }",
        "  - { name: a, webhook: 'http://a/', secret: one, on: [store_back] }",
        "  - { name: a, webhook: 'http://a/', secret: one, on: [store_away], rate: 1/s }",
        "  - { name: a, webhook: 'http://a/', headers: { one: two }, on: [store_away] }",
    ] {
        assert_ne!(one, of(other), "{other}");
    }
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    for (entry, want) in [
        (
            "{ on: [store_away] }",
            "t:2:5: error: alerts[0]: it names nobody to tell; write `webhook` with a URL",
        ),
        ("{ webhook: a.test }", "t:2:16: error: alerts[0].webhook: "),
        (
            "{ webhook: 'http://me:s3cret@a.test/' }",
            "t:2:16: error: alerts[0].webhook: the URL has a user name",
        ),
        (
            "{ webhook: 'http://a/', command: [x] }",
            "alerts[0].command: an entry tells one only; write an entry for each",
        ),
        ("{ command: [] }", "alerts[0].command: it names no program; write a list"),
        ("{ command: [x], secret: s3cret }", "t:2:29: error: alerts[0].secret: a command has none"),
        ("{ command: [x], format: slack }", "alerts[0].format: a command has none"),
        ("{ command: [x], headers: { A: s3cret } }", "alerts[0].headers: a command has none"),
        ("{ webhook: 'http://a/', on: [] }", "alerts[0].on: it is told nothing; name events"),
        ("{ webhook: 'http://a/', on: [store_awy] }", "did you mean `store_away`?"),
        (
            "{ webhook: 'http://a/', timeout: 0s }",
            "alerts[0].timeout: nobody would be told in time; write a time",
        ),
        ("{ webhook: 'http://a/', retries: 21 }", "alerts[0].retries: later alerts would wait"),
        (
            "{ webhook: 'http://a/', rate: 1001/m }",
            "alerts[0].rate: more than 1000 alerts are read by nobody",
        ),
        ("{ webhook: 'http://a/', secret: '' }", "alerts[0].secret: it is empty, so that anybody could sign"),
        (
            "{ webhook: 'http://a/', name: '' }",
            "alerts[0].name: this cannot be a name; write 1 to 64 characters",
        ),
        (
            "{ webhook: 'http://a/', headers: { Host: s3cret } }",
            "alerts[0].headers.Host: the gateway writes this header itself",
        ),
        (
            "{ webhook: 'http://a/', headers: { 'a b': s3cret } }",
            "alerts[0].headers.a b: this is no header's name",
        ),
        (
            "{ webhook: 'http://a/', headers: { A: \"s3cret\\n\" } }",
            "alerts[0].headers.A: its value cannot stand in a line",
        ),
        ("{ webhook: 'http://a/', wait: 3s }", "alerts[0].wait: "),
    ] {
        let found = problems(&alerts(&format!("  - {entry}")));
        assert_eq!(found.len(), 1, "{entry}: {found:?}");
        assert!(found[0].contains(want), "{entry}: {}", found[0]);
        assert!(!found[0].contains("s3cret"), "{}", found[0]);
    }
    let twice = problems(&alerts("  - { name: a, command: [x] }\n  - { name: a, command: [y] }"));
    assert_eq!(twice, ["t:3:13: error: alerts[1].name: another entry is called `a`; write another name"]);
}
