//! Whether a client takes what it is sent.
//!
//! A socket says that it has room only once a third of its buffer is free, which may be megabytes: a slow reader shows nothing for
//! minutes. So while a client is waited for, it is looked once a period at how much the system still holds for it, and any byte
//! fewer is progress. Nobody is taken for idle too early, and at most one period late; who keeps pace is never looked at.

use std::time::Duration;

use sekisho_units::Tick;

/// A period is so small a part of the longest wait.
const PART: u32 = 16;

/// How one client keeps pace.
pub(crate) struct Pace {
    /// How long it may take nothing.
    longest: Duration,
    /// When it last took something, as far as is known.
    moved: Tick,
    /// When it was last looked at, or last took something from us.
    looked: Tick,
    /// What the system held for it then, if it was looked at since.
    held: Option<u32>,
}

impl Pace {
    /// Of a client that took something at `now`, and may take nothing for `longest`.
    pub(crate) fn new(longest: Duration, now: Tick) -> Self {
        Self { longest, moved: now, looked: now, held: None }
    }

    /// The client, or its socket, has taken something at `now`.
    #[inline]
    pub(crate) fn moved(&mut self, now: Tick) {
        self.moved = now;
        self.looked = now;
        self.held = None;
    }

    /// When to look, while the client is waited for.
    #[inline]
    pub(crate) fn due(&self) -> Tick {
        self.looked + self.longest / PART
    }

    /// Looks at `now`, if it is time to, at what the system holds. `true`: the client has taken nothing for too long.
    pub(crate) fn is_over(&mut self, now: Tick, held: impl FnOnce() -> Option<u32>) -> bool {
        if now < self.due() {
            return false;
        }
        let held = held();
        if let Some(now_held) = held
            && self.held.is_none_or(|before| now_held < before)
        {
            // At the first look it is not known what was taken before; in doubt something was.
            self.moved = now;
        }
        self.held = held;
        self.looked = now;
        now.since(self.moved) >= self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(16);

    /// When a client is given up of which the system holds so much at each second; `None`: not within these.
    fn over(held: impl Fn(u64) -> Option<u32>) -> Option<u64> {
        let mut pace = Pace::new(IDLE, Tick::ZERO);
        (1..200).find(|second| {
            let now = Tick::ZERO + Duration::from_secs(*second);
            assert_eq!(pace.due(), now, "it is looked once a period");
            pace.is_over(now, || held(*second))
        })
    }

    #[test]
    fn who_takes_a_byte_within_the_time_is_not_given_up() {
        for every in [1, 7, 15] {
            assert_eq!(over(|second| Some(1_000_000 - (second / every) as u32)), None, "{every}");
        }
    }

    #[test]
    fn who_takes_nothing_is_given_up_a_period_late_at_most() {
        assert_eq!(over(|_| Some(1_000_000)), Some(17));
        assert_eq!(over(|second| Some(1_000_000 - second.min(50) as u32)), Some(66));
        assert_eq!(over(|_| None), Some(16), "where the system does not say, what was taken from us counts");
    }

    #[test]
    fn what_is_taken_from_us_counts_without_a_look() {
        let mut pace = Pace::new(IDLE, Tick::ZERO);
        let at = |second| Tick::ZERO + Duration::from_secs(second);
        assert!(!pace.is_over(at(1), || Some(10)));
        pace.moved(at(12));
        assert!(!pace.is_over(at(12), || unreachable!("it is not time to look")));
        // More may be held than before: it has come since.
        assert!(!pace.is_over(at(13), || Some(20)));
        assert!(!pace.is_over(at(28), || Some(20)) && pace.is_over(at(29), || Some(20)));
    }
}
