//! Why a token was refused, in a word for the log and a sentence for a person. A client is told neither.

use std::fmt;

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $detail:literal;)+) => {
        /// Why a token was refused.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum Error {
            $($(#[$doc])* #[doc = concat!("`", $word, "`: ", $detail, ".")] $variant,)+
        }

        impl Error {
            /// The word for logs and counters.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
        }

        impl fmt::Display for Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $detail,)+ })
            }
        }
    };
}

refusals! {
    TooLarge = "too_large", "the token, or the key id in its header, is larger than allowed";
    Malformed = "malformed", "the token is not three parts of base64url with JSON objects in the first two";
    Encrypted = "encrypted", "the token has five parts, so it is encrypted (JWE), which is not served";
    Unsigned = "unsigned", "the header says that the token is not signed";
    Algorithm = "algorithm", "the token is signed by an algorithm that is not configured, or that its key does not serve";
    CriticalHeader = "critical_header", "the header demands what is not understood here (crit, b64)";
    Type = "type", "the header names a type (typ) that is not accepted";
    /// Keys may have been rotated: this is when to fetch them again.
    UnknownKey = "unknown_key", "no key is known that the token could have been signed with";
    BadSignature = "bad_signature", "the signature is not that of the key";
    ClaimType = "claim_type", "a registered claim (exp, nbf, iat, iss, aud) has the wrong type";
    NoExpiry = "no_expiry", "the token has no expiry (exp), which is required";
    Expired = "expired", "the token has expired";
    NotYetValid = "not_yet_valid", "the token is not valid yet (nbf)";
    IssuedInFuture = "issued_in_future", "the token says that it was issued in the future (iat)";
    Issuer = "issuer", "the issuer (iss) is none of those configured";
    Audience = "audience", "the audience (aud) is none of those configured";
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_differ_and_fit_a_log() {
        let mut words: Vec<_> = Error::ALL.iter().map(|error| error.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Error::ALL.len());
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
}
