//! `cors`: which pages of other origins may read answers (Fetch standard §3.2).
//!
//! Preflights are answered here, before anyone is authenticated, and never reach a service. On every other answer, the
//! gateway's own included, a service's own `Access-Control-*` headers give way to this policy's.

mod origin;
mod preflight;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Response, Verdict};
use sekisho_units::{At, Span};
use sekisho_wire::{Blob, Known, KnownSet, Method, is_field_name};
use serde::Deserialize;

use self::origin::Origins;
use self::preflight::Preflight;
use crate::{Compile, Context, Here};

/// `cors` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The origins that may read answers: `"*"` alone for every one, or a list of origins such as
    /// `https://app.example.com`, `https://*.example.com` (any number of labels in front) and `"null"`.
    pub origins: Vec<At<String>>,
    /// Methods that a preflight allows. Default `GET`, `HEAD`, `PUT`, `PATCH`, `POST`, `DELETE`.
    #[serde(default)]
    pub methods: Option<Vec<At<String>>>,
    /// Request headers that a preflight allows. Default: those that it asks for.
    #[serde(default)]
    pub headers: Option<Vec<At<String>>>,
    /// Response headers that a page may read beside the few that it always may. Default: none.
    #[serde(default)]
    pub expose: Vec<At<String>>,
    /// Whether cookies and other credentials may be sent. Default `false`; only with named origins.
    #[serde(default)]
    pub credentials: At<bool>,
    /// How long a browser may remember a preflight, in whole seconds. Default: its own choice, 5 seconds.
    #[serde(default)]
    pub max_age: Option<At<Span>>,
    /// Whether pages of the public network may reach a service of a private one. Default `false`.
    #[serde(default)]
    pub private_network: bool,
}

/// The policy as it runs.
#[derive(Clone, Debug)]
pub struct Cors {
    origins: Origins,
    /// Lines of every answer that a page may read: `Access-Control-Expose-Headers`, `-Allow-Credentials`, and
    /// `-Allow-Origin: *` where every origin is allowed.
    allowed: Blob,
    preflight: Preflight,
}

/// What a service may have said on its own.
const OWN: KnownSet = KnownSet::of(&[
    Known::AccessControlAllowOrigin,
    Known::AccessControlAllowCredentials,
    Known::AccessControlAllowMethods,
    Known::AccessControlAllowHeaders,
    Known::AccessControlAllowPrivateNetwork,
    Known::AccessControlExposeHeaders,
    Known::AccessControlMaxAge,
]);

impl Compile for Config {
    type Into = Cors;

    fn compile(self, here: &mut Here<'_>, _: &Context<'_>) -> Option<Cors> {
        let origins = Origins::compile(&self.origins, here);
        let expose = tokens("expose", &self.expose, here);
        let preflight = Preflight::compile(&self, here);
        let origins = origins?;
        if self.credentials.value {
            let star = |list: &[At<String>]| {
                list.iter().find(|word| word.as_str() == "*").map(|word| word.place.clone())
            };
            let lists = [
                self.methods.as_deref().unwrap_or_default(),
                self.headers.as_deref().unwrap_or_default(),
                &self.expose,
            ];
            if origins == Origins::Any {
                let message = "credentials are allowed to named origins only, not to `*`";
                let remedy = "list the origins, or take `credentials` out";
                return here.refuse("credentials", &self.credentials.place, message, remedy);
            }
            if let Some(place) = lists.into_iter().find_map(star) {
                let message = "`*` is no wildcard where credentials are allowed";
                return here.refuse("credentials", &place, message, "list the names instead of `*`");
            }
        }
        let mut allowed = Vec::new();
        if origins == Origins::Any {
            allowed.push(("Access-Control-Allow-Origin", "*".to_owned()));
        }
        if self.credentials.value {
            allowed.push(("Access-Control-Allow-Credentials", "true".to_owned()));
        }
        match expose? {
            expose if expose.is_empty() => {}
            expose => allowed.push(("Access-Control-Expose-Headers", expose)),
        }
        let allowed = Blob::new(&allowed).expect("tokens make valid values");
        Some(Cors { origins, allowed, preflight: preflight? })
    }
}

/// The words of a list as a header's value, if each is a token.
fn tokens(field: &str, list: &[At<String>], here: &mut Here<'_>) -> Option<String> {
    let mut good = true;
    for word in list.iter().filter(|word| !is_field_name(word.as_bytes())) {
        good = false;
        here.refuse::<()>(
            field,
            &word.place,
            format!("`{word}` is no name"),
            "use letters, digits and `-` only",
        );
    }
    good.then(|| list.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "))
}

impl Policy for Cors {
    type Pass = ();
    const EVERY_ANSWER: bool = true;

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        match preflight(exchange) {
            Some(origin) => {
                Verdict::Answer(Box::new(self.preflight.answer(&self.origins, origin, exchange.head)))
            }
            None => Verdict::Proceed(()),
        }
    }

    #[inline]
    fn leave(&self, (): (), exchange: &mut Exchange<'_>, response: &Response<'_>) {
        if preflight(exchange).is_some() {
            // Its answer says all there is to say.
            return;
        }
        let origin = exchange.head.get(Known::Origin);
        let edits = &mut exchange.to_client;
        for name in response.head.present().intersection(OWN).iter() {
            if !edits.touches(name) {
                edits.remove(name);
            }
        }
        if self.origins == Origins::Any {
            return edits.apply(&self.allowed);
        }
        edits.vary(response.head, "Origin");
        if let Some(origin) = origin.filter(|origin| self.origins.allow(origin)) {
            let set = edits.set(Known::AccessControlAllowOrigin, origin);
            debug_assert!(set.is_ok(), "an allowed origin is a valid value");
            edits.apply(&self.allowed);
        }
    }
}

/// The origin of a preflight, if the request is one (Fetch standard §4.8).
#[inline]
fn preflight<'a>(exchange: &Exchange<'a>) -> Option<&'a [u8]> {
    if exchange.method != Method::Options || exchange.head.get(Known::AccessControlRequestMethod).is_none() {
        return None;
    }
    exchange.head.get(Known::Origin)
}
