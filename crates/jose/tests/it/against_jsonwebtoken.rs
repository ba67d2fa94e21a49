//! Another implementation of the same: what it signs we verify, what we accept it accepts.

use jsonwebtoken::{DecodingKey, EncodingKey, Validation, decode};
use proptest::prelude::*;
use sekisho_jose::Algorithm;
use serde_json::Value as Json;

use crate::signers::{GOOD, NOW, SECRET, SIGNERS, Signer, header, signer, verifier};

/// Its name for an algorithm; ES512 it does not have.
fn theirs(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    algorithm.name().parse().ok()
}

/// Whether it accepts the signature, and what it reads. Times are left to us, since it looks at the system's clock.
fn reads(signer: &Signer, token: &str) -> Option<Json> {
    let bare = signer.bare();
    let key = match signer.algorithm.name() {
        "HS256" | "HS384" | "HS512" => DecodingKey::from_secret(&bare),
        "ES256" | "ES384" => DecodingKey::from_ec_der(&bare),
        "EdDSA" => DecodingKey::from_ed_der(&bare),
        _ => DecodingKey::from_rsa_der(&bare),
    };
    let mut validation = Validation::new(theirs(signer.algorithm)?);
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode::<Json>(token, &key, &validation).ok().map(|data| data.claims)
}

#[test]
fn both_accept_what_either_signs() {
    let mut seen = 0;
    for signer in SIGNERS.iter().filter(|signer| theirs(signer.algorithm).is_some()) {
        let good = signer.good();
        let want: Json = serde_json::from_str(GOOD).unwrap();
        assert_eq!(reads(signer, &good), Some(want), "{}", signer.algorithm);
        seen += 1;
    }
    assert_eq!(seen, 12);
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let mut header = jsonwebtoken::Header::new(theirs(algorithm).unwrap());
        header.kid = Some("k1".to_owned());
        let claims: Json = serde_json::from_str(GOOD).unwrap();
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(SECRET)).unwrap();
        let ours = verifier(&[algorithm]).verify(token.as_bytes(), NOW).unwrap();
        assert_eq!(serde_json::from_str::<Json>(ours.json()).unwrap(), claims);
    }
}

proptest! {
    #[test]
    fn what_we_accept_it_accepts(name in "[a-z]{1,6}", value in "[ -~]{0,20}", head in "[ \n]{0,3}", extra in "[a-z]{2,5}") {
        let payload = serde_json::json!({"exp": 1_767_225_700, name: value}).to_string();
        for algorithm in [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa] {
            let header = header(algorithm).replacen('{', &format!("{{{head}\"{extra}\":1,"), 1);
            let token = signer(algorithm).token(&header, &payload);
            if let Ok(claims) = verifier(&[algorithm]).verify(token.as_bytes(), NOW) {
                let read = reads(signer(algorithm), &token);
                prop_assert_eq!(read, serde_json::from_str::<Json>(claims.json()).ok());
            }
        }
    }
}
