//! How long an endpoint is left alone: longer each time, as long as it does not do well in between.

use std::time::Duration;

use sekisho_units::Tick;

/// How long ejections are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    /// The first; the n-th in a row is n times as long.
    pub(crate) base: Duration,
    /// The longest.
    pub(crate) max: Duration,
    /// So long without an ejection makes up for one.
    pub(crate) interval: Duration,
}

/// An endpoint's ejections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sentence {
    /// Ejections that nothing has made up for.
    times: u32,
    /// The end of the one that is under way.
    until: Option<Tick>,
    /// The end of the last.
    since: Tick,
    /// How many there were ever.
    total: u64,
}

impl Sentence {
    /// An ejection begins; gives its end.
    pub(crate) fn begin(&mut self, terms: &Terms, now: Tick) -> Tick {
        let well = now.since(self.since).as_nanos() / terms.interval.as_nanos().max(1);
        let made_up = u32::try_from(well).unwrap_or(u32::MAX);
        // More than lead to the longest need not be made up for.
        let most = terms.max.as_nanos().div_ceil(terms.base.as_nanos().max(1));
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        self.times = self.times.saturating_sub(made_up).saturating_add(1).min(most);
        let until = now + terms.base.saturating_mul(self.times).min(terms.max);
        (self.until, self.since) = (Some(until), until);
        self.total += 1;
        until
    }

    /// Its end, while one is under way.
    pub(crate) fn until(&self) -> Option<Tick> {
        self.until
    }

    /// The ejection under way is over.
    pub(crate) fn end(&mut self, now: Tick) {
        if self.until.take().is_some() {
            self.since = self.since.min(now);
        }
    }

    /// How many there were ever.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TERMS: Terms = Terms {
        base: Duration::from_secs(30),
        max: Duration::from_secs(100),
        interval: Duration::from_secs(10),
    };

    fn at(secs: u64) -> Tick {
        Tick::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn it_grows_with_each_ejection_and_shrinks_while_all_is_well() {
        let mut sentence = Sentence::default();
        let mut eject = |now: u64| {
            let until = sentence.begin(&TERMS, at(now));
            sentence.end(until);
            until.since(at(now)).as_secs()
        };
        for (now, want) in [(1_000, 30), (1_031, 60), (1_092, 90), (1_183, 100), (1_290, 100), (1_411, 90)] {
            assert_eq!(eject(now), want, "at {now}");
        }
        assert_eq!(eject(9_000), 30, "all is made up for");
    }

    proptest! {
        /// Against a model that goes through time second by second.
        #[test]
        fn as_a_clerk_would_reckon(pauses in prop::collection::vec(0_u64..200, 1..20)) {
            let mut sentence = Sentence::default();
            let (mut now, mut times) = (1_000_000, 0_u64);
            for pause in pauses {
                for second in 1..=pause {
                    if second % 10 == 0 {
                        times = times.saturating_sub(1);
                    }
                }
                times = (times + 1).min(4);
                now += pause;
                let until = sentence.begin(&TERMS, at(now));
                let want = (30 * times).min(100);
                prop_assert_eq!(until, at(now + want));
                prop_assert_eq!(sentence.until(), Some(until));
                sentence.end(until);
                now += want;
            }
        }
    }
}
