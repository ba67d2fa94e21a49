//! Who holds passwords against hashes: few at a time, beside the workers; and what was right before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sekisho_exchange::Permits;
use sekisho_units::{Clock, Tick};
use sha2::Sha256;
use tokio::task::spawn_blocking;

use super::credentials::Credentials;
use super::hash::Hash;

/// More at a time would take the processors from requests that need no check.
const MOST_AT_ONCE: usize = 4;
/// So many may wait for a check; at fifty milliseconds each and four at a time that is three seconds.
const MOST_WAITING: usize = 256;
/// The memory is in so many parts, each with a lock of its own.
const SHARDS: usize = 8;
/// What each part holds at most.
const MOST_REMEMBERED: usize = 512;

/// The checker of the process.
pub(super) struct Checker {
    /// Made for this process, so that what is remembered means nothing elsewhere.
    key: [u8; 32],
    places: Arc<Permits>,
    waiting: AtomicUsize,
    /// Pairs of user and password that were right, and when they were checked.
    right: [Mutex<HashMap<Mark, Tick, RandomState>>; SHARDS],
}

/// A keyed hash of a user's name, hash and password.
pub(super) type Mark = [u8; 32];

/// Whether a password is right.
pub(super) struct Question {
    pub(super) mark: Mark,
    pub(super) hash: Arc<Hash>,
    pub(super) password: Box<str>,
    /// How long an answer of before counts.
    pub(super) remember: Option<Duration>,
    pub(super) clock: Clock,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Right,
    Wrong,
    /// Too many wait already.
    Busy,
}

