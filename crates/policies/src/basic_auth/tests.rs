//! Who passes, what it costs, and what is refused of a configuration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_exchange::Papers;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, compile, compile_reading, lines};

/// Of `correct horse`, made by the C library's `crypt`.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

fn with(name: &str, password: &str) -> String {
    format!(
        "GET / HTTP/1.1\nHost: a\nAuthorization: Basic {}\n",
        STANDARD.encode(format!("{name}:{password}"))
    )
}

/// Whether it had to wait for a check; and the reason of the refusal, or whom it is taken for.
async fn asked(policy: &BasicAuth, head: &str) -> (bool, Result<Option<String>, String>) {
    let fixture = Fixture::new(head);
    let mut exchange = fixture.exchange();
    exchange.papers = Papers::expecting(1);
    let mut waited = false;
    let mut verdict = policy.enter(&mut exchange);
    while let Verdict::Wait(check) = verdict {
        waited = true;
        verdict = check.await(&mut exchange);
    }
    let result = match verdict {
        Verdict::Answer(reply) => Err(format!("{} {} {}", reply.status, reply.code, reply.reason)),
        _ => Ok(exchange.identity.as_ref().map(|who| who.subject().to_owned())),
    };
    (waited, result)
}

fn users() -> Value {
    json!([{"name": "ada", "hash": HASH, "email": "ada@a.test", "tier": "premium", "roles": ["admin"], "permissions": ["x"]}])
}

fn refused(code: &str, reason: &str) -> Result<Option<String>, String> {
    Err(format!("401 {code} {reason}"))
}

#[tokio::test]
async fn a_right_password_is_checked_once_and_a_wrong_one_each_time() {
    let policy = compile::<Config>(json!({"users": users()})).unwrap();
    let ada = || Ok(Some("ada".to_owned()));
    assert_eq!(asked(&policy, &with("ada", "correct horse")).await, (true, ada()));
    assert_eq!(asked(&policy, &with("ada", "correct horse")).await, (false, ada()));
    for _ in 0..2 {
        assert_eq!(
            asked(&policy, &with("ada", "wrong")).await,
            (true, refused("AUTH_FAILED", "wrong_password"))
        );
        assert_eq!(
            asked(&policy, &with("bob", "correct horse")).await,
            (true, refused("AUTH_FAILED", "unknown_user"))
        );
    }
    let forgetful = compile::<Config>(json!({"users": users(), "remember": "off"})).unwrap();
    for _ in 0..2 {
        assert_eq!(asked(&forgetful, &with("ada", "correct horse")).await, (true, ada()));
    }
}

#[tokio::test]
async fn what_is_no_password_is_refused_without_a_check() {
    let policy = compile::<Config>(json!({"users": users(), "realm": "the shop"})).unwrap();
    for (head, code, reason) in [
        ("GET / HTTP/1.1\nHost: a\n", "AUTH_MISSING_TOKEN", "no_credential"),
        ("GET / HTTP/1.1\nHost: a\nAuthorization: Bearer x\n", "AUTH_MISSING_TOKEN", "no_credential"),
        ("GET / HTTP/1.1\nHost: a\nAuthorization: Basic x\n", "AUTH_FAILED", "malformed"),
        (
            "GET / HTTP/1.1\nHost: a\nAuthorization: Basic YTpi\nAuthorization: Basic YTpi\n",
            "AUTH_FAILED",
            "duplicate",
        ),
    ] {
        assert_eq!(asked(&policy, head).await, (false, refused(code, reason)), "{head}");
        let fixture = Fixture::new(head);
        let mut exchange = fixture.exchange();
        exchange.papers = Papers::expecting(1);
        let Verdict::Answer(reply) = policy.enter(&mut exchange) else { panic!("refused") };
        let challenge = "Basic realm=\"the shop\", charset=\"UTF-8\"";
        assert_eq!(reply.headers, [("WWW-Authenticate".into(), challenge.into())]);
    }
    let optional = compile::<Config>(json!({"users": users(), "required": false})).unwrap();
    assert_eq!(asked(&optional, "GET / HTTP/1.1\nHost: a\n").await, (false, Ok(None)));
    assert_eq!(asked(&optional, &with("ada", "no")).await.1, refused("AUTH_FAILED", "wrong_password"));
}

