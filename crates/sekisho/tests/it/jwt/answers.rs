//! Good tokens, missing ones, and those that one check refuses.

use serde_json::{Value, json};

use super::signer::{SECRET, Signer, claims, hs256, now, set, token};
use super::{HS256, ask, config, gateway, refused, request};
use crate::access::assert_problem;
use crate::harness::{Gateway, Service, headers_of};

#[test]
fn a_good_token_passes_and_the_service_learns_who_it_is() {
    let service = Service::echo();
    let gateway = gateway(&service, HS256);
    let good = token(
        &json!({"email": "ada@a.test", "roles": ["admin"], "permissions": ["a:read"], "scope": "b:read c"}),
    );
    let spoofed = "X-User-ID: root\r\nx_user_id: root\r\nX-User-Roles: root\r\n";
    let answer = gateway.request(request(&format!("{spoofed}Authorization: Bearer {good}\r\n")));
    assert_eq!(answer.status, 200);
    let seen = service.last();
    for (name, value) in [
        ("x-user-id", "u-1"),
        ("x-user-email", "ada@a.test"),
        ("x-user-roles", "admin"),
        ("x-user-permissions", "a:read,b:read,c"),
    ] {
        assert_eq!(headers_of(&seen.headers, name), [value], "{name}");
    }
    assert!(!seen.headers.iter().any(|(_, value)| value == "root"), "{:?}", seen.headers);
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {good}").as_str()));
    assert_eq!(gateway.wait_log_of(&answer)["userId"], "u-1");
    assert!(!gateway.stdout.all().concat().contains(&good[20..]), "no log has a token");
}

#[test]
fn without_a_token_the_answer_says_what_is_missing() {
    let service = Service::echo();
    let gateway = gateway(&service, HS256);
    for lines in ["", "Authorization: Basic YTpi\r\n", "Authorization: Bearer\r\n", "Cookie: token=a.b.c\r\n"]
    {
        let answer = gateway.request(request(lines));
        assert_problem(&answer, (401, "AUTH_MISSING_TOKEN", "Missing or invalid authorization header"), &[]);
        assert_eq!(answer.headers_all("www-authenticate"), ["Bearer"], "{lines}");
        assert_eq!(crate::access::decided(&gateway, &answer), ("jwt".into(), "no_credential".into()));
    }
    assert_eq!(service.requests(), 0);
}

