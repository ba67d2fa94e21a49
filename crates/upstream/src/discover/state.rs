//! What is known of a service's endpoints: the last good answer, and whether there are newer ones.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sekisho_exchange::{Errands, Event};
use sekisho_units::Tick;
use tokio::sync::Notify;

use super::source::{Answer, Settings};
use super::{MOST, Plan, keep};
use crate::fleet::{EndpointConfig, Fleet, Member};
use crate::tls::ForFound;

/// Where endpoints of one service are looked for.
pub(super) struct Discovery {
    service: Arc<str>,
    source: &'static str,
    about: String,
    identity: u64,
    allow_empty: bool,
    state: Mutex<State>,
    /// Somebody else is to be served, or nobody any more.
    wake: Arc<Notify>,
    updates: AtomicU64,
    failures: AtomicU64,
    errands: Arc<dyn Errands>,
}

#[derive(Default)]
struct State {
    /// What is to be asked, until that has begun.
    settings: Option<Settings>,
    /// The last good answer, or what another source knew before the first.
    found: Vec<EndpointConfig>,
    /// Whether there was a good answer.
    answered: bool,
    /// Why there is none now.
    failing: Option<String>,
    /// What could not be understood in it, and who of it cannot be asked.
    odd: Vec<String>,
    unasked: Vec<String>,
    serving: Weak<Serving>,
}

/// Whose endpoints are looked for.
pub(super) struct Serving {
    pub(super) fleet: Arc<Fleet>,
    /// Those that are always there.
    pub(super) written: Vec<Member>,
    pub(super) tls: ForFound,
}

/// How a service's endpoints are found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Looked {
    /// `file`, `dns` or `etcd`.
    pub source: &'static str,
    /// What is asked: the file, the name, or the prefix.
    pub about: String,
    /// Answers that changed something.
    pub updates: u64,
    /// Failed and empty answers.
    pub failures: u64,
    /// Whether there was a good answer.
    pub answered: bool,
    /// Why there is none now.
    pub failing: Option<String>,
    /// What could not be understood in the last good one.
    pub odd: Vec<String>,
}

impl Discovery {
    pub(super) fn new(
        service: &str,
        plan: Plan,
        known: Vec<EndpointConfig>,
        errands: Arc<dyn Errands>,
    ) -> Self {
        let Plan { settings, allow_empty, identity } = plan;
        Self {
            service: service.into(),
            source: settings.name(),
            about: settings.about(),
            identity,
            allow_empty,
            state: Mutex::new(State { settings: Some(settings), found: known, ..State::default() }),
            wake: Arc::default(),
            updates: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            errands,
        }
    }

    /// Whether it does what these settings say.
    pub(super) fn is(&self, identity: u64) -> bool {
        self.identity == identity
    }

    /// Whether it was ever in force.
    pub(super) fn has_begun(&self) -> bool {
        self.state().settings.is_none()
    }

    /// Who is known.
    pub(super) fn found(&self) -> Vec<EndpointConfig> {
        self.state().found.clone()
    }

    /// What is found is for these from now on. Begins to look, if that has not begun.
    pub(super) fn serve(self: &Arc<Self>, serving: &Arc<Serving>) {
        let mut state = self.state();
        state.serving = Arc::downgrade(serving);
        let begins = state.settings.take();
        drop(state);
        self.wake.notify_one();
        if let Some(settings) = begins {
            let (weak, wake) = (Arc::downgrade(self), Arc::clone(&self.wake));
            self.errands.send(Box::new(|local| Box::pin(keep::keep(weak, settings, wake, local))));
        }
    }

    /// Gives those who are served what is known: it may be newer than what they were made with.
    pub(super) fn catch_up(&self, now: Tick) {
        let state = self.state();
        let _ = state.apply(now);
    }

    /// Takes over what came of asking.
    pub(super) fn land(&self, got: Result<Answer, String>, now: Tick) {
        for event in self.landed(got, now) {
            self.errands.tell(event);
        }
    }

