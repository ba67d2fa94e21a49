//! What each algorithm lets through, by tables, and by properties of any sequence.

use proptest::prelude::*;
use sekisho_units::{Rate, Span};

use super::*;

fn rule(algorithm: Algorithm, count: u64, millis: u64, burst: Option<u64>) -> Rule {
    Rule::new(algorithm, Rate::new(count, Span::from_millis(millis)).unwrap(), burst).unwrap()
}

/// What is kept for one key.
struct One {
    rule: Rule,
    kept: Option<Kept>,
}

impl One {
    fn new(rule: Rule) -> Self {
        Self { rule, kept: None }
    }

    fn take(&mut self, now: u64, cost: u32) -> Decision {
        let outcome = decide(&self.rule, self.kept, Moment::from_millis(now), cost);
        self.kept = outcome.keep.or(self.kept);
        outcome.decision
    }

    fn told(&mut self, now: u64, cost: u32) -> Told {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap();
        let told = self.take(now, cost);
        (told.allowed, told.remaining, millis(told.reset), told.retry_after.map(millis))
    }
}

/// Allowed, remaining, reset and retry, in milliseconds.
type Told = (bool, u64, u64, Option<u64>);

fn table(rule: Rule, steps: &[(u64, u32, Told)]) {
    let mut one = One::new(rule);
    for (step, (now, cost, want)) in steps.iter().enumerate() {
        assert_eq!(one.told(*now, *cost), *want, "step {step}, at {now}");
    }
}

#[test]
fn a_fixed_window_begins_with_its_first_request() {
    table(
        rule(Algorithm::FixedWindow, 2, 1_000, None),
        &[
            (10_300, 0, (true, 2, 1_000, None)),
            (10_400, 1, (true, 1, 1_000, None)),
            (10_500, 1, (true, 0, 900, None)),
            (10_600, 1, (false, 0, 800, Some(800))),
            (11_399, 1, (false, 0, 1, Some(1))),
            (11_400, 1, (true, 1, 1_000, None)),
            (11_500, 2, (false, 1, 900, Some(900))),
            (11_500, 3, (false, 1, 900, None)),
        ],
    );
}

#[test]
fn a_sliding_window_weighs_the_one_before() {
    table(
        rule(Algorithm::SlidingWindow, 10, 1_000, None),
        &[
            (10_500, 10, (true, 0, 500, None)),
            (10_500, 1, (false, 0, 500, Some(600))),
            (11_000, 1, (false, 0, 1_000, Some(100))),
            (11_099, 1, (false, 0, 901, Some(1))),
            (11_100, 1, (true, 0, 900, None)),
            (11_500, 0, (true, 4, 500, None)),
            (11_500, 5, (false, 4, 500, Some(100))),
            (11_600, 5, (true, 0, 400, None)),
            (12_000, 4, (true, 0, 1_000, None)),
            (14_000, 10, (true, 0, 1_000, None)),
        ],
    );
}

#[test]
fn a_bucket_lets_a_burst_through_and_then_one_at_a_time() {
    table(
        rule(Algorithm::TokenBucket, 10, 1_000, Some(3)),
        &[
            (5_000, 3, (true, 0, 300, None)),
            (5_000, 1, (false, 0, 300, Some(100))),
            (5_099, 1, (false, 0, 201, Some(1))),
            (5_100, 1, (true, 0, 300, None)),
            (5_250, 0, (true, 1, 150, None)),
            (5_250, 2, (false, 1, 150, Some(50))),
            (9_000, 0, (true, 3, 0, None)),
            (9_000, 4, (false, 3, 0, None)),
        ],
    );
}

#[test]
fn a_bucket_loses_nothing_to_rounding() {
    // Three in a second: one each 333 1/3 ms. Whoever comes each millisecond gets exactly three a second over a long time.
    let mut one = One::new(rule(Algorithm::TokenBucket, 3, 1_000, Some(1)));
    let passed = (0..100_000).filter(|now| one.take(*now, 1).allowed).count();
    assert!((299..=301).contains(&passed), "{passed}");
}

