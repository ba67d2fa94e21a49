//! The circuit breaker: a service that fails is left alone for a while, so that its clients learn at once what they would
//! have learned late, and it has time to recover. The same for each endpoint by itself, where that is wanted.
//!
//! Closed, it counts; when too many requests of the window fail, it opens. Open, it refuses; after `reset` it is half open and
//! lets as many requests through as it has probes. If they succeed it closes, if one fails it opens again. The words are those
//! of opossum 8. Time is an argument, and no decision takes a lock.

mod config;
#[cfg(test)]
mod endpoint_tests;
mod gate;
mod guard;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sekisho_units::Tick;

pub use self::config::{BreakerConfig, Per};
use self::gate::{Gate, SharedGate};
pub use self::guard::Guard;
pub(crate) use self::guard::Whose;
use self::window::Window;

/// When it opens, and for how long. Times are in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// Percentage of failures above which it opens.
    pub(crate) above: u32,
    pub(crate) reset: u64,
    /// Length of a step of the window.
    pub(crate) step: u64,
    pub(crate) buckets: usize,
    pub(crate) volume: u32,
    pub(crate) probes: u16,
}

/// A breaker in force: what it goes by, and where it stands.
pub struct Breaker {
    settings: Settings,
    pub(crate) state: Arc<BreakerState>,
}

/// Where a breaker stands. It outlives a configuration.
pub struct BreakerState {
    /// Length of a step of the window in milliseconds, and how many there are.
    shape: (u64, usize),
    gate: SharedGate,
    window: Window,
    counts: [AtomicU64; CHANGES.len()],
    refused: AtomicU64,
}

/// What can happen to a breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Too much failed, a probe failed, or an operator opened it.
    Opened,
    /// The first probe was let through.
    HalfOpened,
    /// The probes succeeded, or an operator closed it.
    Closed,
}

/// All of them, as metrics name them.
const CHANGES: [(Change, &str); 3] =
    [(Change::Opened, "opened"), (Change::HalfOpened, "half_opened"), (Change::Closed, "closed")];

/// How a breaker stands, for those who look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Requests pass.
    Closed,
    /// They do not.
    Open,
    /// Probes do.
    HalfOpen,
}

impl Standing {
    /// As metrics and people name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Leave to ask the service. Whoever holds it tells how it went; dropped without a word, it counts for nothing.
#[must_use]
pub struct Ticket {
    /// Of a probe: its breaker, and since when the trial runs.
    probe: Option<(Arc<BreakerState>, u64)>,
}

/// The breaker is open; the next probe may come after this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Open {
    /// Whole or part of seconds; never zero.
    pub after: Duration,
}

/// With a trial under way nobody knows how long it takes; this is when to ask again.
const TRIAL: Duration = Duration::from_secs(1);

impl BreakerState {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            shape: (settings.step, settings.buckets),
            gate: SharedGate::default(),
            window: Window::new(settings.buckets),
            counts: Default::default(),
            refused: AtomicU64::new(0),
        }
    }

    /// Whether its window is as `settings` say.
    pub(crate) fn suits(&self, settings: &Settings) -> bool {
        self.shape == (settings.step, settings.buckets)
    }

    /// How often each change has come, in the words of metrics.
    pub fn changes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CHANGES.iter().zip(&self.counts).map(|((_, word), count)| (*word, count.load(Relaxed)))
    }

    /// Requests refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn note(&self, change: Change) -> Change {
        self.counts[change as usize].fetch_add(1, Relaxed);
        change
    }
}

impl Breaker {
    pub(crate) fn new(settings: Settings, state: Arc<BreakerState>) -> Self {
        Self { settings, state }
    }

    /// Where it stands, and what has happened to it.
    pub fn state(&self) -> &BreakerState {
        &self.state
    }

    /// How it stands now.
    pub fn standing(&self, now: Tick) -> Standing {
        match self.state.gate.load() {
            Gate::Closed => Standing::Closed,
            Gate::Half { .. } => Standing::HalfOpen,
            Gate::Open { until } if until <= millis(now) => Standing::HalfOpen,
            Gate::Open { .. } | Gate::Held => Standing::Open,
        }
    }

    /// Requests in the window that ends now, and those of them that failed.
    pub fn window(&self, now: Tick) -> (u32, u32) {
        let counts = self.state.window.sum(millis(now) / self.settings.step);
        (counts.total, counts.failed)
    }

