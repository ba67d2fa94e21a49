//! What the memory store keeps, for how long, and how much of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use proptest::prelude::*;
use sekisho_units::{Rate, Span};

use super::*;
use crate::key::Space;
use crate::limit::{Algorithm, decide};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::SlidingWindow, Algorithm::TokenBucket, Algorithm::FixedWindow];

fn rule(algorithm: Algorithm, count: u64, millis: u64) -> Rule {
    Rule::new(algorithm, Rate::new(count, Span::from_millis(millis)).unwrap(), None).unwrap()
}

fn at(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

fn key(name: &[u8]) -> Key<'_> {
    Key { space: Space::of("test"), name }
}

#[test]
fn a_limit_of_n_admits_exactly_n_at_any_parallelism() {
    for algorithm in ALGORITHMS {
        let (memory, passed) = (Memory::new(100), AtomicU64::new(0));
        let rule = rule(algorithm, 1_000, 3_600_000);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        passed.fetch_add(memory.take(&rule, key(b"one"), 1, at(50)).allowed.into(), Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 1_000, "{algorithm:?}");
    }
}

#[test]
fn it_admits_exactly_n_of_each_key_also_while_other_keys_come_and_go() {
    let memory = Memory::new(1_500);
    let (long, short) = (rule(Algorithm::FixedWindow, 100, 3_600_000), rule(Algorithm::FixedWindow, 1, 1));
    let passed: Vec<AtomicU64> = (0..100).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let (memory, passed, long, short) = (&memory, &passed, &long, &short);
            scope.spawn(move || {
                for round in 0..50_u32 {
                    for (index, passed) in passed.iter().enumerate() {
                        let now = at(50 + u64::from(round) * 1_000);
                        let other = (thread << 24) + round * 1_000 + index as u32;
                        memory.take(short, key(&other.to_be_bytes()), 1, now);
                        passed.fetch_add(
                            memory.take(long, key(&[index as u8]), 1, now).allowed.into(),
                            Relaxed,
                        );
                    }
                }
            });
        }
    });
    let passed: Vec<u64> = passed.into_iter().map(AtomicU64::into_inner).collect();
    assert_eq!(passed, [100; 100]);
    assert!(memory.tally().entries <= 1_500);
}

#[test]
fn keys_count_apart() {
    let memory = Memory::new(100);
    let rule = rule(Algorithm::FixedWindow, 1, 1_000);
    let other = Key { space: Space::of("another rule"), name: b"a" };
    for key in [key(b"a"), key(b"b"), key(b""), other] {
        assert!(memory.take(&rule, key, 1, at(0)).allowed);
        assert!(!memory.take(&rule, key, 1, at(0)).allowed);
    }
}

#[test]
fn another_rate_for_the_same_rule_goes_on_from_what_was_counted() {
    for algorithm in ALGORITHMS {
        let memory = Memory::new(100);
        let take = |rule: &Rule| memory.take(rule, key(b"a"), 1, at(10_000));
        for _ in 0..6 {
            assert!(take(&rule(algorithm, 10, 10_000)).allowed);
        }
        assert!(!take(&rule(algorithm, 5, 10_000)).allowed, "{algorithm:?}: six have passed already");
        assert_eq!(take(&rule(algorithm, 20, 10_000)).remaining, 13, "{algorithm:?}: seven of twenty");
        assert_eq!(take(&rule(algorithm, 30, 60_000)).remaining, 22, "{algorithm:?}: eight of thirty");
    }
}

#[test]
fn never_holds_more_than_its_bound_and_keeps_what_expires_last() {
    let memory = Memory::new(1_000);
    let (long, short) = (rule(Algorithm::FixedWindow, 1, 1_000_000), rule(Algorithm::FixedWindow, 1, 1_000));
    assert!(memory.take(&long, key(b"kept"), 1, at(0)).allowed);
    for number in 0..20_000_u32 {
        assert!(memory.take(&short, key(&number.to_be_bytes()), 1, at(1)).allowed);
        assert!(memory.tally().entries <= 1_000);
    }
    assert_eq!(memory.tally().evicted, 19_001);
    assert!(!memory.take(&long, key(b"kept"), 1, at(1)).allowed);
}

