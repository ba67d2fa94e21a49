//! Redis is gone, slow, full or holds garbage: answers keep being right, it is told, and it ends by itself.

use super::{World, ask, counting, failures, hit, purge, wait_said, word};
use crate::harness::{Gateway, until};

const LINES: &str = "Cache-Control: max-age=60\r\n";

/// Asks until an answer for the path comes from the store again.
#[track_caller]
fn until_hit(gateway: &Gateway, path: &str) {
    until("a stored answer", || (ask(gateway, path).0 == "HIT").then_some(()));
}

#[test]
fn while_redis_is_gone_services_are_asked_and_then_answers_are_shared_again() {
    let mut world = World::start();
    let body = world.fill("/a");
    assert_eq!(ask(&world.two, "/a"), hit(&body));
    world.server.kill();
    let mut last = body;
    for _ in 0..10 {
        let answer = world.two.get("/a");
        assert_eq!((answer.status, word(&answer)), (200, "MISS"));
        assert_ne!(answer.text(), last, "it is the service's own");
        let said = answer.header("cache-status").unwrap();
        assert_eq!(said, "sekisho; fwd=miss; fwd-status=200; detail=store-away");
        let log = world.two.wait_log_of(&answer);
        assert_eq!((&log["cacheReason"], &log["notStored"]), (&"store-away".into(), &"store-away".into()));
        last = answer.text();
    }
    wait_said(&world.two, "store_away");
    assert!(failures(&world.two) > 0.0);
    world.server.restart();
    until_hit(&world.two, "/a");
    wait_said(&world.two, "store_back");
    until_hit(&world.one, "/a");
    let asked = world.service.requests();
    assert_eq!(ask(&world.one, "/a"), ask(&world.two, "/a"));
    assert_eq!(world.service.requests(), asked);
}

#[test]
fn while_redis_hangs_requests_wait_for_its_time_once_and_what_changed_meanwhile_is_not_found_later() {
    let world = World::start_with(counting(LINES), "100ms", "");
    until_hit(&world.one, "/a");
    until_hit(&world.one, "/b");
    let old = ask(&world.one, "/a").1;
    world.server.hang();
    for _ in 0..5 {
        assert_eq!(ask(&world.one, "/b").0, "MISS");
    }
    wait_said(&world.one, "store_away");
    let put = "PUT /a HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(world.one.request(put).status, 200);
    world.server.go_on();
    until_hit(&world.one, "/b");
    assert_ne!(ask(&world.one, "/a").1, old, "it was changed while Redis hung");
    until_hit(&world.one, "/a");
}

#[test]
fn a_redis_that_is_full_stores_nothing_more_and_sends_what_it_has() {
    let world = World::start();
    let body = world.fill("/a");
    world.server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    for number in 0..3 {
        assert_eq!(ask(&world.one, &format!("/full/{number}")).0, "MISS");
        assert_eq!(ask(&world.two, &format!("/full/{number}")).0, "MISS");
    }
    assert_eq!(ask(&world.two, "/a"), hit(&body));
    until("it is counted", || {
        (world.one.metric_where("gateway_cache_store_errors_total", &[("reason", "refused")]) > 0.0)
            .then_some(())
    });
    world.server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    until_hit(&world.one, "/full/1");
    until_hit(&world.two, "/full/1");
}

#[test]
fn garbage_under_our_names_is_a_miss_that_is_told_and_counted() {
    let world = World::start();
    let path = "/a";
    let key = world.one.get(path).header("x-cache-key").unwrap().to_owned();
    until_hit(&world.one, path);
    let name = format!("sekisho:1:cache:a:{key}");
    assert_eq!(world.server.ask(&["TYPE", &name]), "hash", "it lies where `X-Cache-Key` says");
    let garbage: [&[&[&str]]; 3] = [
        &[&["SET", &name, "garbage"]],
        &[
            &["DEL", &name],
            &["HSET", &name, "0123456789abcdef", "another gateway's", "order", "0123456789abcdef"],
        ],
        &[&["DEL", &name], &["LPUSH", &name, "garbage"]],
    ];
    for (round, commands) in garbage.iter().enumerate() {
        commands.iter().for_each(|command| _ = world.server.ask(command));
        let answer = world.two.get(path);
        assert_eq!((answer.status, word(&answer)), (200, "MISS"), "{commands:?}");
        assert!(answer.text().parse::<u32>().is_ok(), "one of the service's own: {}", answer.text());
        world.two.wait_metric("gateway_cache_store_garbage_total", &[], round as f64 + 1.0);
        until_hit(&world.one, path);
        world.settle();
    }
    wait_said(&world.two, "store_garbage");
    assert_eq!(purge(&world.one, &format!(r#"{{"key": "{key}"}}"#)).1["purged"], 1);
}
