//! `api_key`, from the client's header to what the service and the log learn of its holder.

use super::{assert_problem, config, decided, gateway, gateway_with};
use crate::harness::{Gateway, Service};

/// The digest is that of [`KEY`].
const POLICY: &str = "api_key: { keys: [{ id: u-1, hash: 'sha256:{HASH}', email: ada@a.test, tier: premium, \
                      roles: [admin, support], permissions: ['order:read', 'order:write'] }] }";
const KEY: &str = "sk_0123456789abcdefghijklmnop";

const MISSING: (u16, &str, &str) = (401, "AUTH_MISSING_TOKEN", "Missing or invalid authorization header");
const FAILED: (u16, &str, &str) = (401, "AUTH_FAILED", "Authentication failed");

pub(crate) fn hash(key: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn policy() -> String {
    POLICY.replace("{HASH}", &hash(KEY))
}

fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn a_good_key_passes_and_the_service_learns_who_it_is() {
    let service = Service::echo();
    let config = config(&service, &policy());
    let gateway = Gateway::start(&format!("{config}identity: {{ forward: [email, roles, permissions] }}\n"));
    let spoofed = "X-User-ID: root\r\nx-user-id: root\r\nX_User_ID: root\r\nX.User.Id: root\r\nX-User-Roles: root\r\n\
                   X-User-Email: root\r\nX_USER_PERMISSIONS: root\r\nX-User-Permissions: root\r\n";
    let answer = gateway.request(get(&format!("X-API-Key: {KEY}\r\n{spoofed}")));
    assert_eq!(answer.status, 200);
    let seen = service.last();
    for (name, value) in [
        ("x-user-id", "u-1"),
        ("x-user-email", "ada@a.test"),
        ("x-user-roles", "admin,support"),
        ("x-user-permissions", "order:read,order:write"),
    ] {
        assert_eq!(crate::harness::headers_of(&seen.headers, name), [value], "{name}");
    }
    assert!(!seen.headers.iter().any(|(_, value)| value.contains("root")), "{:?}", seen.headers);
    assert_eq!(seen.header("x-api-key"), None, "the key is for the gateway alone");
    let line = gateway.wait_log_of(&answer);
    assert_eq!((&line["userId"], &line["decided_by"]), (&"u-1".into(), &"service".into()));
    assert!(!gateway.stdout.all().concat().contains(KEY));
}

#[test]
fn without_a_user_no_header_of_a_client_says_otherwise() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy().replace("keys:", "required: false, keys:"));
    let answer = gateway.request(get("X-User-ID: root\r\nX_User_Id: root\r\nX-User-Roles: root\r\n"));
    assert_eq!(answer.status, 200);
    assert!(!service.last().headers.iter().any(|(_, value)| value == "root"));
    assert_eq!(gateway.wait_log_of(&answer).get("userId"), None);
}

#[test]
fn only_the_id_goes_to_services_unless_more_is_asked_for() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy());
    gateway.request(get(&format!("X-API-Key: {KEY}\r\n")));
    let seen = service.last();
    let told: Vec<_> =
        seen.headers.iter().filter(|(name, _)| name.to_ascii_lowercase().starts_with("x-user")).collect();
    assert_eq!(told, [&("X-User-ID".to_owned(), "u-1".to_owned())]);
}

#[test]
fn templates_name_the_user() {
    let service = Service::echo();
    let policies = format!(
        "{}, headers: {{ request: {{ set: {{ X-Who: '{{identity.id}}/{{identity.tier}}/{{identity.roles}}' }} }} }}",
        policy()
    );
    let gateway = gateway(&service, &policies);
    gateway.request(get(&format!("X-API-Key: {KEY}\r\n")));
    assert_eq!(service.last().header("x-who"), Some("u-1/premium/admin,support"));
}

