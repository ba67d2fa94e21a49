//! `authorize`: 401 for nobody, 403 for those who may not, and what they are told.

use serde_json::json;

use super::api_key::hash;
use super::{assert_problem, decided, gateway};
use crate::harness::{Answer, Gateway, Service};

const READER: &str = "sk_the-key-of-a-reader";
const WRITER: &str = "sk_the-key-of-a-writer";
const FORBIDDEN: (u16, &str, &str) = (403, "AUTH_FORBIDDEN", "Insufficient permissions");

fn start(service: &Service, authorize: &str) -> Gateway {
    let keys = format!(
        "api_key: {{ required: false, keys: [\
         {{ id: reader, hash: 'sha256:{}', permissions: ['order:read', 'user:*'], roles: [guest] }}, \
         {{ id: writer, hash: 'sha256:{}', permissions: ['order:read', 'order:write'], roles: [clerk], name: Ada }}] }}",
        hash(READER),
        hash(WRITER)
    );
    gateway(service, &format!("{keys}, authorize: {{ {authorize} }}"))
}

#[track_caller]
fn ask(gateway: &Gateway, method: &str, key: &str) -> Answer {
    let key = if key.is_empty() { String::new() } else { format!("X-API-Key: {key}\r\n") };
    gateway.request(format!("{method} / HTTP/1.1\r\nHost: a\r\n{key}\r\n"))
}

#[test]
fn nobody_known_gets_401_and_a_challenge() {
    let service = Service::echo();
    for authorize in ["", "any: ['order:read']", "roles: [guest]"] {
        let gateway = start(&service, authorize);
        let answer = ask(&gateway, "GET", "");
        assert_problem(&answer, (401, "AUTH_REQUIRED", "Authentication required"), &[]);
        assert_eq!(answer.headers_all("www-authenticate").len(), 1);
        assert_eq!(decided(&gateway, &answer), ("authorize".to_owned(), "not_authenticated".to_owned()));
        assert_eq!(service.requests(), 0);
    }
    let gateway = start(&service, "");
    assert_eq!(ask(&gateway, "GET", READER).status, 200, "an empty block asks only that somebody is known");
}

#[test]
fn reading_and_writing_are_asked_apart() {
    let service = Service::echo();
    let gateway = start(&service, "read: { any: ['order:read', x] }, write: { any: ['order:write'] }");
    for (method, key, status) in [
        ("GET", READER, 200),
        ("HEAD", READER, 200),
        ("OPTIONS", READER, 200),
        ("POST", READER, 403),
        ("DELETE", READER, 403),
        ("PURGE", READER, 403),
        ("POST", WRITER, 200),
        ("GET", WRITER, 200),
    ] {
        assert_eq!(ask(&gateway, method, key).status, status, "{method} {key}");
    }
}

#[test]
fn a_refusal_tells_what_is_needed_and_what_there_is() {
    let service = Service::echo();
    let gateway = start(&service, "any: ['order:delete', 'order:admin']");
    let answer = ask(&gateway, "GET", READER);
    let problem = assert_problem(&answer, FORBIDDEN, &["current", "required"]);
    assert_eq!(problem["required"], json!(["order:delete", "order:admin"]));
    assert_eq!(problem["current"], json!(["order:read", "user:*"]));
    assert_eq!(answer.headers_all("www-authenticate"), [""; 0]);
    assert_eq!(decided(&gateway, &answer), ("authorize".to_owned(), "lacks_permission".to_owned()));
    assert_eq!(gateway.wait_log_of(&answer)["userId"], "reader");
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_refusal_can_keep_that_to_itself() {
    let service = Service::echo();
    for (authorize, reason) in [
        ("any: [x], disclose: false", "lacks_permission"),
        ("roles: [x], disclose: false", "lacks_role"),
        ("claims: { name: Grace }", "lacks_claim name"),
    ] {
        let gateway = start(&service, authorize);
        let answer = ask(&gateway, "GET", WRITER);
        assert_problem(&answer, FORBIDDEN, &[]);
        assert_eq!(decided(&gateway, &answer).1, reason);
    }
}

#[test]
fn roles_claims_and_stars_count_where_they_are_asked_for() {
    let service = Service::echo();
    for (authorize, reader, writer) in [
        ("roles: [clerk]", 403, 200),
        ("roles: [clerk, guest]", 200, 200),
        ("roles: { all: [clerk, guest] }", 403, 403),
        ("claims: { name: [Ada, Grace] }", 403, 200),
        ("any: ['user:read']", 403, 403),
        ("any: ['user:read'], wildcards: true", 200, 403),
        ("all: ['order:read', 'order:write']", 403, 200),
        ("any: ['order:read'], all: ['order:write'], roles: [clerk]", 403, 200),
    ] {
        let gateway = start(&service, authorize);
        let statuses = (ask(&gateway, "GET", READER).status, ask(&gateway, "GET", WRITER).status);
        assert_eq!(statuses, (reader, writer), "{authorize}");
    }
}

#[test]
fn in_shadow_it_tells_and_lets_pass() {
    let service = Service::echo();
    let gateway = start(&service, "mode: shadow, any: [x]");
    for (key, status, code) in [("", 401, "AUTH_REQUIRED"), (READER, 403, "AUTH_FORBIDDEN")] {
        let answer = ask(&gateway, "GET", key);
        assert_eq!(answer.status, 200);
        let want = json!([{ "policy": "authorize", "status": status, "code": code }]);
        assert_eq!(gateway.wait_log_of(&answer)["shadow"], want);
    }
}
