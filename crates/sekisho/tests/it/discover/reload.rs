//! What is found outlives a reload.

use super::{answered_by, config, named, told};
use crate::harness::Gateway;

#[test]
fn a_reload_that_says_the_same_of_a_source_loses_nobody_even_if_it_is_away() {
    let a = named("a");
    let text = format!("[{}]", a.url());
    let by_file = config("discover: { file: up.yaml }");
    let gateway = Gateway::start_with(&by_file, &[], &[("up.yaml", &text)]);
    answered_by(&gateway, &["a"]);
    std::fs::remove_file(gateway.dir.join("up.yaml")).unwrap();
    told(&gateway, "discovery_failed");
    gateway.reconfigure(&config("discover: { file: up.yaml }, timeouts: { first_byte: 5s }"));
    assert_eq!(gateway.get("/").text(), "a");
    // One that is refused takes nothing away either.
    gateway.configure(&config("discover: { file: up.yaml }, nonsense: 1"));
    assert_eq!(gateway.reload().0, 422);
    assert_eq!(gateway.get("/").text(), "a");
}

#[test]
fn another_source_begins_with_whom_the_last_one_knew() {
    let (a, b) = (named("a"), named("b"));
    let text = format!("[{}]", a.url());
    let gateway = Gateway::start_with(&config("discover: { file: up.yaml }"), &[], &[("up.yaml", &text)]);
    answered_by(&gateway, &["a"]);
    gateway.reconfigure(&config("discover: { file: other.yaml }"));
    assert_eq!(gateway.get("/").text(), "a");
    assert_eq!(gateway.admin_get("/readyz").status, 200, "it takes traffic already");
    std::fs::write(gateway.dir.join("other.yaml"), format!("[{}]", b.url())).unwrap();
    answered_by(&gateway, &["b"]);
    // The one before is not asked any more.
    std::fs::write(gateway.dir.join("up.yaml"), "[]").unwrap();
    gateway.reconfigure(&config(&format!("endpoints: [{}]", a.url())));
    answered_by(&gateway, &["a"]);
    assert_eq!(gateway.metric("gateway_discovery_updates_total"), 0.0, "nobody is looked for");
}
