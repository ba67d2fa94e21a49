//! How many requests a service has at once, over all its endpoints and all workers, and what becomes of more: a few wait shortly,
//! the others are told at once to come again. A service that gets more than it can do answers everybody late; one that gets what
//! it can do answers those in time.
//!
//! A request has its place until the last byte of the answer, through all its tries. A tunnel gives it back at the 101: the place
//! stands for work to be done before an answer, not for a connection that may be silent for days; `tunnels.max` bounds those.

mod config;
mod places;
mod steering;
#[cfg(test)]
mod tests;
mod window;

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_exchange::{Alarm, Downstream, Exchange};
use sekisho_units::Tick;

pub use self::config::{AdaptiveConfig, AdaptiveSettings, LimitAlgorithm, LimitConfig, LimitSettings};
pub(crate) use self::places::Place;
use self::places::{Places, Turn};
use self::steering::{By, Rules, Steering};
use self::window::Window;
use crate::breaker::Guard;
use crate::failure::Failure;
use crate::pool::guarded;

/// The longest time that anybody is told to wait, in seconds: how it is by then nobody knows.
const MOST_AFTER: u64 = 30;

/// The limit of a service, as one configuration sees it.
pub struct Limit {
    bound: Bound,
    /// Most requests that wait.
    queue: u32,
    /// How long.
    wait: Duration,
    state: Arc<LimitState>,
}

/// How many places there are.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Bound {
    Fixed(u32),
    Adaptive(Rules),
}

/// What is in flight and what was learned. It outlives a configuration.
#[derive(Default)]
pub(crate) struct LimitState {
    places: Arc<Places>,
    window: Window,
    /// What moves the limit; none where it is fixed. Nobody waits for it: who finds it taken goes on.
    steering: Mutex<Option<Steering>>,
    /// Nanoseconds beyond which a client that left had waited too long.
    slow: AtomicU64,
    /// How long a request has its place while all are taken, in nanoseconds: an average of the last few; 0 if there was none.
    takes: AtomicU64,
    /// Requests turned away because the line was full, and after a wait.
    shed: [AtomicU64; 2],
}

/// How a limit stands, for those who look.
#[derive(Clone, PartialEq, Debug)]
pub struct LimitSeen {
    /// Requests that the service has.
    pub in_flight: u32,
    /// How many it may have.
    pub limit: u32,
    /// Requests that wait.
    pub queued: u32,
    /// Requests turned away so far, by why.
    pub shed: [(&'static str, u64); 2],
    /// Where the limit adapts: within which bounds, and what answers take when little is in flight, if that is known and counts.
    pub adaptive: Option<(u32, u32, Option<Duration>)>,
}

/// What was heard of a request.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Heard {
    /// The head of the answer, so long after the request was sent.
    Answer(Duration),
    /// No answer, or one that says that there is too much to do.
    Failure,
}

impl Limit {
    pub(crate) fn new(config: &LimitSettings, state: Arc<LimitState>) -> Self {
        let (bound, queue, wait) = config.compile();
        let limit = Self { bound, queue, wait, state };
        // One that is in force already is moved once this configuration is.
        if limit.state.places.look().bound == 0 {
            limit.settle();
        }
        limit
    }

    /// Comes into force: requests in flight beyond a lower limit stay.
    pub(crate) fn settle(&self) {
        let mut steering = self.state.steering();
        let bound = match (self.bound, &mut *steering) {
            (Bound::Fixed(bound), _) => {
                *steering = None;
                bound
            }
            (Bound::Adaptive(rules), Some(steering)) => {
                steering.adopt(rules);
                steering.limit()
            }
            (Bound::Adaptive(rules), none) => none.insert(Steering::new(rules)).limit(),
        };
        self.state.note_slow(steering.as_ref());
        self.state.places.rebound(bound);
    }

    /// A place, if one is free and nobody waits.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Place> {
        self.state.places.take()
    }

