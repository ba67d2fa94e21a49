//! `forward_auth` as written.

use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_exchange::Peer;
use sekisho_units::{At, Span};
use sekisho_wire::{HeadBuf, is_field_name};
use serde::Deserialize;

use super::answer::{Reading, Tells};
use super::known::{By, Known};
use super::question::Question;
use super::{Auth, OnFailure};
use crate::headers::names::{Side, remedy};
use crate::{Context, Here};

/// `forward_auth` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The service that is asked. Either this or `url`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub service: Option<At<String>>,
    /// What the service is asked for, by `GET`. Default `/`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub path: Option<At<String>>,
    /// The URL that is asked, in place of `service` and `path`: `https://host/path`, by the system's authorities.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub url: Option<At<String>>,
    /// The client's headers that are sent along, beside `X-Forwarded-For`, `-Host`, `-Method`, `-Proto` and `-Uri`, which
    /// say what the client asks for. Default `[Authorization, Cookie]`.
    #[serde(default = "credentials")]
    #[schemars(with = "Option<Vec<String>>")]
    pub send: Vec<At<String>>,
    /// Headers of a good answer that say who the client is. Default: it only says whether the request may pass.
    #[serde(default)]
    pub identity: Option<IdentityConfig>,
    /// Headers of a good answer that are copied to the request. A client's own of these names never pass. Default: none.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    pub copy: Vec<At<String>>,
    /// Headers of a bad answer that the client gets. Default `[Location, WWW-Authenticate, Set-Cookie, Retry-After]`.
    #[serde(default = "usual")]
    #[schemars(with = "Option<Vec<String>>")]
    pub answer: Vec<At<String>>,
    /// Whether redirections (301, 302, 303, 307, 308) go to the client, as to a page for signing in. Default `false`: they
    /// are refused with 403.
    #[serde(default)]
    pub redirects: bool,
    /// Longest wait for the whole answer. Default `2s`.
    #[serde(default = "two_seconds")]
    #[schemars(with = "Option<Span>")]
    pub timeout: At<Span>,
    /// What becomes of requests when there is no answer. Default `deny`.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// How long a good answer is remembered. Default `0s`: not at all. Whoever was remembered is forgotten by
    /// `POST /api/users/{id}/forget`.
    #[serde(default)]
    pub cache: Span,
    /// Which requests the remembered answer is for. Default `request`.
    #[serde(default)]
    pub cache_by: By,
    /// Most answers that are remembered. Default 100000.
    #[serde(default = "many")]
    #[schemars(with = "Option<u32>")]
    pub entries: At<u32>,
}

/// Headers of a good answer that say who the client is. Without the one for the id nobody is known.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ForwardAuthIdentity")]
pub struct IdentityConfig {
    /// The user's id, as in `X-User-ID`.
    #[schemars(with = "String")]
    pub id: At<String>,
    /// The mail address.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub email: Option<At<String>>,
    /// What limits go by.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub tier: Option<At<String>>,
    /// The roles, with commas between them.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub roles: Option<At<String>>,
    /// The permissions, with commas between them.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub permissions: Option<At<String>>,
}

fn named(names: &[&str]) -> Vec<At<String>> {
    names.iter().map(|name| At::nowhere((*name).to_owned())).collect()
}

fn credentials() -> Vec<At<String>> {
    named(&["Authorization", "Cookie"])
}

fn usual() -> Vec<At<String>> {
    named(&["Location", "WWW-Authenticate", "Set-Cookie", "Retry-After"])
}

fn two_seconds() -> At<Span> {
    At::nowhere(Span::from_secs(2))
}

fn many() -> At<u32> {
    At::nowhere(100_000)
}

