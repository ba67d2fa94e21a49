//! `cache` as written, and what of it is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_caching::{Clients, Cookies as OfRequests, Policy, SetCookie, TtlOf};
use sekisho_store::redis::Link;
use sekisho_units::{At, OrOff, Percent, Size, Span};
use sekisho_wire::is_field_name;
use serde::Deserialize;

use super::key::Naming;
use super::redis::{LARGEST, Shared};
use super::store::Cached;
use super::{Cache, Terms};
use crate::{Compile, Context, Here};

/// `cache` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "CacheConfig")]
pub struct Config {
    /// How long an answer is fresh whose service does not say it. Default `5m`; `0s`: such answers are asked about each time.
    /// Errors are not stored by it: `ttl_of` names those that shall be.
    pub ttl: Span,
    /// The same by status: `{ 404: 1m, 301-308: 1h }`. The narrowest range counts. Default none.
    #[schemars(with = "BTreeMap<String, Span>")]
    pub ttl_of: BTreeMap<String, At<Span>>,
    /// How much of the time since its `Last-Modified` an answer is fresh whose service does not say it, at most a day; it counts
    /// in place of `ttl`, also for errors. Default `off`; browsers take `10%`.
    pub heuristic: OrOff<Percent>,
    /// Paths beneath which nothing is cached, by whole segments: `/api/payments` means `/api/payments/7` too. Default none.
    #[schemars(with = "Vec<String>")]
    pub except: Vec<At<String>>,
    /// Whether answers to known users are cached, each for its user alone. Default `false`: such requests pass the cache by.
    pub authenticated: bool,
    /// Where answers are stored: in `memory`, or in `redis`, the store that is written at the top, with all gateways that use it.
    /// There no answer is stored that is larger than 960 KiB, or for longer than a week. While Redis is away nothing is stored and
    /// services are asked. Default `memory`.
    #[schemars(with = "Whereabouts")]
    pub store: At<Whereabouts>,
    /// Most bytes of memory for stored answers; in `redis`, ten times the memory that answers take while they come in. Routes with
    /// the same `max` share it. Default `256MiB`.
    #[schemars(with = "Option<Size>")]
    pub max: At<Size>,
    /// Largest body that is stored. Default `8MiB`.
    #[schemars(with = "Option<Size>")]
    pub max_body: At<Size>,
    /// For so long after it was fresh an answer may be sent while it is renewed, where the service does not say (RFC 5861).
    /// Default `0s`.
    pub stale_while_revalidate: Span,
    /// For so long after it was fresh an answer may be sent if the service fails, where the service does not say (RFC 5861).
    /// Default `0s`.
    pub stale_if_error: Span,
    /// What becomes of answers that set cookies. Default `refuse`.
    pub set_cookie: Cookies,
    /// Whether clients may ask for fresher answers (`Cache-Control` and `Pragma` of requests). Default `heard`.
    pub client_directives: Directives,
    /// Whether `ttl`, `ttl_of` and `heuristic` count for requests with cookies, in which a session may be. Default `heeded`: only
    /// what the service itself lets everybody have is stored for them and served to them.
    pub request_cookies: RequestCookies,
    /// Query parameters that are no part of the key; `utm_*` means all that begin so. The service should not answer otherwise
    /// because of them. Default none.
    #[schemars(with = "Vec<String>")]
    pub ignore_query: Vec<At<String>>,
    /// Header fields of requests that are part of the key, whatever `Vary` says. Default none.
    #[schemars(with = "Vec<String>")]
    pub vary_by: Vec<At<String>>,
    /// How long a request waits for the answer to another one for the same before it is sent on by itself. Default `5s`.
    pub wait: Span,
    /// Whether clients are told what the cache did (`X-Cache`, `X-Cache-Key`, `Cache-Status`). Default `true`.
    pub headers: bool,
}

/// Where answers are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "CacheStore")]
pub enum Whereabouts {
    /// In this process.
    #[default]
    Memory,
    /// In the store that gateways share.
    Redis,
}