    /// Whether requests pass.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.gate.load() == Gate::Closed
    }

    /// When it lets probes through, if it is open for a time.
    pub(crate) fn until(&self) -> Option<Tick> {
        match self.state.gate.load() {
            Gate::Open { until } => Some(Tick::from_nanos(until * NANOS)),
            _ => None,
        }
    }

    /// How long there is no leave, as far as that is known; `None` if there is.
    pub(crate) fn after(&self, now: Tick) -> Option<Duration> {
        match self.state.gate.load() {
            Gate::Closed => None,
            Gate::Open { until } if millis(now) < until => Some(Duration::from_millis(until - millis(now))),
            Gate::Open { .. } | Gate::Half { .. } => Some(TRIAL),
            Gate::Held => Some(Duration::from_millis(self.settings.reset)),
        }
    }

    /// Asks for leave. With it may come a change: the breaker is half open from now on.
    ///
    /// # Errors
    /// `Open`, if it is open, or half open with all its probes out. That is counted.
    #[inline]
    pub fn admit(&self, now: Tick) -> Result<(Ticket, Option<Change>), Open> {
        self.ask(now).inspect_err(|_| self.refuse())
    }

    /// Counts a request that was refused.
    #[cold]
    pub(crate) fn refuse(&self) {
        self.state.refused.fetch_add(1, Relaxed);
    }

    /// As [`Breaker::admit`], for those who can ask elsewhere: that is not counted.
    #[inline]
    pub(crate) fn ask(&self, now: Tick) -> Result<(Ticket, Option<Change>), Open> {
        match self.state.gate.load() {
            Gate::Closed => Ok((self.ticket(None), None)),
            _ => self.admit_if_time_has_come(millis(now)),
        }
    }

    #[cold]
    fn admit_if_time_has_come(&self, now: u64) -> Result<(Ticket, Option<Change>), Open> {
        let after = loop {
            let gate = self.state.gate.load();
            let (to, since, change) = match gate {
                Gate::Closed => return Ok((self.ticket(None), None)),
                Gate::Held => break Duration::from_millis(self.settings.reset),
                Gate::Open { until } if now < until => break Duration::from_millis(until - now),
                Gate::Open { .. } => {
                    (Gate::Half { since: now, out: 1, good: 0 }, now, Some(Change::HalfOpened))
                }
                Gate::Half { out, .. } if u16::from(out) >= self.settings.probes => break TRIAL,
                Gate::Half { since, out, good } => (Gate::Half { since, out: out + 1, good }, since, None),
            };
            if self.state.gate.change(gate, to) {
                return Ok((self.ticket(Some(since)), change.map(|change| self.state.note(change))));
            }
        };
        Err(Open { after })
    }

    fn ticket(&self, trial: Option<u64>) -> Ticket {
        Ticket { probe: trial.map(|since| (Arc::clone(&self.state), since)) }
    }

    /// The request of this ticket succeeded. Gives what that changes.
    #[inline]
    pub fn succeeded(&self, ticket: Ticket, now: Tick) -> Option<Change> {
        self.state.window.count(millis(now) / self.settings.step, false);
        if ticket.probe.is_some() { self.probe_succeeded(ticket) } else { None }
    }

    /// The request of this ticket failed. Gives what that changes.
    #[cold]
    pub fn failed(&self, mut ticket: Ticket, now: Tick) -> Option<Change> {
        let now = millis(now);
        let step = now / self.settings.step;
        self.state.window.count(step, true);
        let trial = ticket.probe.take().map(|(_, trial)| trial);
        loop {
            let gate = self.state.gate.load();
            let opens = match (trial, gate) {
                // One failure is enough, whatever the other probes of the trial find.
                (Some(trial), Gate::Half { since, .. }) => since == trial,
                (None, Gate::Closed) => self.is_too_much(step),
                // Of a time that is over.
                _ => false,
            };
            if !opens {
                return None;
            }
            if self.state.gate.change(gate, Gate::Open { until: now + self.settings.reset }) {
                return Some(self.state.note(Change::Opened));
            }
        }
    }

    fn is_too_much(&self, step: u64) -> bool {
        let counts = self.state.window.sum(step);
        counts.total >= self.settings.volume
            && u64::from(counts.failed) * 100 > u64::from(counts.total) * u64::from(self.settings.above)
    }

    #[cold]
    fn probe_succeeded(&self, mut ticket: Ticket) -> Option<Change> {
        let (_, trial) = ticket.probe.take()?;
        loop {
            let gate = self.state.gate.load();
            let Gate::Half { since, out, good } = gate else { return None };
            if since != trial {
                return None;
            }
            let closes = u16::from(good) + 1 >= self.settings.probes;
            let to = if closes { Gate::Closed } else { Gate::Half { since, out, good: good + 1 } };
            if self.state.gate.change(gate, to) {
                if !closes {
                    return None;
                }
                // What failed before is over: it must not open the breaker again at the first failure.
                self.state.window.clear();
                return Some(self.state.note(Change::Closed));
            }
        }
    }

    /// An operator opens it, until an operator closes it. Gives the change, if it is one.
    pub fn hold_open(&self) -> Option<Change> {
        let before = self.state.gate.put(Gate::Held);
        (!matches!(before, Gate::Held | Gate::Open { .. })).then(|| self.state.note(Change::Opened))
    }

    /// An operator closes it. Gives the change, if it is one.
    pub fn close(&self) -> Option<Change> {
        self.state.window.clear();
        (self.state.gate.put(Gate::Closed) != Gate::Closed).then(|| self.state.note(Change::Closed))
    }
}

#[cfg(test)]
impl Ticket {
    /// Whether it is a probe that still counts.
    fn is_of_this_trial(&self) -> bool {
        self.probe.as_ref().is_some_and(
            |(state, trial)| matches!(state.gate.load(), Gate::Half { since, .. } if since == *trial),
        )
    }
}

impl Drop for Ticket {
    /// A probe that was given up makes room for another.
    fn drop(&mut self) {
        let Some((state, trial)) = self.probe.take() else { return };
        loop {
            let gate = state.gate.load();
            let Gate::Half { since, out, good } = gate else { return };
            if since != trial || state.gate.change(gate, Gate::Half { since, out: out - 1, good }) {
                return;
            }
        }
    }
}

/// Nanoseconds of a millisecond.
const NANOS: u64 = 1_000_000;

fn millis(now: Tick) -> u64 {
    now.as_nanos() / NANOS
}
