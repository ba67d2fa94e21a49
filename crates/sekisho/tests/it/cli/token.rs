//! `sekisho token`: what it prints is verified here by hand.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use super::Folder;

fn signature<M: Mac + KeyInit>(secret: &str, signed: &str) -> String {
    let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Header and claims of what was printed.
#[track_caller]
fn token(arguments: &[&str], env: &[(&str, &str)]) -> (String, Value, Value) {
    let said = Folder::new(&[]).ask_with(&[&["token"], arguments].concat(), env);
    assert_eq!((said.code, said.out.len(), said.err.len()), (Some(0), 1, 0), "{said:?}");
    let text = said.out[0].clone();
    let parts: Vec<_> = text.split('.').collect();
    let [header, claims, _] = parts[..] else { panic!("{text}") };
    let (header, claims) = (decoded(header), decoded(claims));
    (text, header, claims)
}

#[test]
fn each_algorithm_signs_with_the_secret() {
    for (algorithm, sign) in [
        ("HS256", signature::<Hmac<Sha256>> as fn(&str, &str) -> String),
        ("HS384", signature::<Hmac<Sha384>>),
        ("HS512", signature::<Hmac<Sha512>>),
    ] {
        let (text, header, _) = token(&["--secret", "a good secret", "--algorithm", algorithm], &[]);
        assert_eq!(header, json!({"alg": algorithm, "typ": "JWT"}));
        let (signed, signature) = text.rsplit_once('.').unwrap();
        assert_eq!(signature, sign("a good secret", signed), "{algorithm}");
        assert_ne!(signature, sign("another secret", signed), "{algorithm}");
    }
}

#[test]
fn the_claims_are_those_that_were_asked_for() {
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let arguments = [
        "--secret",
        "s",
        "--subject",
        "u-7",
        "--subject-claim",
        "userId",
        "--permissions",
        "order:read,order:write",
        "--roles",
        "admin",
        "--ttl",
        "15m",
        "--claim",
        "tier=premium",
        "--claim",
        "level=3",
    ];
    let (_, _, claims) = token(&arguments, &[]);
    let issued = claims["iat"].as_u64().unwrap();
    assert!((before..before + 60).contains(&issued), "{issued}");
    assert_eq!(
        claims,
        json!({"userId": "u-7", "iat": issued, "exp": issued + 900, "permissions": ["order:read", "order:write"],
               "roles": ["admin"], "tier": "premium", "level": 3})
    );
}

#[test]
fn the_secret_may_come_from_the_environment() {
    let (text, _, claims) = token(&[], &[("JWT_SECRET", "from outside")]);
    let (signed, signed_with) = text.rsplit_once('.').unwrap();
    assert_eq!(signed_with, signature::<Hmac<Sha256>>("from outside", signed));
    assert_eq!(claims["sub"], "u-1");
    // One that is named counts more.
    let (text, _, _) = token(&["--secret", "named"], &[("JWT_SECRET", "from outside")]);
    let (signed, signed_with) = text.rsplit_once('.').unwrap();
    assert_eq!(signed_with, signature::<Hmac<Sha256>>("named", signed));
}

#[test]
fn without_a_secret_there_is_no_token() {
    let said = Folder::new(&[]).ask(&["token"]);
    assert_eq!((said.code, said.out.len(), said.err.len()), (Some(2), 0, 1), "{said:?}");
    assert!(said.err[0].contains("--secret") && said.err[0].contains("JWT_SECRET"), "{said:?}");
}
