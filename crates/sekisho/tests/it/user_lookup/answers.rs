//! What the user service's answers mean for requests.

use super::{World, status, told, user};
use crate::harness::{Answer, Service, ok, said_of};

#[track_caller]
fn assert_problem(answer: &Answer, want: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (want, code), "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
}

#[test]
fn the_service_says_who_the_user_is() {
    let world = World::start("", "");
    assert_eq!(world.get("u/1").status, 200);
    let seen = world.service.last();
    for (name, want) in [
        ("x-user-id", "u/1"),
        ("x-user-email", "u/1@shop.test"),
        ("x-user-roles", "buyer"),
        ("x-user-permissions", "orders:read"),
    ] {
        assert_eq!(seen.header(name), Some(want), "{name}");
    }
    let asked = world.users.last();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "/api/users/u%2F1"));
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert!(asked.header("user-agent").unwrap().starts_with("sekisho/"));
    assert_eq!(asked.header("x-correlation-id"), seen.header("x-correlation-id"));
    assert_eq!(
        asked.header("authorization"),
        None,
        "the client's credential is not the user service's business"
    );
}

#[test]
fn who_is_unknown_or_not_active_is_refused_and_not_asked_for_again_at_once() {
    let world = World::start("", "");
    for (index, (name, reason)) in
        [("ghost", "unknown_user"), ("banned", "user_not_active")].iter().enumerate()
    {
        world.answer_by(|id| match id {
            "ghost" => status("404 Not Found"),
            id => {
                let mut inactive = user(id, "orders:read");
                inactive["isActive"] = false.into();
                told(&inactive)
            }
        });
        for _ in 0..3 {
            let answer = world.get(name);
            assert_problem(&answer, 401, "AUTH_INVALID_TOKEN");
            assert_eq!(answer.json()["error"], "Invalid or expired token");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
            let line = world.gateway.wait_log_of(&answer);
            assert_eq!(
                (line["decided_by"].as_str(), line["reason"].as_str()),
                (Some("user_lookup"), Some(*reason))
            );
        }
        assert_eq!(world.users.requests(), index + 1);
    }
    assert_eq!(world.service.requests(), 0);
}

#[test]
fn what_is_no_clear_answer_lets_nobody_pass() {
    let world = World::start("timeout: 5s", "");
    let mut other = user("somebody-else", "orders:read");
    let mut incomplete = user("u3", "orders:read");
    incomplete.as_object_mut().unwrap().remove("isActive");
    other["isActive"] = true.into();
    for (name, answer, reason) in [
        ("u1", status("500 Internal Server Error"), "unexpected_status"),
        (
            "u2",
            b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "unexpected_status",
        ),
        ("u3", told(&incomplete), "incomplete_answer"),
        ("u4", told(&other), "answer_about_another_user"),
        ("u5", ok("text/html", "<html>"), "malformed_answer"),
        ("u6", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{".to_vec(), "broke_off"),
        ("u7", b"nonsense\r\n\r\n".to_vec(), "malformed_answer"),
        ("u8", ok("application/json", vec![b' '; 100_000_000]), "answer_too_large"),
    ] {
        world.answer_by(move |_| answer.clone());
        let answer = world.get(name);
        assert_problem(&answer, 503, "DEPENDENCY_UNAVAILABLE");
        assert_eq!(answer.json()["dependency"], "users");
        let line = world.gateway.wait_log_of(&answer);
        assert_eq!(
            (line["decided_by"].as_str(), line["reason"].as_str()),
            (Some("user_lookup"), Some(reason))
        );
    }
    assert_eq!(world.service.requests(), 0);
    assert!(world.gateway.peak_kb() < 150_000, "{} KiB", world.gateway.peak_kb());
    world.gateway.wait_metric("gateway_user_lookup_failures_total", &[], 8.0);
}

#[test]
fn a_service_that_is_slow_or_down_is_a_failure_and_is_not_asked_by_every_request() {
    let world = World::start("timeout: 200ms", "");
    world.hold(true);
    let mut names = (0..).map(|number| format!("u{number}"));
    crate::harness::until("two requests within a second", || {
        let (name, asked, began) = (names.next()?, world.users.requests(), std::time::Instant::now());
        let slow = world.get(&name);
        assert_problem(&slow, 503, "DEPENDENCY_UNAVAILABLE");
        assert_problem(&world.get(&name), 503, "DEPENDENCY_UNAVAILABLE");
        let questions = world.users.requests() - asked;
        if began.elapsed().as_millis() >= 1_000 {
            return None;
        }
        assert_eq!(questions, 1, "a second has not passed");
        assert_eq!(world.gateway.wait_log_of(&slow)["reason"], "timeout");
        Some(())
    });
    world.hold(false);
    world.users.stop();
    let down = world.get("other");
    assert_problem(&down, 503, "DEPENDENCY_UNAVAILABLE");
    assert_eq!(world.gateway.wait_log_of(&down)["reason"], "connection_refused");
    // After the pause it is asked anew.
    let world = World::start("timeout: 5s", "");
    world.answer_by(|_| status("500 Internal Server Error"));
    assert_eq!(world.get("u").status, 503);
    world.answer_by(|id| told(&user(id, "orders:read")));
    crate::harness::until("the user to be looked up again", || (world.get("u").status == 200).then_some(()));
    assert_eq!(world.users.requests(), 2);
}

#[test]
fn where_the_operator_says_so_the_tokens_word_holds_instead() {
    let world = World::start("on_failure: claims", "");
    world.users.stop();
    assert_eq!(world.permissions("u").as_deref(), Some("from:token"));
}

#[test]
fn nobody_is_looked_up_where_nobody_is_known() {
    let world = World::start("", "");
    assert_eq!(world.gateway.get("/open").status, 200);
    assert_eq!((world.users.requests(), world.service.last().header("x-user-id")), (0, None));
}

#[test]
fn in_shadow_it_refuses_nobody_and_changes_nothing() {
    let world = World::start("mode: shadow", "");
    assert_eq!(world.permissions("u").as_deref(), Some("from:token"), "the lookup said another one");
    assert_eq!(world.users.requests(), 1);
    world.answer_by(|_| status("404 Not Found"));
    let answer = world.get("ghost");
    assert_eq!(answer.status, 200);
    let line = world.gateway.wait_log_of(&answer);
    let want = serde_json::json!([{ "policy": "user_lookup", "status": 401, "code": "AUTH_INVALID_TOKEN" }]);
    assert_eq!((&line["shadow"], &line["decided_by"]), (&want, &"service".into()), "{line}");
}

#[test]
fn a_service_that_nobody_describes_is_told_with_the_nearest_name() {
    let service = Service::echo();
    let config = format!(
        "services: {{ users: {{ endpoints: ['{}'] }} }}\n\
         routes: [{{ path: /a, service: users, policies: {{ user_lookup: {{ service: usres }} }} }}]\n",
        service.url()
    );
    let (text, _) = said_of(&config, &["check"]);
    assert!(
        text.contains("policies.user_lookup.service: unknown service `usres`; did you mean `users`?"),
        "{text}"
    );
}
