//! The signature of a webhook, by which its receiver knows who has sent it, and when.
//!
//! `X-Sekisho-Signature: t=1767225600,v1=5f8c…`: `v1` is the HMAC-SHA256 (RFC 2104, FIPS 180-4) of the digits of `t`, a dot, and
//! the body as it came, in hexadecimal. A receiver computes it with the secret, compares in constant time, and refuses a `t`
//! that is minutes old, so that nobody can send again what was sent before.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sekisho_units::{Secret, Wall};
use sha2::Sha256;

/// The header field.
pub(super) const NAME: &str = "X-Sekisho-Signature";

/// Its value.
pub(super) fn sign(secret: &Secret, now: Wall, body: &[u8]) -> String {
    let time = now.as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("a key of HMAC may be of any length (RFC 2104 §2)");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let mut value = format!("t={time},v1=");
    for byte in mac.finalize().into_bytes() {
        let _ = write!(value, "{byte:02x}");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_hmac_of_time_dot_and_body() {
        // By `printf '1767225600.{"event":"test"}' | openssl dgst -sha256 -hmac 'It is a secret.'`.
        let value =
            sign(&Secret::new("It is a secret."), Wall::from_secs(1_767_225_600), br#"{"event":"test"}"#);
        assert_eq!(value, "t=1767225600,v1=649027a9d4dc4730f57d95bf05e3ddaff42f60fc556f4bccd18f2afe473914d4");
        let other =
            sign(&Secret::new("It is another."), Wall::from_secs(1_767_225_600), br#"{"event":"test"}"#);
        assert_ne!(value, other);
    }
}
