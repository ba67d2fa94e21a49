//! How long a tunnel has been silent, without reading the clock for every byte.
//!
//! The first byte after a silence is timed. From then on somebody looks once a period whether more have come; a period in
//! which none has is the beginning of a silence. So a tunnel is never taken for silent too early, and at most one period late.

use std::time::Duration;

use sekisho_units::Tick;

/// A period is so small a part of the longest silence,
const PART: u32 = 16;
/// and never longer than this.
const LONGEST_PERIOD: Duration = Duration::from_secs(1);

/// The silence of one tunnel.
pub(super) struct Silence {
    longest: Duration,
    /// When a byte last moved, as far as somebody has looked.
    moved: Tick,
    /// Whether somebody looks again after a period.
    watched: bool,
    /// Whether a byte has moved since the last look.
    stirred: bool,
}

impl Silence {
    /// Begins at `now`; may last for `longest`.
    pub(super) fn new(longest: Duration, now: Tick) -> Self {
        Self { longest, moved: now, watched: false, stirred: false }
    }

    /// A byte has moved. `true`: it ends a silence, and [`Silence::end`] must be told when.
    #[inline]
    pub(super) fn stir(&mut self) -> bool {
        self.stirred = self.watched;
        !self.watched
    }

    /// The silence has ended at `now`.
    pub(super) fn end(&mut self, now: Tick) {
        self.moved = now;
        self.watched = true;
        self.stirred = false;
    }

    /// Looks at `now` what has come since the last time, if it is time to.
    pub(super) fn look(&mut self, now: Tick) {
        if self.watched && now >= self.due() {
            match self.stirred {
                true => self.end(now),
                false => self.watched = false,
            }
        }
    }

    /// When to look again, or when the silence has lasted too long.
    pub(super) fn due(&self) -> Tick {
        let period = (self.longest / PART).min(LONGEST_PERIOD);
        self.moved + if self.watched { period } else { self.longest }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// When a tunnel ends in which bytes move at these times, all of them before it does.
    fn ends(longest: Duration, moves: &[Tick]) -> Tick {
        let mut silence = Silence::new(longest, Tick::ZERO);
        let mut moves = moves.iter().peekable();
        loop {
            let due = silence.due();
            while let Some(at) = moves.next_if(|at| **at < due) {
                if silence.stir() {
                    silence.end(*at);
                    break;
                }
            }
            if silence.due() != due {
                continue;
            }
            silence.look(due);
            if silence.due() <= due {
                return due;
            }
        }
    }

    #[test]
    fn a_tunnel_in_which_nothing_moves_ends_exactly_in_time() {
        assert_eq!(ends(SECOND * 3600, &[]), Tick::ZERO + SECOND * 3600);
        assert_eq!(ends(SECOND * 10, &[Tick::ZERO + SECOND * 7]), Tick::ZERO + SECOND * 17);
    }

    #[test]
    fn one_that_is_watched_asks_for_no_time() {
        let mut silence = Silence::new(SECOND * 3600, Tick::ZERO);
        assert!(silence.stir());
        silence.end(Tick::ZERO + SECOND * 5);
        assert!(!silence.stir() && !silence.stir());
        assert_eq!(silence.due(), Tick::ZERO + SECOND * 6);
        silence.look(silence.due());
        assert!(!silence.stir(), "what moved in the last period keeps it watched");
        silence.look(silence.due());
        silence.look(silence.due());
        assert!(silence.stir());
    }

    proptest! {
        #[test]
        fn it_ends_never_too_early_and_at_most_a_period_late(
            longest in 1_u64..100_000,
            gaps in prop::collection::vec(0_u64..1_000, 0..40),
        ) {
            // The gaps are parts of a thousand of the longest silence, so none of them is too long.
            let longest = Duration::from_millis(longest);
            let mut at = Tick::ZERO;
            let moves: Vec<Tick> = gaps.iter().map(|gap| { at += longest * *gap as u32 / 1_000; at }).collect();
            let end = ends(longest, &moves);
            let silent = end.since(at);
            let period = (longest / PART).min(LONGEST_PERIOD);
            prop_assert!(silent >= longest && silent <= longest + period, "{silent:?} of {longest:?}");
        }
    }
}
