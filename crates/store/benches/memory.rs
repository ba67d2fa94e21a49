//! What a decision in memory costs: alone, against a second thread on other keys and on the same one, and among a million keys.

#![allow(missing_docs, reason = "a benchmark has no users")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use sekisho_store::{Algorithm, Key, Memory, Moment, Rule, Space};
use sekisho_units::{Rate, Span};

const ALGORITHMS: [(&str, Algorithm); 3] = [
    ("sliding_window", Algorithm::SlidingWindow),
    ("token_bucket", Algorithm::TokenBucket),
    ("fixed_window", Algorithm::FixedWindow),
];

fn rule(algorithm: Algorithm) -> Rule {
    let rate = Rate::new(1_000_000_000, Span::from_secs(900)).expect("neither is zero");
    Rule::new(algorithm, rate, None).expect("it can be counted")
}

/// Decisions about `keys` keys from `first` on, one after the other, at a time that goes on.
struct Walk<'a> {
    memory: &'a Memory,
    rule: Rule,
    space: Space,
    first: u32,
    keys: u32,
    at: u32,
    steps: u64,
}

/// So many decisions of one thread fall into a millisecond, about as many as it can make. Were time faster, entries would
/// expire and come again, and threads whose clocks drift apart would set each other's back.
const A_MILLISECOND: u64 = 16_384;

impl<'a> Walk<'a> {
    fn new(memory: &'a Memory, rule: Rule, first: u32, keys: u32) -> Self {
        Self { memory, rule, space: Space::of("bench"), first, keys, at: 0, steps: 0 }
    }

    fn step(&mut self) -> bool {
        self.at = self.at.wrapping_add(0x9E37_79B1);
        self.steps += 1;
        // As long as an address.
        let number = self.first + ((u64::from(self.at) * u64::from(self.keys)) >> 32) as u32;
        let mut name = [7; 8];
        name[..4].copy_from_slice(&number.to_be_bytes());
        let key = Key { space: self.space, name: black_box(&name) };
        self.memory
            .take(&self.rule, key, 1, Moment::from_millis(1_000_000 + self.steps / A_MILLISECOND))
            .allowed
    }
}

fn beside(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    memory: &Memory,
    rule: Rule,
    other: Option<(u32, u32)>,
    keys: u32,
) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        if let Some((first, keys)) = other {
            let mut walk = Walk::new(memory, rule, first, keys);
            let done = &done;
            scope.spawn(move || {
                while !done.load(Relaxed) {
                    black_box(walk.step());
                }
            });
        }
        let mut walk = Walk::new(memory, rule, 0, keys);
        group.bench_function(name, |b| b.iter(|| walk.step()));
        done.store(true, Relaxed);
    });
}

fn decisions(c: &mut Criterion) {
    let mut group = c.benchmark_group("memory");
    for (name, algorithm) in ALGORITHMS {
        let memory = Memory::new(Memory::ENTRIES);
        let rule = rule(algorithm);
        beside(&mut group, &format!("{name}, alone"), &memory, rule, None, 1_000);
        beside(&mut group, &format!("{name}, beside another thread"), &memory, rule, Some((0, 1_000)), 1_000);
    }
    let memory = Memory::new(Memory::ENTRIES);
    let rule = rule(Algorithm::SlidingWindow);
    beside(&mut group, "one key, beside another thread on it", &memory, rule, Some((0, 1)), 1);
    group.finish();
}

fn million(c: &mut Criterion) {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0)
    };
    let before = resident();
    let memory = Memory::new(Memory::ENTRIES);
    let rule = rule(Algorithm::SlidingWindow);
    let mut fill = Walk::new(&memory, rule, 0, 1_000_000);
    // A walk by the golden ratio meets every number in time.
    for _ in 0..5_000_000 {
        fill.step();
    }
    let (tally, more) = (memory.tally(), resident() - before);
    #[expect(clippy::print_stderr, reason = "what is measured beside the time")]
    {
        eprintln!("{} keys: {} bytes, {more} KiB more resident", tally.entries, tally.bytes);
    }
    let mut group = c.benchmark_group("a million keys");
    beside(&mut group, "sliding_window, alone", &memory, rule, None, 1_000_000);
    beside(
        &mut group,
        "sliding_window, beside another thread",
        &memory,
        rule,
        Some((0, 1_000_000)),
        1_000_000,
    );
    group.finish();
}

criterion_group!(benches, million, decisions);
criterion_main!(benches);
