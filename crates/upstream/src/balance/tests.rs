//! What holds for every algorithm.

use std::collections::HashMap;

use proptest::prelude::*;
use sekisho_units::{At, Tick};

use super::{Algorithm, Asked, BalanceConfig, Key, Known, Loads, Pick, Picker, Share, mixed};
use crate::fleet::Decay;

/// Nobody has anything to do.
pub(super) struct Idle;

impl Loads for Idle {
    fn in_flight(&self, _: usize) -> u32 {
        0
    }
    fn latency(&self, _: usize, _: Tick, _: Decay) -> f32 {
        0.0
    }
}

/// So many requests each.
pub(super) struct Busy<'a>(pub(super) &'a [u32]);

impl Loads for Busy<'_> {
    fn in_flight(&self, index: usize) -> u32 {
        self.0[index]
    }
    fn latency(&self, _: usize, _: Tick, _: Decay) -> f32 {
        0.0
    }
}

pub(super) fn shares(weights: &[u64]) -> Vec<Share> {
    let shares = weights.iter().enumerate();
    shares.map(|(index, weight)| Share { id: mixed(index as u64), weight: weight * 100 }).collect()
}

/// A request with chance of its own.
pub(super) fn asked_at(turn: u64) -> Asked {
    Asked { random: mixed(turn), ..Asked::default() }
}

pub(super) fn draws(count: u64) -> impl Iterator<Item = Asked> {
    (0..count).map(asked_at)
}

const ALL: [Algorithm; 6] = [
    Algorithm::WeightedRoundRobin,
    Algorithm::LeastRequests,
    Algorithm::Ewma,
    Algorithm::Random,
    Algorithm::RingHash,
    Algorithm::Maglev,
];
const KEYED: [Algorithm; 2] = [Algorithm::RingHash, Algorithm::Maglev];

/// Laid out over all of `known`, but for those that are out.
fn picker(algorithm: Algorithm, known: &[Share], out: impl Fn(usize) -> bool) -> (Picker, Vec<usize>) {
    let on: Vec<_> = (0..known.len()).filter(|index| !out(*index)).collect();
    let shares: Vec<_> = on.iter().map(|index| known[*index]).collect();
    let config = BalanceConfig { algorithm, key: Some(At::nowhere(Key::Ip)), decay: None };
    let sum = Known { count: known.len(), weight: known.iter().map(|share| share.weight).sum() };
    (Picker::new(&config, &shares, sum, 0), on)
}

/// How many of so many requests, each with a key of its own, each endpoint gets.
fn spread(algorithm: Algorithm, weights: &[u64], requests: u64) -> Vec<u64> {
    let (picker, _) = picker(algorithm, &shares(weights), |_| false);
    let mut got = vec![0; weights.len()];
    for turn in 0..requests {
        got[picker.pick(&Asked { key: Some(mixed(!turn)), ..asked_at(turn) }, &Idle)] += 1;
    }
    got
}

#[test]
fn shares_are_as_the_weights_within_one_percent_of_10_000_requests() {
    for weights in [&[1, 1, 1][..], &[1, 3], &[5, 1, 1], &[10, 20, 30, 40], &[97, 3], &[1, 1_000]] {
        let total: u64 = weights.iter().sum();
        for algorithm in ALL {
            // Keys are by chance, which alone is half a percent off with 10,000 of them.
            let requests = if KEYED.contains(&algorithm) { 100_000 } else { 10_000 };
            let got = spread(algorithm, weights, requests);
            for (got, weight) in got.iter().zip(weights) {
                let (got, want) = (*got as f64 / requests as f64, *weight as f64 / total as f64);
                assert!((got - want).abs() < 0.01, "{algorithm:?} {weights:?}: {got} for {want}");
            }
        }
    }
}

