//! An issuer's keys, fetched ahead of time on a thread that serves nobody, and kept as long as no newer ones come.
//!
//! There is one fetch at a time, whoever wants it. After a good one the next comes when the keys are due; after a failed one
//! soon, as long as there are no keys at all. A token that names a key nobody knows lets newer keys be fetched, but not
//! more often than the operator allows: anybody can make such tokens.

mod source;

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use sekisho_exchange::{Errands, Event, Local};
use sekisho_jose::KeySet;
use sekisho_units::Tick;
use tokio::sync::{Notify, watch};

use self::source::Got;
pub(crate) use self::source::{Kind, NAME, Source, WELL_KNOWN};

/// First wait after a failure while there are no keys; each further is twice as long.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest wait after a failure while there are no keys.
const AGAIN_MOST: Duration = Duration::from_secs(8);
/// Wait after a failure where older keys are there, unless they are due sooner anyway.
const LATER: Duration = Duration::from_secs(30);

/// The keys of one source.
pub struct Remote {
    keys: ArcSwapOption<Fetched>,
    /// Of the keys in force; 0 before the first.
    generation: AtomicU64,
    times: Times,
    state: Mutex<State>,
    /// Somebody wants newer keys, or nobody wants any more.
    wanted: Arc<Notify>,
    /// How many fetches are over.
    ended: watch::Sender<u64>,
    failed: AtomicU64,
    /// Names the source in what operators are told.
    about: Arc<str>,
}

/// Keys and which in a row of changes they are.
pub(crate) struct Fetched {
    pub(crate) set: KeySet,
    pub(crate) generation: u64,
    digest: [u8; 32],
}

/// How often keys are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// After good ones.
    pub(crate) refresh: Duration,
    /// At most so often for a key that nobody knows.
    pub(crate) unknown: Duration,
}

#[derive(Default)]
struct State {
    under_way: bool,
    /// When newer keys were last wanted by a token.
    wanted: Option<Tick>,
    /// Failures since the last good one.
    failures: u32,
    /// Whether keys ever came.
    fetched: bool,
}

/// What there is to tell of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetches {
    /// Fetches that gave keys.
    pub good: u64,
    /// Fetches that gave none.
    pub failed: u64,
    /// Keys in force.
    pub keys: usize,
}

/// Newer keys to come.
pub(crate) enum Newer {
    /// They are here already.
    Here,
    /// When this fetch is over, there may be some.
    After(Waiting),
    /// There will be none soon.
    None,
}

/// A fetch to wait for.
pub(crate) struct Waiting {
    ended: watch::Receiver<u64>,
    before: u64,
}

impl Waiting {
    /// Returns when the fetch is over, whatever came of it; at once if there will be none.
    pub(crate) async fn over(mut self) {
        let before = self.before;
        let _ = self.ended.wait_for(|ended| *ended > before).await;
    }
}

impl Remote {
    /// Begins to fetch from what `about` names.
    pub(crate) fn start(
        source: Source,
        times: Times,
        about: String,
        errands: &Arc<dyn Errands>,
    ) -> Arc<Self> {
        let remote = Arc::new(Self::new(times, about));
        let (weak, wanted) = (Arc::downgrade(&remote), Arc::clone(&remote.wanted));
        let tell = Arc::clone(errands);
        remote.state().under_way = true;
        errands.send(Box::new(move |local| Box::pin(keep(weak, source, wanted, local, tell))));
        remote
    }

    fn new(times: Times, about: String) -> Self {
        Self {
            keys: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            times,
            state: Mutex::default(),
            wanted: Arc::default(),
            ended: watch::Sender::new(0),
            failed: AtomicU64::new(0),
            about: about.into(),
        }
    }

    /// Which keys are in force: another number, other keys.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// The keys in force, if any ever came.
    pub(crate) fn fetched(&self) -> Option<Arc<Fetched>> {
        self.keys.load_full()
    }

