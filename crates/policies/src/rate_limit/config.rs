//! A limit as written, which becomes one that runs. `rate_limit` and `quota` have the same words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_store::{Algorithm, OnFailure, Rule, Space};
use sekisho_units::{At, OneOrList, Place, Rate};
use serde::{Deserialize, Deserializer};

use super::engine::{Engine, Limit};
use super::told::{Shown, Told};
use crate::key::{Keys, MOST, NETWORK, Part};
use crate::{Context, Here};

/// `rate_limit` or `quota` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limit")]
pub struct Config {
    /// How many requests may pass in which period, as in `1000/15m`. One more gets 429.
    #[schemars(with = "Rate")]
    pub rate: At<Rate>,
    /// Whose requests are counted together: those of an `ip`, a `user`, a `route`, those with the same value of `header.NAME`, or
    /// a list of up to four of them. A request without a user, or without the header, counts for its address. Default `ip` in
    /// `rate_limit`, `user` in `quota`. All routes beneath the place where the policy is written are counted together, unless
    /// `route` is among the keys.
    #[serde(default)]
    #[schemars(with = "Option<Key>")]
    pub key: Option<At<Key>>,
    /// How many leading bits of an IPv4 address count, 8 to 32. Default 32: each address by itself.
    #[serde(default = "all_of_v4")]
    #[schemars(with = "Option<u32>", range(min = 8, max = 32))]
    pub ipv4_prefix: At<u32>,
    /// How many leading bits of an IPv6 address count, 16 to 128. Default 64, which one subscriber has (RFC 6177).
    #[serde(default = "network_of_v6")]
    #[schemars(with = "Option<u32>", range(min = 16, max = 128))]
    pub ipv6_prefix: At<u32>,
    /// Other rates for users of these tiers. Only in `quota`: before a client is authenticated nobody knows its tier.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Rate>")]
    pub tiers: BTreeMap<String, At<Rate>>,
    /// What each request counts for. Default 1.
    #[serde(default = "one")]
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub cost: At<u32>,
    /// How is counted. Default `sliding_window`.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How many may pass at once, of every tier; for `token_bucket` only. Default: as many as the rate has in one period.
    #[serde(default)]
    #[schemars(with = "Option<u64>", range(min = 1))]
    pub burst: Option<At<u64>>,
    /// Which header fields tell clients how much is left: `draft6` for `RateLimit-Limit`, `RateLimit-Remaining` and
    /// `RateLimit-Reset`, `current` for `RateLimit-Policy` and `RateLimit`, `both`, or `off`. Default `both`.
    #[serde(default)]
    pub headers: Shown,
    /// What becomes of requests while a `store` that gateways share is away: `local` counts within this process, `allow` lets
    /// them pass, `deny` answers 503. Default `local`. In-memory stores are never away.
    #[serde(default)]
    pub on_store_failure: OnFailure,
}

/// What requests are told apart by: a word, or several.
#[derive(Clone, Debug)]
pub struct Key(pub Vec<At<String>>);

fn all_of_v4() -> At<u32> {
    At::nowhere(32)
}

fn network_of_v6() -> At<u32> {
    At::nowhere(NETWORK)
}

fn one() -> At<u32> {
    At::nowhere(1)
}

/// Where a limit stands in the walk, and what follows from that.
pub(crate) struct Stand {
    /// The policy's name.
    pub(crate) name: &'static str,
    /// The key if none is written.
    pub(crate) key: &'static str,
    /// Whether the user is known there.
    pub(crate) knows_users: bool,
}

impl Config {
    pub(crate) fn compile_at(
        self,
        stand: &Stand,
        here: &mut Here<'_>,
        context: &Context<'_>,
    ) -> Option<Engine> {
        let keys = self.keys(stand, here);
        let mut limits = vec![self.limit(stand, "rate", &self.rate, here)];
        let mut tiers = Vec::new();
        if let Some(first) = self.tiers.values().next().filter(|_| !stand.knows_users) {
            let message = "no tier is known yet where addresses are limited";
            limits.push(here.refuse("tiers", &first.place, message, "write them in `quota`"));
        } else {
            for (tier, rate) in &self.tiers {
                limits.push(self.limit(stand, &format!("tiers.{tier}"), rate, here));
                tiers.push(tier.as_str().into());
            }
        }
        if *self.cost == 0 {
            let message = "nothing would ever be counted";
            limits.push(here.refuse("cost", &self.cost.place, message, "write 1 or more"));
        }
        let limits: Option<Vec<Limit>> = limits.into_iter().collect();
        let (keys, limits) = (keys?, limits?);
        let identity = format!("{} {} {}", stand.name, here.scope, keys.identity());
        Some(Engine {
            store: Arc::clone(context.store),
            space: Space::of(&identity),
            keys,
            cost: *self.cost,
            limits: limits.into(),
            tiers: tiers.into(),
            failing: self.on_store_failure,
        })
    }