impl Checker {
    pub(super) fn new(workers: usize) -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system has a random source");
        Self {
            key,
            places: Permits::new(workers.clamp(1, MOST_AT_ONCE)),
            waiting: AtomicUsize::new(0),
            right: Default::default(),
        }
    }

    /// Stands for a pair of user and password. With another hash of the same user it is another.
    pub(super) fn mark(&self, credentials: &Credentials, hash: &str) -> Mark {
        let mut mac = self.mac();
        // The parts' lengths go in as well, so that no two triples give the same bytes.
        for part in [&*credentials.name, hash, &credentials.password] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// A number that nobody outside can foretell, the same each time.
    pub(super) fn spread(&self, name: &str) -> u64 {
        let mut mac = self.mac();
        mac.update(name.as_bytes());
        let bytes: Mark = mac.finalize().into_bytes().into();
        u64::from_le_bytes(std::array::from_fn(|at| bytes[at]))
    }

    fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.key).expect("HMAC takes a key of any length (RFC 2104 §2)")
    }

    /// Whether the same was right not long ago.
    pub(super) fn remembers(&self, question: &Question) -> bool {
        let Some(time) = question.remember else { return false };
        let now = question.clock.now();
        self.part(&question.mark).get(&question.mark).is_some_and(|checked| now.since(*checked) < time)
    }

    /// Answers `question`, once there is a place. Whoever gives up waiting does not end a check that has begun.
    pub(super) async fn ask(self: Arc<Self>, question: Question) -> Outcome {
        let Some(_waiting) = Waiting::begin(&self) else { return Outcome::Busy };
        let place = Arc::clone(&self.places).take().await;
        // Many may have come together with the same password, and one of them was first.
        if self.remembers(&question) {
            return Outcome::Right;
        }
        let checker = Arc::clone(&self);
        let check = spawn_blocking(move || {
            let right = question.hash.matches(&question.password);
            if right && question.remember.is_some() {
                checker.keep(question.mark, question.clock.now());
            }
            drop(place);
            right
        });
        match check.await {
            Ok(true) => Outcome::Right,
            Ok(false) | Err(_) => Outcome::Wrong,
        }
    }

    fn keep(&self, mark: Mark, now: Tick) {
        let mut part = self.part(&mark);
        if part.len() >= MOST_REMEMBERED
            && let Some(oldest) = part.iter().min_by_key(|(_, checked)| **checked).map(|(mark, _)| *mark)
        {
            part.remove(&oldest);
        }
        part.insert(mark, now);
    }

    fn part(&self, mark: &Mark) -> MutexGuard<'_, HashMap<Mark, Tick, RandomState>> {
        self.right[usize::from(mark[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one who waits, or is being answered.
struct Waiting<'c>(&'c Checker);

impl<'c> Waiting<'c> {
    fn begin(checker: &'c Checker) -> Option<Self> {
        let below = |count: usize| (count < MOST_WAITING).then_some(count + 1);
        checker.waiting.fetch_update(Relaxed, Relaxed, below).ok().map(|_| Self(checker))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "correct horse";
    const HASH: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

    fn question(checker: &Checker, password: &str, clock: &Clock) -> Question {
        let credentials = Credentials { name: "ada".into(), password: password.into() };
        Question {
            mark: checker.mark(&credentials, HASH),
            hash: Arc::new(Hash::parse(HASH).unwrap()),
            password: password.into(),
            remember: Some(Duration::from_secs(300)),
            clock: clock.clone(),
        }
    }

    #[tokio::test]
    async fn what_was_right_is_remembered_for_its_time_and_what_was_wrong_never() {
        let (checker, clock) = (Arc::new(Checker::new(2)), Clock::manual());
        assert_eq!(Arc::clone(&checker).ask(question(&checker, "wrong", &clock)).await, Outcome::Wrong);
        assert!(!checker.remembers(&question(&checker, "wrong", &clock)));
        assert!(!checker.remembers(&question(&checker, RIGHT, &clock)));
        assert_eq!(Arc::clone(&checker).ask(question(&checker, RIGHT, &clock)).await, Outcome::Right);
        assert!(checker.remembers(&question(&checker, RIGHT, &clock)));
        clock.advance(Duration::from_millis(299_999));
        assert!(checker.remembers(&question(&checker, RIGHT, &clock)));
        clock.advance(Duration::from_millis(1));
        assert!(!checker.remembers(&question(&checker, RIGHT, &clock)));
        let never = Question { remember: None, ..question(&checker, RIGHT, &clock) };
        assert_eq!(Arc::clone(&checker).ask(never).await, Outcome::Right);
        assert!(!checker.remembers(&question(&checker, RIGHT, &clock)), "it was asked not to remember");
    }

    #[tokio::test]
    async fn whoever_comes_when_too_many_wait_is_sent_away_and_places_come_back() {
        let (checker, clock) = (Arc::new(Checker::new(1)), Clock::manual());
        let place = checker.places.try_take().unwrap();
        let mut waiting: Vec<_> = (0..MOST_WAITING)
            .map(|_| Box::pin(Arc::clone(&checker).ask(question(&checker, RIGHT, &clock))))
            .collect();
        for one in &mut waiting {
            assert!(
                std::future::poll_fn(|cx| std::task::Poll::Ready(one.as_mut().poll(cx).is_pending())).await
            );
        }
        assert_eq!(Arc::clone(&checker).ask(question(&checker, RIGHT, &clock)).await, Outcome::Busy);
        drop(place);
        let first = waiting.pop().unwrap();
        drop(waiting);
        assert_eq!(first.await, Outcome::Right);
        assert_eq!(checker.waiting.load(Relaxed), 0);
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest() {
        let (checker, clock) = (Checker::new(1), Clock::manual());
        let mark = |number: u32| {
            let mut mark = [0; 32];
            mark[1..5].copy_from_slice(&number.to_le_bytes());
            mark
        };
        for number in 0..MOST_REMEMBERED as u32 + 10 {
            checker.keep(mark(number), clock.now());
            clock.advance(Duration::from_millis(1));
        }
        let part = checker.part(&mark(0));
        assert_eq!(part.len(), MOST_REMEMBERED);
        assert!(!part.contains_key(&mark(9)) && part.contains_key(&mark(10)));
    }

    #[test]
    fn a_mark_tells_every_part_and_every_process_apart() {
        let checker = Checker::new(1);
        let mark = |name: &str, password: &str, hash: &str| {
            checker.mark(&Credentials { name: name.into(), password: password.into() }, hash)
        };
        let marks = [
            mark("a", "bc", "h"),
            mark("ab", "c", "h"),
            mark("a", "bc", "i"),
            mark("a", "h", "bc"),
            mark("", "", ""),
        ];
        for (index, one) in marks.iter().enumerate() {
            assert!(marks[..index].iter().all(|other| other != one));
        }
        assert_eq!(marks[0], mark("a", "bc", "h"));
        let elsewhere = Checker::new(1).mark(&Credentials { name: "a".into(), password: "bc".into() }, "h");
        assert_ne!(elsewhere, marks[0]);
    }
}
