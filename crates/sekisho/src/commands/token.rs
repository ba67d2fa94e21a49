//! `sekisho token`: a signed JSON Web Token (RFC 7519) to try a gateway with.

use sekisho_jose::Key;
use sekisho_units::{Clock, Wall};
use serde_json::{Map, Value, json};

use crate::cli::{Algorithm, TokenArgs};
use crate::output::{Exit, Failure, print};

/// Where the secret comes from when the command line names none.
const VARIABLE: &str = "JWT_SECRET";

/// Prints the token.
pub(super) fn run(arguments: TokenArgs) -> Result<Exit, Failure> {
    let secret = arguments.secret.clone().or_else(|| std::env::var(VARIABLE).ok()).unwrap_or_default();
    let Ok(key) = Key::secret(secret.as_bytes()) else {
        return Err(Failure::new(format!("there is no secret; give `--secret` or set {VARIABLE}")));
    };
    let claims = claims(arguments, Clock::system().wall());
    print(&token(claims.1, &key, &claims.0))?;
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
fn token(algorithm: Algorithm, key: &Key, claims: &Value) -> String {
    let algorithm = match algorithm {
        Algorithm::Hs256 => sekisho_jose::Algorithm::Hs256,
        Algorithm::Hs384 => sekisho_jose::Algorithm::Hs384,
        Algorithm::Hs512 => sekisho_jose::Algorithm::Hs512,
    };
    let header = json!({"alg": algorithm.name(), "typ": "JWT"});
    key.sign(algorithm, header.to_string().as_bytes(), claims.to_string().as_bytes())
        .expect("a secret signs by all algorithms that can be asked for")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
            let token = token(algorithm, &Key::secret(b"s").unwrap(), &json!({}));
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
