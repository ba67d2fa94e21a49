//! How many requests a service can do at once, found out from how it answers. Pure: what was seen and the time are arguments.
//!
//! Two ways. `gradient` goes by latency: an answer that takes longer than it takes when little is in flight has waited in a queue
//! somewhere, so the limit falls in that proportion; a headroom of its square root lets it rise again. It is the idea of Netflix's
//! concurrency-limits and of Envoy's adaptive concurrency. `aimd` goes by failures, and by a latency that is written down, as TCP
//! does: a tenth less when there are too many.

mod gradient;
#[cfg(test)]
mod tests;

use std::time::Duration;

use sekisho_units::Tick;

use self::gradient::Gradient;

/// What the limit goes by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Rules {
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) initial: u32,
    /// Shortest time between two moves.
    pub(crate) window: Duration,
    /// The share of failures above which it falls.
    pub(crate) failures: f64,
    pub(crate) by: By,
}

/// What is held against a service.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum By {
    /// Answers that take so many times as long as they take when little is in flight; that is found out anew after a time in
    /// which they do.
    Gradient { tolerance: f64, remeasure: Duration },
    /// Failures, and answers that take longer than this; then so much of the limit is left.
    Aimd { latency: Option<Duration>, backoff: f64 },
}

/// What was seen since the last move.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Seen {
    /// Answers.
    pub(crate) answers: u32,
    /// Nanoseconds that one took, typically.
    pub(crate) typical: f64,
    /// Requests without an answer, or with one that says that there is too much to do.
    pub(crate) failures: u32,
    /// Most requests in flight.
    pub(crate) peak: u32,
}

/// What is left of the limit after too many failures, where nothing else is said.
const BACKOFF: f64 = 0.9;

/// What the last move goes by must not be seen once more: so long at most nothing counts after it.
const LONGEST: Duration = Duration::from_secs(5);

/// The limit, and what it has learned.
pub(crate) struct Steering {
    rules: Rules,
    limit: f64,
    gradient: Gradient,
}

impl Steering {
    pub(crate) fn new(rules: Rules) -> Self {
        let limit = f64::from(rules.initial);
        Self { rules, limit, gradient: Gradient::default() }.within()
    }

    /// Other rules come into force; what was learned stays.
    pub(crate) fn adopt(&mut self, rules: Rules) {
        self.rules = rules;
        self.limit = self.gradient.give_up().unwrap_or(self.limit);
        self.clamp();
    }

    /// Requests that may be in flight.
    pub(crate) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// What the limit goes by.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The time that an answer takes when little is in flight, as far as that is known and counts.
    pub(crate) fn baseline(&self) -> Option<Duration> {
        match self.rules.by {
            By::Gradient { .. } => self.gradient.baseline().map(nanos),
            By::Aimd { .. } => None,
        }
    }

    /// Longer than this no answer should take.
    pub(crate) fn slow(&self) -> Option<Duration> {
        match self.rules.by {
            By::Gradient { tolerance, .. } => self.gradient.baseline().map(|base| nanos(base * tolerance)),
            By::Aimd { latency, .. } => latency,
        }
    }

    /// Moves the limit by what was seen. Gives for how long nothing that is heard counts: it is of requests from before.
    pub(crate) fn step(&mut self, seen: &Seen, now: Tick) -> Duration {
        let moved = match self.rules.by {
            _ if self.fails(seen) => {
                let before = self.gradient.give_up().unwrap_or(self.limit);
                before * if let By::Aimd { backoff, .. } = self.rules.by { backoff } else { BACKOFF }
            }
            _ if seen.answers == 0 => self.limit,
            By::Gradient { tolerance, remeasure } => {
                let ground =
                    gradient::Ground { limit: self.limit, min: self.rules.min.into(), tolerance, remeasure };
                self.gradient.step(ground, seen, now)
            }
            By::Aimd { .. } => self.limit + self.limit.sqrt(),
        };
        // What is not used is not known to be borne, beyond what it began with.
        let used = f64::from(seen.peak.saturating_mul(2).max(self.rules.initial));
        self.limit = if moved > self.limit { moved.min(used.max(self.limit)) } else { moved };
        self.clamp();
        if seen.answers == 0 { Duration::ZERO } else { nanos(seen.typical).min(LONGEST) }
    }

    fn fails(&self, seen: &Seen) -> bool {
        let all = f64::from(seen.answers) + f64::from(seen.failures);
        f64::from(seen.failures) > self.rules.failures * all
    }

    fn within(mut self) -> Self {
        self.clamp();
        self
    }

    fn clamp(&mut self) {
        self.limit = self.limit.clamp(self.rules.min.into(), self.rules.max.into());
    }
}

fn nanos(nanos: f64) -> Duration {
    Duration::from_nanos(nanos as u64)
}
