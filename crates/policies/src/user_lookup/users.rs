//! The users that are remembered, and those who are being asked for, shared by all workers.

use std::sync::Arc;
use std::time::Duration;

use sekisho_exchange::Identity;
use sekisho_units::Tick;
use tokio::sync::watch;

use crate::shards::{Counts, Place, Shards};

/// For so long a user is not asked for again after a failure: a service that is down must not be asked by every request.
const PAUSE: Duration = Duration::from_secs(1);

/// What was learned about users, by their subject.
pub struct Users {
    table: Shards<State>,
}

enum State {
    Known {
        told: Told,
        since: Tick,
        /// The user with the claims of the last token: most of a user's requests come with the same one.
        joined: Option<Arc<Identity>>,
    },
    Asked(Asked),
}

/// What came of asking for a user.
#[derive(Clone, Debug)]
pub(super) enum Told {
    User(Arc<Identity>),
    Unknown,
    Inactive,
    /// Nobody knows; the word is for the log.
    Failed(&'static str),
}

/// How long it is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) user: Duration,
    pub(super) refused: Duration,
}

impl Times {
    fn of(self, told: &Told) -> Duration {
        match told {
            Told::User(_) => self.user,
            Told::Unknown | Told::Inactive => self.refused,
            Told::Failed(_) => PAUSE,
        }
    }
}

/// What is known about the user of a request.
pub(super) enum Found {
    /// Who it is.
    User(Arc<Identity>),
    /// Why it is nobody.
    Told(Told),
    /// Somebody has asked already.
    Asked(Asked),
    /// Nothing: whoever gets this must ask, for all who come after.
    Begin(Flight),
}

/// An answer to come, for those who wait.
#[derive(Clone)]
pub(super) struct Asked(watch::Receiver<Option<Told>>);

impl Asked {
    /// The answer; a failure, if whoever asks will never have one.
    pub(super) async fn told(&mut self) -> Told {
        let told = self.0.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
        told.unwrap_or(Told::Failed("lookup_broken_off"))
    }

    /// Whether there is still somebody who asks.
    fn is_under_way(&self) -> bool {
        self.0.has_changed().is_ok()
    }
}

/// An answer to come, for the one who asks.
pub(super) struct Flight {
    says: watch::Sender<Option<Told>>,
    asked: Asked,
}

impl Flight {
    fn new() -> Self {
        let (says, asked) = watch::channel(None);
        Self { says, asked: Asked(asked) }
    }

    pub(super) fn asked(&self) -> Asked {
        self.asked.clone()
    }
}

impl Users {
    /// Room for so many.
    pub(super) fn new(entries: usize) -> Self {
        Self { table: Shards::new(entries) }
    }

    /// What is known about the user whom a token tells of.
    #[inline]
    pub(super) fn find(&self, who: &Identity, now: Tick, times: Times) -> Found {
        self.table.at(who.subject().as_bytes(), |place| {
            let found = match place.get() {
                Some(State::Known { told, since, joined }) if now.since(*since) < times.of(told) => {
                    Some(remembered(told, joined, who))
                }
                Some(State::Asked(asked)) if asked.is_under_way() => Some(Found::Asked(asked.clone())),
                _ => None,
            };
            match found {
                Some(found) => {
                    let counts = place.counts();
                    match found {
                        Found::Asked(_) => counts.joined += 1,
                        _ => counts.hits += 1,
                    }
                    found
                }
                None => Found::Begin(begin(place)),
            }
        })
    }

    /// Keeps what the one who asked was told, unless the user was forgotten meanwhile, and tells it to those who wait.
    pub(super) fn land(&self, subject: &str, flight: Flight, told: Told, now: Tick) {
        let Flight { says, asked: ours } = flight;
        self.table.at(subject.as_bytes(), |place| {
            if matches!(told, Told::Failed(_)) {
                place.counts().failed += 1;
            }
            let is_ours = match place.get() {
                Some(State::Asked(asked)) => asked.0.same_channel(&ours.0),
                _ => false,
            };
            if is_ours {
                place.put(State::Known { told: told.clone(), since: now, joined: None });
            }
        });
        says.send_replace(Some(told));
    }

    /// Forgets a user; whether there was anything to forget. Who is being asked for is asked for once more.
    pub fn forget(&self, subject: &str) -> bool {
        self.table.at(subject.as_bytes(), |place| place.remove().is_some())
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.table.counts()
    }
}

#[inline]
fn remembered(told: &Told, last: &mut Option<Arc<Identity>>, who: &Identity) -> Found {
    let Told::User(user) = told else { return Found::Told(told.clone()) };
    if let Some(last) = last
        && last.by == who.by
        && last.claims() == who.claims()
    {
        return Found::User(Arc::clone(last));
    }
    let now = Arc::new(joined(user, who));
    *last = Some(Arc::clone(&now));
    Found::User(now)
}

#[cold]
fn begin(place: &mut Place<'_, State>) -> Flight {
    let flight = Flight::new();
    place.counts().misses += 1;
    place.put(State::Asked(flight.asked()));
    flight
}

