//! A watched file.

use super::{answered_by, config, discovery, named, times_told, told};
use crate::harness::{Gateway, until};

/// Puts another file in its place, as is advised.
fn put(gateway: &Gateway, text: &str) {
    let new = gateway.dir.join("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, gateway.dir.join("up.yaml")).unwrap();
}

fn start(more: &str, text: &str) -> Gateway {
    Gateway::start_with(&config(&format!("discover: {{ file: up.yaml{more} }}")), &[], &[("up.yaml", text)])
}

#[test]
fn another_file_in_its_place_moves_the_service() {
    let (a, b) = (named("a"), named("b"));
    let gateway = start("", &format!("[{}]", a.url()));
    answered_by(&gateway, &["a"]);
    put(&gateway, &format!("- {{ url: {}, weight: 2 }}\n- {}\n", b.url(), a.url()));
    answered_by(&gateway, &["a", "b"]);
    put(&gateway, &format!("[\"{}\"]", b.url()));
    answered_by(&gateway, &["b"]);
    let line = told(&gateway, "endpoints_changed: `up` by file `");
    assert!(line.ends_with("up.yaml`: +1 -0, 1 in all"), "{line}");
    told(&gateway, ": +0 -1, 1 in all");
    let labels = [("service", "up"), ("source", "file")];
    gateway.wait_metric("gateway_discovery_updates_total", &labels, 3.0);
    gateway.wait_metric("gateway_service_endpoints", &[("service", "up")], 1.0);
}

#[test]
fn a_file_that_is_broken_or_gone_keeps_the_last_good_set_and_is_told_of_once() {
    let (a, b) = (named("a"), named("b"));
    let gateway = start("", &format!("[{}]", a.url()));
    answered_by(&gateway, &["a"]);
    // In place and half written.
    std::fs::write(gateway.dir.join("up.yaml"), format!("- {}\n- {{ url: htt", b.url())).unwrap();
    let line = told(&gateway, "discovery_failed: ");
    assert!(
        line.contains("up.yaml:3:1: error: not YAML") && line.ends_with("; the last good ones stay"),
        "{line}"
    );
    answered_by(&gateway, &["a"]);
    std::fs::remove_file(gateway.dir.join("up.yaml")).unwrap();
    let failures = || gateway.metric("gateway_discovery_failures_total{");
    until("the file to be missed", || (failures() >= 2.0).then_some(()));
    assert!(discovery(&gateway)["failing"].as_str().unwrap().contains("cannot be read"));
    answered_by(&gateway, &["a"]);
    assert_eq!(times_told(&gateway, "discovery_failed"), 1);
    put(&gateway, &b.url().replace("http", "- http"));
    answered_by(&gateway, &["b"]);
    told(&gateway, "discovery_recovered: `up` by file");
}

#[test]
fn an_empty_list_empties_nothing_unless_that_is_allowed() {
    let a = named("a");
    let gateway = start("", &format!("[{}]", a.url()));
    answered_by(&gateway, &["a"]);
    put(&gateway, "[]");
    assert!(told(&gateway, "discovery_failed").contains("no endpoint was found"));
    answered_by(&gateway, &["a"]);

    let gateway = start(", allow_empty: true", &format!("[{}]", a.url()));
    answered_by(&gateway, &["a"]);
    put(&gateway, "[]");
    until("nobody to be left", || (gateway.get("/").status == 503).then_some(()));
    assert_eq!(gateway.get("/").code(), "NO_HEALTHY_ENDPOINT");
    put(&gateway, &format!("[{}]", a.url()));
    answered_by(&gateway, &["a"]);
}

#[test]
fn without_an_answer_yet_the_gateway_is_not_ready_and_requests_are_refused() {
    let a = named("a");
    let gateway = Gateway::start(&config("discover: { file: up.yaml }"));
    let answer = gateway.get("/");
    assert_eq!((answer.status, answer.code().as_str()), (503, "NO_HEALTHY_ENDPOINT"));
    let ready = gateway.admin_get("/readyz");
    assert_eq!((ready.status, ready.text().trim()), (503, "looking up endpoints"));
    put(&gateway, &format!("[{}]", a.url()));
    answered_by(&gateway, &["a"]);
    assert_eq!(gateway.admin_get("/readyz").status, 200);
}

#[test]
fn a_registry_that_never_answers_holds_up_the_others_only_for_a_while() {
    let (a, gone) = (named("a"), "discover: { file: gone.yaml }");
    let gateway = Gateway::start(&config(&format!("endpoints: [{}], {gone}", a.url())));
    assert_eq!(gateway.get("/").text(), "a", "written endpoints serve at once");
    assert_eq!(gateway.admin_get("/readyz").status, 503);
    until("patience to end", || (gateway.admin_get("/readyz").status == 200).then_some(()));
}