/// What becomes of answers that set cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cookies {
    /// They are not stored.
    #[default]
    Refuse,
    /// They are stored without the cookie.
    Drop,
    /// They are stored as they are: everybody gets the cookie of the first.
    Keep,
}

/// What cookies of requests mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestCookies {
    /// Without the service's word nothing is assumed of requests that have some.
    #[default]
    Heeded,
    /// They mean nothing to the service.
    Ignored,
}

/// Whether clients have a say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Directives {
    /// They have (RFC 9111 §5.2.1).
    #[default]
    Heard,
    /// Only `no-store` and `only-if-cached` count.
    Ignored,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ttl: Span::from_secs(300),
            ttl_of: BTreeMap::new(),
            heuristic: OrOff::Off,
            except: Vec::new(),
            authenticated: false,
            store: At::nowhere(Whereabouts::default()),
            max: At::nowhere(Size::from_mib(256)),
            max_body: At::nowhere(Size::from_mib(8)),
            stale_while_revalidate: Span::ZERO,
            stale_if_error: Span::ZERO,
            set_cookie: Cookies::default(),
            client_directives: Directives::default(),
            request_cookies: RequestCookies::default(),
            ignore_query: Vec::new(),
            vary_by: Vec::new(),
            wait: Span::from_secs(5),
            headers: true,
        }
    }
}

impl Compile for Config {
    type Into = Cache;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<Cache> {
        let fine = [
            self.sizes_fit(here),
            self.statuses_are_statuses(here),
            self.paths_begin_with_a_slash(here),
            self.parameters_are_names(here),
            self.fields_are_names(here),
        ];
        if fine.contains(&false) {
            return None;
        }
        let texts = |all: &[At<String>]| all.iter().map(|one| one.value.as_str().into()).collect();
        let shared = match *self.store {
            Whereabouts::Memory => None,
            Whereabouts::Redis => Some(self.shared(here, context)?),
        };
        let most = if shared.is_some() { LARGEST } else { u64::MAX };
        let (max, max_body) = (self.max.bytes(), self.max_body.bytes().min(most));
        let of = context.store.link().filter(|_| shared.is_some()).map_or_else(String::new, Link::identity);
        let identity = format!("{max} {max_body} {of}");
        let cached = context.kept.of(identity, || Cached::new(max, max_body, context.workers, shared));
        let terms = Terms {
            policy: self.policy(),
            authenticated: self.authenticated,
            except: self.except.iter().map(|path| path.trim_end_matches('/').into()).collect(),
            max_body,
            wait: self.wait.as_duration(),
            headers: self.headers,
        };
        let naming = Naming { ignored: texts(&self.ignore_query), fields: texts(&self.vary_by) };
        Some(Cache::new(terms, naming, cached))
    }
}

impl Config {
    fn policy(&self) -> Policy {
        Policy {
            ttl: Some(seconds(self.ttl)).filter(|ttl| *ttl > 0),
            ttl_of: self.times_by_status().unwrap_or_default(),
            heuristic: match self.heuristic {
                OrOff::On(share) => share.basis_points(),
                OrOff::Off => 0,
            },
            stale_while_revalidate: seconds(self.stale_while_revalidate),
            stale_if_error: seconds(self.stale_if_error),
            set_cookie: match self.set_cookie {
                Cookies::Refuse => SetCookie::Refuse,
                Cookies::Drop => SetCookie::Drop,
                Cookies::Keep => SetCookie::Keep,
            },
            clients: match self.client_directives {
                Directives::Heard => Clients::Heard,
                Directives::Ignored => Clients::Ignored,
            },
            cookies: match self.request_cookies {
                RequestCookies::Heeded => OfRequests::Heeded,
                RequestCookies::Ignored => OfRequests::Ignored,
            },
        }
    }

    /// The store at the top, as a store of answers.
    fn shared(&self, here: &mut Here<'_>, context: &Context<'_>) -> Option<Arc<Shared>> {
        let Some(link) = context.store.link() else {
            let remedy = "write `store: redis://cache.example:6379` at the top, or leave this out";
            return here.refuse(
                "store",
                &self.store.place,
                "no store is shared: there is none at the top",
                remedy,
            );
        };
        Some(context.kept.of(link.identity(), || Shared::new(link, context.errands)))
    }

