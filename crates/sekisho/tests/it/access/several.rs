//! More than one way to prove oneself on a route: any of them is enough.

use super::api_key::hash;
use super::basic_auth::{HASH, line};
use super::{assert_problem, decided, gateway};
use crate::harness::Service;

const KEY: &str = "sk_0123456789abcdefghijklmnop";

fn policies(key: &str, password: &str) -> String {
    format!(
        "api_key: {{ keys: [{{ id: by-key, hash: 'sha256:{}' }}], {key} }}, \
         basic_auth: {{ users: [{{ name: by-password, hash: '{HASH}' }}], {password} }}",
        hash(KEY)
    )
}

fn key(key: &str) -> String {
    format!("X-API-Key: {key}\r\n")
}

fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn with_nothing_at_all_the_answer_names_each_way_in_a_line_of_its_own() {
    let service = Service::echo();
    let gateway = gateway(&service, &policies("", ""));
    let answer = gateway.request(get(""));
    assert_problem(&answer, (401, "AUTH_MISSING_TOKEN", "Missing or invalid authorization header"), &[]);
    assert_eq!(
        answer.headers_all("www-authenticate"),
        ["ApiKey realm=\"sekisho\"", "Basic realm=\"sekisho\", charset=\"UTF-8\""]
    );
}

#[test]
fn any_right_one_is_enough_and_a_wrong_one_alone_is_refused() {
    let service = Service::echo();
    let gateway = gateway(&service, &policies("", ""));
    let (good, bad) = (line("by-password", "correct horse"), line("by-password", "wrong"));
    for (lines, who) in [
        (key(KEY), Ok("by-key")),
        (good.clone(), Ok("by-password")),
        (key(KEY) + &good, Ok("by-key")),
        (key("wrong") + &good, Ok("by-password")),
        (key(KEY) + &bad, Ok("by-key")),
        (key("wrong"), Err(("unknown_key", "ApiKey realm=\"sekisho\""))),
        (bad.clone(), Err(("wrong_password", "Basic realm=\"sekisho\", charset=\"UTF-8\""))),
        (key("wrong") + &bad, Err(("unknown_key", "ApiKey realm=\"sekisho\""))),
    ] {
        let answer = gateway.request(get(&lines));
        match who {
            Ok(who) => {
                assert_eq!((answer.status, service.last().header("x-user-id")), (200, Some(who)), "{lines}");
                let seen = service.last();
                assert_eq!((seen.header("x-api-key"), seen.header("authorization")), (None, None), "{lines}");
            }
            Err((reason, challenge)) => {
                assert_problem(&answer, (401, "AUTH_FAILED", "Authentication failed"), &[]);
                assert_eq!(answer.headers_all("www-authenticate"), [challenge], "{lines}");
                assert_eq!(decided(&gateway, &answer).1, reason, "{lines}");
            }
        }
    }
}

#[test]
fn where_one_does_without_nobody_needs_any_but_a_wrong_one_is_refused() {
    let service = Service::echo();
    for (on_key, on_password) in
        [("required: false", ""), ("", "required: false"), ("required: false", "required: false")]
    {
        let gateway = gateway(&service, &policies(on_key, on_password));
        let anonymous = gateway.request(get(""));
        assert_eq!((anonymous.status, service.last().header("x-user-id")), (200, None));
        assert_eq!(gateway.request(get(&key("wrong"))).status, 401, "{on_key} {on_password}");
        assert_eq!(gateway.request(get(&line("by-password", "wrong"))).status, 401, "{on_key} {on_password}");
        assert_eq!(gateway.request(get(&key(KEY))).status, 200);
        assert_eq!(service.last().header("x-user-id"), Some("by-key"));
        assert_eq!(gateway.request(get(&(key("wrong") + &line("by-password", "correct horse")))).status, 200);
        assert_eq!(service.last().header("x-user-id"), Some("by-password"));
    }
}

#[test]
fn one_that_only_watches_vouches_for_nobody() {
    let service = Service::echo();
    let gateway = gateway(&service, &policies("mode: shadow", ""));
    assert_eq!(gateway.request(get(&key(KEY))).status, 401);
    assert_eq!(gateway.request(get("")).headers_all("www-authenticate").len(), 1);
    assert_eq!(gateway.request(get(&(key("wrong") + &line("by-password", "correct horse")))).status, 200);
    assert_eq!(service.last().header("x-user-id"), Some("by-password"));
}
