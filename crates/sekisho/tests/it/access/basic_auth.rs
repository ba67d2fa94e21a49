//! `basic_auth`: names and passwords, what a check costs, and what the service learns.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{assert_problem, config, decided, gateway, gateway_with};
use crate::harness::{Client, Service};

/// Of `correct horse`, made by the C library's `crypt`.
pub(crate) const HASH: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
const CHALLENGE: &str = "Basic realm=\"sekisho\", charset=\"UTF-8\"";

pub(crate) fn line(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{password}")))
}

fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn policy(more: &str) -> String {
    format!("basic_auth: {{ users: [{{ name: ada, hash: '{HASH}', roles: [admin] }}], {more} }}")
}

#[test]
fn a_right_password_passes_and_stays_with_the_gateway() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy(""));
    for _ in 0..2 {
        let answer = gateway.request(get(&line("ada", "correct horse")));
        assert_eq!(answer.status, 200);
        let seen = service.last();
        assert_eq!((seen.header("x-user-id"), seen.header("authorization")), (Some("ada"), None));
        assert_eq!(gateway.wait_log_of(&answer)["userId"], "ada");
    }
}

#[test]
fn whoever_has_no_right_password_gets_401_and_a_challenge() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy(""));
    let missing = (401, "AUTH_MISSING_TOKEN", "Missing or invalid authorization header");
    let failed = (401, "AUTH_FAILED", "Authentication failed");
    for (lines, want, reason) in [
        (String::new(), missing, "no_credential"),
        ("Authorization: Bearer x\r\n".to_owned(), missing, "no_credential"),
        (line("ada", "wrong"), failed, "wrong_password"),
        (line("eve", "correct horse"), failed, "unknown_user"),
        ("Authorization: Basic ????\r\n".to_owned(), failed, "malformed"),
        (format!("Authorization: Basic {}\r\n", STANDARD.encode("x".repeat(20_000))), failed, "malformed"),
        (line("ada", "correct horse").repeat(2), failed, "duplicate"),
    ] {
        let answer = gateway.request(get(&lines));
        assert_problem(&answer, want, &[]);
        assert_eq!(answer.headers_all("www-authenticate"), [CHALLENGE], "{lines}");
        assert_eq!(decided(&gateway, &answer), ("basic_auth".to_owned(), reason.to_owned()), "{lines}");
    }
    assert_eq!(service.requests(), 0);
}

#[test]
fn many_at_once_with_one_password_all_pass() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy(""));
    let mut clients: Vec<Client> = (0..100).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(get(&line("ada", "correct horse")));
    }
    assert!(clients.iter_mut().all(|client| client.answer().status == 200));
}

#[test]
fn a_client_that_leaves_during_a_check_harms_nobody() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy("remember: off"));
    for _ in 0..20 {
        let mut client = gateway.connect();
        client.send(get(&line("ada", "correct horse")));
    }
    assert_eq!(gateway.request(get(&line("ada", "correct horse"))).status, 200);
}

#[test]
fn a_user_that_is_taken_out_is_refused_at_once() {
    let service = Service::echo();
    let files = [("users", &*format!("ada:{HASH}\n"))];
    let gateway = gateway_with(&service, "basic_auth: { file: users }", &files);
    assert_eq!(gateway.request(get(&line("ada", "correct horse"))).status, 200);
    let write = |text: &str| {
        std::fs::write(gateway.dir.join("new"), text).unwrap();
        std::fs::rename(gateway.dir.join("new"), gateway.dir.join("users")).unwrap();
        gateway.reload();
    };
    write(&format!("bob:{HASH}\n"));
    let answer = gateway.request(get(&line("ada", "correct horse")));
    assert_eq!((answer.status, decided(&gateway, &answer).1.as_str()), (401, "unknown_user"));
    // Of `pässwörd`.
    write("ada:$2y$04$012345678901234567890ucTfvswRYJOerm/Ct18MJ792CFmZGMcu\n");
    assert_eq!(gateway.request(get(&line("ada", "correct horse"))).status, 401, "the password of before");
    assert_eq!(gateway.request(get(&line("ada", "p\u{e4}ssw\u{f6}rd"))).status, 200);
}

#[test]
fn other_schemes_pass_where_no_password_is_required() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy("required: false"));
    assert_eq!(gateway.request(get("Authorization: Bearer x\r\n")).status, 200);
    assert_eq!(service.last().header("authorization"), Some("Bearer x"));
    assert_eq!(gateway.request(get(&line("ada", "wrong"))).status, 401);
    gateway.reconfigure(&config(&service, &policy("hide: false")));
    assert_eq!(gateway.request(get(&line("ada", "correct horse"))).status, 200);
    assert!(service.last().header("authorization").is_some_and(|value| value.starts_with("Basic ")));
}
