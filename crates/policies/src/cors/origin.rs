//! Origins (RFC 6454, Fetch standard §3.2) and the lists of those that are allowed.

use sekisho_units::At;
use sekisho_wire::is_authority;

use crate::Here;

/// The origins that may read answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Origins {
    /// Every one.
    Any,
    /// These.
    Named(Vec<Allowed>),
}

/// One entry of the list, in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Allowed {
    /// Exactly this one; `null` as well.
    Exact(String),
    /// `https://*.example.com:8443`: what stands before the star, and from the dot behind it.
    Below { scheme: String, domain: String },
}

/// Why a text is no entry of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BadOrigin {
    #[error("an origin begins with a scheme; write `https://app.example.com`")]
    NoScheme,
    #[error("an origin has no path; end it after the host or port")]
    Path,
    #[error(
        "this is no host with an optional port; write `https://app.example.com` or `https://app.example.com:8443`"
    )]
    Host,
    #[error("a star stands for the labels in front of a domain only; write `https://*.example.com`")]
    Star,
}

impl Allowed {
    pub(super) fn parse(text: &str) -> Result<Self, BadOrigin> {
        let text = text.to_ascii_lowercase();
        if text == "null" {
            return Ok(Self::Exact(text));
        }
        let (scheme, authority) = text.split_once("://").ok_or(BadOrigin::NoScheme)?;
        let letters = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(letters) {
            return Err(BadOrigin::NoScheme);
        }
        if authority.contains(['/', '?', '#']) {
            return Err(BadOrigin::Path);
        }
        let domain = authority.strip_prefix("*.");
        let host = domain.unwrap_or(authority);
        if host.contains('*') {
            return Err(BadOrigin::Star);
        }
        if host.is_empty() || !is_authority(host.as_bytes()) || host.contains('@') {
            return Err(BadOrigin::Host);
        }
        // Browsers never write a scheme's default port.
        let default = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "\n",
        };
        let host = host.strip_suffix(default).unwrap_or(host);
        Ok(match domain {
            Some(_) => Self::Below { scheme: format!("{scheme}://"), domain: format!(".{host}") },
            None => Self::Exact(format!("{scheme}://{host}")),
        })
    }

    fn matches(&self, origin: &[u8]) -> bool {
        match self {
            Self::Exact(allowed) => origin.eq_ignore_ascii_case(allowed.as_bytes()),
            Self::Below { scheme, domain } => {
                let Some(labels) =
                    origin.len().checked_sub(scheme.len() + domain.len()).filter(|&len| len > 0)
                else {
                    return false;
                };
                let (front, rest) = origin.split_at(scheme.len());
                let (labels, back) = rest.split_at(labels);
                front.eq_ignore_ascii_case(scheme.as_bytes())
                    && back.eq_ignore_ascii_case(domain.as_bytes())
                    && labels[0] != b'.'
                    && labels.iter().all(|&b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            }
        }
    }
}

impl Origins {
    /// Compiles the list; reports what is wrong with each entry.
    pub(super) fn compile(list: &[At<String>], here: &mut Here<'_>) -> Option<Self> {
        if list.is_empty() {
            let place = here.place.clone();
            return here.refuse(
                "origins",
                &place,
                "the list is empty",
                "name origins, or write `[\"*\"]` for every one",
            );
        }
        if let Some(star) = list.iter().find(|origin| origin.as_str() == "*") {
            if list.len() > 1 {
                return here.refuse(
                    "origins",
                    &star.place,
                    "`*` already means every origin",
                    "take the others out",
                );
            }
            return Some(Self::Any);
        }
        let mut good = Some(Vec::new());
        for origin in list {
            match Allowed::parse(origin) {
                Ok(allowed) => good.iter_mut().for_each(|good| good.push(allowed.clone())),
                Err(error) => {
                    let (what, remedy) = error.parts();
                    good = here.refuse("origins", &origin.place, format!("`{origin}`: {what}"), remedy);
                }
            }
        }
        good.map(Self::Named)
    }

    #[inline]
    pub(super) fn allow(&self, origin: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Named(list) => list.iter().any(|allowed| allowed.matches(origin)),
        }
    }
}

impl BadOrigin {
    /// What is wrong, and the remedy.
    fn parts(self) -> (String, String) {
        let text = self.to_string();
        match text.split_once("; ") {
            Some((what, remedy)) => (what.to_owned(), remedy.to_owned()),
            None => (text, String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_origins() {
        for (text, want) in [
            ("https://app.example.com", Ok(())),
            ("HTTP://App.example.com:8080", Ok(())),
            ("http://[::1]:3000", Ok(())),
            ("https://*.example.com", Ok(())),
            ("null", Ok(())),
            ("chrome-extension://abcdef", Ok(())),
            ("app.example.com", Err(BadOrigin::NoScheme)),
            ("://a", Err(BadOrigin::NoScheme)),
            ("https://a.example/", Err(BadOrigin::Path)),
            ("https://a.example/b", Err(BadOrigin::Path)),
            ("https://a.example?b", Err(BadOrigin::Path)),
            ("https://", Err(BadOrigin::Host)),
            ("https://*.", Err(BadOrigin::Host)),
            ("https://u@a.example", Err(BadOrigin::Host)),
            ("https://a.example:99999", Err(BadOrigin::Host)),
            ("https://a b", Err(BadOrigin::Host)),
            ("https://*", Err(BadOrigin::Star)),
            ("https://a*.example", Err(BadOrigin::Star)),
            ("https://*.*.example", Err(BadOrigin::Star)),
        ] {
            assert_eq!(Allowed::parse(text).map(|_| ()), want, "{text}");
        }
    }

    #[test]
    fn matches_whole_origins_only() {
        for (entry, origin, want) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example:443", "https://a.example", true),
            ("http://a.example:443", "http://a.example", false),
            ("https://A.example", "HTTPS://a.EXAMPLE", true),
            ("https://a.example", "http://a.example", false),
            ("https://a.example", "https://a.example:8443", false),
            ("https://a.example", "https://a.example.evil.test", false),
            ("https://*.a.example", "https://b.a.example", true),
            ("https://*.a.example", "https://c.b.a.example", true),
            ("https://*.a.example", "https://a.example", false),
            ("https://*.a.example", "https://.a.example", false),
            ("https://*.a.example", "https://evila.example", false),
            ("https://*.a.example", "https://evil.test/.a.example", false),
            ("https://*.a.example", "https://evil.test:1.a.example", false),
            ("https://*.a.example", "https://b.a.example:8443", false),
            ("https://*.a.example:8443", "https://b.a.example:8443", true),
            ("https://a.example", "null", false),
            ("null", "null", true),
            ("https://a.example", "", false),
        ] {
            let origins = Origins::Named(vec![Allowed::parse(entry).unwrap()]);
            assert_eq!(origins.allow(origin.as_bytes()), want, "{entry} {origin}");
        }
    }
}
