//! The window that slides: [`Algorithm::SlidingWindow`](super::Algorithm::SlidingWindow). Counts: the window's start, what passed in
//! the window before, what passed in this one.

use super::{Counts, Found, Moment, Outcome, Rule};

pub(super) fn decide(rule: &Rule, counts: Option<Counts>, now: Moment, cost: u32) -> Outcome {
    let (period, limit) = (rule.period(), rule.capacity());
    let aligned = now.0 - now.0 % period;
    let ([start, before, mut here], set_back) = windows(counts, aligned, now, rule);
    let here_at = now.0.max(start);
    let left = period - (here_at - start);
    let want = u64::from(cost.max(1));

    let (full, weight) = (limit * period, before * left);
    let mut used = weight + here * period;
    let allowed = want <= limit && used + want * period <= full;
    let retry = (!allowed && want <= limit).then(|| {
        let wait = if here + want <= limit {
            // The window before loses weight all the time.
            (used + want * period - full).div_ceil(before)
        } else {
            // This window must end first, and then lose weight itself.
            left + ((here + want - limit) * period).div_ceil(here)
        };
        here_at - now.0 + wait
    });
    let counted = allowed && cost > 0;
    if counted {
        here += want;
        used += want * period;
    }
    let found = Found {
        allowed,
        remaining: full.saturating_sub(used) / period,
        reset: here_at - now.0 + left,
        retry,
    };
    let keep = (counted || set_back).then_some(([start, before, here], start + 2 * period));
    Outcome { decision: rule.decision(&found), keep }
}

/// The start of the window, what passed before it and in it, as of now, and whether the clock was set back. Another rate's counts are
/// taken for what they say: so many from that start on, but never more than this rate allows.
fn windows(counts: Option<Counts>, aligned: u64, now: Moment, rule: &Rule) -> (Counts, bool) {
    let (period, limit) = (rule.period(), rule.capacity());
    let Some([start, before, here]) = counts else { return ([aligned, 0, 0], false) };
    let (before, here) = (before.min(limit), here.min(limit));
    let set_back = now.behind(start, period).set_back;
    let counts = if set_back {
        [aligned, before, here]
    } else if aligned <= start {
        [start, before, here]
    } else if aligned - start <= period {
        [aligned, here, 0]
    } else {
        [aligned, 0, 0]
    };
    (counts, set_back)
}
