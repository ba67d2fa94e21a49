//! `host[:port]` (RFC 3986 §3.2, RFC 9110 §4.2, §7.2).

use std::net::Ipv6Addr;

use crate::field::is_unreserved;

/// Scheme of an absolute request target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// `http`, default port 80.
    Http,
    /// `https`, default port 443.
    Https,
}

impl Scheme {
    /// The port that may be left out.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// Whether `text` is a host with an optional port: a name of letters, digits and `-._~`, an IPv4 address, or
/// an IPv6 address in brackets; then nothing or `:` and a number up to 65535.
///
/// Stricter than RFC 3986 on purpose: percent-encoding and the sub-delimiters, which its `reg-name` has and no
/// name in DNS, would mean something else in `Forwarded`, in lists and in logs.
#[must_use]
pub fn is_authority(text: &[u8]) -> bool {
    split(text).is_some()
}

/// Whether two authorities name the same place under `scheme`: hosts are compared without case, and the
/// scheme's default port is the same as none.
#[must_use]
pub fn same_authority(a: &[u8], b: &[u8], scheme: Scheme) -> bool {
    let (Some((host, port)), Some((other_host, other_port))) = (split(a), split(b)) else {
        return false;
    };
    let default = scheme.default_port();
    host.eq_ignore_ascii_case(other_host) && port.unwrap_or(default) == other_port.unwrap_or(default)
}

/// Host and port of a well-formed authority.
fn split(text: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let host_len = match text {
        [b'[', rest @ ..] => {
            let len = memchr::memchr(b']', rest)?;
            let address = std::str::from_utf8(&rest[..len]).ok()?;
            address.parse::<Ipv6Addr>().ok()?;
            len + 2
        }
        _ => text.iter().take_while(|&&b| is_unreserved(b)).count(),
    };
    let (host, rest) = text.split_at(host_len);
    match rest {
        _ if host.is_empty() => None,
        [] => Some((host, None)),
        [b':', port @ ..] => Some((host, Some(number(port)?))),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 5 {
        return None;
    }
    let mut port: u32 = 0;
    for &b in digits {
        if !b.is_ascii_digit() {
            return None;
        }
        port = port * 10 + u32::from(b - b'0');
    }
    u16::try_from(port).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_and_addresses_with_ports() {
        for (text, good) in [
            ("a.example", true),
            ("A.example:8080", true),
            ("127.0.0.1:80", true),
            ("[::1]", true),
            ("[::1]:443", true),
            ("my_service", true),
            ("a:65535", true),
            ("a:0", true),
            ("a:65536", false),
            ("a:", false),
            ("a:8x", false),
            ("a:+80", false),
            ("a:000080", false),
            ("", false),
            (":80", false),
            ("user@a", false),
            ("a/b", false),
            ("a?b", false),
            ("a#b", false),
            ("a b", false),
            ("a,b", false),
            ("a%2fb", false),
            ("a\\b", false),
            ("[::1", false),
            ("[]", false),
            ("[::1]x", false),
            ("[::1%25eth0]", false),
            ("[127.0.0.1]", false),
            ("a]:80", false),
        ] {
            assert_eq!(is_authority(text.as_bytes()), good, "{text}");
        }
    }

    #[test]
    fn compares_hosts_without_case_and_default_ports() {
        for (a, b, scheme, same) in [
            ("A.example", "a.EXAMPLE:80", Scheme::Http, true),
            ("a", "a:443", Scheme::Https, true),
            ("a", "a:443", Scheme::Http, false),
            ("a:81", "a:81", Scheme::Http, true),
            ("a", "b", Scheme::Http, false),
            ("", "", Scheme::Http, false),
        ] {
            assert_eq!(same_authority(a.as_bytes(), b.as_bytes(), scheme), same, "{a} {b}");
        }
    }
}