#[test]
fn what_has_expired_is_swept_by_the_way() {
    // One shard: each is swept by its own decisions.
    let memory = Memory::new(1_500);
    let rule = rule(Algorithm::FixedWindow, 2, 1_000);
    for number in 0..1_000_u32 {
        memory.take(&rule, key(&number.to_be_bytes()), 1, at(0));
    }
    assert_eq!(memory.tally().entries, 1_000);
    for _ in 0..1_100 {
        memory.take(&rule, key(b"another"), 0, at(10_000));
    }
    assert_eq!((memory.tally().entries, memory.tally().evicted), (0, 0));
}

#[test]
fn what_expires_sooner_than_all_others_is_swept_too() {
    let memory = Memory::new(1_500);
    let (long, short) = (rule(Algorithm::FixedWindow, 2, 1_000_000), rule(Algorithm::FixedWindow, 2, 1_000));
    for number in 0..500_u32 {
        memory.take(&long, key(&number.to_be_bytes()), 1, at(0));
    }
    for (round, number) in (1..4).flat_map(|round| (1_000..1_400_u32).map(move |number| (round, number))) {
        let now = round * 30_000;
        memory.take(&short, key(&number.to_be_bytes()), 1, at(now));
        for _ in 0..4 {
            memory.take(&long, key(b"another"), 0, at(now + 20_000));
        }
    }
    for _ in 0..1_000 {
        memory.take(&long, key(b"another"), 0, at(130_000));
    }
    assert_eq!((memory.tally().entries, memory.tally().evicted), (500, 0));
}

#[test]
fn a_store_that_gets_crowded_throws_out_what_has_expired_and_nothing_else() {
    let memory = Memory::new(1_500);
    let (long, short) = (rule(Algorithm::FixedWindow, 2, 1_000_000), rule(Algorithm::FixedWindow, 2, 500));
    for number in 0..200_u32 {
        memory.take(&long, key(&number.to_be_bytes()), 1, at(0));
    }
    // Of those that live for half a second there are always 500, and more would not find room for 10 seconds.
    for number in 1_000..21_000_u32 {
        memory.take(&short, key(&number.to_be_bytes()), 1, at(u64::from(number)));
    }
    assert_eq!((memory.tally().entries <= 1_500, memory.tally().evicted), (true, 0));
}

#[test]
fn looking_and_being_denied_make_no_entries() {
    for algorithm in ALGORITHMS {
        let memory = Memory::new(10);
        let rule = rule(algorithm, 3, 1_000);
        assert!(memory.take(&rule, key(b"a"), 0, at(0)).allowed);
        assert!(!memory.take(&rule, key(b"a"), 4, at(0)).allowed);
        assert_eq!(memory.tally().entries, 0, "{algorithm:?}");
    }
}

#[test]
fn a_million_keys_take_less_than_100_megabytes() {
    let memory = Memory::new(Memory::ENTRIES);
    let rule = rule(Algorithm::SlidingWindow, 100, 60_000);
    for number in 0..1_000_000_u32 {
        memory.take(&rule, key(&number.to_be_bytes()), 1, at(0));
    }
    let tally = memory.tally();
    assert!(tally.entries > 990_000, "{tally:?}");
    assert!(tally.bytes < 100_000_000, "{tally:?}");
}

proptest! {
    /// Expiry, sweeping, eviction's bookkeeping and the order of entries must not show.
    #[test]
    fn answers_as_if_every_key_had_a_store_of_its_own(
        steps in proptest::collection::vec((0_u8..40, 0_u32..4, 0_u64..400), 1..400),
        count in 1_u64..6,
        which in 0_usize..3,
    ) {
        let rule = rule(ALGORITHMS[which], count, 1_000);
        let (memory, mut model) = (Memory::new(100), std::collections::HashMap::new());
        let mut now = 5_000;
        for (name, cost, pause) in steps {
            now += pause;
            let outcome = decide(&rule, model.get(&name).copied(), at(now), cost);
            if let Some(kept) = outcome.keep {
                model.insert(name, kept);
            }
            prop_assert_eq!(memory.take(&rule, key(&[name]), cost, at(now)), outcome.decision);
        }
    }
}

#[test]
fn the_moment_of_a_tick_is_its_milliseconds() {
    let tick = sekisho_units::Tick::ZERO + Duration::from_micros(2_999);
    assert_eq!(Moment::from(tick), at(2));
}
