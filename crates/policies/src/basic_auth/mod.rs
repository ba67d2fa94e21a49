//! `basic_auth`: users who prove by a password who they are (RFC 7617).
//!
//! Passwords are kept as argon2id or bcrypt hashes, which are dear to check on purpose: a check takes milliseconds. So it runs
//! beside the workers, few at a time, and whoever comes when too many wait is told to come again. A password that was right is
//! remembered for a while, by a keyed hash that nobody outside this process can make; one that was wrong is not. A name that
//! nobody has costs the same time as one that somebody has. Guesses are bounded by `rate_limit`.

mod check;
mod credentials;
mod hash;
#[cfg(test)]
mod tests;
mod users;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_exchange::{Exchange, Policy, Reply, Resume, Unproved, Verdict};
use sekisho_units::{At, Span};
use sekisho_wire::Known;
use serde::{Deserialize, Deserializer, de};

pub use self::hash::hash;

use self::check::{Checker, Outcome, Question};
use self::credentials::{Credentials, Presented};
use self::users::{User, Users};
use crate::principal::check_realm;
use crate::{Compile, Context, Here};

/// How long a password that was right is remembered unless the configuration says otherwise.
const REMEMBER: Span = Span::from_secs(300);

/// `basic_auth` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The users. Default: none but those of `file`.
    #[serde(default)]
    pub users: Vec<At<User>>,
    /// A file with more users, a `name:hash` a line as `htpasswd -B` writes it, or with argon2id hashes; `#` begins a comment.
    /// They have neither roles nor permissions. Read again at each reload. Default: none.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub file: Option<At<String>>,
    /// What browsers show when they ask for the password. Default `sekisho`.
    #[serde(default = "realm")]
    #[schemars(with = "String")]
    pub realm: At<String>,
    /// Whether a request without a password is refused. Default `true`. A wrong one always is.
    #[serde(default = "on")]
    pub required: bool,
    /// Whether the password is taken off before the service. Default `true`.
    #[serde(default = "on")]
    pub hide: bool,
    /// How long a password that was right need not be checked again, or `off`. Default `5m`. Whoever is taken out of the
    /// configuration, or gets another hash there, is refused at once all the same.
    #[serde(default = "remember")]
    pub remember: Remember,
}

fn realm() -> At<String> {
    At::nowhere("sekisho".to_owned())
}

fn on() -> bool {
    true
}

fn remember() -> Remember {
    Remember(Some(REMEMBER))
}

/// A time, or `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remember(Option<Span>);

impl<'de> Deserialize<'de> for Remember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either(PhantomData<Span>);
        impl de::Visitor<'_> for Either {
            type Value = Remember;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as `5m`, or `off`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Remember, E> {
                match text {
                    "off" => Ok(Remember(None)),
                    _ => text.parse().map(|span| Remember(Some(span))).map_err(E::custom),
                }
            }
        }
        deserializer.deserialize_str(Either(PhantomData))
    }
}

impl JsonSchema for Remember {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Remember".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let span = generator.subschema_for::<Span>();
        json_schema!({ "anyOf": [{ "const": "off" }, span] })
    }
}

/// The policy as it runs.
pub struct BasicAuth {
    hide: bool,
    /// What goes on being needed while a password is checked.
    rest: Arc<Rest>,
}

struct Rest {
    users: Users,
    checker: Arc<Checker>,
    required: bool,
    remember: Option<Duration>,
    challenge: String,
}

impl Compile for Config {
    type Into = BasicAuth;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<BasicAuth> {
        let users = Users::compile(&self.users, self.file.as_ref(), here, context);
        check_realm(&self.realm, here)?;
        let rest = Rest {
            users: users?,
            // One for all, since all share the processors.
            checker: context.kept.of("", || Checker::new(context.workers)),
            required: self.required,
            remember: self.remember.0.map(Span::as_duration).filter(|time| !time.is_zero()),
            challenge: format!("Basic realm=\"{}\", charset=\"UTF-8\"", self.realm.value),
        };
        Some(BasicAuth { hide: self.hide, rest: Arc::new(rest) })
    }
}

impl Rest {
    #[cold]
    fn missing(&self) -> Unproved {
        if !self.required {
            return Unproved::Optional;
        }
        let detail = "This needs a user's name and password.";
        Unproved::Missing(Box::new(Reply::auth_missing(detail, self.challenge.clone())))
    }

    #[cold]
    fn wrong(&self, reason: &'static str) -> Unproved {
        Unproved::Wrong(Box::new(Reply::auth_failed(self.challenge.clone(), reason)))
    }

    /// What came of a check.
    fn decide(&self, outcome: Outcome, user: users::Named<'_>, exchange: &mut Exchange<'_>) -> Verdict<()> {
        match (outcome, user) {
            (Outcome::Busy, _) => Verdict::Answer(Box::new(Reply::overloaded("", 1, "password_checks"))),
            (Outcome::Right, users::Named::Known(user)) => {
                exchange.accept(Arc::clone(&user.identity));
                Verdict::Proceed(())
            }
            (Outcome::Wrong, users::Named::Known(_)) => exchange.turn_away(self.wrong("wrong_password")),
            // Whatever came out: it was asked for the time that it takes.
            (_, users::Named::StandIn(_)) => exchange.turn_away(self.wrong("unknown_user")),
        }
    }

    fn check(self: &Arc<Self>, credentials: Credentials, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let user = self.users.named(&credentials.name, |name| self.checker.spread(name));
        let known = user.entry();
        let question = Question {
            mark: self.checker.mark(&credentials, known.hash.text()),
            hash: Arc::clone(&known.hash),
            password: credentials.password,
            remember: self.remember.filter(|_| matches!(user, users::Named::Known(_))),
            clock: exchange.local.clock.clone(),
        };
        if self.checker.remembers(&question) {
            return self.decide(Outcome::Right, user, exchange);
        }
        let (rest, name) = (Arc::clone(self), credentials.name);
        let check = Arc::clone(&self.checker).ask(question);
        Verdict::Wait(Box::pin(async move {
            let outcome = check.await;
            Box::new(move |exchange: &mut Exchange<'_>| {
                let user = rest.users.named(&name, |name| rest.checker.spread(name));
                rest.decide(outcome, user, exchange)
            }) as Resume<()>
        }))
    }
}

impl Policy for BasicAuth {
    type Pass = ();
    const AUTHENTICATES: bool = true;

    fn challenge(&self) -> Option<&str> {
        Some(&self.rest.challenge)
    }

    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let presented = credentials::of(exchange.head);
        if self.hide && !matches!(presented, Presented::Nothing) {
            exchange.to_service.remove(Known::Authorization);
        }
        if exchange.identity().is_some() {
            // Another policy vouches for the client.
            return Verdict::Proceed(());
        }
        match presented {
            Presented::Nothing => exchange.turn_away(self.rest.missing()),
            Presented::Bad(reason) => exchange.turn_away(self.rest.wrong(reason)),
            Presented::Credentials(credentials) => self.rest.check(credentials, exchange),
        }
    }
}
