//! Whatever is seen, the limit stays within its bounds; and each rule by itself.

use proptest::prelude::*;

use super::*;

fn rules(by: By) -> Rules {
    Rules { min: 10, max: 200, initial: 100, window: Duration::from_millis(100), failures: 0.1, by }
}

fn gradient() -> Steering {
    Steering::new(rules(By::Gradient { tolerance: 1.5, remeasure: Duration::from_secs(30) }))
}

fn aimd() -> Steering {
    Steering::new(rules(By::Aimd { latency: None, backoff: 0.8 }))
}

fn at(seconds: u64) -> Tick {
    Tick::from_nanos(seconds * 1_000_000_000)
}

/// It has seen answers that take so many milliseconds, with so many in flight.
fn learned(steering: &mut Steering, millis: f64, peak: u32) {
    for _ in 0..2 {
        steering.step(&took(millis, peak), at(0));
    }
}

/// Answers that take so many milliseconds with so many in flight.
fn took(millis: f64, peak: u32) -> Seen {
    Seen { answers: 100, typical: millis * 1e6, failures: 0, peak }
}

fn failed(failures: u32) -> Seen {
    Seen { failures, answers: 100 - failures, ..took(10.0, 100) }
}

#[test]
fn the_limit_falls_in_proportion_and_by_half_at_most() {
    let mut steering = gradient();
    learned(&mut steering, 10.0, 10);
    assert_eq!(steering.limit(), 100);
    steering.step(&took(20.0, 100), at(1));
    assert_eq!(steering.limit(), 85, "three quarters, and the root");
    steering.step(&took(1_000.0, 85), at(2));
    assert_eq!(steering.limit(), 85 / 2 + 9);
}

#[test]
fn the_limit_grows_only_as_far_as_it_is_used() {
    for mut steering in [gradient(), aimd()] {
        for _ in 0..10 {
            steering.step(&took(10.0, 10), at(0));
        }
        assert_eq!(steering.limit(), 100, "as it began");
        steering.step(&took(10.0, 52), at(0));
        assert_eq!(steering.limit(), 104);
        steering.step(&took(10.0, 100), at(0));
        assert_eq!(steering.limit(), 114);
        for _ in 0..10 {
            steering.step(&took(10.0, 150), at(0));
        }
        assert_eq!(steering.limit(), 200);
    }
}

#[test]
fn a_share_of_failures_that_is_too_large_lowers_the_limit() {
    for (new, left) in [(gradient as fn() -> Steering, 90), (aimd, 80)] {
        let mut steering = new();
        learned(&mut steering, 10.0, 10);
        steering.step(&failed(10), at(0));
        assert_eq!(steering.limit(), 110, "a tenth is not too much");
        let mut steering = new();
        steering.step(&failed(11), at(0));
        assert_eq!(steering.limit(), left);
        steering.step(&failed(100), at(0));
        assert!(steering.limit() < left);
    }
}

#[test]
fn after_a_long_strain_the_limit_is_lowered_step_by_step_until_answers_are_no_quicker() {
    let mut steering = gradient();
    learned(&mut steering, 10.0, 10);
    for now in 1..31 {
        steering.step(&took(18.0, 200), at(now));
    }
    // With too little time between answers there is nothing new to learn.
    let before = steering.limit();
    assert_eq!(steering.step(&took(18.0, 200), at(31)), Duration::from_millis(18));
    assert_eq!(steering.limit(), before / 2);
    steering.step(&took(12.0, before / 2), at(32));
    assert_eq!(steering.limit(), 10, "and not below the least");
    steering.step(&took(11.0, 10), at(33));
    assert_eq!(steering.baseline(), Some(Duration::from_millis(11)));
    let share = 11.0 * 1.5 / 18.0;
    assert!((f64::from(steering.limit()) - f64::from(before) * share).abs() <= 2.0);
}

#[test]
fn a_service_that_is_slow_with_little_to_do_is_so_by_itself() {
    let mut steering = gradient();
    learned(&mut steering, 10.0, 10);
    for now in 1..=31 {
        steering.step(&took(50.0, 100), at(now));
        steering.step(&took(50.0, steering.limit().min(10)), at(now));
    }
    assert_eq!(steering.baseline(), Some(Duration::from_millis(50)));
    let before = steering.limit();
    steering.step(&took(50.0, before), at(32));
    assert!(steering.limit() > before);
}

#[test]
fn failures_and_other_rules_end_a_probe_where_it_began() {
    for other in [false, true] {
        let mut steering = gradient();
        learned(&mut steering, 10.0, 50);
        let mut before = 0;
        for now in 1..=3 {
            before = steering.limit();
            steering.step(&took(15.1, 100), at(now));
        }
        assert_eq!(steering.limit(), 50, "what was seen first was not known to be without load");
        if other {
            steering.adopt(Rules { max: 300, ..*steering.rules() });
            assert_eq!(steering.limit(), before);
        } else {
            steering.step(&failed(50), at(4));
            assert_eq!(steering.limit(), before * 9 / 10);
        }
    }
}

fn seen() -> impl Strategy<Value = Seen> {
    (0..1_000_u32, 1.0..1e11_f64, 0..1_000_u32, 0..5_000_u32)
        .prop_map(|(answers, typical, failures, peak)| Seen { answers, typical, failures, peak })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let by = prop_oneof![
        (1.01..2.0, 1..60_u64).prop_map(|(tolerance, seconds)| By::Gradient {
            tolerance,
            remeasure: Duration::from_secs(seconds)
        }),
        (0.01..0.99).prop_map(|backoff| By::Aimd { latency: None, backoff }),
    ];
    (1..100_u32, 0..1_000_u32, 0.0..1.0, by).prop_map(|(min, more, failures, by)| Rules {
        min,
        max: min + more,
        initial: min + more / 2,
        window: Duration::from_millis(100),
        failures,
        by,
    })
}

proptest! {
    #[test]
    fn the_limit_stays_within_its_bounds_whatever_is_seen(
        first in any_rules(),
        second in any_rules(),
        seen in prop::collection::vec((seen(), 0..10_000_u64), 1..200),
    ) {
        let mut steering = Steering::new(first);
        let (mut now, half) = (Tick::ZERO, seen.len() / 2);
        for (n, (seen, millis)) in seen.iter().enumerate() {
            if n == half {
                steering.adopt(second);
            }
            now += Duration::from_millis(*millis);
            let before = steering.limit();
            let pause = steering.step(seen, now);
            let rules = *steering.rules();
            prop_assert!((rules.min..=rules.max).contains(&steering.limit()));
            prop_assert!(pause <= LONGEST);
            if seen.answers + seen.failures > 0 && f64::from(seen.failures) > rules.failures * f64::from(seen.answers + seen.failures)
                && matches!(rules.by, By::Aimd { .. }) {
                prop_assert!(steering.limit() <= before);
            }
            prop_assert!(steering.baseline().is_none_or(|base| base > Duration::ZERO));
        }
    }
}