#[test]
fn one_thousand_endpoints_all_get_their_share() {
    let weights: Vec<u64> = (0..1_000).map(|index| 1 + index % 4).collect();
    for algorithm in ALL {
        let got = spread(algorithm, &weights, 1_000_000);
        for (index, got) in got.iter().enumerate() {
            let want = weights[index] as f64 * 400.0;
            let apart = (*got as f64 - want).abs() / want;
            // A ring of some 100 points each is that uneven; the others are by chance or exact.
            let most = if algorithm == Algorithm::RingHash { 0.6 } else { 0.3 };
            assert!(apart < most, "{algorithm:?}: {got} for {want}");
        }
    }
}

#[test]
fn when_one_of_many_goes_few_keys_move_beside_its_own() {
    for count in [2, 3, 10, 100] {
        let known = shares(&vec![1; count]);
        for algorithm in KEYED {
            let (all, _) = picker(algorithm, &known, |_| false);
            let gone = count / 2;
            let (rest, on) = picker(algorithm, &known, |index| index == gone);
            let (mut own, mut others) = (0, 0);
            for key in 0..20_000 {
                let asked = Asked { key: Some(mixed(key)), ..Asked::default() };
                let (before, after) = (all.pick(&asked, &Idle), on[rest.pick(&asked, &Idle)]);
                assert_ne!(after, gone);
                match before == gone {
                    true => own += 1,
                    false if before != after => others += 1,
                    false => {}
                }
            }
            let part = f64::from(own) / 20_000.0;
            assert!((part * count as f64 - 1.0).abs() < 0.3, "{algorithm:?} of {count}: {part} were its own");
            let most = if algorithm == Algorithm::RingHash { 0 } else { 20_000 / 50 };
            assert!(others <= most, "{algorithm:?} of {count}: {others} moved beside its own");
        }
    }
}

#[test]
fn one_more_takes_keys_from_others_only_for_itself() {
    let known = shares(&[1; 9]);
    for algorithm in KEYED {
        let (before, on) = picker(algorithm, &known, |index| index == 4);
        let (after, _) = picker(algorithm, &known, |_| false);
        let moved = (0..20_000_u64).filter(|key| {
            let asked = Asked { key: Some(mixed(*key)), ..Asked::default() };
            let (was, is) = (on[before.pick(&asked, &Idle)], after.pick(&asked, &Idle));
            was != is && is != 4
        });
        let most = if algorithm == Algorithm::RingHash { 0 } else { 400 };
        assert!(moved.count() <= most, "{algorithm:?}");
    }
}

#[test]
fn a_request_without_a_key_goes_anywhere() {
    for algorithm in KEYED {
        let (picker, _) = picker(algorithm, &shares(&[1, 1, 1, 1]), |_| false);
        let mut got: HashMap<usize, u32> = HashMap::new();
        draws(4_000).for_each(|asked| *got.entry(picker.pick(&asked, &Idle)).or_default() += 1);
        assert!(
            got.len() == 4 && got.values().all(|got| (850..1_150).contains(got)),
            "{algorithm:?} {got:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whoever_is_picked_is_one_of_them_and_keys_stay(
        weights in prop::collection::vec(1_u64..=u64::from(u32::MAX), 1..40),
        loads in prop::collection::vec(any::<u32>(), 40),
        turns in prop::collection::vec(any::<u64>(), 1..50),
    ) {
        let shares = shares(&weights);
        for algorithm in ALL {
            let (picker, _) = picker(algorithm, &shares, |_| false);
            for turn in &turns {
                let asked = Asked { key: Some(mixed(*turn)), random: *turn, ..Asked::default() };
                let index = picker.pick(&asked, &Busy(&loads));
                prop_assert!(index < weights.len());
                if KEYED.contains(&algorithm) {
                    prop_assert_eq!(index, picker.pick(&Asked { random: !turn, ..asked }, &Idle));
                }
            }
        }
    }

    #[test]
    fn weights_count_by_their_proportion(weights in prop::collection::vec(1_u64..10, 2..6), times in 1_u64..1_000) {
        let larger: Vec<_> = weights.iter().map(|weight| weight * times).collect();
        for algorithm in [Algorithm::WeightedRoundRobin, Algorithm::Random, Algorithm::Maglev] {
            prop_assert_eq!(spread(algorithm, &weights, 500), spread(algorithm, &larger, 500));
        }
    }
}
