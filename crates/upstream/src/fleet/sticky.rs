//! Clients that come back to the endpoint they had, by a cookie (RFC 6265) that names it without telling where it is.

use std::fmt::Write as _;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Scheme};
use sekisho_units::{At, Place, Problem, Problems, Secret, Span};
use sekisho_wire::{HeadView, Known, is_field_name};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Sends a client to the endpoint that it had before, by a cookie. If that is no longer available, another one is chosen and
/// the cookie set anew.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sticky")]
pub struct StickyConfig {
    /// The cookie's name. It holds a hash that names the endpoint, never its address, and no script can read it.
    #[schemars(with = "String")]
    pub cookie: At<String>,
    /// How long the client keeps it. Default: until it closes.
    #[serde(default)]
    pub ttl: Option<Span>,
    /// Beneath which path the client sends it. Default `/`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub path: Option<At<String>>,
    /// Whether the client sends it over TLS only. Default: where it came over TLS itself.
    #[serde(default)]
    pub secure: Option<At<bool>>,
    /// Whether it goes along with requests that other sites cause. Default `lax`.
    #[serde(default)]
    pub same_site: SameSite,
    /// Goes into the hash, so that nobody who guesses an address can tell whether it is right. All gateways of a service need the
    /// same. Default: none.
    #[serde(default)]
    pub secret: Option<Secret>,
}

/// Whether a cookie goes along with requests that other sites cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SameSite {
    /// Never.
    Strict,
    /// Where the client follows a link.
    #[default]
    Lax,
    /// Always; for cookies that are `secure` only.
    None,
}

impl StickyConfig {
    /// Reports what no cookie can be.
    pub(crate) fn check(&self, place: &Place, path: &str, problems: &mut Problems) {
        let mut refuse = |at: &Place, field: &str, message: &str, remedy: &str| {
            let at = if at.is_none() { place } else { at };
            let problem = Problem::error(at.clone(), format!("{path}.sticky.{field}"), message);
            problems.push(problem.remedy(remedy));
        };
        if !is_field_name(self.cookie.as_bytes()) {
            refuse(
                &self.cookie.place,
                "cookie",
                "no cookie can have this name",
                "use letters, digits, `-` and `_`",
            );
        }
        if let Some(path) = &self.path {
            let fits = |byte: u8| byte.is_ascii_graphic() && byte != b';';
            if !path.starts_with('/') || !path.bytes().all(fits) {
                refuse(&path.place, "path", "no cookie can have this path", "write one such as `/shop`");
            }
        }
        if self.ttl.is_some_and(Span::is_zero) {
            refuse(
                place,
                "ttl",
                "no client would keep the cookie",
                "write a time such as `1h`, or leave it out",
            );
        }
        if self.same_site == SameSite::None && self.secure.as_ref().is_none_or(|secure| !secure.value) {
            let remedy = "add `secure: true`";
            refuse(&self.cookie.place, "same_site", "clients take `none` from secure cookies only", remedy);
        }
    }
}

/// The cookie of a service.
pub(crate) struct Sticky {
    cookie: Box<str>,
    /// What stands behind the value: for clients over plain HTTP, and over TLS.
    attributes: [Box<str>; 2],
    /// Goes before what is hashed.
    salt: Vec<u8>,
}

impl Sticky {
    pub(crate) fn new(service: &str, config: &StickyConfig) -> Self {
        let attributes = |tls: bool| {
            let mut text = format!("; Path={}", config.path.as_ref().map_or("/", |path| path.value.as_str()));
            if let Some(ttl) = config.ttl {
                let _ = write!(text, "; Max-Age={}", ttl.as_secs_ceil());
            }
            text.push_str("; HttpOnly");
            if config.secure.as_ref().map_or(tls, |secure| secure.value) {
                text.push_str("; Secure");
            }
            text.push_str(match config.same_site {
                SameSite::Strict => "; SameSite=Strict",
                SameSite::Lax => "; SameSite=Lax",
                SameSite::None => "; SameSite=None",
            });
            text.into()
        };
        let secret = config.secret.as_ref().map_or("", Secret::expose);
        // By their lengths, so that no two pairs read the same.
        let salt = format!("{}:{secret}{}:{service}", secret.len(), service.len()).into_bytes();
        Self {
            cookie: config.cookie.value.as_str().into(),
            attributes: [attributes(false), attributes(true)],
            salt,
        }
    }

    /// The name of the endpoint `url` in cookies.
    pub(crate) fn token(&self, url: &str) -> u64 {
        let digest = Sha256::new().chain_update(&self.salt).chain_update(url).finalize();
        digest.iter().take(8).fold(0, |token, byte| token << 8 | u64::from(*byte))
    }

    /// The endpoint that the client's cookie names.
    pub(crate) fn asked(&self, head: HeadView<'_>) -> Option<u64> {
        let value = head.cookies(&self.cookie).next()?;
        let value = std::str::from_utf8(value).ok().filter(|value| value.len() == 16)?;
        u64::from_str_radix(value, 16).ok()
    }

    /// Has the client come back to the endpoint that it was sent to.
    #[cold]
    pub(crate) fn give(&self, exchange: &mut Exchange<'_>, token: u64) {
        let attributes = &self.attributes[usize::from(exchange.client.scheme == Scheme::Https)];
        let line = format!("{}={token:016x}{attributes}", self.cookie);
        let added = exchange.to_client.add(Known::SetCookie, line.as_bytes());
        debug_assert!(added.is_ok(), "what it is made of was checked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sticky(service: &str, secret: Option<&str>) -> Sticky {
        let config = StickyConfig {
            cookie: At::nowhere("at".to_owned()),
            ttl: None,
            path: None,
            secure: None,
            same_site: SameSite::Lax,
            secret: secret.map(Secret::new),
        };
        Sticky::new(service, &config)
    }

    #[test]
    fn a_token_depends_on_all_that_it_is_made_of() {
        let url = "http://10.0.0.1:80";
        let tokens = [
            sticky("a", None).token(url),
            sticky("b", None).token(url),
            sticky("a", Some("x")).token(url),
            sticky("a", Some("y")).token(url),
            sticky("a", None).token("http://10.0.0.2:80"),
        ];
        let different: std::collections::HashSet<_> = tokens.iter().collect();
        assert_eq!(different.len(), tokens.len());
        assert_eq!(tokens[0], sticky("a", None).token(url), "the same in every gateway");
    }
}
