//! What is refused in a configuration, and what one token costs. What tokens pass shows in the integration tests, and in
//! `sekisho-jose`.

use sekisho_jose::{Algorithm, Key};
use sekisho_units::Wall;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, Somebody, compile, compile_asking, compile_reading};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";

#[test]
fn what_cannot_be_meant_is_refused() {
    let many = |issuers: Value| json!({"algorithms": ["HS256"], "issuers": issuers});
    for (settings, want) in [
        (json!({}), "policies.it: it names no key"),
        (json!({"secret": SECRET}), "policies.it.algorithms: the algorithms are not named"),
        (json!({"secret": SECRET, "algorithms": []}), "policies.it.algorithms: the algorithms are not named"),
        (json!({"secret": SECRET, "key": PUBLIC, "algorithms": ["HS256"]}), "from several places"),
        (json!({"secret": "", "algorithms": ["HS256"]}), "policies.it.secret: the secret is empty"),
        (json!({"secret": "*", "secret_base64": true, "algorithms": ["HS256"]}), "no base64"),
        (json!({"secret": SECRET, "algorithms": ["none"]}), "unknown variant `none`"),
        (
            json!({"secret": SECRET, "algorithms": ["HS256", "RS256"]}),
            "no key of `secret` serves the algorithm RS256",
        ),
        (json!({"key": PUBLIC, "algorithms": ["HS256"]}), "no key of `key` serves the algorithm HS256"),
        (json!({"key": "nonsense", "algorithms": ["RS256"]}), "policies.it.key: no PEM block was found"),
        (json!({"key": "{\"keys\": []}", "algorithms": ["RS256"]}), "no key that could be used"),
        (
            json!({"file": "keys.pem", "algorithms": ["RS256"]}),
            "policies.it.file: the file `keys.pem` cannot be read",
        ),
        (
            json!({"jwks": "https://id.test/keys", "algorithms": ["HS256"]}),
            "HS256 goes by a secret, which nobody publishes",
        ),
        (many(json!([{"issuer": "a"}])), "policies.it.issuers[0]: it names no key"),
        (many(json!([{"secret": SECRET}])), "policies.it.issuers[0].issuer: of several issuers each"),
        (
            json!({"secret": SECRET, "issuers": [{"secret": SECRET, "issuer": "a", "algorithms": ["HS256"]}]}),
            "both in `issuers`",
        ),
        (
            json!({"secret": SECRET, "algorithms": ["HS256"], "subject": ""}),
            "policies.it.subject: without it",
        ),
        (
            json!({"secret": SECRET, "algorithms": ["HS256"], "remember": 0}),
            "policies.it.remember: nothing would be",
        ),
        (
            json!({"secret": SECRET, "algorithms": ["HS256"], "timeout": "0s"}),
            "policies.it.timeout: it must be longer",
        ),
        (json!({"secret": SECRET, "algorithms": ["HS256"], "header": "X-User-ID"}), "belongs to the gateway"),
        (json!({"secret": SECRET, "algorithms": ["HS256"], "query": "q"}), "the access log would show"),
        (json!({"secret": SECRET, "algorithms": ["HS256"], "cookie": "a b"}), "no cookie's name"),
        (json!({"secret": SECRET, "algorithms": ["HS256"], "realm": "a\"b"}), "policies.it.realm"),
        (json!({"secret": SECRET, "algorithms": ["HS256"], "issuer": 7}), "a text, or a list of texts"),
    ] {
        let error = compile_asking::<Config>(settings.clone(), &Somebody).map(|_| ()).unwrap_err();
        assert!(error.contains(want), "{settings}: {error}");
        assert!(!error.contains(SECRET), "a secret is never printed");
    }
}

