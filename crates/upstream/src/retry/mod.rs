//! Trying again: which requests, after which failures, how often, and not too often in all.

mod budget;
mod config;
mod tries;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use sekisho_exchange::Exchange;
use sekisho_units::{OrOff, Percent, Tick};
use sekisho_wire::Method;

use crate::call::Call;
use crate::carry::Carry;
use crate::failure::Failure;

pub(crate) use self::budget::Budget;
pub use self::budget::RetryMeter;
pub use self::config::{BackoffConfig, Cause, RetryConfig};
pub(crate) use self::tries::{Again, Tries};

/// What came of a try: an answer's head, or a failure with the call that can perhaps be made again.
pub(crate) type Outcome = Result<Box<Call>, (Failure, Option<Box<Call>>)>;

/// A service's retries.
pub(crate) struct Retry {
    /// Most tries beside the first.
    extra: u32,
    connect: bool,
    reset: bool,
    timeout: bool,
    /// A bit for each status from 400 on.
    statuses: [u64; 4],
    /// A bit for each method.
    methods: u16,
    /// A header that makes any request repeatable.
    key: Option<Box<str>>,
    /// Longest wait for the response's head in one try.
    pub(crate) per_try: Option<Duration>,
    backoff: Backoff,
    /// Most bytes of a body kept to be sent again.
    body: usize,
    percent: Percent,
    budget: Arc<Budget>,
}

impl Retry {
    pub(crate) fn new(service: &str, config: &RetryConfig, carry: &Carry) -> Self {
        let mut statuses = [0; 4];
        let mut mark = |status: u16| {
            let bit = usize::from(status - FIRST);
            statuses[bit / 64] |= 1 << (bit % 64);
        };
        for cause in &config.on {
            match cause {
                Cause::Status(status) => mark(*status),
                Cause::ServerError => (500..=599).for_each(&mut mark),
                Cause::Connect | Cause::Reset | Cause::Timeout => {}
            }
        }
        let methods = config.methods.iter().map(|name| bit(Method::of(name.value.as_bytes())));
        Self {
            extra: config.attempts.value,
            connect: config.on.contains(&Cause::Connect),
            reset: config.on.contains(&Cause::Reset),
            timeout: config.on.contains(&Cause::Timeout),
            statuses,
            methods: methods.fold(0, |all, one| all | one),
            key: match &config.idempotency_key.value {
                OrOff::On(name) => Some(name.as_str().into()),
                OrOff::Off => None,
            },
            per_try: config.per_try.as_ref().map(|per_try| per_try.as_duration()),
            backoff: Backoff {
                base: config.backoff.base.as_duration(),
                max: config.backoff.max.as_duration(),
            },
            body: config.body.bytes() as usize,
            percent: config.budget,
            budget: carry.budget(service),
        }
    }

    /// Counts a request.
    #[inline]
    pub(crate) fn asked(&self, worker: usize, now: Tick) {
        self.budget.asked(worker, now);
    }

    /// Counts a retry that is about to be made.
    pub(crate) fn made(&self) {
        self.budget.meter.made.fetch_add(1, Relaxed);
    }

    /// What became of retries.
    pub(crate) fn meter(&self) -> &RetryMeter {
        &self.budget.meter
    }

    /// Whether a request that was sent may be sent again.
    fn may_repeat(&self, exchange: &Exchange<'_>) -> bool {
        // Another of the methods that have no bit: known by nobody to be repeatable.
        self.methods & bit(exchange.method) != 0
            || self.key.as_ref().is_some_and(|name| exchange.head.find(name).is_some())
    }

    /// Bytes of the request's body that are worth keeping.
    pub(crate) fn keeps(&self, exchange: &Exchange<'_>) -> usize {
        if self.may_repeat(exchange) { self.body } else { 0 }
    }

    /// Whether what came of a try is a reason for another.
    pub(crate) fn is_cause(&self, outcome: &Outcome) -> bool {
        match outcome {
            Ok(call) => {
                let bit = usize::from(call.head().status().wrapping_sub(FIRST));
                self.statuses.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
            }
            Err((Failure::Unreachable(_) | Failure::Overloaded(_), _)) => self.connect,
            // Once a byte of the answer has come, what follows might have been for this client.
            Err((Failure::Broke | Failure::Stale, Some(call))) => self.reset && !call.answered,
            Err((Failure::Slow(_), _)) => self.timeout,
            Err(_) => false,
        }
    }
}

/// The first status that tells of a failure.
const FIRST: u16 = 400;

/// The bit of a method in a set; none for those that are not standard.
pub(crate) fn bit(method: Method) -> u16 {
    if method == Method::Other { 0 } else { 1 << method as u16 }
}

/// Waits between tries of one endpoint: each drawn by lot up to a limit that doubles, so that clients which failed together
/// do not come back together.
#[derive(Clone, Copy, Debug)]
struct Backoff {
    base: Duration,
    max: Duration,
}

impl Backoff {
    /// The wait before the retry with this number, from 0; `lot` is drawn from all numbers alike.
    fn wait(&self, number: u32, lot: u32) -> Duration {
        let longest = self.base.saturating_mul(1 << number.min(16)).min(self.max);
        longest.mul_f64(f64::from(lot) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_are_drawn_by_lot() {
        let backoff = Backoff { base: Duration::from_millis(25), max: Duration::from_millis(250) };
        let longest: Vec<_> = (0..6).map(|number| backoff.wait(number, u32::MAX).as_millis()).collect();
        assert_eq!(longest, [25, 50, 100, 200, 250, 250]);
        assert_eq!(backoff.wait(3, 0), Duration::ZERO);
        assert_eq!(backoff.wait(90, u32::MAX / 2).as_millis(), 125);
    }

    #[test]
    fn statuses_and_methods_are_those_listed() {
        let config =
            RetryConfig { on: vec![Cause::Status(429), Cause::ServerError], ..RetryConfig::default() };
        let retry = Retry::new("s", &config, &Carry::default());
        let is = |status: u16| {
            let bit = usize::from(status - FIRST);
            retry.statuses[bit / 64] >> (bit % 64) & 1 == 1
        };
        let listed: Vec<u16> = (400..=599).filter(|status| is(*status)).collect();
        assert_eq!(listed, [&[429][..], &(500..=599).collect::<Vec<_>>()].concat());
        assert!(retry.methods & bit(Method::Get) != 0 && retry.methods & bit(Method::Post) == 0);
        assert_eq!(bit(Method::Other), 0);
    }
}
