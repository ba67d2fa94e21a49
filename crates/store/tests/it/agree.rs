//! Both stores give the same answers.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sekisho_store::redis::Limits;
use sekisho_store::{Algorithm, Memory, Moment, Rule};
use sekisho_units::{Rate, Span};

use crate::server::RedisServer;
use crate::{ALGORITHMS, key, limits, run, runtime};

/// A pause in milliseconds, the name of a key, a cost, and which of two rates.
type Step = (i64, u8, u32, bool);

fn rates() -> impl Strategy<Value = (u64, u64, Option<u64>)> {
    let period = prop_oneof![1_u64..50, 500_u64..5_000, Just(86_400_000), Just(2_592_000_000)];
    let count = prop_oneof![3 => 1_u64..12, 1 => 1_u64..800_000];
    (count, period, proptest::option::of(1_u64..30))
}

/// Either several keys, or a clock that is set back. Not both: a memory store's clock never is, and what it has swept by the way of
/// another key it does not find again.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![6 => 0_i64..20, 3 => 0_i64..2_000, 1 => 0_i64..100_000_000];
    let cost = prop_oneof![6 => Just(1_u32), 2 => 0_u32..10, 1 => any::<u32>()];
    let other = proptest::bool::weighted(0.1);
    let forward = (pause.clone(), 0_u8..3, cost, other);
    let any_way = (prop_oneof![5 => pause, 1 => -5_000_i64..0], Just(0_u8), Just(1_u32), other);
    prop_oneof![proptest::collection::vec(forward, 1..60), proptest::collection::vec(any_way, 1..60),]
}

fn rules(algorithm: Algorithm, rates: [(u64, u64, Option<u64>); 2]) -> Option<[Rule; 2]> {
    let make = |(count, period, burst): (u64, u64, Option<u64>)| {
        let burst = burst.filter(|_| algorithm == Algorithm::TokenBucket);
        Rule::new(algorithm, Rate::new(count, Span::from_millis(period))?, burst).ok()
    };
    Some([make(rates[0])?, make(rates[1])?])
}

#[test]
fn the_same_sequence_gets_the_same_answers_from_both_stores() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    let runtime = runtime();
    for algorithm in ALGORITHMS {
        let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
        let case = Cell::new(0);
        let strategy = (rates(), rates(), steps(), 1_000_000_000_000_u64..2_000_000_000_000);
        let tried = TestRunner::new(config).run(&strategy, |(one, other, steps, begin)| {
            case.set(case.get() + 1);
            if let Some(rules) = rules(algorithm, [one, other]) {
                let name = format!("{algorithm:?} {}", case.get());
                runtime.block_on(agree(&limits, &name, &rules, &steps, begin));
            }
            Ok(())
        });
        assert!(tried.is_ok(), "{tried:?}");
    }
}

async fn agree(limits: &Limits, case: &str, rules: &[Rule; 2], steps: &[Step], begin: u64) {
    let memory = Memory::new(100);
    let mut now = begin;
    for (at, (pause, name, cost, other)) in steps.iter().enumerate() {
        now = now.saturating_add_signed(*pause);
        let (rule, moment) = (&rules[usize::from(*other)], Moment::from_millis(now));
        let name = format!("{case} {name}");
        let ours = memory.take(rule, key(&name), *cost, moment);
        let theirs = limits.take(0, rule, key(&name), *cost, Some(moment)).await;
        assert_eq!(theirs, Ok(ours), "{case}: step {at} of {steps:?} with {rules:?}");
    }
}

#[test]
fn numbers_at_the_edge_of_what_is_exact_agree_as_well() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    let month = 2_592_000_000;
    run(async {
        for (algorithm, count, period) in [
            (Algorithm::SlidingWindow, 868_000, month),
            (Algorithm::SlidingWindow, 2_251_799_813, 1_000_000),
            (Algorithm::TokenBucket, 868_001, month),
            (Algorithm::TokenBucket, 1_000_003, 999_983_000),
            (Algorithm::FixedWindow, 867_999, month),
        ] {
            let rule =
                Rule::new(algorithm, Rate::new(count, Span::from_millis(period)).unwrap(), None).unwrap();
            let big = (count - 3).try_into().unwrap_or(u32::MAX);
            let half = (period / 2 + 1).cast_signed();
            let steps: Vec<Step> = vec![
                (1, 0, big, false),
                (1, 0, 1, false),
                (half, 0, big / 2, false),
                (7, 0, 1, false),
                (13, 0, big / 3, false),
                (half / 3, 0, 17, false),
                (1, 0, 0, false),
            ];
            agree(&limits, &format!("{algorithm:?} {count}"), &[rule, rule], &steps, 1_800_000_000_123).await;
        }
    });
}