#[test]
fn a_clock_that_is_set_back_neither_forgets_nor_locks_out() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::TokenBucket, Algorithm::FixedWindow] {
        for back in [1, 500, 1_000, 1_001, 1_000_000] {
            let mut one = One::new(rule(algorithm, 5, 1_000, None));
            assert!(one.take(5_000_000, 5).allowed);
            let now = 5_000_000 - back;
            let told = one.take(now, 1);
            assert!(!told.allowed, "{algorithm:?} {back}: nothing is forgotten");
            let wait = told.retry_after.unwrap();
            assert!(wait <= Duration::from_millis(3_000), "{algorithm:?} {back}: {wait:?}");
            assert!(one.take(now + wait.as_millis() as u64, 1).allowed, "{algorithm:?} {back}");
        }
    }
}

#[test]
fn refuses_numbers_that_could_not_be_counted_exactly() {
    let day = 86_400_000;
    for (algorithm, count, millis, burst, want) in [
        (Algorithm::SlidingWindow, 800_000, 30 * day, None, None),
        (Algorithm::SlidingWindow, 900_000, 30 * day, None, Some(RuleError::TooMuch)),
        (Algorithm::TokenBucket, 1_000_000, 30 * day, None, None),
        (Algorithm::TokenBucket, 1, 30 * day, Some(1_000_000), Some(RuleError::TooMuch)),
        (Algorithm::TokenBucket, u64::MAX, 1, None, Some(RuleError::TooMuch)),
        (Algorithm::FixedWindow, u64::MAX, u64::MAX, None, Some(RuleError::TooMuch)),
        (Algorithm::TokenBucket, 1, 1_000, Some(0), Some(RuleError::NoBurst)),
        (Algorithm::FixedWindow, 1, 1_000, Some(1), Some(RuleError::Burst)),
    ] {
        let rate = Rate::new(count, Span::from_millis(millis)).unwrap();
        assert_eq!(Rule::new(algorithm, rate, burst).err(), want, "{algorithm:?} {count}/{millis}ms");
    }
}

/// Costs and pauses of a client, and a rule.
fn client() -> impl Strategy<Value = (Rule, Vec<(u64, u32)>)> {
    let algorithm = prop_oneof![
        Just(Algorithm::SlidingWindow),
        Just(Algorithm::TokenBucket),
        Just(Algorithm::FixedWindow)
    ];
    let rules = (algorithm, 1_u64..20, 1_u64..2_000, proptest::option::of(1_u64..30)).prop_map(
        |(algorithm, count, millis, burst)| {
            let burst = burst.filter(|_| algorithm == Algorithm::TokenBucket);
            rule(algorithm, count, millis, burst)
        },
    );
    let pause = prop_oneof![4 => 0_u64..20, 2 => 0_u64..500, 1 => 0_u64..5_000];
    (rules, proptest::collection::vec((pause, prop_oneof![5 => Just(1_u32), 1 => 0_u32..25]), 1..200))
}

/// What passed, as (moment, cost).
fn passed(rule: Rule, steps: &[(u64, u32)]) -> Vec<(u64, u64)> {
    let (mut one, mut now, mut passed) = (One::new(rule), 7_000, Vec::new());
    for (pause, cost) in steps {
        now += pause;
        if one.take(now, *cost).allowed && *cost > 0 {
            passed.push((now, u64::from(*cost)));
        }
    }
    passed
}

/// How much passed from `from` on, before `to`.
fn between(passed: &[(u64, u64)], from: u64, to: u64) -> u64 {
    passed.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, cost)| cost).sum()
}