    fn keys(&self, stand: &Stand, here: &mut Here<'_>) -> Option<Keys> {
        let mut good = true;
        for (field, at, least, most) in
            [("ipv4_prefix", &self.ipv4_prefix, 8, 32), ("ipv6_prefix", &self.ipv6_prefix, 16, 128)]
        {
            if !(least..=most).contains(&at.value) {
                let message = format!("{at} is no number of bits that can count");
                here.refuse::<()>(field, &at.place, message, format!("write {least} to {most}"));
                good = false;
            }
        }
        let usual = || At::new(here.place.clone(), Key(vec![At::nowhere(stand.key.to_owned())]));
        let written = self.key.clone().unwrap_or_else(usual);
        if !(1..=MOST).contains(&written.0.len()) {
            let message = format!("{} keys cannot be one", written.0.len());
            return here.refuse("key", &written.place, message, format!("write one to {MOST} of them"));
        }
        let mut parts = Vec::new();
        for word in &written.0 {
            let place = if word.place.is_none() { &written.place } else { &word.place };
            match Part::parse(word) {
                Ok(Part::User) if !stand.knows_users => {
                    let message = "who the user is, is not known yet where addresses are limited";
                    good = here.refuse("key", place, message, "write this limit as `quota`").unwrap_or(false);
                }
                Ok(part) if parts.contains(&part) => {
                    let message = format!("`{word}` is there twice");
                    good = here.refuse("key", place, message, "remove one").unwrap_or(false);
                }
                Ok(part) => parts.push(part),
                Err(error) => {
                    good = here.refuse("key", place, error.to_string(), error.remedy()).unwrap_or(false);
                }
            }
        }
        good.then(|| Keys::new(parts, *self.ipv4_prefix, *self.ipv6_prefix))
    }

    fn limit(&self, stand: &Stand, field: &str, rate: &At<Rate>, here: &mut Here<'_>) -> Option<Limit> {
        let rule = match Rule::new(self.algorithm, **rate, self.burst.as_ref().map(|burst| burst.value)) {
            Ok(rule) => rule,
            Err(error) => {
                let (field, place) = self.blamed(error, field, &rate.place);
                let text = error.to_string();
                let (message, remedy) = text.split_once("; ").unwrap_or((&text, "write another rate"));
                return here.refuse(field, place, message, remedy);
            }
        };
        let limit = rule.capacity();
        if u64::from(*self.cost) > limit {
            let message = format!("a request that costs {} can never pass where {limit} may", self.cost);
            let place = if self.cost.place.is_none() { &rate.place } else { &self.cost.place };
            return here.refuse("cost", place, message, format!("write {limit} or less"));
        }
        let period = rate.period();
        // What a bucket holds is what comes in so long a time.
        let window = u128::from(period.as_millis()) * u128::from(limit);
        let window = window.div_ceil(u128::from(rate.count()).max(1));
        let window = Duration::from_millis(u64::try_from(window).unwrap_or(u64::MAX));
        Some(Limit { told: Told::new(self.headers, stand.name, limit, window), rule, period })
    }

    fn blamed<'a>(
        &'a self,
        error: sekisho_store::RuleError,
        field: &'a str,
        place: &'a Place,
    ) -> (&'a str, &'a Place) {
        use sekisho_store::RuleError::{Burst, NoBurst};
        match &self.burst {
            Some(burst) if matches!(error, NoBurst | Burst) => ("burst", &burst.place),
            _ => (field, place),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        OneOrList::of_texts("`ip`, `user`, `route` or `header.NAME`, or a list of them")
            .read(deserializer)
            .map(Self)
    }
}

impl JsonSchema for Key {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LimitKey".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "type": "string", "pattern": "^(ip|user|route|header\\..+)$" });
        json_schema!({ "anyOf": [one.clone(), {
            "type": "array", "items": one, "minItems": 1, "maxItems": MOST,
        }] })
    }
}
