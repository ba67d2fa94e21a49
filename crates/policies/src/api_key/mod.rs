//! `api_key`: programs that prove by a key who they are.
//!
//! Only the SHA-256 of each key is kept. That is enough, where for a password it would not be: a key is long and random, so
//! nobody finds it by trying. It also makes the look-up safe: what is compared is a digest, and whoever could tell from the
//! time how much of it was right would know nothing of a key that has it. There is no registered scheme for keys; refusals
//! name one called `ApiKey` in `WWW-Authenticate`. Guesses are bounded by `rate_limit`.

mod keys;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use sekisho_exchange::{Exchange, Policy, Reply, Unproved, Verdict};
use sekisho_units::At;
use serde::Deserialize;

pub use self::keys::digest_text;
use self::keys::{Holder, Keys};
use crate::principal::{check_header, check_realm};
use crate::{Compile, Context, Here, query};

/// `api_key` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The keys that are good. Default: none but those of `file`.
    #[serde(default)]
    pub keys: Vec<At<Holder>>,
    /// A YAML file with more keys, as a list in the same form; read again at each reload. Default: none.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub file: Option<At<String>>,
    /// The request header with the key. Default `X-API-Key`.
    #[serde(default = "header")]
    #[schemars(with = "String")]
    pub header: At<String>,
    /// A query parameter that may have the key instead: `access_token`, `api_key`, `apikey` or `token`, which the access log
    /// never shows. Services do not see it. Default: none, as addresses end up in logs and histories.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub query: Option<At<String>>,
    /// Whether a request without a key is refused. Default `true`. A wrong key always is, unless another policy of the route
    /// vouches for the client.
    #[serde(default = "on")]
    pub required: bool,
    /// Whether the key's header is taken off before the service. Default `true`.
    #[serde(default = "on")]
    pub hide: bool,
    /// What refusals name in `WWW-Authenticate`. Default `sekisho`.
    #[serde(default = "realm")]
    #[schemars(with = "String")]
    pub realm: At<String>,
}

fn header() -> At<String> {
    At::nowhere("X-API-Key".to_owned())
}

fn realm() -> At<String> {
    At::nowhere("sekisho".to_owned())
}

fn on() -> bool {
    true
}

/// The policy as it runs.
pub struct ApiKey {
    keys: Keys,
    header: Box<str>,
    query: Option<Box<str>>,
    required: bool,
    hide: bool,
    challenge: Arc<str>,
}

/// What a request brings.
enum Presented<'a> {
    Nothing,
    Key(Cow<'a, [u8]>),
    /// Which of them counts would be a guess.
    Several,
}

impl Compile for Config {
    type Into = ApiKey;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<ApiKey> {
        let keys = Keys::compile(&self.keys, self.file.as_ref(), here, context);
        let header = check_header(&self.header, "X-API-Key", here);
        let query = self.query.as_ref().map_or(Some(()), |name| query::check(name, here));
        check_realm(&self.realm, here)?;
        header?;
        query?;
        Some(ApiKey {
            keys: keys?,
            challenge: format!("ApiKey realm=\"{}\"", self.realm.value).into(),
            header: self.header.value.into(),
            query: self.query.map(|query| query.value.into()),
            required: self.required,
            hide: self.hide,
        })
    }
}

impl ApiKey {
    fn presented<'a>(&self, exchange: &mut Exchange<'a>) -> Presented<'a> {
        let mut lines = exchange.head.find_all(&self.header).filter(|value| !value.is_empty());
        let (first, more) = (lines.next(), lines.next().is_some());
        let mut presented = match first {
            None => Presented::Nothing,
            Some(_) if more => Presented::Several,
            Some(key) => Presented::Key(Cow::Borrowed(key)),
        };
        if let Some(name) = &self.query {
            for key in query::take_out(exchange, name) {
                presented = match presented {
                    Presented::Nothing => Presented::Key(Cow::Owned(key)),
                    Presented::Key(_) | Presented::Several => Presented::Several,
                };
            }
        }
        presented
    }

    #[cold]
    fn missing(&self) -> Unproved {
        if !self.required {
            return Unproved::Optional;
        }
        let detail = "This needs an API key; send it as the service's documentation says.";
        Unproved::Missing(Box::new(Reply::auth_missing(detail, self.challenge.to_string())))
    }

    #[cold]
    fn wrong(&self, reason: &'static str) -> Unproved {
        Unproved::Wrong(Box::new(Reply::auth_failed(self.challenge.to_string(), reason)))
    }
}

impl Policy for ApiKey {
    type Pass = ();
    const AUTHENTICATES: bool = true;

    fn challenge(&self) -> Option<&str> {
        Some(&self.challenge)
    }

    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let presented = self.presented(exchange);
        if self.hide {
            exchange.to_service.remove_name(&self.header);
        }
        if exchange.identity().is_some() {
            // Another policy vouches for the client.
            return Verdict::Proceed(());
        }
        let key = match presented {
            Presented::Nothing => return exchange.turn_away(self.missing()),
            Presented::Several => return exchange.turn_away(self.wrong("duplicate")),
            Presented::Key(key) => key,
        };
        match self.keys.holder(&key, exchange.local.wall(exchange.started)) {
            Ok(identity) => {
                exchange.accept(Arc::clone(identity));
                Verdict::Proceed(())
            }
            Err(refused) => exchange.turn_away(self.wrong(refused.reason())),
        }
    }
}
