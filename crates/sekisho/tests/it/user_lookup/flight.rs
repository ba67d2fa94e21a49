//! One question about a user at a time, whoever waits for it, and whoever leaves.

use super::World;

const CROWD: usize = 100;

#[test]
fn a_hundred_requests_at_once_ask_once() {
    let world = World::start_with("", "", "workers: 2");
    world.hold(true);
    let mut clients: Vec<_> = (0..CROWD).map(|_| world.send("u")).collect();
    world.wait_looks("joined", (CROWD - 1) as f64);
    world.users.wait_seen(1);
    assert_eq!(world.users.requests(), 1);
    world.hold(false);
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!((world.users.requests(), world.service.requests()), (1, CROWD));
    world.wait_looks("miss", 1.0);
}

#[test]
fn users_wait_for_themselves_only() {
    let world = World::start("", "");
    world.hold(true);
    let mut slow = world.send("slow");
    world.users.wait_seen(1);
    world.hold(false);
    let mut held = world.send("other");
    assert_eq!(held.answer().status, 200);
    assert_eq!(slow.answer().status, 200);
    assert_eq!(world.users.requests(), 2);
}

#[test]
fn a_question_goes_on_when_the_client_that_began_it_leaves() {
    let world = World::start("", "");
    world.hold(true);
    let client = world.send("u");
    world.users.wait_seen(1);
    let mut waiting = world.send("u");
    world.wait_looks("joined", 1.0);
    drop(client);
    world.gateway.wait_log(|line| line["event"] == "request_end" && line["statusCode"] == 499);
    world.hold(false);
    assert_eq!(waiting.answer().status, 200);
    assert_eq!(world.get("u").status, 200);
    assert_eq!(world.users.requests(), 1);
}

#[test]
fn the_routes_time_is_over_while_it_waits() {
    let world = World::start("timeout: 1h", "timeout: 2s");
    world.hold(true);
    let answer = world.get("u");
    assert_eq!((answer.status, answer.code().as_str()), (504, "UPSTREAM_TIMEOUT"));
    world.hold(false);
    assert_eq!(world.get("u").status, 200);
    assert_eq!(world.users.requests(), 1, "the answer came for the next one");
}

#[test]
fn a_drain_lets_who_waits_have_the_answer() {
    let mut world = World::start("", "");
    world.hold(true);
    let mut client = world.send("u");
    world.users.wait_seen(1);
    world.gateway.signal("TERM");
    crate::harness::until("the drain", || (world.gateway.admin_get("/readyz").status == 503).then_some(()));
    world.hold(false);
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    drop(client);
    assert_eq!(world.gateway.wait_exit().code(), Some(0));
}

#[test]
fn a_drain_whose_time_is_over_tells_who_waits() {
    let mut world = World::start_with("timeout: 60s", "", "drain: { grace: 300ms, tunnels: 100ms }");
    world.hold(true);
    let mut client = world.send("u");
    world.users.wait_seen(1);
    world.gateway.signal("TERM");
    let answer = client.answer();
    assert_eq!(answer.status, 503);
    drop(client);
    assert_eq!(world.gateway.wait_exit().code(), Some(0));
}
