//! Every known way to have a token believed that should not be, each with the reason it is refused for.

use hmac::{Hmac, KeyInit, Mac};
use sekisho_jose::{Algorithm, Error, Expiry, Key, KeySet, Rules, Token, Types, Verifier};
use sekisho_units::Wall;
use sha2::Sha256;

use crate::signers::{GOOD, NOW, SECRET, encode, header, pem, rules, signer, verifier};

const ALGORITHMS: &[Algorithm] = &[Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256];

/// Both ways of verifying must agree; the reason.
fn refusal(verifier: &Verifier, token: &str) -> Option<Error> {
    let direct = verifier.verify(token.as_bytes(), NOW).err();
    let read = Token::parse(token.as_bytes()).and_then(|token| token.verify(verifier, NOW)).err();
    assert_eq!(direct.is_some(), read.is_some(), "{direct:?} {read:?} {token}");
    direct
}

#[test]
fn every_algorithm_verifies_what_it_signed_and_nothing_else() {
    for &algorithm in Algorithm::ALL {
        let (verifier, good) = (verifier(&[algorithm]), signer(algorithm).good());
        // Twice: the second time the header is known by sight.
        for _ in 0..2 {
            assert_eq!(refusal(&verifier, &good), None, "{algorithm}");
            let (signed, signature) = good.rsplit_once('.').unwrap();
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            let other = format!("{signed}.{first}{}", &signature[1..]);
            assert_eq!(refusal(&verifier, &other), Some(Error::BadSignature), "{algorithm}");
            let (head, _) = signed.split_once('.').unwrap();
            let other = format!("{head}.{}.{signature}", encode(GOOD.replace("u-1", "u-2")));
            assert_eq!(refusal(&verifier, &other), Some(Error::BadSignature), "{algorithm}");
        }
    }
}

#[test]
fn no_algorithm_is_taken_for_another() {
    for &pinned in Algorithm::ALL {
        let verifier = verifier(&[pinned]);
        for &used in Algorithm::ALL.iter().filter(|used| **used != pinned) {
            let honest = signer(used).good();
            assert_eq!(refusal(&verifier, &honest), Some(Error::Algorithm), "{used} for {pinned}");
            let lying = signer(used).token(&header(pinned), GOOD);
            assert_eq!(refusal(&verifier, &lying), Some(Error::BadSignature), "{used} as {pinned}");
        }
    }
}

