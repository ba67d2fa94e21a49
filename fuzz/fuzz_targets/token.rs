//! Tokens, keys and key sets: no panic, nothing passes that was not signed, and a signed payload that is accepted
//! reads as serde_json reads it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sekisho_jose::{Algorithm, Key, KeySet, Rules, Token, Verifier};
use sekisho_units::Wall;

const NOW: Wall = Wall::from_secs(1_767_225_600);
const SECRET: &[u8] = b"a secret that the fuzzer does not sign with";

static KEY: LazyLock<Key> = LazyLock::new(|| Key::secret(SECRET).expect("it is not empty"));

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let mut keys = KeySet::new();
    keys.push(KEY.clone());
    Verifier::new(Rules { algorithms: Algorithm::ALL.iter().copied().collect(), ..Rules::default() }, keys)
});

fuzz_target!(|input: &[u8]| {
    // The header ends at the first NUL, which JSON does not hold.
    let end = input.iter().position(|byte| *byte == 0);
    let (header, bytes) = end.map_or((&b""[..], input), |end| (&input[..end], &input[end + 1..]));
    assert!(VERIFIER.verify(bytes, NOW).is_err());
    if let Ok(token) = Token::parse(bytes) {
        let _claimed = (token.kid().map(str::len), token.unverified().issuer().map(|issuer| issuer.len()));
        assert!(token.verify(&VERIFIER, NOW).is_err());
    }
    let _key = Key::jwk(bytes);
    let _set = KeySet::from_jwks(bytes);
    let _pem = std::str::from_utf8(bytes).map(Key::pem);

    for header in [header, br#"{"alg":"HS256"}"#] {
        let signed = KEY.sign(Algorithm::Hs256, header, bytes).expect("a secret signs");
        let Ok(claims) = VERIFIER.verify(signed.as_bytes(), NOW) else { continue };
        assert_eq!(claims.json().as_bytes(), bytes);
        let theirs: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(claims.json()).expect("serde_json reads what is accepted");
        assert_eq!(claims.iter().count(), theirs.len());
        for (name, value) in &theirs {
            let ours = claims.get(name).expect("each member is found");
            assert_eq!(ours.text().as_deref(), value.as_str());
            let _list = (ours.list(), claims.at(name).map(|value| value.raw().len()));
        }
    }
});
