//! `user_lookup`: asks the user service who a known user is today: whether still active, and with which permissions.
//!
//! What it says replaces what the token says, whose claims stay. It is remembered for a while, one user at a time is asked
//! for but once however many requests wait, and nobody's leaving ends that question: the next request has its answer.

mod answer;
mod path;
#[cfg(test)]
mod tests;
mod users;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use sekisho_exchange::{Ask, Exchange, Identity, Peer, Policy, Reply, Resume, Verdict};
use sekisho_units::{At, Span};
use serde::Deserialize;

use self::answer::told;
use self::path::Path;
pub use self::users::Users;
use self::users::{Asked, Flight, Found, Times, Told, joined};
use crate::{Compile, Context, Here};

/// Longest answer about one user, in bytes.
const LARGEST: usize = 64 * 1024;

/// `user_lookup` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The service that knows the users.
    #[schemars(with = "String")]
    pub service: At<String>,
    /// What it is asked for, by `GET`; `{subject}` stands for the user's id, encoded as one segment of a path. Default
    /// `/users/{subject}`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub path: Option<At<String>>,
    /// The names of what the answer, a JSON object, tells.
    #[serde(default)]
    pub fields: Fields,
    /// How long an answer about an active user is remembered: for so long a user who was switched off may pass, unless an
    /// operator says otherwise (`POST /api/users/{id}/forget`). Default `5m`; `0s` asks each time.
    #[serde(default = "five_minutes")]
    pub cache: Span,
    /// How long it is remembered that a user is unknown (404) or not active. Default `30s`.
    #[serde(default = "half_a_minute")]
    pub cache_unknown: Span,
    /// Most users that are remembered. Default 100000.
    #[serde(default = "many")]
    #[schemars(with = "Option<u32>")]
    pub entries: At<u32>,
    /// Longest wait for the whole answer. Default `2s`. On expiry the lookup has failed.
    #[serde(default = "two_seconds")]
    #[schemars(with = "Option<Span>")]
    pub timeout: At<Span>,
    /// What becomes of requests whose user cannot be looked up. Default `deny`. After a failure the same user is not asked
    /// for again for a second.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// Names of fields in the answer; one within another by its path, as in `data.user.id`. An empty name: it is not told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "UserFields")]
pub struct Fields {
    /// The user's id, a text or a number; it must be the one that was asked for. Default `id`.
    #[schemars(with = "String")]
    pub id: At<String>,
    /// The mail address, which may be missing. Default `email`.
    pub email: String,
    /// Whether the user may do anything at all. Default `isActive`. Not told: every user that there is may.
    pub active: String,
    /// The roles, a list of texts. Default `roles`.
    pub roles: String,
    /// The permissions, a list of texts. Default `permissions`.
    pub permissions: String,
    /// What limits go by, which may be missing. Default `tier`.
    pub tier: String,
}

impl Default for Fields {
    fn default() -> Self {
        let [email, active, roles, permissions, tier] =
            ["email", "isActive", "roles", "permissions", "tier"].map(str::to_owned);
        Self { id: At::nowhere("id".to_owned()), email, active, roles, permissions, tier }
    }
}

/// What becomes of requests without an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "OnLookupFailure")]
pub enum OnFailure {
    /// They are answered with 503.
    #[default]
    Deny,
    /// They go on with what the token says.
    Claims,
}

fn five_minutes() -> Span {
    Span::from_secs(300)
}

fn half_a_minute() -> Span {
    Span::from_secs(30)
}

fn many() -> At<u32> {
    At::nowhere(100_000)
}

fn two_seconds() -> At<Span> {
    At::nowhere(Span::from_secs(2))
}

/// The policy as it runs.
pub struct UserLookup(Arc<Lookup>);

struct Lookup {
    peer: Arc<dyn Peer>,
    path: Path,
    fields: Fields,
    times: Times,
    timeout: Duration,
    on_failure: OnFailure,
    users: Arc<Users>,
}

impl Compile for Config {
    type Into = UserLookup;