proptest! {
    #[test]
    fn the_same_request_passes_when_it_was_told_to_come_back_and_not_before((rule, steps) in client()) {
        let (mut one, mut now) = (One::new(rule), 7_000);
        for (pause, cost) in steps {
            now += pause;
            let told = one.take(now, cost);
            prop_assert!(told.remaining <= told.limit);
            let Some(wait) = told.retry_after else {
                prop_assert!(told.allowed || u64::from(cost) > told.limit);
                continue;
            };
            let then = now + wait.as_millis() as u64;
            let mut later = One { rule, kept: one.kept };
            prop_assert!(later.take(then, cost).allowed, "{told:?}");
            let mut sooner = One { rule, kept: one.kept };
            prop_assert!(then > now && !sooner.take(then - 1, cost).allowed, "{told:?}");
        }
    }

    #[test]
    fn remaining_is_what_would_pass((rule, steps) in client()) {
        let (mut one, mut now) = (One::new(rule), 7_000);
        for (pause, cost) in steps {
            now += pause;
            let told = one.take(now, cost);
            let mut probe = One { rule, kept: one.kept };
            let would = (0..=told.limit).take_while(|_| probe.take(now, 1).allowed).count() as u64;
            prop_assert_eq!(would, told.remaining);
        }
    }

    /// The bounds that the documentation of each algorithm states, measured at every request of every sequence.
    #[test]
    fn no_more_passes_than_is_stated((rule, steps) in client()) {
        let (period, count) = (rule.period(), rule.count());
        let passed = passed(rule, &steps);
        for (now, _) in &passed {
            let here = between(&passed, now.saturating_sub(period - 1), now + 1);
            match rule.algorithm() {
                Algorithm::SlidingWindow => {
                    let start = now - now % period;
                    let before = between(&passed, start.saturating_sub(period), start);
                    prop_assert!(between(&passed, start, start + period) <= count);
                    prop_assert!(here * period <= count * period + before * (now - start), "{here} at {now}");
                    prop_assert!(here < 2 * count);
                }
                Algorithm::TokenBucket => {
                    let stated = rule.capacity() * period + (period - 1) * count;
                    prop_assert!(here * period <= stated, "{here} at {now}");
                }
                Algorithm::FixedWindow => prop_assert!(here < 2 * count, "{here} at {now}"),
            }
        }
    }

    /// The window before is reckoned as if its requests had come evenly; those that do come evenly are not wronged.
    #[test]
    fn an_even_flow_of_one_less_than_the_limit_is_never_denied(count in 2_u64..50, more in 0_u64..40, begin in 0_u64..1_000) {
        let gap = 1_000_u64.div_ceil(count - 1) + more;
        let mut one = One::new(rule(Algorithm::SlidingWindow, count, 1_000, None));
        for number in 0..400 {
            prop_assert!(one.take(begin + number * gap, 1).allowed);
        }
    }

    /// An oracle that remembers every request of its window, as express-rate-limit's store counts hits.
    #[test]
    fn a_fixed_window_agrees_with_hits_that_go_on_counting(
        count in 1_u64..10, pauses in proptest::collection::vec(0_u64..600, 1..100)
    ) {
        let mut one = One::new(rule(Algorithm::FixedWindow, count, 1_000, None));
        let (mut now, mut hits, mut ends) = (3_000_u64, 0_u64, 0_u64);
        for pause in pauses {
            now += pause;
            if ends <= now {
                (hits, ends) = (0, now + 1_000);
            }
            hits += 1;
            let told = one.told(now, 1);
            let allowed = hits <= count;
            prop_assert_eq!(told, (allowed, count.saturating_sub(hits), ends - now, (!allowed).then_some(ends - now)));
        }
    }

    /// A second reading of GCRA: a theoretical arrival time, in fractions that cannot round.
    #[test]
    fn a_bucket_agrees_with_theoretical_arrival_times(
        count in 1_u64..20, millis in 1_u64..2_000, burst in 1_u64..10, pauses in proptest::collection::vec(0_u64..900, 1..150)
    ) {
        let mut one = One::new(rule(Algorithm::TokenBucket, count, millis, Some(burst)));
        // In units of a millisecond divided by the count.
        let (mut now, mut arrival) = (4_000_u64, 0_u64);
        for pause in pauses {
            now += pause;
            let next = arrival.max(now * count) + millis;
            let allowed = next <= now * count + burst * millis;
            if allowed {
                arrival = next;
            }
            prop_assert_eq!(one.take(now, 1).allowed, allowed);
        }
    }
}
