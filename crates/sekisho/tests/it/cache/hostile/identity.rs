//! Answers to known users: not from the cache, or each from a place of its own.

use serde_json::json;

use crate::cache::{did, gateway, get};
use crate::harness::{Answer, Gateway, Service, ok};
use crate::jwt::HS256;
use crate::jwt::signer::token;

/// A service whose answers are fresh for a minute and tell the user.
fn telling() -> Service {
    Service::answering(|request| {
        let who = request.header("x-user-id").unwrap_or("nobody").to_owned();
        String::from_utf8(ok("text/plain", who))
            .unwrap()
            .replacen("\r\n", "\r\nCache-Control: max-age=60\r\n", 1)
            .into_bytes()
    })
}

fn jwt(more: &str) -> String {
    format!(", jwt: {{ {HS256}{more} }}")
}

fn with_token(gateway: &Gateway, user: &str, more: &str) -> Answer {
    let token = token(&json!({"sub": user, "jti": more}));
    get(gateway, "/", &format!("Authorization: Bearer {token}\r\n"))
}

#[test]
fn requests_of_known_users_pass_the_cache_by() {
    let service = telling();
    let gateway = gateway(&service, "", &jwt(", required: false"));
    for (user, want) in [("ada", "ada"), ("ada", "ada"), ("eve", "eve")] {
        let answer = with_token(&gateway, user, "1");
        assert_eq!((did(&answer), answer.text().as_str()), ("BYPASS", want));
    }
    for word in ["MISS", "HIT"] {
        let answer = get(&gateway, "/", "");
        assert_eq!((did(&answer), answer.text().as_str()), (word, "nobody"));
    }
    assert_eq!(did(&with_token(&gateway, "ada", "1")), "BYPASS", "nor do they get what is stored for nobody");
}

#[test]
fn each_user_has_a_place_by_id_and_not_by_token() {
    let service = telling();
    let gateway = gateway(&service, "authenticated: true", &jwt(", required: false"));
    for (user, session, word) in [
        ("ada", "1", "MISS"),
        ("ada", "1", "HIT"),
        ("ada", "2", "HIT"),
        ("eve", "3", "MISS"),
        ("eve", "3", "HIT"),
        ("ada", "1", "HIT"),
    ] {
        let answer = with_token(&gateway, user, session);
        assert_eq!((did(&answer), answer.text().as_str()), (word, user), "{user} {session}");
    }
    let nobody = get(&gateway, "/", "");
    assert_eq!((did(&nobody), nobody.text().as_str()), ("MISS", "nobody"));
    // What is written in a field is no identity.
    let spoofed = get(&gateway, "/", "X-User-ID: ada\r\n");
    assert_eq!(spoofed.text(), "nobody");
}

#[test]
fn who_may_not_come_in_gets_nothing_from_the_store() {
    let service = telling();
    let gateway = gateway(&service, "authenticated: true", &jwt(""));
    assert_eq!(
        (did(&with_token(&gateway, "ada", "1")), with_token(&gateway, "ada", "1").status),
        ("MISS", 200)
    );
    for lines in [
        String::new(),
        "Authorization: Bearer x\r\n".to_owned(),
        format!("Authorization: Bearer {}\r\n", token(&json!({"sub": "ada", "exp": 1}))),
        format!("Authorization: Bearer {}x\r\n", token(&json!({"sub": "ada"}))),
        "X-User-ID: ada\r\n".to_owned(),
    ] {
        let answer = get(&gateway, "/", &lines);
        assert_eq!((answer.status, answer.header("age")), (401, None), "{lines}");
        assert_ne!(answer.text(), "ada");
    }
    assert_eq!(service.requests(), 1);
}