impl Config {
    pub(super) fn compiled(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<Auth> {
        let identity = format!("{}\0{}", here.scope, self.asked());
        let whom = self.whom(here, context);
        let send = names("send", &self.send, Some(Side::Request), here);
        let copy = names("copy", &self.copy, Some(Side::Request), here);
        let answer = names("answer", &self.answer, Some(Side::Response), here);
        let tells = match &self.identity {
            Some(identity) => identity.compiled(here).map(Some),
            None => Some(None),
        };
        let mut fine = true;
        if self.timeout.is_zero() {
            let wrong = "no answer would be in time";
            here.refuse::<()>("timeout", &self.timeout.place, wrong, "write a time such as `2s`");
            fine = false;
        }
        if *self.entries == 0 {
            let wrong = "no answer would ever be remembered";
            here.refuse::<()>("entries", &self.entries.place, wrong, "write 1 or more, or leave out `cache`");
            fine = false;
        }
        let ((peer, target), entries) = (whom?, *self.entries as usize);
        let question = Question { target, send: send?, by: self.cache_by };
        let reading = Reading { copy: copy?, answer: answer?, tells: tells?, redirects: self.redirects };
        fine.then(|| Auth {
            peer,
            question,
            reading,
            timeout: self.timeout.as_duration(),
            on_failure: self.on_failure,
            cache: self.cache.as_duration(),
            known: context.kept.of(identity, || Known::new(entries)),
        })
    }

    /// All that a good answer depends on: what was learned by other settings is nothing to go by.
    fn asked(&self) -> String {
        let tells = self.identity.as_ref().map(|tells| {
            let others = [&tells.email, &tells.tier, &tells.roles, &tells.permissions];
            (tells.id.as_str(), others.map(|name| name.as_ref().map(|name| name.as_str())))
        });
        let whom = [&self.service, &self.path, &self.url].map(|word| word.as_ref().map(|word| word.as_str()));
        let names =
            [&self.send, &self.copy].map(|names| names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
        format!("{whom:?}{names:?}{tells:?}{:?}{}", self.cache_by, *self.entries)
    }

    /// Who is asked, and for what.
    fn whom(&self, here: &mut Here<'_>, context: &Context<'_>) -> Option<(Arc<dyn Peer>, String)> {
        let path = here.path.clone();
        let at = |field: &str| format!("{path}.{field}");
        match (&self.service, &self.url) {
            (Some(service), None) => {
                let peer = context.peers.service(service, &at("service"), here.problems);
                let path = self.path.clone().unwrap_or_else(|| At::nowhere("/".to_owned()));
                let is_path =
                    path.starts_with('/') && HeadBuf::default().request(b"GET", path.as_bytes()).is_ok();
                if !is_path {
                    return here.refuse(
                        "path",
                        &path.place,
                        format!("`{path}` is no path"),
                        "write one such as `/check`",
                    );
                }
                Some((peer?, path.value))
            }
            (None, Some(url)) => {
                if let Some(path) = &self.path {
                    here.refuse::<()>("path", &path.place, "the URL has a path already", "write it there");
                }
                context.peers.url("forward_auth", url, &at("url"), here.problems)
            }
            (Some(_), Some(url)) => {
                here.refuse("url", &url.place, "there is a service already", "keep one of them")
            }
            (None, None) => {
                let place = here.place.clone();
                here.refuse("", &place, "there is nobody to ask", "add `service`, or `url`")
            }
        }
    }
}

impl IdentityConfig {
    fn compiled(&self, here: &mut Here<'_>) -> Option<Tells> {
        let mut good = true;
        let mut name = |field: &str, name: Option<&At<String>>| {
            let name = name?;
            let checked = names(&format!("identity.{field}"), std::slice::from_ref(name), None, here);
            good &= checked.is_some();
            checked.and_then(|mut names| names.pop())
        };
        let id = name("id", Some(&self.id));
        let [email, tier, roles, permissions] = [
            name("email", self.email.as_ref()),
            name("tier", self.tier.as_ref()),
            name("roles", self.roles.as_ref()),
            name("permissions", self.permissions.as_ref()),
        ];
        id.filter(|_| good).map(|id| Tells { id, email, tier, roles, permissions })
    }
}

/// Names of headers, if they all are. With a side, those that belong to the gateway there are refused.
fn names(
    field: &str,
    names: &[At<String>],
    side: Option<Side>,
    here: &mut Here<'_>,
) -> Option<Vec<Box<str>>> {
    let mut good = true;
    for name in names {
        let wrong = if !is_field_name(name.as_bytes()) {
            Some(("is no header's name", "write letters, digits and `-` only, as in `X-Team`"))
        } else {
            side.and_then(|side| remedy(name, side)).map(|remedy| ("belongs to the gateway", remedy))
        };
        if let Some((wrong, remedy)) = wrong {
            here.refuse::<()>(field, &name.place, format!("`{name}` {wrong}"), remedy);
            good = false;
        }
    }
    good.then(|| names.iter().map(|name| name.as_str().into()).collect())
}