#[test]
fn unsigned_tokens_are_refused_in_any_spelling() {
    let verifier = verifier(ALGORITHMS);
    let good = signer(Algorithm::Hs256).good();
    let signature = good.rsplit_once('.').unwrap().1;
    for name in ["none", "None", "NONE", "nOnE", r"n\u006fne"] {
        for signature in ["", signature, "AA"] {
            let token = format!("{}.{}.{signature}", encode(format!(r#"{{"alg":"{name}"}}"#)), encode(GOOD));
            assert_eq!(refusal(&verifier, &token), Some(Error::Unsigned), "{name}");
        }
    }
    for name in ["none ", " none", "", "hs256", "HS256 ", "HS1", "RSA-OAEP", "dir", "null"] {
        let token = format!("{}.{}.{signature}", encode(format!(r#"{{"alg":"{name}"}}"#)), encode(GOOD));
        assert_eq!(refusal(&verifier, &token), Some(Error::Algorithm), "{name}");
    }
}

#[test]
fn stripped_signatures_are_refused() {
    for &algorithm in Algorithm::ALL {
        let (verifier, good) = (verifier(&[algorithm]), signer(algorithm).good());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        assert_eq!(refusal(&verifier, &format!("{signed}.")), Some(Error::BadSignature), "{algorithm}");
        assert_eq!(refusal(&verifier, signed), Some(Error::Malformed), "{algorithm}");
        let short = &signature[..signature.len() / 8 * 4];
        assert_eq!(
            refusal(&verifier, &format!("{signed}.{short}")),
            Some(Error::BadSignature),
            "{algorithm}"
        );
    }
    // ECDSA with nothing in both halves (CVE-2022-21449).
    for (algorithm, length) in [(Algorithm::Es256, 64), (Algorithm::Es384, 96), (Algorithm::Es512, 132)] {
        let good = signer(algorithm).good();
        let signed = good.rsplit_once('.').unwrap().0;
        let token = format!("{signed}.{}", encode(vec![0; length]));
        assert_eq!(refusal(&verifier(&[algorithm]), &token), Some(Error::BadSignature), "{algorithm}");
    }
}

#[test]
fn a_public_key_is_never_a_secret() {
    // CVE-2015-9235: the public key, in every form in which it is published, as the secret of an HMAC.
    let (rsa, point) = (signer(Algorithm::Rs256), signer(Algorithm::Es256));
    let mut keys = KeySet::new();
    keys.push(rsa.key());
    keys.push(point.key());
    let all = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512, Algorithm::Rs256, Algorithm::Es256];
    let verifier = Verifier::new(rules(&all), keys);
    assert_eq!(refusal(&verifier, &rsa.good()), None);
    for signer in [rsa, point] {
        let spki = signer.spki().unwrap();
        for secret in
            [spki.clone(), signer.bare(), pem("PUBLIC KEY", &spki).into_bytes(), signer.jwk("").into_bytes()]
        {
            for &algorithm in &all[..3] {
                let key = Key::secret(&secret).unwrap();
                let token = key.sign(algorithm, header(algorithm).as_bytes(), GOOD.as_bytes()).unwrap();
                assert_eq!(refusal(&verifier, &token), Some(Error::UnknownKey), "{algorithm}");
            }
        }
    }
}

#[test]
fn a_key_that_is_named_serves_its_own_family_only() {
    let mut keys = KeySet::new();
    keys.push(signer(Algorithm::Rs256).key().with_kid("rsa"));
    keys.push(signer(Algorithm::Hs256).key().with_kid("secret"));
    let verifier = Verifier::new(rules(ALGORITHMS), keys);
    let token =
        |kid: &str| signer(Algorithm::Hs256).token(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#), GOOD);
    assert_eq!(refusal(&verifier, &token("secret")), None);
    assert_eq!(refusal(&verifier, &token(r"\u0073ecret")), None);
    assert_eq!(refusal(&verifier, &token("rsa")), Some(Error::Algorithm));
    assert_eq!(refusal(&verifier, &token("other")), Some(Error::UnknownKey));
    assert_eq!(refusal(&verifier, &token("")), Some(Error::UnknownKey));
}

#[test]
fn key_ids_are_compared_and_never_used() {
    let mut keys = KeySet::new();
    keys.push(signer(Algorithm::Hs256).key().with_kid("k1"));
    let verifier = Verifier::new(rules(ALGORITHMS), keys);
    let long = "k".repeat(10 * 1024);
    for (kid, want) in [
        ("../../../../dev/null", Error::UnknownKey),
        ("/dev/null\\u0000", Error::UnknownKey),
        ("x' UNION SELECT 'secret'; --", Error::UnknownKey),
        ("k1\\u0000", Error::UnknownKey),
        ("K1", Error::UnknownKey),
        ("| sleep 10", Error::UnknownKey),
        ("http://evil.example/key", Error::UnknownKey),
        (&long, Error::TooLarge),
    ] {
        // Signed with the empty and the well-known secrets that such a path or query would yield.
        for secret in [&b"secret"[..], b"\0"] {
            let header = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
            let token =
                Key::secret(secret).unwrap().sign(Algorithm::Hs256, header.as_bytes(), GOOD.as_bytes());
            assert_eq!(refusal(&verifier, &token.unwrap()), Some(want), "{kid:.40}");
        }
    }
    for kid in ["1", "null", "[\"k1\"]", "{}", "true"] {
        let token = signer(Algorithm::Hs256).token(&format!(r#"{{"alg":"HS256","kid":{kid}}}"#), GOOD);
        assert_eq!(refusal(&verifier, &token), Some(Error::Malformed), "{kid}");
    }
}

#[test]
fn a_token_cannot_bring_its_own_key() {
    let verifier = verifier(&[Algorithm::Hs256, Algorithm::Es256]);
    let attacker = Key::secret(b"the attacker's").unwrap();
    let own = signer(Algorithm::EdDsa);
    for member in [
        format!(r#""jwk":{}"#, own.jwk("")),
        r#""jwk":{"kty":"oct","k":"dGhlIGF0dGFja2VyJ3M"}"#.to_owned(),
        r#""jku":"https://evil.example/jwks.json""#.to_owned(),
        r#""x5u":"https://evil.example/cert.pem""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""x5t":"AAAA","x5t#S256":"AAAA""#.to_owned(),
    ] {
        let header = format!(r#"{{"alg":"HS256",{member}}}"#);
        let token = attacker.sign(Algorithm::Hs256, header.as_bytes(), GOOD.as_bytes()).unwrap();
        assert_eq!(refusal(&verifier, &token), Some(Error::BadSignature), "{member}");
        // They are not an offence either: the same header, rightly signed, passes.
        assert_eq!(refusal(&verifier, &signer(Algorithm::Hs256).token(&header, GOOD)), None, "{member}");
    }
}

#[test]
fn critical_headers_are_refused_since_none_is_understood() {
    let verifier = verifier(ALGORITHMS);
    for member in [
        r#""crit":["exp"],"exp":1"#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":["b64"],"b64":true"#,
        r#""crit":["http://example.com/x"],"http://example.com/x":1"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":"exp""#,
        r#""\u0063rit":["x"]"#,
        r#""b64":false"#,
        r#""b64":"true""#,
        r#""b64":null"#,
    ] {
        let token = signer(Algorithm::Hs256).token(&format!(r#"{{"alg":"HS256",{member}}}"#), GOOD);
        assert_eq!(refusal(&verifier, &token), Some(Error::CriticalHeader), "{member}");
    }
}

#[test]
fn members_named_twice_are_refused() {
    let verifier = verifier(ALGORITHMS);
    for head in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"HS256","x":{"a":1,"a":2}}"#,
    ] {
        let token = signer(Algorithm::Hs256).token(head, GOOD);
        assert_eq!(refusal(&verifier, &token), Some(Error::Malformed), "{head}");
    }
    for payload in [
        r#"{"sub":"u-1","exp":1767225700,"sub":"admin"}"#,
        r#"{"exp":1,"exp":1767225700}"#,
        r#"{"exp":1767225700,"e\u0078p":1767225700}"#,
        r#"{"exp":1767225700,"realm_access":{"roles":[],"roles":["admin"]}}"#,
        r#"{"exp":1767225700,"a":[{"b":1,"\u0062":2}]}"#,
    ] {
        let token = signer(Algorithm::Hs256).token(&header(Algorithm::Hs256), payload);
        assert_eq!(refusal(&verifier, &token), Some(Error::Malformed), "{payload}");
    }
}

#[test]
fn base64_has_one_spelling() {
    let (verifier, good) = (verifier(ALGORITHMS), signer(Algorithm::Hs256).good());
    assert_eq!(refusal(&verifier, &good), None);
    let parts: Vec<_> = good.split('.').collect();
    // 43 characters for 32 bytes: the last one has two bits to spare.
    let (rest, last) = parts[2].split_at(42);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).unwrap();
    for spare in 1..4 {
        let token = format!("{}.{}.{rest}{}", parts[0], parts[1], &alphabet[place + spare..=place + spare]);
        assert_eq!(refusal(&verifier, &token), Some(Error::Malformed), "{spare}");
    }
    for token in [
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        format!("{}.{}.{}=", parts[0], parts[1], parts[2]),
        format!("{}.{}.{}==", parts[0], parts[1], parts[2]),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("{}.{}.{}", parts[0], parts[1], parts[2].replacen(&parts[2][..1], "+", 1)),
    ] {
        assert_eq!(refusal(&verifier, &token), Some(Error::Malformed), "{token}");
    }
    // What the payload is spelt like is signed, too.
    let token = format!("{}. {}.{}", parts[0], parts[1], parts[2]);
    assert_eq!(refusal(&verifier, &token), Some(Error::BadSignature), "{token}");
    let padded = format!("{}.{}=", parts[0], parts[1]);
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET).unwrap();
    mac.update(padded.as_bytes());
    let token = format!("{padded}.{}", encode(mac.finalize().into_bytes()));
    assert_eq!(refusal(&verifier, &token), Some(Error::Malformed), "{token}");
}

#[test]
fn a_token_has_three_parts() {
    let (verifier, good) = (verifier(ALGORITHMS), signer(Algorithm::Hs256).good());
    let parts: Vec<_> = good.split('.').collect();
    for seen in [false, true] {
        if seen {
            assert_eq!(refusal(&verifier, &good), None);
        }
        for (token, want) in [
            (String::new(), Error::Malformed),
            (".".to_owned(), Error::Malformed),
            ("..".to_owned(), Error::Malformed),
            ("....".to_owned(), Error::Encrypted),
            (parts[0].to_owned(), Error::Malformed),
            (format!("{}.{}", parts[0], parts[1]), Error::Malformed),
            (format!("{good}."), Error::Malformed),
            (format!("{good}.AA"), Error::Malformed),
            (format!(".{good}"), Error::Malformed),
            (format!("{good}.AA.AA"), Error::Encrypted),
            (format!("{good}.AA.AA.AA"), Error::Malformed),
            (format!("{}..{}", parts[0], parts[2]), Error::BadSignature),
            (format!(".{}.{}", parts[1], parts[2]), Error::Malformed),
            // RFC 7516 A.1, shortened: an encrypted token.
            (format!("{}.AA.AA.AA.AA", encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#)), Error::Encrypted),
        ] {
            assert_eq!(refusal(&verifier, &token), Some(want), "{token}");
        }
    }
}

#[test]
fn headers_and_payloads_are_objects() {
    let verifier = verifier(ALGORITHMS);
    for head in [
        "",
        "[]",
        "\"HS256\"",
        "null",
        "{",
        "{}",
        r#"{"typ":"JWT"}"#,
        r#"{"alg":256}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"HS256"}{}"#,
        r#"{"alg":"HS256"},"#,
        "\u{feff}{\"alg\":\"HS256\"}",
        r#"{"alg":"HS256","typ":1}"#,
        r#"{"alg":"\ud800"}"#,
        r#"{alg:"HS256"}"#,
    ] {
        assert_eq!(
            refusal(&verifier, &signer(Algorithm::Hs256).token(head, GOOD)),
            Some(Error::Malformed),
            "{head}"
        );
    }
    let deep = format!(r#"{{"exp":1767225700,"a":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let wide: Vec<_> = (0..300).map(|n| format!("\"c{n}\":0")).collect();
    let wide = format!(r#"{{"exp":1767225700,{}}}"#, wide.join(","));
    for payload in
        ["", "[]", "null", "\"x\"", "{}{}", "{\"exp\":1767225700,}", "{\"exp\":1767225700", &deep, &wide]
    {
        let token = signer(Algorithm::Hs256).token(&header(Algorithm::Hs256), payload);
        assert_eq!(refusal(&verifier, &token), Some(Error::Malformed), "{payload:.60}");
    }
}

#[test]
fn huge_tokens_are_refused_unread() {
    let verifier = verifier(ALGORITHMS);
    let payload = |length: usize| format!(r#"{{"exp":1767225700,"pad":"{}"}}"#, "x".repeat(length));
    let sign = |length| signer(Algorithm::Hs256).token(&header(Algorithm::Hs256), &payload(length));
    let fits = sign(12_000);
    assert!(fits.len() <= 16 * 1024);
    assert_eq!(refusal(&verifier, &fits), None);
    for token in [sign(13_000), sign(200_000), "A".repeat(10_000_000), ".".repeat(100_000)] {
        assert_eq!(refusal(&verifier, &token), Some(Error::TooLarge), "{}", token.len());
    }
    let long = format!("{}.{}.{}", encode(header(Algorithm::Hs256)), encode(GOOD), "A".repeat(12_000));
    assert!(refusal(&verifier, &long).is_some());
}

#[test]
fn times_are_kept_to_the_millisecond_with_leeway() {
    let verifier = verifier(ALGORITHMS);
    let now = NOW.as_secs();
    let far = now + 1_000;
    for (claims, want) in [
        (format!(r#""exp":{}"#, now - 29), None),
        (format!(r#""exp":{}"#, now - 30), Some(Error::Expired)),
        (format!(r#""exp":{}"#, now - 31), Some(Error::Expired)),
        (format!(r#""exp":{}.5"#, now - 30), None),
        (format!(r#""exp":{}.0e1"#, far / 10), None),
        (r#""exp":0"#.to_owned(), Some(Error::Expired)),
        (r#""exp":-1"#.to_owned(), Some(Error::Expired)),
        (r#""exp":-1e300"#.to_owned(), Some(Error::Expired)),
        (r#""exp":1e300"#.to_owned(), None),
        (r#""exp":99999999999999999999999999"#.to_owned(), None),
        (r#""exp":"1767225700""#.to_owned(), Some(Error::ClaimType)),
        (r#""exp":null"#.to_owned(), Some(Error::ClaimType)),
        (r#""exp":[1767225700]"#.to_owned(), Some(Error::ClaimType)),
        (r#""exp":true"#.to_owned(), Some(Error::ClaimType)),
        (r#""sub":"x""#.to_owned(), Some(Error::NoExpiry)),
        (r#""Exp":1767225700"#.to_owned(), Some(Error::NoExpiry)),
        (r#""e\u0078p":1"#.to_owned(), Some(Error::Expired)),
        (format!(r#""exp":{far},"nbf":{}"#, now + 30), None),
        (format!(r#""exp":{far},"nbf":{}"#, now + 31), Some(Error::NotYetValid)),
        (format!(r#""exp":{far},"nbf":{}.001"#, now + 30), Some(Error::NotYetValid)),
        (format!(r#""exp":{far},"nbf":"0""#), Some(Error::ClaimType)),
        (format!(r#""exp":{far},"iat":{}"#, now + 30), None),
        (format!(r#""exp":{far},"iat":{}"#, now + 31), Some(Error::IssuedInFuture)),
        (format!(r#""exp":{far},"iat":null"#), Some(Error::ClaimType)),
    ] {
        let token = signer(Algorithm::Hs256).token(&header(Algorithm::Hs256), &format!("{{{claims}}}"));
        assert_eq!(refusal(&verifier, &token), want, "{claims}");
    }
}

#[test]
fn a_token_without_expiry_passes_only_where_that_is_allowed() {
    let rules = Rules { expiry: Expiry::Optional, ..rules(ALGORITHMS) };
    let mut keys = KeySet::new();
    keys.push(signer(Algorithm::Hs256).key());
    let verifier = Verifier::new(rules, keys);
    let sign = |payload| signer(Algorithm::Hs256).token(&header(Algorithm::Hs256), payload);
    let claims = verifier.verify(sign(r#"{"sub":"x"}"#).as_bytes(), NOW).unwrap();
    assert_eq!(claims.expires(), None);
    assert_eq!(refusal(&verifier, &sign(r#"{"exp":1}"#)), Some(Error::Expired));
    let claims = verifier.verify(sign(r#"{"exp":1767225700.25}"#).as_bytes(), NOW).unwrap();
    assert_eq!(claims.expires(), Some(Wall::from_millis(1_767_225_700_250)));
}

#[test]
fn issuers_and_audiences_must_be_ours() {
    let rules = Rules {
        issuers: vec!["https://id.example".to_owned(), "https://other.example/".to_owned()],
        audiences: vec!["shop".to_owned(), "admin".to_owned()],
        ..rules(ALGORITHMS)
    };
    let mut keys = KeySet::new();
    keys.push(signer(Algorithm::Hs256).key());
    let verifier = Verifier::new(rules, keys);
    for (claims, want) in [
        (r#""iss":"https://id.example","aud":"shop""#, None),
        (r#""iss":"https:\/\/id.example","aud":"sh\u006fp""#, None),
        (r#""iss":"https://other.example/","aud":["x", "admin"]"#, None),
        (r#""\u0069ss":"https://id.example","\u0061ud":"shop""#, None),
        (r#""aud":"shop""#, Some(Error::Issuer)),
        (r#""iss":"https://id.example/","aud":"shop""#, Some(Error::Issuer)),
        (r#""iss":"https://id.example.evil","aud":"shop""#, Some(Error::Issuer)),
        (r#""iss":"HTTPS://ID.EXAMPLE","aud":"shop""#, Some(Error::Issuer)),
        (r#""iss":"","aud":"shop""#, Some(Error::Issuer)),
        (r#""iss":["https://id.example"],"aud":"shop""#, Some(Error::ClaimType)),
        (r#""iss":1,"aud":"shop""#, Some(Error::ClaimType)),
        (r#""iss":"https://id.example""#, Some(Error::Audience)),
        (r#""iss":"https://id.example","aud":[]"#, Some(Error::Audience)),
        (r#""iss":"https://id.example","aud":"shop admin""#, Some(Error::Audience)),
        (r#""iss":"https://id.example","aud":["Shop",["shop"],{"shop":1},null]"#, Some(Error::Audience)),
        (r#""iss":"https://id.example","aud":{"shop":1}"#, Some(Error::ClaimType)),
        (r#""iss":"https://id.example","aud":null"#, Some(Error::ClaimType)),
    ] {
        let payload = format!(r#"{{"exp":1767225700,{claims}}}"#);
        let token = signer(Algorithm::Hs256).token(&header(Algorithm::Hs256), &payload);
        assert_eq!(refusal(&verifier, &token), want, "{claims}");
    }
}

#[test]
fn types_are_judged() {
    let only = Types::Only(vec!["application/secevent+jwt".to_owned(), "X".to_owned()]);
    for (types, typ, fine) in [
        (Types::Usual, None, true),
        (Types::Usual, Some("JWT"), true),
        (Types::Usual, Some("jwt"), true),
        (Types::Usual, Some("at+JWT"), true),
        (Types::Usual, Some("application/at+jwt"), true),
        (Types::Usual, Some("APPLICATION/JWT"), true),
        (Types::Usual, Some("logout+jwt"), false),
        (Types::Usual, Some("dpop+jwt"), false),
        (Types::Usual, Some(""), false),
        (Types::Usual, Some("application/"), false),
        (only.clone(), None, false),
        (only.clone(), Some("JWT"), false),
        (only.clone(), Some("x"), true),
        (only.clone(), Some("secevent+jwt"), true),
        (only, Some("ä"), false),
    ] {
        let mut keys = KeySet::new();
        keys.push(signer(Algorithm::Hs256).key());
        let verifier = Verifier::new(Rules { types, ..rules(ALGORITHMS) }, keys);
        let header =
            typ.map_or(header(Algorithm::Hs256), |typ| format!(r#"{{"typ":"{typ}","alg":"HS256"}}"#));
        let got = refusal(&verifier, &signer(Algorithm::Hs256).token(&header, GOOD));
        assert_eq!(got, if fine { None } else { Some(Error::Type) }, "{typ:?}");
    }
}

#[test]
fn a_header_known_by_sight_is_judged_by_what_is_behind_it_too() {
    let verifier = verifier(ALGORITHMS);
    let hs = signer(Algorithm::Hs256);
    // More headers than are remembered, each more than once.
    for _ in 0..3 {
        for n in 0..8 {
            let header = format!(r#"{{"alg":"HS256","n":{n}}}"#);
            assert_eq!(refusal(&verifier, &hs.token(&header, GOOD)), None);
            assert_eq!(refusal(&verifier, &hs.token(&header, r#"{"exp":1}"#)), Some(Error::Expired));
            let forged =
                Key::secret(b"another").unwrap().sign(Algorithm::Hs256, header.as_bytes(), GOOD.as_bytes());
            assert_eq!(refusal(&verifier, &forged.unwrap()), Some(Error::BadSignature));
        }
    }
}
