//! Keys in all forms in which people keep and publish them, and those that must not be taken.

use rcgen::{CertificateParams, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use sekisho_jose::{Algorithm, Algorithms, Family, Key, KeyError, KeySet, MAX_KEYS, MAX_SET, Verifier};

use crate::signers::{GOOD, NOW, SIGNERS, encode, pem, rules, signer};

fn verifies(key: Key, algorithm: Algorithm) -> bool {
    let mut keys = KeySet::new();
    keys.push(key);
    let good = signer(algorithm).good();
    Verifier::new(rules(&[algorithm]), keys).verify(good.as_bytes(), NOW).is_ok()
}

#[test]
fn the_same_key_is_read_from_pem_and_jwk() {
    for signer in SIGNERS.iter() {
        let algorithm = signer.algorithm;
        assert!(verifies(signer.key(), algorithm), "{algorithm}");
        assert_eq!(signer.key().family(), algorithm.family());
        let Some(spki) = signer.spki() else { continue };
        let key = Key::pem(&pem("PUBLIC KEY", &spki)).unwrap();
        assert_eq!((key.family(), key.bits()), (algorithm.family(), signer.key().bits()), "{algorithm}");
        assert!(verifies(key, algorithm), "{algorithm}");
    }
    let rsa = signer(Algorithm::Rs256);
    let text = format!("a comment\n\n{}trailing words\n", pem("RSA PUBLIC KEY", &rsa.bare()));
    assert!(verifies(Key::pem(&text).unwrap(), Algorithm::Rs256));
    assert!(verifies(Key::pem(&text.replace('\n', "\r\n")).unwrap(), Algorithm::Ps512));
}

#[test]
fn a_certificate_gives_its_key_and_a_chain_that_of_its_first() {
    for (scheme, family) in [(&PKCS_ECDSA_P256_SHA256, Family::P256), (&PKCS_ED25519, Family::Ed25519)] {
        let pair = rcgen::KeyPair::generate_for(scheme).unwrap();
        let leaf =
            CertificateParams::new(vec!["id.example".to_owned()]).unwrap().self_signed(&pair).unwrap().pem();
        assert_eq!(Key::pem(&leaf).unwrap().family(), family);
        let other = rcgen::KeyPair::generate().unwrap();
        let root =
            CertificateParams::new(vec!["ca.example".to_owned()]).unwrap().self_signed(&other).unwrap().pem();
        assert_eq!(Key::pem(&format!("{leaf}{root}")).unwrap().family(), family);
        assert_eq!(Key::pem(&pair.serialize_pem()).err(), Some(KeyError::Private));
        assert_eq!(Key::pem(&format!("{leaf}{}", pair.serialize_pem())).err(), Some(KeyError::Private));
        assert_eq!(Key::pem(&format!("{leaf}{}", pair.public_key_pem())).err(), Some(KeyError::SeveralPem));
        assert_eq!(Key::pem(&pair.public_key_pem()).unwrap().family(), family);
    }
}

#[test]
fn what_is_no_public_key_in_pem_is_refused_with_words() {
    let spki = signer(Algorithm::Es256).spki().unwrap();
    let good = pem("PUBLIC KEY", &spki);
    // A curve that no algorithm here uses, with the point of another: secp256k1.
    let koblitz = [
        &[
            0x30, 0x56, 0x30, 0x10, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1, 6, 5, 0x2B, 0x81, 4, 0, 0x0A,
            3, 0x42, 0,
        ][..],
        &spki[spki.len() - 65..],
    ]
    .concat();
    let mut off = spki.clone();
    *off.last_mut().unwrap() ^= 1;
    let damaged = KeyError::Damaged("public");
    for (text, want) in [
        (String::new(), KeyError::NoPem),
        ("no key".to_owned(), KeyError::NoPem),
        (good.replace("-----END", "-----"), KeyError::BadPem),
        (good.replacen('M', "!", 1), KeyError::BadPem),
        (pem("EC PRIVATE KEY", b"x"), KeyError::Private),
        (pem("ENCRYPTED PRIVATE KEY", b"x"), KeyError::Private),
        (pem("OPENSSH PRIVATE KEY", b"x"), KeyError::Private),
        (pem("CERTIFICATE REQUEST", b"x"), KeyError::Label("CERTIFICATE REQUEST".to_owned())),
        (pem("CERTIFICATE", &spki), KeyError::Damaged("certificate's")),
        (pem("PUBLIC KEY", b""), damaged.clone()),
        (pem("PUBLIC KEY", &spki[..spki.len() - 1]), damaged.clone()),
        (pem("PUBLIC KEY", &[&spki[..], b"x"].concat()), damaged.clone()),
        (pem("PUBLIC KEY", &off), KeyError::Damaged("P-256")),
        (pem("PUBLIC KEY", &koblitz), KeyError::Kind("EC 1.3.132.0.10".to_owned())),
        (pem("RSA PUBLIC KEY", &spki), KeyError::Damaged("RSA")),
        (format!("{good}{good}"), KeyError::SeveralPem),
    ] {
        assert_eq!(Key::pem(&text).err(), Some(want), "{text}");
    }
}

#[test]
fn jwks_are_bound_by_what_they_say() {
    let rsa = signer(Algorithm::Rs256);
    let all = Family::Rsa.algorithms();
    let only = Algorithms::only(Algorithm::Rs512);
    for (more, want) in [
        ("", Ok(all)),
        (r#""use":"sig""#, Ok(all)),
        (r#""use":"enc""#, Err(KeyError::Purpose)),
        (r#""use":1"#, Err(KeyError::Purpose)),
        (r#""key_ops":["verify"]"#, Ok(all)),
        (r#""key_ops":["sign","verify"]"#, Ok(all)),
        (r#""key_ops":["sign"]"#, Err(KeyError::Purpose)),
        (r#""key_ops":[]"#, Err(KeyError::Purpose)),
        (r#""key_ops":"verify""#, Err(KeyError::Member("key_ops"))),
        (r#""alg":"RS512""#, Ok(only)),
        (r#""alg":"\u0052S512""#, Ok(only)),
        (r#""alg":"HS256""#, Err(KeyError::Algorithm("HS256".to_owned()))),
        (r#""alg":"ES256""#, Err(KeyError::Algorithm("ES256".to_owned()))),
        (r#""alg":"RSA-OAEP-256""#, Err(KeyError::Algorithm("RSA-OAEP-256".to_owned()))),
        (r#""alg":"none""#, Err(KeyError::Algorithm("none".to_owned()))),
        (r#""alg":null"#, Err(KeyError::Member("alg"))),
        (r#""kid":7"#, Err(KeyError::Member("kid"))),
        (r#""d":"AA""#, Err(KeyError::Private)),
        (r#""x5c":["MIIB"],"x5t":"AA","ext":true,"nbf":1"#, Ok(all)),
        (r#""kty":"RSA""#, Err(KeyError::NotJson)),
        (r#""\u006e":"AA""#, Err(KeyError::NotJson)),
    ] {
        let jwk = rsa.jwk(more);
        assert_eq!(Key::jwk(jwk.as_bytes()).map(|key| key.algorithms()), want, "{more}");
    }
    let bound = Key::jwk(rsa.jwk(r#""alg":"RS512""#).as_bytes()).unwrap();
    assert!(verifies(bound.clone(), Algorithm::Rs512) && !verifies(bound.clone(), Algorithm::Rs256));
    assert!(!verifies(bound, Algorithm::Ps512));
    let secret = Key::jwk(signer(Algorithm::Hs384).jwk(r#""alg":"HS384""#).as_bytes()).unwrap();
    assert!(verifies(secret.clone(), Algorithm::Hs384) && !verifies(secret, Algorithm::Hs256));
    let ed = signer(Algorithm::EdDsa);
    for name in ["EdDSA", "Ed25519"] {
        assert!(verifies(
            Key::jwk(ed.jwk(&format!(r#""alg":"{name}""#)).as_bytes()).unwrap(),
            Algorithm::EdDsa
        ));
    }
}

#[test]
fn damaged_and_weak_jwks_are_refused() {
    let number = |bytes: usize| encode([vec![0x81; bytes - 1], vec![0x83]].concat());
    let rsa = |n: &str, e: &str| format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#);
    let point = signer(Algorithm::Es256).jwk("");
    let ed = signer(Algorithm::EdDsa).jwk("");
    for (jwk, want) in [
        (String::new(), KeyError::NotJson),
        ("[]".to_owned(), KeyError::NotJson),
        ("{}".to_owned(), KeyError::Member("kty")),
        (r#"{"kty":1}"#.to_owned(), KeyError::Member("kty")),
        (r#"{"kty":"rsa"}"#.to_owned(), KeyError::Kind("rsa".to_owned())),
        (r#"{"kty":"oct"}"#.to_owned(), KeyError::Member("k")),
        (r#"{"kty":"oct","k":""}"#.to_owned(), KeyError::EmptySecret),
        (r#"{"kty":"oct","k":"AA=="}"#.to_owned(), KeyError::Member("k")),
        (r#"{"kty":"RSA","e":"AQAB"}"#.to_owned(), KeyError::Member("n")),
        (rsa(&number(128), "AQAB"), KeyError::RsaSize(1024)),
        (rsa(&number(255), "AQAB"), KeyError::RsaSize(2040)),
        (rsa(&number(1100), "AQAB"), KeyError::RsaSize(8800)),
        (rsa("", "AQAB"), KeyError::Damaged("RSA")),
        (rsa(&number(256), ""), KeyError::Damaged("RSA")),
        (rsa(&number(256), "AA"), KeyError::Damaged("RSA")),
        (rsa(&number(256), "AQ"), KeyError::Damaged("RSA")),
        (rsa(&number(256), "Ag"), KeyError::Damaged("RSA")),
        (rsa(&number(256), &number(9)), KeyError::Damaged("RSA")),
        (point.replace("P-256", "P-384"), KeyError::Member("x")),
        (point.replace("P-256", "secp256k1"), KeyError::Kind("EC secp256k1".to_owned())),
        (point.replace("\"y\":\"", "\"y\":\"AAAA"), KeyError::Member("y")),
        (
            point.replace("\"x\"", "\"z\"").replace("\"y\"", "\"x\"").replace("\"z\"", "\"y\""),
            KeyError::Damaged("P-256"),
        ),
        (ed.replace("Ed25519", "X25519"), KeyError::Kind("OKP X25519".to_owned())),
        (ed.replace("Ed25519", "Ed448"), KeyError::Kind("OKP Ed448".to_owned())),
        (ed.replace("\"x\":\"", "\"x\":\"AAAA"), KeyError::Member("x")),
        (signer(Algorithm::Es256).jwk(&format!(r#""kid":"{}""#, "k".repeat(257))), KeyError::KidTooLong),
    ] {
        assert_eq!(Key::jwk(jwk.as_bytes()).err(), Some(want), "{jwk}");
    }
    // A modulus of the right size whose writer put a zero in front is the same number.
    let padded = encode([vec![0, 0x81], vec![0x81; 254], vec![0x83]].concat());
    assert_eq!(Key::jwk(rsa(&padded, "AAEAAQ").as_bytes()).unwrap().bits(), 2048);
}

#[test]
fn unusable_entries_of_a_set_are_left_out_with_a_reason() {
    let (rsa, ed) = (signer(Algorithm::Rs256), signer(Algorithm::EdDsa));
    let set = format!(
        r#"{{"keys":[{},{},{{"kty":"EC","kid":"twice","kid":"twice"}},7,{},{}],"next":{{"a":1,"a":2}}}}"#,
        rsa.jwk(r#""kid":"one""#),
        rsa.jwk(r#""kid":"encrypts","use":"enc""#),
        ed.jwk(r#""kid":"two""#),
        ed.jwk(r#""kid":"private","d":"AA""#),
    );
    let (keys, skipped) = KeySet::from_jwks(set.as_bytes()).unwrap();
    assert_eq!(keys.iter().map(Key::kid).collect::<Vec<_>>(), [Some("one"), Some("two")]);
    let skipped: Vec<_> =
        skipped.iter().map(|one| (one.index, one.kid.as_deref(), one.why.clone())).collect();
    assert_eq!(
        skipped,
        [
            (1, Some("encrypts"), KeyError::Purpose),
            (2, Some("twice"), KeyError::NotJson),
            (3, None, KeyError::NotJson),
            (5, Some("private"), KeyError::Private)
        ]
    );
    let verifier = Verifier::new(rules(&[Algorithm::EdDsa]), keys);
    let token = ed.token(r#"{"alg":"EdDSA","kid":"two"}"#, GOOD);
    assert!(verifier.verify(token.as_bytes(), NOW).is_ok());
}

#[test]
fn sets_are_bounded_and_their_form_is_checked() {
    let secret = |n: usize| format!(r#"{{"kty":"oct","k":"AAAA","kid":"{n}"}}"#);
    let many: Vec<_> = (0..10 * MAX_KEYS).map(secret).collect();
    let (mut keys, skipped) =
        KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, many.join(",")).as_bytes()).unwrap();
    assert_eq!(keys.len(), MAX_KEYS);
    assert_eq!(
        skipped.iter().map(|one| (one.index, one.why.clone())).collect::<Vec<_>>(),
        [(MAX_KEYS, KeyError::TooMany)]
    );
    keys.retain(|key| key.family() != Family::Secret);
    assert!(keys.is_empty());

    let large = format!(r#"{{"keys":[],"pad":"{}"}}"#, "x".repeat(MAX_SET));
    for document in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[]"#,
        r#"{"keys":[],"keys":[]}"#,
        "<html>",
        &large,
        "{\"keys\":[\u{0}]}",
    ] {
        assert_eq!(KeySet::from_jwks(document.as_bytes()).err(), Some(KeyError::NotASet), "{document:.40}");
    }
    assert_eq!(KeySet::from_jwks(b"{\"keys\":[\"\xff\"]}").err(), Some(KeyError::NotASet));
    assert!(KeySet::from_jwks(br#"{"keys":[]}"#).unwrap().0.is_empty());
}
