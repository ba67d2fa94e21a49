//! `sekisho key`: a key for the policy `api_key`, or the hash of a password for `basic_auth`.

use std::io::{self, BufRead as _, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho_policies::{api_key, basic_auth};
use serde_json::json;

use crate::cli::KeyArgs;
use crate::output::{Exit, Failure, print};

/// Nobody guesses one of so many bytes.
const BYTES: usize = 32;
/// More is no password.
const LONGEST_PASSWORD: u64 = 1024;

/// Prints the key and, in a second line, what to write into the configuration; or a hash alone.
pub(super) fn run(arguments: &KeyArgs) -> Result<Exit, Failure> {
    if arguments.password {
        let hash = basic_auth::hash(&password()?);
        print(&hash.ok_or_else(no_random_source)?)?;
        return Ok(Exit::Fine);
    }
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|_| no_random_source())?;
    let key = format!("{}{}", arguments.prefix, URL_SAFE_NO_PAD.encode(random));
    print(&format!("{key}\n{}", line(arguments, &key)))?;
    Ok(Exit::Fine)
}

/// The entry of `keys`. Texts are written as in JSON, which YAML reads whatever is in them.
fn line(arguments: &KeyArgs, key: &str) -> String {
    let mut line = format!("- {{ id: {}, hash: {}", json!(arguments.id), json!(api_key::digest_text(key)));
    for (word, list) in [("roles", &arguments.roles), ("permissions", &arguments.permissions)] {
        if !list.is_empty() {
            line.push_str(&format!(", {word}: {}", json!(list)));
        }
    }
    line.push_str(" }");
    line
}

fn password() -> Result<String, Failure> {
    let mut text = String::new();
    let mut input = io::stdin().lock().take(LONGEST_PASSWORD + 2);
    input.read_line(&mut text).map_err(|error| Failure::new(format!("cannot read the password: {error}")))?;
    let password =
        text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if password.is_empty() {
        return Err(Failure::new("there is no password; give it on standard input"));
    }
    if password.len() as u64 > LONGEST_PASSWORD || password.chars().any(char::is_control) {
        let remedy = format!("use at most {LONGEST_PASSWORD} bytes without control characters");
        return Err(Failure::new(format!("the password cannot be sent by any client; {remedy}")));
    }
    Ok(password.to_owned())
}

fn no_random_source() -> Failure {
    Failure::new("the system gives no random bytes; try again once it has started")
}