    /// `None` if a row is no status, or there are too many.
    fn times_by_status(&self) -> Option<TtlOf> {
        let mut rows = TtlOf::NONE;
        let fine = self.ttl_of.iter().all(|(statuses, time)| {
            range(statuses).is_some_and(|(first, last)| rows.push(first, last, seconds(**time)))
        });
        fine.then_some(rows)
    }

    fn statuses_are_statuses(&self, here: &mut Here<'_>) -> bool {
        let before = here.problems.len();
        for (statuses, time) in &self.ttl_of {
            if range(statuses).is_none() {
                let message = format!("`{statuses}` is no status that can be stored");
                let remedy = "write one from 200 to 599 but 206 and 304, or a range such as `301-308`";
                here.refuse::<()>(&format!("ttl_of.{statuses}"), &time.place, message, remedy);
            }
        }
        let place = self.ttl_of.values().nth(TtlOf::MOST).map(|time| &time.place);
        if let Some(place) = place {
            let message = format!("there are more than {} rows", TtlOf::MOST);
            here.refuse::<()>("ttl_of", place, message, "write ranges such as `400-499`");
        }
        here.problems.len() == before
    }

    fn sizes_fit(&self, here: &mut Here<'_>) -> bool {
        if self.max_body.bytes() == 0 {
            here.refuse::<()>(
                "max_body",
                &self.max_body.place,
                "nothing could be stored",
                "write a size such as `8MiB`",
            );
            return false;
        }
        if self.max.bytes() < 4 * self.max_body.bytes() {
            let place = if self.max.place.is_none() { &self.max_body.place } else { &self.max.place };
            let message = format!("{} is too little for bodies of {}", *self.max, *self.max_body);
            let remedy = "let `max` be four times `max_body` at least";
            here.refuse::<()>("max", place, message, remedy);
            return false;
        }
        true
    }

    fn paths_begin_with_a_slash(&self, here: &mut Here<'_>) -> bool {
        let before = here.problems.len();
        for (index, path) in self.except.iter().enumerate() {
            if !path.starts_with('/') || path.contains(['*', '?', '{']) {
                let message = format!("`{path}` is no beginning of a path");
                let remedy = "write whole segments, such as `/api/payments`";
                here.refuse::<()>(&format!("except[{index}]"), &path.place, message, remedy);
            }
        }
        here.problems.len() == before
    }

    fn parameters_are_names(&self, here: &mut Here<'_>) -> bool {
        let before = here.problems.len();
        for (index, name) in self.ignore_query.iter().enumerate() {
            let stem = name.strip_suffix('*').unwrap_or(name);
            if name.is_empty() || stem.contains(['*', '&', '=', '?']) {
                let message = format!("`{name}` is no name of a query parameter");
                let remedy =
                    "write a name such as `utm_source`, or the beginning of several, such as `utm_*`";
                here.refuse::<()>(&format!("ignore_query[{index}]"), &name.place, message, remedy);
            }
        }
        here.problems.len() == before
    }

    fn fields_are_names(&self, here: &mut Here<'_>) -> bool {
        let before = here.problems.len();
        for (index, name) in self.vary_by.iter().enumerate() {
            if !is_field_name(name.as_bytes()) {
                let message = format!("`{name}` is no name of a header field");
                here.refuse::<()>(
                    &format!("vary_by[{index}]"),
                    &name.place,
                    message,
                    "write a name such as `X-Country`",
                );
            }
        }
        here.problems.len() == before
    }
}

fn seconds(span: Span) -> u32 {
    u32::try_from(span.as_secs_ceil()).unwrap_or(u32::MAX)
}

/// First and last status of `404` or `301-308`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status = |text: &str| text.trim().parse().ok().filter(|status| (200..=599).contains(status));
    let (first, last) = (status(first)?, status(last)?);
    let alone = first == last && matches!(first, 206 | 304);
    (first <= last && !alone).then_some((first, last))
}