#[test]
fn each_check_refuses_and_only_the_log_says_which() {
    let service = Service::echo();
    let gateway =
        gateway(&service, &format!("{HS256}, issuer: 'https://id.test', audience: [shop, till], leeway: 0s"));
    assert_eq!(
        ask(&gateway, &token(&json!({"aud": ["x", "till"], "nbf": now() - 1, "iat": now() - 1}))).status,
        200
    );
    let cases = [
        (json!({"exp": now() - 1}), "expired"),
        (json!({"exp": Value::Null}), "claim_type"),
        (json!({"nbf": now() + 60}), "not_yet_valid"),
        (json!({"iat": now() + 60}), "issued_in_future"),
        (json!({"iss": "https://other.test"}), "issuer"),
        (json!({"aud": "shopping"}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"sub": ""}), "no_subject"),
        (json!({"sub": "a\nb"}), "no_subject"),
        (json!({"sub": {"id": 1}}), "no_subject"),
    ];
    let answers = cases.each_ref().map(|(claims, _)| ask(&gateway, &token(claims)));
    for ((claims, why), answer) in cases.iter().zip(&answers) {
        assert_eq!(&refused(&gateway, answer), why, "{claims}");
    }
    let other =
        hs256(b"another secret of thirty-two byte", r#"{"alg":"HS256"}"#, &claims(&json!({})).to_string());
    assert_eq!(refused(&gateway, &ask(&gateway, &other)), "bad_signature");
    let other = hs256(SECRET.as_bytes(), r#"{"alg":"HS512"}"#, &claims(&json!({})).to_string());
    assert_eq!(refused(&gateway, &ask(&gateway, &other)), "algorithm");
    assert_eq!(service.requests(), 1);
}

#[test]
fn an_expired_token_is_refused_a_second_after_its_leeway_even_if_it_is_remembered() {
    let service = Service::echo();
    let gateway = gateway(&service, &format!("{HS256}, leeway: 30s"));
    assert_eq!(ask(&gateway, &token(&json!({"exp": now() - 25}))).status, 200);
    assert_eq!(refused(&gateway, &ask(&gateway, &token(&json!({"exp": now() - 31})))), "expired");
    // This one ends while the test looks on.
    let short = token(&json!({"exp": now() - 27}));
    let mut answers = 0;
    crate::harness::until("the token to be refused", || {
        answers += 1;
        (ask(&gateway, &short).status == 401).then_some(())
    });
    assert!(answers > 1, "it was good at first");
}

#[test]
fn a_token_is_verified_once_and_then_known() {
    let service = Service::echo();
    let signer = Signer::rsa("k");
    let files = [("key.pem", signer.pem())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let jwt = "file: key.pem, algorithms: [RS256]";
    let gateway = Gateway::start_with(&config(&service, jwt), &[], &files);
    let good = signer.token(&json!({}));
    for _ in 0..5 {
        assert_eq!(ask(&gateway, &good).status, 200);
        assert_eq!(service.last().header("x-user-id"), Some("u-1"));
    }
    let looks = |gateway: &Gateway, hits: f64, misses: f64| {
        for (result, want) in [("hit", hits), ("miss", misses)] {
            gateway.wait_metric("gateway_jwt_cache_total", &[("result", result)], want);
        }
    };
    looks(&gateway, 4.0, 1.0);
    // A reload that changes nothing about tokens forgets none; one that does forgets all.
    gateway.reconfigure(
        &format!("{}health: {{ path: off }}\n", config(&service, jwt))
            .replace("health: { path: off }\n", "via: off\n"),
    );
    assert_eq!(ask(&gateway, &good).status, 200);
    looks(&gateway, 5.0, 1.0);
    gateway.reconfigure(&config(&service, &format!("{jwt}, audience: other")));
    assert_eq!(refused(&gateway, &ask(&gateway, &good)), "audience");
    let off = self::gateway(&service, &format!("{HS256}, remember: off"));
    assert_eq!(ask(&off, &token(&json!({}))).status, 200);
    looks(&off, 0.0, 0.0);
}

#[test]
fn a_token_may_come_in_a_cookie_or_in_the_query_where_that_is_configured() {
    let service = Service::echo();
    let gateway = gateway(&service, &format!("{HS256}, cookie: session, query: access_token, hide: true"));
    let good = token(&json!({}));
    let bad = "a.b.c";
    for (target, lines, status) in [
        ("/", format!("Cookie: a=b; session={good}\r\n"), 200),
        (&*format!("/?x=1&access_token={good}"), String::new(), 200),
        (&*format!("/?access%5Ftoken={good}&x=1"), String::new(), 200),
        ("/", format!("Authorization: Bearer {good}\r\nCookie: session={bad}\r\n"), 200),
        ("/", format!("Authorization: Bearer {bad}\r\nCookie: session={good}\r\n"), 401),
        ("/", format!("Cookie: session={good}; session={good}\r\n"), 401),
        (&*format!("/?access_token={good}&access_token={bad}"), String::new(), 401),
        ("/", String::new(), 401),
    ] {
        let before = service.requests();
        let answer = gateway.request(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
        assert_eq!(answer.status, status, "{target} {lines}");
        if status == 200 {
            let seen = service.last();
            assert!(!seen.target.contains("token"), "{}", seen.target);
            assert_eq!((seen.header("authorization"), seen.header("x-user-id")), (None, Some("u-1")));
        } else {
            assert_eq!(service.requests(), before);
        }
    }
    let answer = gateway.request(request(""));
    gateway.wait_log_of(&answer);
    assert!(!gateway.stdout.all().concat().contains(&good[20..]), "no log has a token");
}

#[test]
fn where_none_is_needed_a_token_still_has_to_be_good() {
    let service = Service::echo();
    let gateway = gateway(&service, &format!("{HS256}, required: false"));
    assert_eq!((gateway.request(request("")).status, service.last().header("x-user-id")), (200, None));
    assert_eq!(ask(&gateway, &token(&json!({}))).status, 200);
    assert_eq!(service.last().header("x-user-id"), Some("u-1"));
    assert_eq!(refused(&gateway, &ask(&gateway, &token(&json!({"exp": 1})))), "expired");
}

#[test]
fn of_several_issuers_each_verifies_its_own_tokens() {
    let service = Service::echo();
    let (ec, ed) = (Signer::ec("e"), Signer::ed("d"));
    let jwt = "issuers: [\
               { issuer: 'https://id.test', file: ec.json, algorithms: [ES256], audience: shop }, \
               { issuer: partners, file: ed.json, algorithms: [EdDSA] }, \
               { issuer: partners, secret: 0123456789abcdef0123456789abcdef, algorithms: [HS256] }]";
    let files = [("ec.json", set(&[&ec])), ("ed.json", ed.jwk().to_string())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let gateway = Gateway::start_with(&config(&service, jwt), &[], &files);
    let partners = json!({"iss": "partners"});
    for good in [ec.token(&json!({})), ed.token(&partners), token(&partners)] {
        assert_eq!(ask(&gateway, &good).status, 200, "{good}");
    }
    let cases = [
        (ec.token(&partners), "algorithm"),
        (ed.token(&json!({})), "algorithm"),
        (token(&json!({})), "algorithm"),
        (ec.token(&json!({"aud": "till"})), "audience"),
        (token(&json!({"iss": "nobody"})), "issuer"),
        (token(&json!({"iss": 7})), "issuer"),
        ("a.b".to_owned(), "malformed"),
    ];
    let answers = cases.each_ref().map(|(bad, _)| ask(&gateway, bad));
    for ((bad, why), answer) in cases.iter().zip(&answers) {
        assert_eq!(&refused(&gateway, answer), why, "{bad}");
    }
}

#[test]
fn a_realm_is_named_in_every_challenge() {
    let service = Service::echo();
    let gateway = gateway(&service, &format!("{HS256}, realm: shop"));
    assert_eq!(gateway.request(request("")).headers_all("www-authenticate"), ["Bearer realm=\"shop\""]);
    assert_eq!(
        ask(&gateway, "a.b.c").headers_all("www-authenticate"),
        ["Bearer realm=\"shop\", error=\"invalid_token\""]
    );
}
