//! What a caller reads of a token, before and after it is verified.

use sekisho_jose::{Algorithm, Error, Key, KeySet, Token, Verifier};
use sekisho_units::Wall;

use crate::signers::{GOOD, NOW, SIGNERS, header, rules, signer, verifier};

#[test]
fn the_right_verifier_is_chosen_by_what_is_not_verified_yet() {
    let verifiers = [
        ("https://a.example", verifier(&[Algorithm::Hs256])),
        ("https://id.example", verifier(&[Algorithm::EdDsa])),
    ];
    let text = signer(Algorithm::EdDsa).token(r#"{"alg":"EdDSA","kid":"k\u0031"}"#, GOOD);
    let token = Token::parse(text.as_bytes()).unwrap();
    assert_eq!((token.algorithm(), token.kid()), (Algorithm::EdDsa, Some("k1")));
    let issuer = token.unverified().issuer().unwrap().into_owned();
    let (_, verifier) = verifiers.iter().find(|(own, _)| *own == issuer).unwrap();
    let claims = token.verify(verifier, NOW).unwrap();
    assert_eq!(claims.text("sub").as_deref(), Some("u-1"));
    assert_eq!(claims.expires(), Some(Wall::from_secs(1_767_225_700)));
    assert_eq!(claims.json(), GOOD);
    let token = Token::parse(text.as_bytes()).unwrap();
    assert_eq!(token.verify(&verifiers[0].1, NOW).err(), Some(Error::Algorithm));
}

#[test]
fn a_token_that_names_no_key_is_tried_with_a_few() {
    let hs = signer(Algorithm::Hs256);
    for (before, fine) in [(0, true), (7, true), (8, false), (20, false)] {
        let mut keys = KeySet::new();
        for n in 0..before {
            keys.push(Key::secret(format!("secret {n}").as_bytes()).unwrap().with_kid(&n.to_string()));
            // Keys of other families do not count.
            keys.push(signer(Algorithm::EdDsa).key());
        }
        keys.push(hs.key().with_kid("last"));
        let verifier = Verifier::new(rules(&[Algorithm::Hs256]), keys);
        let named = hs.token(r#"{"alg":"HS256","kid":"last"}"#, GOOD);
        assert!(verifier.verify(named.as_bytes(), NOW).is_ok(), "{before}");
        assert_eq!(verifier.verify(hs.good().as_bytes(), NOW).is_ok(), fine, "{before}");
    }
}

#[test]
fn keys_without_an_id_serve_tokens_that_name_one() {
    let hs = signer(Algorithm::Hs256);
    let mut keys = KeySet::new();
    keys.push(hs.key());
    let named = hs.token(r#"{"alg":"HS256","kid":"whatever"}"#, GOOD);
    assert!(Verifier::new(rules(&[Algorithm::Hs256]), keys.clone()).verify(named.as_bytes(), NOW).is_ok());
    // Where one bears the name it is the only one asked.
    keys.push(Key::secret(b"another").unwrap().with_kid("whatever"));
    let verifier = Verifier::new(rules(&[Algorithm::Hs256]), keys);
    assert_eq!(verifier.verify(named.as_bytes(), NOW).err(), Some(Error::BadSignature));
}

#[test]
fn without_keys_or_algorithms_nothing_passes() {
    for signer in SIGNERS.iter() {
        let text = signer.token(&header(signer.algorithm), GOOD);
        let empty = Verifier::new(rules(Algorithm::ALL), KeySet::new());
        assert_eq!(empty.verify(text.as_bytes(), NOW).err(), Some(Error::UnknownKey));
        let mut keys = KeySet::new();
        keys.push(signer.key());
        let unpinned = Verifier::new(rules(&[]), keys);
        assert_eq!(unpinned.verify(text.as_bytes(), NOW).err(), Some(Error::Algorithm));
    }
}

#[test]
fn nothing_secret_is_printed() {
    let verifier = verifier(&[Algorithm::Hs256]);
    let text = signer(Algorithm::Hs256).good();
    let claims = verifier.verify(text.as_bytes(), NOW).unwrap();
    let printed = format!("{verifier:?} {claims:?}");
    assert!(
        printed.contains("sub") && !printed.contains("u-1") && !printed.contains("0123456789abcdef"),
        "{printed}"
    );
}
