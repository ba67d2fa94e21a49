//! `sekisho token`: a signed JSON Web Token (RFC 7519) to try a gateway with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sekisho_units::{Clock, Wall};
use serde_json::{Map, Value, json};
use sha2::{Sha256, Sha384, Sha512};

use crate::cli::{Algorithm, TokenArgs};
use crate::output::{Exit, Failure, print};

/// Where the secret comes from when the command line names none.
const VARIABLE: &str = "JWT_SECRET";

/// Prints the token.
pub(super) fn run(arguments: TokenArgs) -> Result<Exit, Failure> {
    let secret = arguments.secret.clone().or_else(|| std::env::var(VARIABLE).ok()).unwrap_or_default();
    if secret.is_empty() {
        return Err(Failure::new(format!("there is no secret; give `--secret` or set {VARIABLE}")));
    }
    let claims = claims(arguments, Clock::system().wall());
    print(&token(claims.1, secret.as_bytes(), &claims.0))?;
    Ok(Exit::Fine)
}

/// The claims as they were asked for, those named by `--claim` last so that they win, and what to sign them with.
fn claims(arguments: TokenArgs, now: Wall) -> (Value, Algorithm) {
    let issued = now.as_secs();
    let mut claims = Map::new();
    claims.insert(arguments.subject_claim, arguments.subject.into());
    claims.insert("iat".to_owned(), issued.into());
    claims.insert("exp".to_owned(), issued.saturating_add(arguments.ttl.as_duration().as_secs()).into());
    for (name, list) in [("permissions", arguments.permissions), ("roles", arguments.roles)] {
        if !list.is_empty() {
            claims.insert(name.to_owned(), list.into());
        }
    }
    claims.extend(arguments.claims);
    (Value::Object(claims), arguments.algorithm)
}

/// A token with the header that JWT libraries write.
fn token(algorithm: Algorithm, secret: &[u8], claims: &Value) -> String {
    let name = match algorithm {
        Algorithm::Hs256 => "HS256",
        Algorithm::Hs384 => "HS384",
        Algorithm::Hs512 => "HS512",
    };
    let header = json!({"alg": name, "typ": "JWT"});
    sign(algorithm, secret, header.to_string().as_bytes(), claims.to_string().as_bytes())
}

/// The compact serialization of RFC 7515 §3.1: header, payload and signature, each in base64url without padding.
fn sign(algorithm: Algorithm, secret: &[u8], header: &[u8], payload: &[u8]) -> String {
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = match algorithm {
        Algorithm::Hs256 => mac::<Hmac<Sha256>>(secret, token.as_bytes()),
        Algorithm::Hs384 => mac::<Hmac<Sha384>>(secret, token.as_bytes()),
        Algorithm::Hs512 => mac::<Hmac<Sha512>>(secret, token.as_bytes()),
    };
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

fn mac<M: Mac + KeyInit>(secret: &[u8], signed: &[u8]) -> Vec<u8> {
    let mut mac =
        <M as KeyInit>::new_from_slice(secret).expect("HMAC takes a key of any length (RFC 2104 §2)");
    mac.update(signed);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn arguments(words: &[&str]) -> TokenArgs {
        match Cli::parse_from(["sekisho", "token"].iter().chain(words)).command {
            Command::Token(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn signs_as_rfc_7515_appendix_a_1() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let token = sign(
            Algorithm::Hs256,
            &URL_SAFE_NO_PAD.decode(key).unwrap(),
            b"{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
            b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
        );
        let want = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                    eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                    dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(token, want);
    }

    #[test]
    fn keyed_hashes_give_what_rfc_4231_test_case_2_says() {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (key, text) = (b"Jefe".as_slice(), b"what do ya want for nothing?".as_slice());
        assert_eq!(
            hex(mac::<Hmac<Sha384>>(key, text)),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
        );
        assert_eq!(
            hex(mac::<Hmac<Sha512>>(key, text)),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd\
             caeab1a34d4a6b4b636e070a38bce737"
        );
    }

    #[test]
    fn holds_what_was_asked_for_and_ends_in_time() {
        let words = [
            "--secret",
            "s",
            "--subject",
            "u-7",
            "--subject-claim",
            "userId",
            "--permissions",
            "a:read,b:write",
        ];
        let more = ["--ttl", "90s", "--claim", "tier=premium", "--claim", "level=3", "--algorithm", "HS512"];
        let (claims, algorithm) =
            claims(arguments(&[words.as_slice(), &more].concat()), Wall::from_secs(1_000));
        let want = json!({
            "userId": "u-7", "iat": 1_000, "exp": 1_090, "permissions": ["a:read", "b:write"], "tier": "premium", "level": 3
        });
        assert_eq!((claims, algorithm), (want, Algorithm::Hs512));
    }

    #[test]
    fn the_header_names_the_algorithm() {
        for (algorithm, header, length) in [
            (Algorithm::Hs256, r#"{"alg":"HS256","typ":"JWT"}"#, 32),
            (Algorithm::Hs384, r#"{"alg":"HS384","typ":"JWT"}"#, 48),
            (Algorithm::Hs512, r#"{"alg":"HS512","typ":"JWT"}"#, 64),
        ] {
            let token = token(algorithm, b"s", &json!({}));
            let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
            assert_eq!(parts[0], header.as_bytes());
            assert_eq!((parts[1].as_slice(), parts[2].len()), (b"{}".as_slice(), length));
        }
    }

    #[test]
    fn without_a_secret_says_where_to_put_one() {
        let failure = run(arguments(&["--secret", ""])).unwrap_err();
        assert!(failure.to_string().contains("--secret"), "{failure}");
    }
}
