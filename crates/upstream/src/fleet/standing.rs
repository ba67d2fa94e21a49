//! What keeps an endpoint from being asked, and how long it has been back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sekisho_units::Tick;

/// What may be wrong with an endpoint. Each is found by another, and lifted by whom it was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It fails its checks.
    Unhealthy,
    /// It fails its requests.
    Ejected,
    /// An operator has taken it out.
    Drained,
    /// Its circuit breaker is not closed. It may still be tried, once the time has come.
    CircuitOpen,
}

/// All of them, the gravest first.
pub(super) const FAULTS: [Fault; 4] = [Fault::Drained, Fault::Unhealthy, Fault::Ejected, Fault::CircuitOpen];

impl Fault {
    /// As metrics and people name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unhealthy => "unhealthy",
            Self::Ejected => "ejected",
            Self::Drained => "drained",
            Self::CircuitOpen => "circuit_open",
        }
    }

    /// The word for why an endpoint is back once it is lifted.
    pub(super) fn lifted(self) -> &'static str {
        match self {
            Self::Unhealthy => "health_check",
            Self::Ejected => "ejection_over",
            Self::Drained => "restored",
            Self::CircuitOpen => "circuit_closed",
        }
    }
}

/// How an endpoint stands. It is looked at when a rota is laid out, never for a pick.
#[derive(Default)]
pub(crate) struct Standing(Mutex<Inner>);

#[derive(Clone, Default)]
struct Inner {
    /// Why, for each of the faults that it has.
    faults: [Option<Box<str>>; FAULTS.len()],
    warming: Warming,
}

/// Whether its share still grows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Warming {
    /// It has its whole share.
    #[default]
    Done,
    /// It begins when somebody looks.
    Waits,
    /// It grows since then.
    Since(Tick),
}

impl Standing {
    fn with<T>(&self, with: impl FnOnce(&mut Inner) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets a fault or lifts it. Whether that changes who is available.
    pub(super) fn mark(&self, fault: Fault, reason: Option<&str>) -> bool {
        self.with(|inner| {
            let before = inner.is_available();
            inner.faults[fault as usize] = reason.map(Into::into);
            before != inner.is_available()
        })
    }

    pub(crate) fn is_available(&self) -> bool {
        self.with(|inner| inner.is_available())
    }

    /// Whether it has this fault.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.with(|inner| inner.faults[fault as usize].is_some())
    }

    /// The gravest fault, and why.
    pub(super) fn fault(&self) -> Option<(Fault, Box<str>)> {
        self.with(|inner| {
            FAULTS.into_iter().find_map(|fault| Some((fault, inner.faults[fault as usize].clone()?)))
        })
    }

    /// From now on its share grows from little.
    pub(super) fn warm(&self, warming: Warming) {
        self.with(|inner| inner.warming = warming);
    }

    /// The percentage of its share that it has at `now`, if the whole takes `time`; the least where nobody knows the time.
    pub(super) fn percent(&self, now: Option<Tick>, time: Duration) -> u64 {
        self.with(|inner| {
            if let Some(now) = now
                && inner.warming == Warming::Waits
                && inner.is_available()
            {
                inner.warming = Warming::Since(now);
            }
            let percent = match (inner.warming, now) {
                (Warming::Done, _) => 100,
                _ if time.is_zero() => 100,
                (Warming::Since(start), Some(now)) => grown(now.since(start), time),
                (Warming::Waits | Warming::Since(_), _) => LEAST,
            };
            if percent == 100 {
                inner.warming = Warming::Done;
            }
            percent
        })
    }
}

impl Inner {
    fn is_available(&self) -> bool {
        self.faults.iter().all(Option::is_none)
    }
}

/// What an endpoint begins with, in percent of its share.
const LEAST: u64 = 10;
/// So many percent at once: a rota laid out for each would be much work for nobody's good.
const STEP: u64 = 5;

/// The percentage after `elapsed` of `time`, in steps.
fn grown(elapsed: Duration, time: Duration) -> u64 {
    if elapsed >= time {
        return 100;
    }
    let percent = (elapsed.as_nanos() * 100 / time.as_nanos().max(1)) as u64;
    (percent / STEP * STEP).max(LEAST)
}

/// How long a step takes.
pub(super) fn step(time: Duration) -> Duration {
    // Not in a hurry, however short the whole is.
    (time * STEP as u32 / 100).max(Duration::from_millis(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_lifted_by_itself() {
        let standing = Standing::default();
        assert!(standing.is_available());
        assert!(standing.mark(Fault::Ejected, Some("five failures")));
        assert!(!standing.mark(Fault::Unhealthy, Some("timeout")), "it was out already");
        assert_eq!(standing.fault(), Some((Fault::Unhealthy, "timeout".into())));
        assert!(!standing.mark(Fault::Unhealthy, None));
        assert_eq!(standing.fault(), Some((Fault::Ejected, "five failures".into())));
        assert!(standing.mark(Fault::Ejected, None) && standing.is_available());
    }

    #[test]
    fn a_share_grows_in_steps_to_its_whole() {
        let seconds = Duration::from_secs;
        for (elapsed, want) in
            [(0, 10), (1, 10), (14, 10), (15, 15), (50, 50), (54, 50), (99, 95), (100, 100)]
        {
            assert_eq!(grown(seconds(elapsed), seconds(100)), want, "{elapsed}");
        }
        let standing = Standing::default();
        let at = |secs: u64| Some(Tick::from_nanos(secs * 1_000_000_000));
        assert_eq!(standing.percent(at(1), seconds(10)), 100);
        standing.warm(Warming::Waits);
        assert_eq!(standing.percent(at(100), seconds(10)), 10, "it begins when it is first looked at");
        assert_eq!(standing.percent(at(105), seconds(10)), 50);
        assert_eq!(standing.percent(at(110), seconds(10)), 100);
        assert_eq!(standing.percent(at(101), seconds(10)), 100, "it is done");
    }
}