    /// A place after a wait in the line. The end of the exchange's time, of the client and of the gateway end the wait as well.
    ///
    /// In a box, and apart: few wait, and all others would be as large.
    #[cold]
    #[inline(never)]
    pub(crate) fn line_up<'f, D: Downstream>(
        &'f self,
        guard: Option<&'f Guard>,
        exchange: &'f Exchange<'_>,
        down: &'f mut D,
        alarm: &'f Alarm,
    ) -> Pin<Box<dyn Future<Output = Result<Place, Failure>> + 'f>> {
        Box::pin(self.wait_in_line(guard, exchange, down, alarm))
    }

    async fn wait_in_line<D: Downstream>(
        &self,
        guard: Option<&Guard>,
        exchange: &Exchange<'_>,
        down: &mut D,
        alarm: &Alarm,
    ) -> Result<Place, Failure> {
        let local = exchange.local;
        if let Some(guard) = guard {
            // Nobody waits for a service that is not to be asked; whether it is then is seen after the wait.
            drop(guard.admit(local.clock.now()).map_err(Failure::CircuitOpen)?);
        }
        let [full, late] = &self.state.shed;
        let mut waiting = match self.state.places.line_up(self.queue) {
            Some(Turn::Now(place)) => return Ok(place),
            Some(Turn::Later(waiting)) => waiting,
            None => {
                full.fetch_add(1, Relaxed);
                return Err(Failure::Shed("limit_queue", self.after()));
            }
        };
        let due = local.clock.now() + self.wait;
        alarm.set(exchange.deadline.map_or(due, |deadline| deadline.min(due)));
        let over = || {
            if local.cut.get() {
                return Failure::Stopping;
            }
            if exchange.deadline.is_some_and(|deadline| deadline <= local.clock.now()) {
                return Failure::Expired;
            }
            late.fetch_add(1, Relaxed);
            Failure::Shed("limit_wait", self.after())
        };
        let place = guarded(waiting.turn(), down, alarm, over).await?;
        // At the end of a drain places become free as their requests are cut off: none of them is for another request.
        if local.cut.get() { Err(Failure::Stopping) } else { Ok(place) }
    }

    /// Tells how a try went: the answer's status, or how there was none; and how long after the request was sent, if it was.
    #[inline]
    pub(crate) fn heard(&self, result: Result<u16, &Failure>, served: Option<Duration>, now: Tick) {
        if let Some(served) = served {
            self.state.took(served);
        }
        if let Bound::Adaptive(rules) = &self.bound
            && self.state.window.is_open(now)
            && let Some(heard) = self.state.understood(rules, result, served)
        {
            self.state.heard(heard, now);
        }
    }

    /// Seconds after which there may be a place for one more: those who wait now come first.
    #[cold]
    fn after(&self) -> u64 {
        let look = self.state.places.look();
        let before = u64::from(look.waiting) + 1;
        let nanos = self.state.takes.load(Relaxed).saturating_mul(before) / u64::from(look.bound.max(1));
        nanos.div_ceil(1_000_000_000).clamp(1, MOST_AFTER)
    }

    /// How it stands.
    pub fn look(&self) -> LimitSeen {
        let look = self.state.places.look();
        let [full, late] = &self.state.shed;
        let steering = self.state.steering();
        LimitSeen {
            in_flight: look.taken,
            limit: look.bound,
            queued: look.waiting,
            shed: [("queue", full.load(Relaxed)), ("wait", late.load(Relaxed))],
            adaptive: steering.as_ref().map(|steering| {
                let Rules { min, max, .. } = *steering.rules();
                (min, max, steering.baseline())
            }),
        }
    }
}

impl LimitState {
    /// A request was with the service for so long. Only while all places are taken does anybody ask.
    #[inline]
    fn took(&self, served: Duration) {
        let look = self.places.look();
        if look.taken >= look.bound {
            let nanos = u64::try_from(served.as_nanos()).unwrap_or(u64::MAX);
            let takes = match self.takes.load(Relaxed) {
                0 => nanos,
                // Another thread may store at the same time; of two answers alike one may be lost.
                takes => takes - takes / 8 + nanos / 8,
            };
            self.takes.store(takes, Relaxed);
        }
    }

    /// What a try tells of the load of a service. An error that is quick must not pass for a quick answer, and one that is a
    /// defect says nothing of load.
    fn understood(
        &self,
        rules: &Rules,
        result: Result<u16, &Failure>,
        served: Option<Duration>,
    ) -> Option<Heard> {
        let took = match result {
            Ok(429 | 503 | 504) => return Some(Heard::Failure),
            Ok(500..) => return None,
            Ok(_) => served?,
            // How long it would have taken is not known; only, perhaps, that it was too long already.
            Err(Failure::ClientGone) => served.filter(|after| self.is_slow(*after))?,
            Err(failure) => return failure.is_the_services().then_some(Heard::Failure),
        };
        let fails = matches!(rules.by, By::Aimd { .. }) && self.is_slow(took);
        Some(if fails { Heard::Failure } else { Heard::Answer(took) })
    }

    fn is_slow(&self, took: Duration) -> bool {
        took > Duration::from_nanos(self.slow.load(Relaxed))
    }

    fn heard(&self, heard: Heard, now: Tick) {
        let in_flight = self.places.look().taken;
        match heard {
            Heard::Answer(took) => self.window.answer(took, in_flight),
            Heard::Failure => self.window.failure(in_flight),
        }
        if self.window.is_over(now) {
            self.step(now);
        }
    }

    /// Moves the limit, unless another thread is about to.
    #[cold]
    fn step(&self, now: Tick) {
        let Ok(mut steering) = self.steering.try_lock() else { return };
        let Some(steering) = steering.as_mut().filter(|_| self.window.is_over(now)) else { return };
        let pause = steering.step(&self.window.turn(), now);
        self.window.open(now + pause, steering.rules().window);
        self.note_slow(Some(steering));
        self.places.rebound(steering.limit());
    }

    fn note_slow(&self, steering: Option<&Steering>) {
        let slow = steering.and_then(Steering::slow).unwrap_or(Duration::MAX);
        self.slow.store(u64::try_from(slow.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    fn steering(&self) -> MutexGuard<'_, Option<Steering>> {
        self.steering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
