//! [`Secret`]: a text that never prints.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::text::textual;

/// A text that neither `Debug`, `Display` nor `Serialize` shows: all three give `***`.
///
/// Two secrets are compared in a time that depends on their lengths only, so that a guess learns nothing
/// from how long its refusal took.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself; the caller keeps it from logs and messages.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `guess` is the secret, in a time that depends on the lengths only.
    pub fn is(&self, guess: &[u8]) -> bool {
        let mine = self.0.as_bytes();
        // `black_box` keeps the compiler from turning the fold back into a loop that stops early.
        let differing =
            mine.iter().zip(guess).fold(0_u8, |seen, (a, b)| std::hint::black_box(seen | (a ^ b)));
        mine.len() == guess.len() && std::hint::black_box(differing) == 0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for Secret {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

textual!(Secret, "Secret", expecting "a text", schema {
    "type": "string",
    "description": "A secret: best `${NAME}` from the environment, or `file:` and a path. It is never printed.",
    "pattern": "^[\\s\\S]*$",
    "examples": ["${JWT_SECRET}", "file:/run/secrets/jwt"]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_prints() {
        let secret: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
    }

    #[test]
    fn equals_only_the_same_bytes() {
        for (a, b, want) in [
            ("", "", true),
            ("abc", "abc", true),
            ("abc", "abd", false),
            ("abc", "ab", false),
            ("ab", "abc", false),
            ("", "a", false),
        ] {
            assert_eq!(Secret::new(a) == Secret::new(b), want, "{a} {b}");
        }
    }
}
