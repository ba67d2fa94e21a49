//! The window that begins with its first request: [`Algorithm::FixedWindow`](super::Algorithm::FixedWindow). Counts: the window's
//! start, what passed in it.

use super::{Counts, Found, Moment, Outcome, Rule};

pub(super) fn decide(rule: &Rule, counts: Option<Counts>, now: Moment, cost: u32) -> Outcome {
    let (period, limit) = (rule.period(), rule.capacity());
    let (behind, mut passed) = match counts {
        Some([start, passed, _]) if now.0 < start + period => (now.behind(start, period), passed.min(limit)),
        _ => (now.behind(now.0, period), 0),
    };
    let (start, at) = (behind.kept, behind.at);
    let want = u64::from(cost.max(1));
    let allowed = want <= limit - passed;
    let counted = allowed && cost > 0;
    if counted {
        passed += want;
    }
    let reset = at - now.0 + (start + period - at);
    let found = Found {
        allowed,
        remaining: limit - passed,
        reset,
        retry: (!allowed && want <= limit).then_some(reset),
    };
    let keep = (counted || behind.set_back).then_some(([start, passed, 0], start + period));
    Outcome { decision: rule.decision(&found), keep }
}