#[test]
fn without_a_key_or_with_a_wrong_one_the_service_is_not_asked() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy());
    for (lines, want, reason) in [
        (String::new(), MISSING, "no_credential"),
        ("X-API-Key: \r\n".to_owned(), MISSING, "no_credential"),
        ("Authorization: Bearer x\r\n".to_owned(), MISSING, "no_credential"),
        ("X-API-Key: wrong\r\n".to_owned(), FAILED, "unknown_key"),
        (format!("X-API-Key: {}\r\n", hash(KEY)), FAILED, "unknown_key"),
        (format!("X-API-Key: {KEY}x\r\n"), FAILED, "unknown_key"),
        (format!("X-API-Key: {}\r\n", "x".repeat(10_000)), FAILED, "unknown_key"),
        (format!("X-API-Key: {KEY}\r\nx-api-key: {KEY}\r\n"), FAILED, "duplicate"),
        (format!("X-API-Key: wrong\r\nX-API-Key: {KEY}\r\n"), FAILED, "duplicate"),
    ] {
        let answer = gateway.request(get(&lines));
        assert_problem(&answer, want, &[]);
        assert_eq!(answer.headers_all("www-authenticate"), ["ApiKey realm=\"sekisho\""], "{lines}");
        assert_eq!(decided(&gateway, &answer), ("api_key".to_owned(), reason.to_owned()), "{lines}");
    }
    assert_eq!(service.requests(), 0);
    let expired = gateway_with(
        &service,
        "api_key: { file: keys.yaml }",
        &[("keys.yaml", &format!("- {{ id: a, hash: 'sha256:{}', expires: 2020-01-01 }}\n", hash(KEY)))],
    );
    let answer = expired.request(get(&format!("X-API-Key: {KEY}\r\n")));
    assert_problem(&answer, FAILED, &[]);
    assert_eq!(decided(&expired, &answer).1, "expired");
}

#[test]
fn a_key_in_the_query_reaches_neither_service_nor_log() {
    let service = Service::echo();
    let policies = format!(
        "{}, access_log: {{ start: true, redact: [other] }}",
        policy().replace("keys:", "query: api_key, keys:")
    );
    let gateway = gateway(&service, &policies);
    for (query, target) in [
        (format!("?api_key={KEY}"), "/x"),
        (format!("?a=1&api%5fkey={KEY}&b=2"), "/x?a=1&b=2"),
        (format!("?a=1&api_key={}", KEY.replace("sk", "%73k")), "/x?a=1"),
    ] {
        let answer = gateway.get(&format!("/x{query}"));
        assert_eq!(answer.status, 200, "{query}");
        let seen = service.last();
        assert_eq!((&seen.target[..], seen.header("x-user-id")), (target, Some("u-1")));
        gateway.wait_log_of(&answer);
    }
    let log = gateway.stdout.all().concat();
    assert!(log.contains("request_start") && !log.contains("0123456789abcdef"), "{log}");
}

#[test]
fn keys_come_from_variables_and_files_and_change_with_a_reload() {
    let service = Service::echo();
    let text = config(
        &service,
        "api_key: { header: X-Token, keys: [{ id: env, key: '${THE_KEY}' }], file: keys.yaml }",
    );
    let files =
        [("keys.yaml", &*format!("- {{ id: file, hash: sha256:{} }}\n", hash("sk_the-key-in-the-file")))];
    let gateway = Gateway::start_with(&text, &[("THE_KEY", KEY)], &files);
    let user = |key: &str| {
        let answer = gateway.request(get(&format!("X-Token: {key}\r\n")));
        (answer.status == 200).then(|| service.last().header("x-user-id").unwrap().to_owned())
    };
    assert_eq!(user(KEY).as_deref(), Some("env"));
    assert_eq!(user("sk_the-key-in-the-file").as_deref(), Some("file"));
    let new = gateway.dir.join("new");
    std::fs::write(&new, format!("- {{ id: other, hash: sha256:{} }}\n", hash("sk_another-key-in-the-file")))
        .unwrap();
    std::fs::rename(new, gateway.dir.join("keys.yaml")).unwrap();
    gateway.reload();
    assert_eq!(user("sk_the-key-in-the-file"), None);
    assert_eq!(user("sk_another-key-in-the-file").as_deref(), Some("other"));
}

#[test]
fn in_shadow_nobody_is_refused_or_known() {
    let service = Service::echo();
    let gateway = gateway(&service, &policy().replace("keys:", "mode: shadow, keys:"));
    let wrong = gateway.request(get("X-API-Key: wrong\r\n"));
    assert_eq!(wrong.status, 200);
    let want = serde_json::json!([{ "policy": "api_key", "status": 401, "code": "AUTH_FAILED" }]);
    assert_eq!(gateway.wait_log_of(&wrong)["shadow"], want);
    gateway.request(get(&format!("X-API-Key: {KEY}\r\n")));
    let seen = service.last();
    assert_eq!((seen.header("x-user-id"), seen.header("x-api-key")), (None, Some(KEY)));
}