#[tokio::test]
async fn services_see_the_password_only_where_it_is_not_hidden() {
    for (settings, head, want) in [
        (json!({"users": users()}), with("ada", "correct horse"), "Host: a\n"),
        (
            json!({"users": users(), "hide": false}),
            with("ada", "x"),
            "Host: a\nAuthorization: Basic YWRhOng=\n",
        ),
        (
            json!({"users": users(), "required": false}),
            "GET / HTTP/1.1\nHost: a\nAuthorization: Bearer x\n".to_owned(),
            "Host: a\nAuthorization: Bearer x\n",
        ),
    ] {
        let policy = compile::<Config>(settings.clone()).unwrap();
        let fixture = Fixture::new(&head);
        let mut exchange = fixture.exchange();
        drop(policy.enter(&mut exchange));
        assert_eq!(lines(&exchange.to_service, exchange.head), want, "{settings}");
    }
}

#[tokio::test]
async fn the_user_is_what_is_written() {
    let policy = compile::<Config>(json!({"users": users()})).unwrap();
    let request = with("ada", "correct horse");
    let fixture = Fixture::new(&request);
    let mut exchange = fixture.exchange();
    let Verdict::Wait(check) = policy.enter(&mut exchange) else { panic!("a check takes time") };
    assert!(matches!(check.await(&mut exchange), Verdict::Proceed(())));
    let who = exchange.identity.unwrap();
    assert_eq!(
        (who.by, who.subject(), who.email(), who.tier()),
        ("basic_auth", "ada", "ada@a.test", "premium")
    );
    assert_eq!((who.roles().joined(), who.permissions().joined()), ("admin".into(), "x".into()));
}

#[tokio::test]
async fn a_file_has_more_users() {
    let text = format!("# users\n\ngrace:{}\nadam:{HASH}\n", hash("amazing").unwrap());
    let policy = compile_reading::<Config>(json!({"users": users(), "file": "f"}), "f", &text).unwrap();
    for (name, password) in [("ada", "correct horse"), ("grace", "amazing"), ("adam", "correct horse")] {
        assert_eq!(asked(&policy, &with(name, password)).await.1, Ok(Some(name.to_owned())));
    }
    for (text, want) in [
        (format!("a:{HASH}\n\nada:{HASH}\n"), "f:3:1: error: policies.it.file.name: the name `ada` is taken"),
        (
            "a:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n".to_owned(),
            "f:1:1: error: policies.it.file.hash: this is no argon2id or bcrypt hash",
        ),
        ("secret\n".to_owned(), "f:1:1: error: policies.it.file: this is no user"),
    ] {
        let settings = json!({"users": users(), "file": "f"});
        let error = compile_reading::<Config>(settings, "f", &text).map(|_| ()).unwrap_err();
        assert!(error.starts_with(want), "{error}");
        assert!(!error.contains("secret") && !error.contains("HqJZ"), "{error}");
    }
}

#[test]
fn refuses_what_cannot_be_meant() {
    let one = |name: &str, hash: &str| json!({"users": [{"name": name, "hash": hash}]});
    for (settings, want) in [
        (json!({}), "policies.it: there are no users"),
        (one("a:b", HASH), "policies.it.users[0].name: the name `a:b` holds a colon"),
        (one("", HASH), "policies.it.users[0].name: the subject is empty"),
        (one("a", "secret"), "policies.it.users[0].hash: this is no argon2id or bcrypt hash; make one"),
        (
            json!({"users": [{"name": "a", "hash": HASH}, {"name": "a", "hash": HASH}]}),
            "policies.it.users[1].name: the name `a`",
        ),
        (json!({"users": users(), "realm": "a\\b"}), "policies.it.realm"),
        (json!({"users": users(), "remember": "5"}), "has no unit"),
        (json!({"users": users(), "file": "none"}), "policies.it.file: the file `none` cannot be read"),
    ] {
        let error = compile::<Config>(settings.clone()).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{settings}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