    /// Newer keys than those `seen`, on behalf of a token that cannot be verified with them; 0 stands for none at all.
    /// They are fetched, unless that was wanted a moment ago.
    pub(crate) fn newer(&self, seen: u64, now: Tick) -> Newer {
        let mut state = self.state();
        // Under the lock under which a fetch lands, so that none is wanted again that has just come.
        if self.generation() != seen {
            return Newer::Here;
        }
        let ended = self.ended.subscribe();
        let before = *ended.borrow();
        if !state.under_way {
            if !state.fetched || state.wanted.is_some_and(|last| now.since(last) < self.times.unknown) {
                // With no keys at all the next attempt comes by itself.
                return Newer::None;
            }
            state.wanted = Some(now);
            state.under_way = true;
            self.wanted.notify_one();
        }
        Newer::After(Waiting { ended, before })
    }

    /// The source's URL, without its query.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What there is to tell.
    pub fn fetches(&self) -> Fetches {
        let (ended, failed) = (*self.ended.borrow(), self.failed.load(Relaxed));
        let keys = self.keys.load().as_ref().map_or(0, |fetched| fetched.set.len());
        Fetches { good: ended.saturating_sub(failed), failed, keys }
    }

    /// Takes over what came of a fetch. Gives how long to wait before the next, and what to tell operators.
    fn land(&self, got: Result<Got, String>) -> (Duration, Option<Event>) {
        let (mut state, source) = (self.state(), Arc::clone(&self.about));
        let had = state.fetched;
        let (wait, event) = match got {
            Ok(got) => {
                let again = std::mem::take(&mut state.failures) > 0;
                state.fetched = true;
                let keys = got.set.len();
                self.put(got);
                (self.times.refresh, again.then_some(Event::JwksFetched { source, keys }))
            }
            Err(why) => {
                self.failed.fetch_add(1, Relaxed);
                let first = state.failures == 0;
                state.failures = state.failures.saturating_add(1);
                let wait = if had {
                    LATER.min(self.times.refresh)
                } else {
                    (AGAIN * (1 << (state.failures - 1).min(8))).min(AGAIN_MOST)
                };
                (wait, first.then(|| Event::JwksFailed { source, reason: why.into(), keys_left: had }))
            }
        };
        state.under_way = false;
        // Still under the lock: whoever wants newer keys counts either this fetch or the next.
        self.ended.send_modify(|ended| *ended += 1);
        drop(state);
        (wait, event)
    }

    /// Keys that are the same as before change nothing, so that what was verified with them stays so.
    fn put(&self, Got { set, digest }: Got) {
        let last = self.keys.load_full();
        if last.as_ref().is_some_and(|last| last.digest == digest) {
            return;
        }
        let generation = last.map_or(1, |last| last.generation + 1);
        self.keys.store(Some(Arc::new(Fetched { set, generation, digest })));
        self.generation.store(generation, Relaxed);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever fetches stops soon.
impl Drop for Remote {
    fn drop(&mut self) {
        self.wanted.notify_one();
    }
}

/// Fetches again and again, as long as anybody has a use for the keys.
async fn keep(
    remote: Weak<Remote>,
    source: Source,
    wanted: Arc<Notify>,
    local: Rc<Local>,
    tell: Arc<dyn Errands>,
) {
    loop {
        let got = source.fetch(Rc::clone(&local)).await;
        let Some(this) = remote.upgrade() else { return };
        let (wait, event) = this.land(got);
        drop(this);
        if let Some(event) = event {
            tell.tell(event);
        }
        tokio::select! {
            // Keys are renewed by the clock, whether anybody asks or not.
            () = tokio::time::sleep(wait) => {}
            () = wanted.notified() => {}
        }
        match remote.upgrade() {
            Some(this) => this.state().under_way = true,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times { refresh: Duration::from_secs(600), unknown: Duration::from_secs(30) };

    fn set(kid: &str) -> Got {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let json = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}]}}"#);
        let digest = std::array::from_fn(|place| kid.as_bytes()[place % kid.len()]);
        Got { set: KeySet::from_jwks(json.as_bytes()).unwrap().0, digest }
    }

