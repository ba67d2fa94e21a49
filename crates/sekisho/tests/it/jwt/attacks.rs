//! Every known way to have a token believed that should not be, through a real gateway.

use serde_json::json;

use super::signer::{SECRET, Signer, claims, encode, hs256, now, set, token};
use super::{HS256, ask, config, gateway, refused, request};
use crate::harness::{Gateway, Service};

#[test]
fn no_hostile_token_is_believed() {
    let service = Service::echo();
    // Nobody may ever be asked for what a token names.
    let bait = Service::echo();
    let signer = Signer::rsa("k1");
    let files = [("keys.json", set(&[&signer]))];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let gateway = Gateway::start_with(&config(&service, "file: keys.json, algorithms: [RS256]"), &[], &files);
    let payload = claims(&json!({})).to_string();
    let good = signer.token(&json!({}));
    assert_eq!(ask(&gateway, &good).status, 200);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let header = |more: &str| format!(r#"{{"alg":"RS256","kid":"k1"{more}}}"#);
    let mallory = Signer::rsa("k1");
    let pem = signer.pem();
    let public = signer.jwk().to_string();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let kid = |kid: &str| signer.sign(&json!({"alg": "RS256", "kid": kid}).to_string(), &payload);
    let unsigned = |alg: &str, signature: &str| {
        format!("{}.{}.{signature}", encode(format!(r#"{{"alg":"{alg}"}}"#)), encode(&payload))
    };
    let mut hostile = vec![
        ("none", unsigned("none", ""), "unsigned"),
        ("None", unsigned("None", ""), "unsigned"),
        ("NONE", unsigned("NONE", signature), "unsigned"),
        ("nOnE", unsigned("nOnE", "AA"), "unsigned"),
        (
            "its public key, as PEM, for a secret",
            hs256(pem.as_bytes(), r#"{"alg":"HS256"}"#, &payload),
            "algorithm",
        ),
        (
            "its public key, trimmed",
            hs256(pem.trim().as_bytes(), r#"{"alg":"HS256"}"#, &payload),
            "algorithm",
        ),
        ("its public key, as JWK", hs256(public.as_bytes(), r#"{"alg":"HS256"}"#, &payload), "algorithm"),
        ("another of its family", signer.sign(r#"{"alg":"PS256","kid":"k1"}"#, &payload), "algorithm"),
        ("another family", signer.sign(r#"{"alg":"ES256","kid":"k1"}"#, &payload), "algorithm"),
        ("no signature", format!("{signed}."), "bad_signature"),
        ("no third part", signed.to_owned(), "malformed"),
        ("another signature", format!("{signed}.{first}{}", &signature[1..]), "bad_signature"),
        ("another's signature", mallory.sign(&header(""), &payload), "bad_signature"),
        ("kid: a path", kid("../../../../dev/null"), "unknown_key"),
        ("kid: SQL", kid("x' UNION SELECT 'secret' -- "), "unknown_key"),
        ("kid: a command", kid("k1;sleep 9"), "unknown_key"),
        ("kid: 10 KB", kid(&"k".repeat(10_240)), "too_large"),
        ("an unknown crit", signer.sign(&header(r#","crit":["x"],"x":1"#), &payload), "critical_header"),
        ("an empty crit", signer.sign(&header(r#","crit":[]"#), &payload), "critical_header"),
        ("b64", signer.sign(&header(r#","b64":false"#), &payload), "critical_header"),
        ("another type", signer.sign(&header(r#","typ":"secevent+jwt""#), &payload), "type"),
        ("a header twice", signer.sign(r#"{"alg":"none","alg":"RS256"}"#, &payload), "malformed"),
        (
            "a claim twice",
            signer.sign(&header(""), &payload.replacen('{', r#"{"sub":"root","#, 1)),
            "malformed",
        ),
        (
            "a claim twice, once escaped",
            signer.sign(&header(""), &payload.replacen('{', r#"{"su\u0062":"root","#, 1)),
            "malformed",
        ),
        ("padding", format!("{good}="), "malformed"),
        ("the other alphabet", good.replace(['-', '_'], "+"), "malformed"),
        ("a blank within", good.replacen('.', ". ", 1), "bad_signature"),
        ("five parts", format!("{good}.x.y"), "encrypted"),
        ("four parts", format!("{good}.x"), "malformed"),
        ("no JSON", signer.sign("null", &payload), "malformed"),
        ("claims that are no object", signer.sign(&header(""), "[]"), "malformed"),
        (
            "deep claims",
            signer.sign(&header(""), &format!(r#"{{"a":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000))),
            "malformed",
        ),
        (
            "more than is read",
            signer.sign(&header(""), &format!(r#"{{"a":"{}"}}"#, "x".repeat(18_000))),
            "too_large",
        ),
        ("not yet", signer.token(&json!({"nbf": now() + 3600})), "not_yet_valid"),
        ("over for a second", signer.token(&json!({"exp": now() - 31})), "expired"),
        ("a date beyond all dates", signer.token(&json!({"exp": 1e300, "nbf": 1e300})), "not_yet_valid"),
    ];
    // A key of the attacker's, within the token or where the token says.
    let own = json!({"alg": "RS256", "jwk": mallory.jwk()});
    hostile.push(("its own key", mallory.sign(&own.to_string(), &payload), "bad_signature"));
    for place in ["jku", "x5u"] {
        let there = json!({"alg": "RS256", "kid": "m", place: bait.url()});
        hostile.push((place, mallory.sign(&there.to_string(), &payload), "unknown_key"));
    }
    let answers: Vec<_> = hostile.iter().map(|(_, token, _)| ask(&gateway, token)).collect();
    for ((what, _, why), answer) in hostile.iter().zip(&answers) {
        assert_eq!(&refused(&gateway, answer), why, "{what}");
    }
    assert_eq!((service.requests(), bait.connections()), (1, 0));
    assert_eq!(ask(&gateway, &good).status, 200, "the good one still is");
}

#[test]
fn of_two_headers_none_is_believed() {
    let service = Service::echo();
    let gateway = gateway(&service, HS256);
    let (good, other) = (token(&json!({})), token(&json!({"sub": "root"})));
    for lines in [
        format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {other}\r\n"),
        format!("Authorization: Bearer {good}\r\nauthorization: Bearer {good}\r\n"),
        format!("Authorization: Basic YTpi\r\nAuthorization: Bearer {good}\r\n"),
    ] {
        assert_eq!(refused(&gateway, &gateway.request(request(&lines))), "duplicate");
    }
    let two = format!("Authorization: Bearer {good}, Bearer {other}\r\n");
    assert_eq!(refused(&gateway, &gateway.request(request(&two))), "encrypted", "as five parts it would be");
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_remembered_token_vouches_for_no_other() {
    let service = Service::echo();
    let gateway = gateway(&service, HS256);
    let good = token(&json!({}));
    assert_eq!(ask(&gateway, &good).status, 200);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let root = encode(claims(&json!({"sub": "root"})).to_string());
    // The same signature, and so the same place in memory.
    for other in [format!("{head}.{root}.{signature}"), format!("{head}..{signature}"), signature.to_owned()]
    {
        assert_eq!(ask(&gateway, &other).status, 401, "{other}");
    }
    let again = hs256(SECRET.as_bytes(), r#"{"alg":"HS256"}"#, &claims(&json!({"sub": "u-2"})).to_string());
    assert_eq!(ask(&gateway, &again).status, 200);
    assert_eq!(service.last().header("x-user-id"), Some("u-2"));
}