    fn compile(self, here: &mut Here<'_>, context: &Context<'_>) -> Option<UserLookup> {
        let peer = context.peers.service(&self.service, &format!("{}.service", here.path), here.problems);
        let path = self.path.unwrap_or_else(|| At::nowhere("/users/{subject}".to_owned()));
        let good = path::compile(&path, here);
        let mut refuse = |field: &str, place, wrong: &str, remedy: &str| {
            here.refuse::<()>(field, place, wrong, remedy);
            false
        };
        let mut fine = true;
        if *self.entries == 0 {
            fine =
                refuse("entries", &self.entries.place, "nobody would ever be remembered", "write 1 or more");
        }
        if self.timeout.is_zero() {
            fine = refuse(
                "timeout",
                &self.timeout.place,
                "no answer would be in time",
                "write a time such as `2s`",
            );
        }
        if self.fields.id.is_empty() {
            let wrong = "without it nobody could say whom the answer is about";
            fine = refuse("fields.id", &self.fields.id.place, wrong, "name the field");
        }
        let (peer, good) = (peer?, good?);
        // What was learned of another service, or in other words, is nothing to go by.
        let identity = format!(
            "{}\0{}\0{}\0{:?}\0{}",
            here.scope,
            *self.service,
            *path,
            self.fields.names(),
            *self.entries
        );
        let entries = *self.entries as usize;
        fine.then(|| {
            UserLookup(Arc::new(Lookup {
                peer,
                path: good,
                fields: self.fields,
                times: Times { user: self.cache.as_duration(), refused: self.cache_unknown.as_duration() },
                timeout: self.timeout.as_duration(),
                on_failure: self.on_failure,
                users: context.kept.of(identity, || Users::new(entries)),
            }))
        })
    }
}

impl Fields {
    fn names(&self) -> [&str; 6] {
        [&self.id, &self.email, &self.active, &self.roles, &self.permissions, &self.tier]
    }
}

impl Policy for UserLookup {
    type Pass = ();

    #[inline]
    fn enter(&self, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let Some(who) = exchange.identity() else { return Verdict::Proceed(()) };
        match self.0.users.find(who, exchange.started, self.0.times) {
            Found::User(user) => {
                exchange.identity = Some(user);
                Verdict::Proceed(())
            }
            Found::Told(told) => self.0.conclude(&told, exchange),
            Found::Asked(asked) => self.0.wait(asked),
            Found::Begin(flight) => {
                let asked = flight.asked();
                self.0.begin(flight, who, exchange);
                self.0.wait(asked)
            }
        }
    }
}

impl Lookup {
    /// Asks, on behalf of all who will want to know. Whoever began it may leave: it goes on.
    fn begin(self: &Arc<Self>, flight: Flight, who: &Identity, exchange: &Exchange<'_>) {
        let subject = who.subject().to_owned();
        let clock = exchange.local.clock.clone();
        let Some(target) = self.path.of(&subject) else {
            // No service would read it as the name of a user.
            return self.users.land(&subject, flight, Told::Unknown, clock.now());
        };
        let mut headers = vec![("Accept".to_owned(), b"application/json".to_vec())];
        if let Some(ids) = &exchange.ids {
            headers.push(("X-Correlation-ID".to_owned(), ids.correlation.as_str().as_bytes().to_vec()));
        }
        let ask =
            Ask { method: "GET", target, headers, body: Vec::new(), timeout: self.timeout, max: LARGEST };
        let asking = Arc::clone(&self.peer).ask(exchange.local, ask);
        let lookup = Arc::clone(self);
        tokio::task::spawn_local(async move {
            let told = told(asking.await, &subject, &lookup.fields);
            lookup.users.land(&subject, flight, told, clock.now());
        });
    }

    fn wait(self: &Arc<Self>, mut asked: Asked) -> Verdict<()> {
        let lookup = Arc::clone(self);
        Verdict::Wait(Box::pin(async move {
            let told = asked.told().await;
            Box::new(move |exchange: &mut Exchange<'_>| lookup.conclude(&told, exchange)) as Resume<()>
        }))
    }

    /// What an answer means for a request.
    fn conclude(&self, told: &Told, exchange: &mut Exchange<'_>) -> Verdict<()> {
        let by = exchange.identity().map_or("", |who| who.by);
        let reply = match told {
            Told::User(user) => {
                if let Some(who) = exchange.identity() {
                    exchange.identity = Some(Arc::new(joined(user, who)));
                }
                return Verdict::Proceed(());
            }
            Told::Unknown => Reply::auth_invalid_user(exchange.challenges, by, "unknown_user"),
            Told::Inactive => Reply::auth_invalid_user(exchange.challenges, by, "user_not_active"),
            Told::Failed(_) if self.on_failure == OnFailure::Claims => return Verdict::Proceed(()),
            Told::Failed(reason) => Reply::dependency_unavailable(self.peer.name(), *reason),
        };
        Verdict::Answer(Box::new(reply))
    }
}