    fn at(seconds: u64) -> Tick {
        Tick::ZERO + Duration::from_secs(seconds)
    }

    fn seconds(of: &(Duration, Option<Event>)) -> u64 {
        of.0.as_secs()
    }

    #[test]
    fn without_keys_it_tries_soon_and_ever_later_and_says_so_once() {
        let remote = Remote::new(TIMES, "x".into());
        let waits: Vec<_> = (0..6).map(|_| remote.land(Err("refused".into()))).collect();
        assert_eq!(waits.iter().map(seconds).collect::<Vec<_>>(), [1, 2, 4, 8, 8, 8]);
        assert_eq!(
            waits[0].1.as_ref().map(ToString::to_string).as_deref(),
            Some("jwks_failed: no keys from `x`: refused; no token can be verified")
        );
        assert!(waits[1..].iter().all(|wait| wait.1.is_none()));
        let good = remote.land(Ok(set("a")));
        assert_eq!((seconds(&good), good.1), (600, Some(Event::JwksFetched { source: "x".into(), keys: 1 })));
        assert_eq!(remote.fetches(), Fetches { good: 1, failed: 6, keys: 1 });
    }

    #[test]
    fn the_last_good_keys_stay_through_a_failure_and_equal_ones_change_nothing() {
        let remote = Remote::new(TIMES, "x".into());
        assert_eq!(remote.land(Ok(set("a"))).1, None);
        assert_eq!(remote.generation(), 1);
        let failed = remote.land(Err("gone".into()));
        assert_eq!((seconds(&failed), remote.generation()), (30, 1));
        assert!(failed.1.unwrap().message().contains("stay in force"));
        remote.land(Ok(set("a")));
        assert_eq!(remote.generation(), 1);
        remote.land(Ok(set("b")));
        assert_eq!(remote.generation(), 2);
        assert_eq!(remote.fetched().unwrap().set.iter().next().unwrap().kid(), Some("b"));
    }

    /// The wait for newer keys than these, if there is one.
    fn waiting(remote: &Remote, seen: u64, seconds: u64) -> Option<Waiting> {
        match remote.newer(seen, at(seconds)) {
            Newer::After(waiting) => Some(waiting),
            Newer::Here | Newer::None => None,
        }
    }

    #[test]
    fn an_unknown_key_is_worth_a_fetch_but_not_each_time() {
        let remote = Remote::new(TIMES, "x".into());
        assert!(waiting(&remote, 0, 0).is_none(), "nobody fetches, and the next attempt comes by itself");
        remote.land(Ok(set("a")));
        assert!(waiting(&remote, 1, 1).is_some());
        assert!(waiting(&remote, 1, 2).is_some(), "it is under way: all wait for the same");
        remote.land(Ok(set("a")));
        assert!(waiting(&remote, 1, 30).is_none());
        assert!(waiting(&remote, 1, 31).is_some());
        remote.land(Err("gone".into()));
        assert!(waiting(&remote, 1, 33).is_none(), "a failure gives no more tries");
    }

    #[test]
    fn keys_that_have_come_meanwhile_are_not_fetched_again() {
        let remote = Remote::new(TIMES, "x".into());
        remote.land(Ok(set("a")));
        assert!(matches!(remote.newer(0, at(1)), Newer::Here), "a look before found none");
        assert!(!remote.state().under_way);
    }

    #[test]
    fn who_waits_goes_on_when_the_fetch_is_over_or_never_will_be() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let remote = Remote::new(TIMES, "x".into());
        remote.land(Ok(set("a")));
        let (one, other) = (waiting(&remote, 1, 1).unwrap(), waiting(&remote, 1, 1).unwrap());
        remote.land(Ok(set("b")));
        runtime.block_on(one.over());
        runtime.block_on(other.over());
        let never = waiting(&remote, 2, 40).unwrap();
        drop(remote);
        runtime.block_on(never.over());
    }
}
