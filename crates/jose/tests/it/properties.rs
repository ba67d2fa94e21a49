//! Whatever bytes arrive, nothing panics and nothing passes that was not signed; JSON is read as serde_json reads it.

use proptest::prelude::*;
use sekisho_jose::{Algorithm, Key, KeySet, Token, Value, Verifier};
use serde_json::Value as Json;

use crate::signers::{NOW, SIGNERS, header, signer, verifier};

/// The claims of a payload that was signed, if it is accepted.
fn accepted(payload: &str) -> Option<sekisho_jose::Claims> {
    let full = payload.replacen('{', r#"{"exp":1767225700,"#, 1);
    let token = signer(Algorithm::Hs256).token(&header(Algorithm::Hs256), &full);
    verifier(&[Algorithm::Hs256]).verify(token.as_bytes(), NOW).ok()
}

/// Whether a value reads as what serde_json made of it.
fn agrees(ours: Value<'_>, theirs: &Json) -> bool {
    let whole = serde_json::from_str::<Json>(ours.raw()).ok().as_ref() == Some(theirs);
    whole
        && match theirs {
            Json::String(text) => ours.text().as_deref() == Some(text) && ours.is(text),
            Json::Number(number) => {
                ours.number().zip(number.as_f64()).is_some_and(|(own, other)| near(own, other))
            }
            Json::Bool(boolean) => ours.boolean() == Some(*boolean),
            Json::Array(items) => ours.items().is_some_and(|own| {
                own.clone().count() == items.len() && own.zip(items).all(|(one, other)| agrees(one, other))
            }),
            Json::Object(members) => {
                members.iter().all(|(name, value)| ours.get(name).is_some_and(|own| agrees(own, value)))
            }
            Json::Null => ours.plain().is_none(),
        }
}

/// Without a feature that costs time, serde_json reads some fractions one bit off.
fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= one.abs() * 1e-15
}

/// JSON as a hostile writer might have it: nested, escaped, spaced, sometimes broken.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "-?[0-9]{1,4}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?",
        "\"([a-c]|\\\\[\"\\\\/bfnrt]|\\\\u00[46][0-9a-f]|\\\\ud83d\\\\ude0[0-9]|\\\\ud[89c]00|é|[\\]}{,:])*\"",
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("".to_owned()),
    ];
    let space = "[ \\t\\r\\n]{0,2}";
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let name = "\"(a|b|\\\\u006[12]|a\\.b|\\\\/|)\"";
        let member = (name, space, inner.clone(), space)
            .prop_map(|(name, one, value, two)| format!("{name}{one}:{two}{value}"));
        prop_oneof![
            (prop::collection::vec(inner, 0..4), space)
                .prop_map(|(items, space)| format!("[{space}{}]", items.join(&format!(",{space}")))),
            (prop::collection::vec(member, 0..4), space)
                .prop_map(|(members, space)| format!("{{{}{space}}}", members.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn random_bytes_never_pass(bytes: Vec<u8>, dotted in "[A-Za-z0-9_.=-]{0,80}") {
        for token in [&bytes[..], dotted.as_bytes()] {
            for signer in SIGNERS.iter().step_by(4) {
                prop_assert!(verifier(&[signer.algorithm]).verify(token, NOW).is_err());
            }
            let _unverified = Token::parse(token).map(|token| token.unverified().issuer().map(|issuer| issuer.len()));
        }
        prop_assert!(Key::jwk(&bytes).is_err());
        prop_assert!(KeySet::from_jwks(&bytes).is_err());
        let _text = std::str::from_utf8(&bytes).map(Key::pem);
    }

    #[test]
    fn a_changed_token_never_passes(which in 0_usize..13, at: prop::sample::Index, byte: u8, kind in 0_u8..3) {
        let signer = &SIGNERS[which];
        let good = signer.good();
        let mut token = good.clone().into_bytes();
        let at = at.index(token.len());
        match kind {
            0 => token[at] = byte,
            1 => token.insert(at, byte),
            _ => drop(token.remove(at)),
        }
        if token != good.as_bytes() {
            let verifier = verifier(&[signer.algorithm]);
            prop_assert!(verifier.verify(&token, NOW).is_err(), "{}", String::from_utf8_lossy(&token));
            // Nor when the header is known by sight.
            prop_assert!(verifier.verify(good.as_bytes(), NOW).is_ok());
            prop_assert!(verifier.verify(&token, NOW).is_err());
        }
    }

    #[test]
    fn what_is_accepted_reads_as_serde_json_reads_it(value in json()) {
        let payload = format!(r#"{{"x":{value}}}"#);
        if let Some(claims) = accepted(&payload) {
            let theirs: Json = serde_json::from_str(claims.json()).unwrap();
            prop_assert!(agrees(claims.get("x").unwrap(), &theirs["x"]), "{}", payload);
            prop_assert_eq!(claims.iter().count(), theirs.as_object().unwrap().len());
        }
    }

    #[test]
    fn what_serde_json_writes_is_accepted(value in json()) {
        let Ok(theirs) = serde_json::from_str::<Json>(&value) else { return Ok(()) };
        for text in [serde_json::to_string(&theirs).unwrap(), serde_json::to_string_pretty(&theirs).unwrap()] {
            let theirs: Json = serde_json::from_str(&text).unwrap();
            let claims = accepted(&format!(r#"{{"x":{text}}}"#));
            prop_assert!(claims.is_some_and(|claims| agrees(claims.get("x").unwrap(), &theirs)), "{}", text);
        }
    }

    #[test]
    fn a_path_never_panics(value in json(), path in "[abx./]{0,8}") {
        if let Some(claims) = accepted(&format!(r#"{{"x":{value}}}"#)) {
            let _found = (claims.at(&path).map(Value::raw), claims.list(&path), claims.text(&path));
        }
    }

    #[test]
    fn damaged_keys_never_panic(which in 0_usize..13, at: prop::sample::Index, byte: u8) {
        let signer = &SIGNERS[which];
        let mut jwk = signer.jwk("").into_bytes();
        let place = at.index(jwk.len());
        jwk[place] = byte;
        let _key = Key::jwk(&jwk).map(|key| verify_with(key, signer.algorithm));
        if let Some(mut spki) = signer.spki() {
            let place = at.index(spki.len());
            spki[place] = byte;
            let _key = Key::pem(&crate::signers::pem("PUBLIC KEY", &spki)).map(|key| verify_with(key, signer.algorithm));
        }
    }
}

/// A key that was read although it was changed is another key, unless the change was none.
fn verify_with(key: Key, algorithm: Algorithm) -> bool {
    let mut keys = KeySet::new();
    keys.push(key);
    let good = signer(algorithm).good();
    Verifier::new(crate::signers::rules(&[algorithm]), keys).verify(good.as_bytes(), NOW).is_ok()
}
