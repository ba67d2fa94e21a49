//! The limit by latency: what an answer takes when little is in flight, and how that stays known while much is.

use std::time::Duration;

use sekisho_units::Tick;

use super::Seen;

/// How fast the baseline follows what is seen, and how fast when it is far too high.
const SLOWLY: f64 = 0.05;
const FAST: f64 = 0.2;
/// The limit falls to this part at most in one step.
const LEAST: f64 = 0.5;
/// With half of it in flight, answers that take this part of the time or less show that they had waited for each other.
const SHORTER: f64 = 0.85;
/// So many strained windows are taken for strain as long as it is not known what answers take with little in flight.
const UNSURE: u32 = 2;
/// Windows that speak against strain until it is believed to be over, at most.
const DOUBTS: u32 = 10;

/// What is known of a service's latency.
#[derive(Default)]
pub(super) struct Gradient {
    /// Whether anything was seen.
    awake: bool,
    base: Option<Base>,
    /// Since when answers take too long, and by how many windows more than those in which they do not.
    strained: Option<(Tick, u32)>,
    probe: Option<Probe>,
}

/// Nanoseconds that an answer takes when little is in flight.
#[derive(Clone, Copy)]
struct Base {
    nanos: f64,
    /// What was found when it was measured: load that grows little by little must not carry it along.
    anchor: f64,
    /// Whether little was in flight then, as far as is known.
    proven: bool,
}

/// The limit is lowered step by step to see what that does to answers.
#[derive(Clone, Copy)]
struct Probe {
    /// What it was.
    from: f64,
    /// What it is now.
    at: f64,
    /// What answers took before, and at the last step.
    first: f64,
    last: f64,
}

/// What a step goes by.
#[derive(Clone, Copy)]
pub(super) struct Ground {
    pub(super) limit: f64,
    /// With no more in flight, a service is not kept busy by requests.
    pub(super) min: f64,
    pub(super) tolerance: f64,
    pub(super) remeasure: Duration,
}

impl Gradient {
    /// Nanoseconds.
    pub(super) fn baseline(&self) -> Option<f64> {
        self.base.map(|base| base.nanos)
    }

    /// Ends a probe, if there is one; gives what the limit was before it.
    pub(super) fn give_up(&mut self) -> Option<f64> {
        self.probe.take().map(|probe| probe.from)
    }

    /// What the limit is to be.
    pub(super) fn step(&mut self, ground: Ground, seen: &Seen, now: Tick) -> f64 {
        let Ground { limit, min, tolerance, remeasure } = ground;
        let (typical, quiet) = (seen.typical.max(1.0), f64::from(seen.peak) <= min);
        if let Some(probe) = self.probe.take() {
            return self.probed(probe, ground, typical);
        }
        if !std::mem::replace(&mut self.awake, true) {
            // Of the first requests those are seen first that were the quickest.
            return limit;
        }
        let base = self.base.get_or_insert(Base { nanos: typical, anchor: typical, proven: quiet });
        let is_strained = typical > base.nanos * tolerance;
        if is_strained {
            let (since, windows) = self.strained.map_or((now, 0), |strained| strained);
            self.strained = Some((since, (windows + 1).min(DOUBTS)));
            let unsure = !base.proven && windows >= UNSURE;
            if unsure || now.since(since) >= remeasure {
                self.strained = None;
                if quiet {
                    // It is not for what we send that it is slow.
                    *base = Base { nanos: typical, anchor: typical, proven: true };
                    return limit;
                }
                let at = (limit.min(f64::from(seen.peak)) / 2.0).max(min);
                self.probe = Some(Probe { from: limit, at, first: typical, last: typical });
                return at;
            }
        } else {
            self.strained = self.strained.and_then(|(since, windows)| Some((since, windows.checked_sub(1)?)));
            base.proven |= quiet;
            base.follow(typical, tolerance);
        }
        limit * (base.nanos * tolerance / typical).clamp(LEAST, 1.0) + limit.sqrt()
    }

    /// What the limit is to be after a step of a probe.
    fn probed(&mut self, probe: Probe, ground: Ground, typical: f64) -> f64 {
        if typical < probe.last * SHORTER && probe.at > ground.min {
            let at = (probe.at / 2.0).max(ground.min);
            self.probe = Some(Probe { at, last: typical, ..probe });
            return at;
        }
        let mut found = typical.min(probe.last);
        if let Some(base) = self.base.filter(|base| !base.proven) {
            // It has been seen to be as quick as that, so it can be.
            found = found.min(base.nanos);
        }
        self.base = Some(Base { nanos: found, anchor: found, proven: true });
        (probe.from * (found * ground.tolerance / probe.first).min(1.0)).max(probe.at)
    }
}

impl Base {
    /// Goes after what is seen without strain: fast where it was far too high, slowly else, and up only a little.
    fn follow(&mut self, typical: f64, tolerance: f64) {
        let some = tolerance.sqrt();
        let speed = match typical / self.nanos {
            share if share > some => return,
            share if share * tolerance < 1.0 => FAST,
            _ => SLOWLY,
        };
        // By proportions, as latencies go.
        self.nanos = (self.nanos * (typical / self.nanos).powf(speed)).min(self.anchor * some);
        self.anchor = self.anchor.min(self.nanos);
    }
}
