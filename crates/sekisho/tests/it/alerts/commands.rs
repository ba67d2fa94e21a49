//! Programs that are run for alerts.

use std::path::Path;

use serde_json::Value;

use super::{Receiver, about, config, order, wait_count, wait_said, well};
use crate::harness::{Gateway, until};

/// An entry that runs a script.
fn script(more: &str, script: &str) -> String {
    format!("  - {{ command: [/bin/sh, -c, \"{script}\"]{more} }}")
}

#[track_caller]
fn file(path: &Path) -> String {
    until("the program to have written", || std::fs::read_to_string(path).ok())
}

#[test]
fn a_program_reads_the_alert_from_its_input_and_from_its_environment() {
    let service = well();
    let write = "cat > $0.new && mv $0.new $0 && echo $EVENT $SERVICE $COUNT > {DIR}/words.new && mv {DIR}/words.new {DIR}/words";
    let entry = format!("  - {{ command: [/bin/sh, -c, '{write}', '{{DIR}}/alert.json'] }}");
    let gateway = Gateway::start(&config(&service, &entry));
    order(&gateway, "open");
    assert_eq!(file(&gateway.dir.join("words")), "circuit_breaker_opened up 1\n");
    let told: Value = serde_json::from_str(&file(&gateway.dir.join("alert.json"))).unwrap();
    assert_eq!(about(&told), ("circuit_breaker_opened", "up"));
    wait_count(&gateway, "sent", 1.0);
    let channel = &gateway.admin_get("/api/alerts").json()["channels"][0];
    assert_eq!((&channel["name"], &channel["kind"]), (&"command:sh".into(), &"command".into()));
}

#[test]
fn a_program_that_hangs_is_killed_and_holds_up_neither_traffic_nor_a_receiver() {
    let (service, receiver) = (well(), Receiver::new());
    let hangs = script(", name: hangs, timeout: 1s", "echo $$ > {DIR}/pid; exec sleep 600");
    let gateway = Gateway::start(&config(&service, &format!("{hangs}\n  - webhook: {}", receiver.url())));
    order(&gateway, "open");
    order(&gateway, "close");
    receiver.heard(2);
    assert_eq!(gateway.get("/").status, 200);
    gateway.wait_metric("gateway_alerts_total", &[("channel", "hangs"), ("result", "failed")], 2.0);
    wait_said(&gateway, "`hangs` was not told circuit_breaker_opened: killed after 1s");
    let pid = file(&gateway.dir.join("pid"));
    assert!(
        !Path::new(&format!("/proc/{}", pid.trim())).exists(),
        "nothing is left of it, not even its entry"
    );
}

#[test]
fn a_program_that_fails_says_why_in_the_log() {
    let service = well();
    let entries = [
        script(", name: fails, retries: 1, backoff: 1ms", "echo no route >&2; exit 3"),
        "  - { name: missing, command: [/no/such/program, s3cret] }".to_owned(),
    ];
    let gateway = Gateway::start(&config(&service, &entries.join("\n")));
    order(&gateway, "open");
    wait_said(
        &gateway,
        "`fails` was not told circuit_breaker_opened: exit status: 3: no route, after 2 attempts",
    );
    let line = wait_said(&gateway, "`missing` was not told circuit_breaker_opened: cannot be run: ");
    assert!(!line.contains("s3cret"), "{line}");
}

#[test]
fn whatever_a_program_is_told_no_shell_reads() {
    let service = well();
    let entry = "  - { command: [/bin/cp, /dev/stdin, '{DIR}/$(touch pwned); x'] }";
    let gateway = Gateway::start(&config(&service, entry));
    order(&gateway, "open");
    wait_count(&gateway, "sent", 1.0);
    assert!(file(&gateway.dir.join("$(touch pwned); x")).contains("circuit_breaker_opened"));
    assert!(!gateway.dir.join("pwned").exists());
}

#[test]
fn a_program_inherits_no_connection_and_nothing_of_systemds() {
    let service = well();
    let write = "ls -l /proc/$$/fd > {DIR}/new; env | grep -e ^LISTEN_ -e ^KEPT >> {DIR}/new; mv {DIR}/new {DIR}/list";
    let env = [("LISTEN_FDNAMES", "http"), ("KEPT", "yes")];
    let gateway = Gateway::start_with(&config(&service, &script("", write)), &env, &[]);
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    order(&gateway, "open");
    let list = file(&gateway.dir.join("list"));
    assert!(list.contains("KEPT=yes") && !list.contains("LISTEN_"), "{list}");
    assert!(!list.contains("socket:") && !list.contains("anon_inode"), "{list}");
}