/// The user as the service tells, with what the token tells beside it.
pub(super) fn joined(user: &Identity, who: &Identity) -> Identity {
    let room = user.email().len() + user.tier().len() + 256;
    let described = Identity::of(who.by, user.subject(), room).expect("it is the subject of an identity");
    let described = described.email(user.email()).tier(user.tier());
    let described = described.roles(user.roles().iter()).permissions(user.permissions().iter());
    match who.claims() {
        Some(claims) => described.claims(claims.into()),
        None => described,
    }
    .done()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times { user: Duration::from_secs(300), refused: Duration::from_secs(30) };

    fn token(subject: &str, claims: &str) -> Identity {
        let described = Identity::of("jwt", subject, 0).unwrap().email("old@x").permissions(["old"]);
        described.claims(claims.as_bytes().into()).done()
    }

    fn user(permission: &'static str) -> Told {
        let described = Identity::of("user_lookup", "u", 0).unwrap().email("new@x");
        Told::User(Arc::new(described.permissions([permission]).done()))
    }

    fn at(seconds: u64) -> Tick {
        Tick::ZERO + Duration::from_secs(seconds)
    }

    fn flight(users: &Users, seconds: u64) -> Flight {
        match users.find(&token("u", "{}"), at(seconds), TIMES) {
            Found::Begin(flight) => flight,
            _ => panic!("nothing to ask for at {seconds}"),
        }
    }

    fn permission(users: &Users, seconds: u64) -> String {
        match users.find(&token("u", "{}"), at(seconds), TIMES) {
            Found::User(user) => user.permissions().joined(),
            _ => panic!("nobody is known at {seconds}"),
        }
    }

    #[test]
    fn one_asks_and_all_others_wait_for_the_same_answer() {
        let users = Users::new(10);
        let flight = flight(&users, 0);
        let mut waiting: Vec<_> = (0..3)
            .map(|_| match users.find(&token("u", "{}"), at(1), TIMES) {
                Found::Asked(asked) => asked,
                _ => panic!("nobody asks"),
            })
            .collect();
        assert!(matches!(users.find(&token("other", "{}"), at(1), TIMES), Found::Begin(_)));
        users.land("u", flight, user("a"), at(2));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for asked in &mut waiting {
            assert!(matches!(runtime.block_on(asked.told()), Told::User(_)));
        }
        let counts = users.counts();
        assert_eq!((counts.hits, counts.misses, counts.joined, counts.failed), (0, 2, 3, 0));
    }

    #[test]
    fn each_answer_is_remembered_for_its_time() {
        for (told, seconds) in
            [(user("a"), 300), (Told::Unknown, 30), (Told::Inactive, 30), (Told::Failed("timeout"), 1)]
        {
            let users = Users::new(10);
            users.land("u", flight(&users, 0), told, at(10));
            let who = token("u", "{}");
            let fresh = users.find(&who, at(10 + seconds) - Duration::from_nanos(1), TIMES);
            assert!(matches!(fresh, Found::User(_) | Found::Told(_)), "{seconds}");
            assert!(matches!(users.find(&who, at(10 + seconds), TIMES), Found::Begin(_)), "{seconds}");
        }
    }

    #[test]
    fn the_service_says_who_it_is_and_the_token_keeps_its_claims() {
        let users = Users::new(10);
        users.land("u", flight(&users, 0), user("new"), at(0));
        let found = |claims: &str| match users.find(&token("u", claims), at(1), TIMES) {
            Found::User(user) => user,
            _ => panic!("nobody is known"),
        };
        let (one, same, other) = (found(r#"{"a":1}"#), found(r#"{"a":1}"#), found(r#"{"a":2}"#));
        assert_eq!((one.by, one.email(), one.permissions().joined().as_str()), ("jwt", "new@x", "new"));
        assert_eq!(one.claims(), Some(&br#"{"a":1}"#[..]));
        assert!(Arc::ptr_eq(&one, &same), "nothing is made anew for the same token");
        assert_eq!(other.claims(), Some(&br#"{"a":2}"#[..]));
        let keyed = Identity::of("api_key", "u", 0).unwrap().done();
        let Found::User(keyed) = users.find(&keyed, at(1), TIMES) else { panic!("nobody is known") };
        assert_eq!((keyed.by, keyed.claims()), ("api_key", None));
    }

    #[test]
    fn who_was_forgotten_is_asked_for_anew_and_a_late_answer_is_not_kept() {
        let users = Users::new(10);
        assert!(!users.forget("u"));
        users.land("u", flight(&users, 0), user("old"), at(0));
        assert_eq!(permission(&users, 1), "old");
        assert!(users.forget("u") && !users.forget("u"));
        let before = flight(&users, 2);
        assert!(users.forget("u"), "an answer that is to come may be old, too");
        let after = flight(&users, 3);
        users.land("u", before, user("old"), at(4));
        assert!(matches!(users.find(&token("u", "{}"), at(4), TIMES), Found::Asked(_)));
        users.land("u", after, user("new"), at(5));
        assert_eq!(permission(&users, 6), "new");
    }

    #[test]
    fn who_asks_and_dies_holds_nobody_up() {
        let users = Users::new(10);
        let died = flight(&users, 0);
        let mut asked = died.asked();
        drop(died);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(matches!(runtime.block_on(asked.told()), Told::Failed("lookup_broken_off")));
        users.land("u", flight(&users, 0), user("a"), at(0));
    }
}
