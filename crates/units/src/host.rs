//! [`HostPattern`]: which hosts a route takes, `shop.example.com`, `*.example.com`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::sync::Arc;

use crate::text::textual;

/// A host name, or `*.` and the name beneath which all names are meant, at any depth. Lower case, no port.
///
/// `*.example.com` takes `a.example.com` and `a.b.example.com`, never `example.com` itself. An IPv6 address
/// stands in brackets, as in a Host header (RFC 3986 §3.2.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern {
    /// The whole name, or for a wildcard what follows the `*`, with its leading dot.
    name: Arc<str>,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reach {
    Exact,
    Beneath,
}

/// Why a text is not a [`HostPattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// Nothing was written.
    #[error("a host is missing; write one such as `shop.example.com` or `*.example.com`")]
    Empty,
    /// `*` alone.
    #[error("host `*` is every host; leave `hosts` out for that")]
    Everything,
    /// `*` elsewhere than as the whole first label.
    #[error("host `{0}` has `*` elsewhere than as its first label; write one such as `*.example.com`")]
    Star(String),
    /// A port.
    #[error("host `{0}` must have no port; write `{1}`")]
    Port(String, String),
    /// A URL.
    #[error("host `{0}` must be a name without scheme or path, such as `shop.example.com`")]
    Url(String),
    /// Letters beyond ASCII.
    #[error("host `{0}` has letters beyond ASCII; write its `xn--` form")]
    NotAscii(String),
    /// A label that is empty, too long or holds something else than letters, digits, `-` and `_`.
    #[error("host `{0}` has the bad label `{1}`; labels are 1 to 63 letters, digits, `-` or `_`")]
    Label(String, String),
    /// More than 253 characters.
    #[error("host `{0}` is longer than 253 characters")]
    TooLong(String),
}

impl HostPattern {
    /// Reads a name or a wildcard; upper case becomes lower case.
    ///
    /// # Errors
    /// A [`HostPatternError`] that names the text and what to write instead.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        let owned = || text.to_owned();
        match text {
            "" => return Err(HostPatternError::Empty),
            "*" => return Err(HostPatternError::Everything),
            _ if !text.is_ascii() => return Err(HostPatternError::NotAscii(owned())),
            _ if text.contains('/') => return Err(HostPatternError::Url(owned())),
            _ if text.len() > 253 => return Err(HostPatternError::TooLong(owned())),
            _ => {}
        }
        let text = text.to_ascii_lowercase();
        if let Some(address) = text.strip_prefix('[') {
            return bracketed(&text, address);
        }
        if let Some((host, _)) = text.split_once(':') {
            return Err(HostPatternError::Port(owned(), host.to_owned()));
        }
        let (labels, reach) = match text.strip_prefix("*.") {
            Some(rest) => (rest, Reach::Beneath),
            None => (text.as_str(), Reach::Exact),
        };
        if labels.contains('*') {
            return Err(HostPatternError::Star(owned()));
        }
        if let Some(bad) = labels.split('.').find(|label| !is_label(label)) {
            return Err(HostPatternError::Label(owned(), bad.to_owned()));
        }
        let name = if reach == Reach::Beneath { &text[1..] } else { &text };
        Ok(Self { name: name.into(), reach })
    }

    /// Whether a host, without its port, is meant: any case, with or without the root's trailing dot.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
        let name = self.name.as_bytes();
        match self.reach {
            Reach::Exact => host.eq_ignore_ascii_case(name),
            Reach::Beneath => host
                .len()
                .checked_sub(name.len())
                .is_some_and(|cut| cut > 0 && host[cut..].eq_ignore_ascii_case(name)),
        }
    }

    /// Whether the pattern is one name, without a wildcard.
    pub fn is_exact(&self) -> bool {
        self.reach == Reach::Exact
    }

    /// The name in lower case; for a wildcard the part after `*`, with its leading dot.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn bracketed(text: &str, address: &str) -> Result<HostPattern, HostPatternError> {
    let bad = || HostPatternError::Label(text.to_owned(), text.to_owned());
    let (address, after) = address.split_once(']').ok_or_else(bad)?;
    let address: Ipv6Addr = address.parse().map_err(|_| bad())?;
    if !after.is_empty() {
        return Err(HostPatternError::Port(text.to_owned(), format!("[{address}]")));
    }
    Ok(HostPattern { name: format!("[{address}]").into(), reach: Reach::Exact })
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reach == Reach::Beneath {
            f.write_str("*")?;
        }
        f.write_str(&self.name)
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;
    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        Self::parse(text)
    }
}

textual!(HostPattern, "HostPattern", expecting "a host such as `shop.example.com`", schema {
    "type": "string",
    "description": "A host name without a port, or `*.` and a name for all names beneath it.",
    "pattern": "^((\\*\\.)?[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*|\\[[0-9A-Fa-f:.]+\\])$",
    "examples": ["shop.example.com", "*.example.com"]
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_what_it_says() {
        for (text, host, want) in [
            ("shop.example.com", "shop.example.com", true),
            ("shop.example.com", "SHOP.Example.com", true),
            ("Shop.Example.com", "shop.example.com", true),
            ("shop.example.com", "shop.example.com.", true),
            ("shop.example.com", "a.shop.example.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "A.B.EXAMPLE.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "aexample.com", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("[::1]", "[::1]", true),
            ("[0:0::1]", "[::1]", true),
        ] {
            assert_eq!(HostPattern::parse(text).unwrap().matches(host), want, "{text} {host}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_remedy() {
        for (text, want) in [
            ("", "a host is missing; write one such as `shop.example.com` or `*.example.com`"),
            ("*", "host `*` is every host; leave `hosts` out for that"),
            (
                "a.*.com",
                "host `a.*.com` has `*` elsewhere than as its first label; write one such as `*.example.com`",
            ),
            ("a.com:80", "host `a.com:80` must have no port; write `a.com`"),
            ("[::1]:80", "host `[::1]:80` must have no port; write `[::1]`"),
            (
                "http://a.com",
                "host `http://a.com` must be a name without scheme or path, such as `shop.example.com`",
            ),
            ("käse.de", "host `käse.de` has letters beyond ASCII; write its `xn--` form"),
            ("a..b", "host `a..b` has the bad label ``; labels are 1 to 63 letters, digits, `-` or `_`"),
            ("-a.b", "host `-a.b` has the bad label `-a`; labels are 1 to 63 letters, digits, `-` or `_`"),
            ("*.", "host `*.` has the bad label ``; labels are 1 to 63 letters, digits, `-` or `_`"),
        ] {
            assert_eq!(HostPattern::parse(text).map_err(|e| e.to_string()), Err(want.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(text in "(\\*\\.)?[A-Za-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,3}") {
            let host = HostPattern::parse(&text).unwrap();
            prop_assert_eq!(HostPattern::parse(&host.to_string()), Ok(host.clone()));
            prop_assert_eq!(host.to_string(), text.to_ascii_lowercase());
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[\\[\\]:*.a-z0-9-]{0,24}|.{0,24}", host in ".{0,24}") {
            if let Ok(pattern) = HostPattern::parse(&text) {
                let _ = pattern.matches(&host);
            }
        }
    }
}
