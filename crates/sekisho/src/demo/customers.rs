//! Those who buy in the demo's shop, and the tokens by which they prove it.

use sekisho_jose::{Algorithm, Key};
use sekisho_units::Wall;
use serde_json::json;

/// A name for the shell, and the user's id. The last one was switched off.
pub(super) const CUSTOMERS: &[(&str, &str)] = &[("AIKO", "u-1"), ("JONAS", "u-2"), ("ADAEZE", "u-3")];

/// How long a token is good, in seconds.
const LASTING: u64 = 12 * 3600;

/// The variable of the configuration that holds the secret.
pub(super) const VARIABLE: &str = "JWT_SECRET";

/// A secret for this run alone: whoever knows the program knows no secret of it.
pub(super) fn secret() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| std::io::Error::other("the system gives no chance"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The tokens, each with its name for the shell.
pub(super) fn tokens(secret: &str, now: Wall) -> Vec<(&'static str, String)> {
    let key = Key::secret(secret.as_bytes()).ok();
    let token = |id: &str| {
        let (issued, ends) = (now.as_secs(), now.as_secs() + LASTING);
        let claims = json!({"userId": id, "iat": issued, "exp": ends}).to_string();
        key.as_ref()?.sign(Algorithm::Hs256, br#"{"alg":"HS256","typ":"JWT"}"#, claims.as_bytes())
    };
    CUSTOMERS.iter().filter_map(|(name, id)| Some((*name, token(id)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_a_secret_and_each_customer_a_token_of_it() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert!(one.len() == 64 && one != other);
        let now = Wall::from_secs(1_000);
        assert_eq!(tokens(&one, now).len(), CUSTOMERS.len());
        assert_ne!(tokens(&one, now)[0].1, tokens(&other, now)[0].1);
    }
}