    fn landed(&self, got: Result<Answer, String>, now: Tick) -> Vec<Event> {
        let mut state = self.state();
        let (service, source) = (|| Arc::clone(&self.service), self.told_of());
        let mut events = Vec::new();
        let Answer { found, mut odd } = match got.and_then(|answer| self.judged(answer)) {
            Ok(answer) => answer,
            Err(why) => {
                self.failures.fetch_add(1, Relaxed);
                let (reason, any_left) = (why.as_str().into(), !state.found.is_empty());
                if state.failing.replace(why).is_none() {
                    events.push(Event::DiscoveryFailed { service: service(), source, reason, any_left });
                }
                return events;
            }
        };
        if state.failing.take().is_some() {
            events.push(Event::DiscoveryRecovered { service: service(), source: Arc::clone(&source) });
        }
        let first = !std::mem::replace(&mut state.answered, true);
        if first || state.found != found {
            let ((added, removed), count) = (difference(&state.found, &found), found.len());
            state.found = found;
            state.unasked = state.apply(now);
            self.updates.fetch_add(1, Relaxed);
            let source = Arc::clone(&source);
            events.push(Event::EndpointsChanged { service: service(), source, added, removed, count });
        }
        odd.extend(state.unasked.iter().cloned());
        odd.truncate(MOST_ODD);
        if state.odd != odd {
            if let Some(first) = odd.first() {
                let more =
                    if odd.len() > 1 { format!(" (and {} more)", odd.len() - 1) } else { String::new() };
                let reason = format!("{first}{more}").into();
                events.push(Event::DiscoverySkipped { service: service(), source, reason });
            }
            state.odd = odd;
        }
        events
    }

    /// Whether an answer may be taken over.
    fn judged(&self, mut answer: Answer) -> Result<Answer, String> {
        let mut known = HashSet::new();
        answer.found.retain(|endpoint| known.insert(endpoint.url.clone()));
        if answer.found.len() > MOST {
            return Err(format!("there are more than {MOST} endpoints"));
        }
        if answer.found.is_empty() && !self.allow_empty {
            return Err(match answer.odd.first() {
                Some(odd) => format!("no endpoint was found: {odd}"),
                None => "no endpoint was found".to_owned(),
            });
        }
        Ok(answer)
    }

    /// Who is asked, for people.
    fn told_of(&self) -> Arc<str> {
        format!("{} `{}`", self.source, self.about).into()
    }

    /// How it stands.
    pub(super) fn look(&self) -> Looked {
        let state = self.state();
        Looked {
            source: self.source,
            about: self.about.clone(),
            updates: self.updates.load(Relaxed),
            failures: self.failures.load(Relaxed),
            answered: state.answered,
            failing: state.failing.clone(),
            odd: state.odd.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most oddities that are remembered.
const MOST_ODD: usize = 100;

/// Whoever looks stops soon.
impl Drop for Discovery {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

impl State {
    /// Gives who is known to whom it is for. Gives who cannot be asked, and why.
    fn apply(&self, now: Tick) -> Vec<String> {
        let Some(serving) = self.serving.upgrade() else { return Vec::new() };
        let (members, odd) = members(&serving.written, &self.found, &serving.tls);
        // Whether there may be nobody was decided before.
        let _ = serving.fleet.replace(members, true, now);
        odd
    }
}

/// Those that are written and those that were found, and who of them cannot be asked.
pub(super) fn members(
    written: &[Member],
    found: &[EndpointConfig],
    tls: &ForFound,
) -> (Vec<Member>, Vec<String>) {
    let mut odd = Vec::new();
    let known: HashSet<&str> = written.iter().map(|member| member.config.url.as_str()).collect();
    let mut members = written.to_vec();
    for config in found.iter().filter(|config| !known.contains(config.url.as_str())) {
        match tls.of(config) {
            Ok(tls) => members.push(Member { config: config.clone(), tls }),
            Err(why) => odd.push(format!("`{}`: {why}", config.url)),
        }
    }
    (members, odd)
}

/// How many are new, and how many are gone.
fn difference(before: &[EndpointConfig], now: &[EndpointConfig]) -> (usize, usize) {
    let urls = |all: &'_ [EndpointConfig]| all.iter().map(|one| one.url.clone()).collect::<HashSet<_>>();
    let (before, now) = (urls(before), urls(now));
    (now.difference(&before).count(), before.difference(&now).count())
}
