//! The bucket: [`Algorithm::TokenBucket`](super::Algorithm::TokenBucket). Counts: when it was looked at, how full it was then, and what
//! a request poured into it.

use super::{Behind, Counts, Found, Moment, Outcome, Rule};

pub(super) fn decide(rule: &Rule, counts: Option<Counts>, now: Moment, cost: u32) -> Outcome {
    let (pour, leak, brim) = (rule.pour(), rule.leak(), rule.capacity() * rule.pour());
    let (behind, mut level) = level(rule, counts, now);
    let at = behind.at;
    let want = u64::from(cost.max(1));
    let fits = want <= rule.capacity();
    let allowed = fits && level + want * pour <= brim;
    let retry = (!allowed && fits).then(|| at - now.0 + (level + want * pour - brim).div_ceil(leak));
    let counted = allowed && cost > 0;
    if counted {
        level += want * pour;
    }
    let empties = at + level.div_ceil(leak);
    let found = Found { allowed, remaining: (brim - level) / pour, reset: empties - now.0, retry };
    let keep = (counted || behind.set_back).then_some(([at, level, pour], empties));
    Outcome { decision: rule.decision(&found), keep }
}

/// The moment to reckon with, and how full the bucket is then. What another rate poured in is taken for as many requests, the last one
/// whole.
fn level(rule: &Rule, counts: Option<Counts>, now: Moment) -> (Behind, u64) {
    let (pour, leak, burst) = (rule.pour(), rule.leak(), rule.capacity());
    let Some([looked, level, poured]) = counts.filter(|[_, _, poured]| *poured > 0) else {
        return (now.behind(now.0, 0), 0);
    };
    let level =
        if poured == pour { level.min(burst * pour) } else { level.div_ceil(poured).min(burst) * pour };
    let behind = now.behind(looked, rule.period());
    let since = behind.at - behind.kept;
    (behind, level.saturating_sub(since.saturating_mul(leak)))
}