#[test]
fn keys_are_read_in_every_form() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let set = format!("{{\"keys\": [{jwk}]}}");
    for text in [PUBLIC, jwk, &set] {
        let settings = json!({"key": text, "algorithms": ["EdDSA"]});
        assert!(compile::<Config>(settings).is_ok(), "{text}");
        let settings = json!({"file": "key", "algorithms": ["EdDSA"]});
        assert!(compile_reading::<Config>(settings, "key", text).is_ok(), "{text}");
    }
    for url in [json!({"jwks": "https://id.test/k"}), json!({"discovery": "https://id.test"})] {
        let mut settings = url.clone();
        settings["algorithms"] = json!(["RS256", "ES256"]);
        assert!(compile_asking::<Config>(settings, &Somebody).is_ok(), "{url}");
    }
    for text in
        ["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"]
    {
        let policy =
            compile::<Config>(json!({"secret": text, "secret_base64": true, "algorithms": ["HS256"]}));
        assert_eq!(subject(&policy.unwrap(), &token(&json!({"sub": "u", "exp": 4e9}))).as_deref(), Some("u"));
    }
}

fn token(claims: &Value) -> String {
    let key = Key::secret(SECRET.as_bytes()).unwrap();
    key.sign(Algorithm::Hs256, br#"{"alg":"HS256"}"#, claims.to_string().as_bytes()).unwrap()
}

/// Whose request with this token is; `None` if it is refused.
fn subject(policy: &Jwt, token: &str) -> Option<String> {
    let fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a\nAuthorization: Bearer {token}"));
    let mut exchange = fixture.exchange();
    exchange.papers = sekisho_exchange::Papers::expecting(1);
    match policy.enter(&mut exchange) {
        Verdict::Proceed(()) => exchange.identity().map(|who| who.subject().to_owned()),
        Verdict::Answer(reply) => {
            assert_eq!(reply.status, 401);
            None
        }
        Verdict::Serve(..) | Verdict::Wait(_) => panic!("nothing to wait for here"),
    }
}

#[test]
fn a_token_is_remembered_no_longer_than_it_lasts() {
    let settings = json!({"secret": SECRET, "algorithms": ["HS256"], "remember": 100});
    let policy = compile::<Config>(settings).unwrap();
    let remembered = policy.0.remembered.as_ref().unwrap();
    // The fixture's clock stands at the start of 2026.
    let now = 1_767_225_600;
    let good = token(&json!({"sub": "u", "exp": now + 60}));
    for hits in 0..3 {
        assert_eq!(subject(&policy, &good).as_deref(), Some("u"));
        assert_eq!((remembered.counts().hits, remembered.counts().misses), (hits, 1));
    }
    let current = |_: Stamp| true;
    assert!(remembered.find(good.as_bytes(), Wall::from_secs(now + 59), 0, current).is_some());
    assert!(remembered.find(good.as_bytes(), Wall::from_secs(now + 60), 0, current).is_none());
    // Within the leeway it is good, but verified each time; and what is wrong is never remembered.
    let old = token(&json!({"sub": "u", "exp": now - 10}));
    let dead = token(&json!({"sub": "u", "exp": now - 31}));
    let before = remembered.counts().hits;
    for _ in 0..2 {
        assert_eq!(subject(&policy, &old).as_deref(), Some("u"));
        assert_eq!(subject(&policy, &dead), None);
        assert_eq!(subject(&policy, &format!("{good}x")), None);
    }
    assert_eq!(remembered.counts().hits, before);
}

#[test]
fn claims_tell_who_it_is() {
    let policy = compile::<Config>(json!({
        "secret": SECRET, "algorithms": ["HS256"], "subject": "userId", "remember": "off",
        "claims": {"roles": ["realm_access.roles", "groups"], "tier": "plan"},
    }));
    let token = token(&json!({
        "userId": 7, "exp": 4e9, "email": "a@b.c", "plan": "gold", "groups": ["g"],
        "realm_access": {"roles": ["r"]}, "permissions": ["p:read"], "scope": "s:read s:write",
    }));
    let fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a\nAuthorization: Bearer {token}"));
    let mut exchange = fixture.exchange();
    assert!(matches!(policy.unwrap().enter(&mut exchange), Verdict::Proceed(())));
    let who = exchange.identity().unwrap();
    assert_eq!((who.by, who.subject(), who.email(), who.tier()), ("jwt", "7", "a@b.c", "gold"));
    assert_eq!(
        (who.roles().joined().as_str(), who.permissions().joined().as_str()),
        ("r,g", "p:read,s:read,s:write")
    );
    assert_eq!(who.claim("plan"), Some(json!("gold")));
}
