//! What is remembered, for how long, and how it is forgotten.

use super::{World, status, told, user};
use crate::harness::{Client, until};

#[test]
fn a_user_is_asked_for_once_by_all_workers() {
    let world = World::start_with("", "", "workers: 4");
    for _ in 0..20 {
        assert_eq!(world.permissions("u").as_deref(), Some("orders:read"));
    }
    assert_eq!(world.users.requests(), 1);
    world.wait_looks("hit", 19.0);
    world.gateway.wait_metric("gateway_remembered_users", &[("policy", "user_lookup")], 1.0);
}

#[test]
fn after_its_time_an_answer_is_asked_for_anew() {
    let world = World::start("cache: 300ms, cache_unknown: 300ms", "");
    assert_eq!(world.get("u").status, 200);
    world.answer_by(|_| status("404 Not Found"));
    until("the user to be refused", || (world.get("u").status == 401).then_some(()));
    assert_eq!(world.users.requests(), 2);
    world.answer_by(|id| told(&user(id, "orders:read")));
    until("the user to be taken again", || (world.get("u").status == 200).then_some(()));
    assert_eq!(world.users.requests(), 3);
}

#[test]
fn where_nothing_is_remembered_each_request_asks() {
    let world = World::start("cache: 0s", "");
    for count in 1..4 {
        assert_eq!(world.get("u").status, 200);
        assert_eq!(world.users.requests(), count);
    }
}

#[test]
fn an_operator_lets_a_user_be_forgotten_at_once() {
    let world = World::start("", "");
    assert_eq!(world.permissions("u/1").as_deref(), Some("orders:read"));
    assert_eq!(world.permissions("other").as_deref(), Some("orders:read"));
    world.answer_by(|_| status("404 Not Found"));
    assert_eq!(world.get("u/1").status, 200);
    assert_eq!((world.forget("nobody"), world.forget("u%2F1"), world.forget("u%2F1")), (0, 1, 0));
    assert_eq!(world.get("u/1").status, 401);
    assert_eq!(world.get("other").status, 200, "others are still known");
    world.answer_by(|id| told(&user(id, "orders:write")));
    assert_eq!(world.forget("u%2F1"), 1);
    assert_eq!(world.permissions("u/1").as_deref(), Some("orders:write"));
    let mut browser = Client::connect(world.gateway.admin);
    browser.send(
        "POST /api/users/other/forget HTTP/1.1\r\nHost: a\r\nOrigin: http://evil.test\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(browser.answer().status, 403);
}

#[test]
fn an_answer_from_before_a_user_was_forgotten_is_not_kept() {
    let world = World::start("", "");
    world.hold(true);
    let mut before = world.send("u");
    world.users.wait_seen(1);
    assert_eq!(world.forget("u"), 1);
    let mut after = world.send("u");
    world.users.wait_seen(2);
    world.hold(false);
    assert_eq!((before.answer().status, after.answer().status), (200, 200));
    assert_eq!(world.get("u").status, 200);
    assert_eq!(world.users.requests(), 2);
}

#[test]
fn a_reload_forgets_nobody_unless_others_are_asked() {
    let world = World::start("", "");
    assert_eq!(world.get("u").status, 200);
    world.gateway.reconfigure(&world.config("cache: 10m", "", "via: other"));
    assert_eq!(world.get("u").status, 200);
    assert_eq!(world.users.requests(), 1);
    world.gateway.reconfigure(&world.config("fields: { tier: plan }", "", ""));
    assert_eq!(world.get("u").status, 200);
    assert_eq!(world.users.requests(), 2, "what was read by other names is nothing to go by");
}

#[test]
fn there_are_never_more_users_than_the_bound() {
    let world = World::start("entries: 8", "");
    for index in 0..30 {
        assert_eq!(world.get(&format!("u{index}")).status, 200);
    }
    let labels = [("policy", "user_lookup")];
    world.gateway.wait_metric("gateway_remembered_users", &labels, 8.0);
    world.gateway.wait_metric("gateway_remembered_users_evicted_total", &labels, 22.0);
}
