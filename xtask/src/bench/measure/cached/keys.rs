//! A million keys are pushed through a cache that may hold 64 MiB: how much memory does that take?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::json;

use super::super::super::cpu::resident_kib;
use super::super::super::load::generator::lasting;
use super::super::super::load::{Ask, Body, Keys, Report, Requests, Task};
use super::super::super::report::{Goal, Section, megabytes};
use super::super::super::scenarios::{KEYS_MEMORY, Scenario};
use super::super::super::targets::{Site, Stage, Subject};

/// What bench/cache.yaml says, in KiB.
const BOUND_KIB: u64 = 64 * 1024;
const KEYS: u64 = 1_000_000;
const CLIENTS: usize = 64;
/// Of what passes the cache by, so that whatever else 64 connections need is there before.
const BESIDE_SECONDS: u64 = 2;
/// The load ends by itself, long before that.
const LIMIT: u64 = 600;
/// Memory is looked at so often.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn measure(stage: &Stage, scenario: &'static Scenario) -> Result<Section, String> {
    let columns = [
        "target",
        "keys",
        "MB before",
        "MB at most",
        "MB after",
        "growth, of the bound",
        "popular hits",
        "recent hits",
    ];
    let mut section = Section::new(scenario, &columns);
    let target = stage.start(Subject::Sekisho(Site::Cache))?;
    let id = target.process.id();
    let asks = vec![Ask { path: "/".to_owned(), body: Body::Service }];
    let beside = Requests::to(target.port, CLIENTS, asks);
    let report = stage.generator("beside", &lasting(Task::Requests(beside), BESIDE_SECONDS))?.finish()?;
    section.problems.extend(report.problems("beside the cache"));
    let before = resident_kib(id);
    let order = Keys { port: target.port, clients: CLIENTS, keys: KEYS };
    let load = stage.generator("keys", &lasting(Task::Keys(order), LIMIT))?;
    let (report, most) = watched(id, || load.finish());
    let report = report?;
    let after = resident_kib(id);
    section.problems.extend(report.problems("the keys"));
    section.problems.extend(problems(&report.counts));
    let growth = most.max(after).saturating_sub(before) as f64 / BOUND_KIB as f64;
    section.goals.push(Goal::at_most("growth of memory, of the bound", growth, KEYS_MEMORY));
    let mut row = vec![target.name(), KEYS.to_string()];
    row.extend([before, most.max(after), after].map(|kib| format!("{:.1}", megabytes(kib))));
    row.push(format!("{growth:.2}"));
    row.extend(["popular", "recent"].map(|kind| format!("{:.1} %", percent(&report.counts, kind))));
    section.rows.push(row);
    section.rounds.push(record(&report, [before, most, after]));
    Ok(section)
}

/// What `work` gives, and the most memory that the process has meanwhile.
fn watched<T>(process: u32, work: impl FnOnce() -> T) -> (T, u64) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Relaxed) {
                most = most.max(resident_kib(process));
                std::thread::sleep(LOOK);
            }
            most
        });
        let done = work();
        over.store(true, Relaxed);
        (done, watching.join().unwrap_or_default())
    })
}

/// What makes the figure worthless: a cache that holds nothing takes no memory either.
fn problems(counts: &BTreeMap<String, u64>) -> Vec<String> {
    let count = |kind: &str| counts.get(kind).copied().unwrap_or_default();
    let mut problems = Vec::new();
    if count("new, hit") > 0 {
        problems.push(format!("{} keys were hits though nobody had asked for them", count("new, hit")));
    }
    if percent(counts, "popular") < 90.0 {
        problems.push(format!("only {:.1} % of popular keys were hits", percent(counts, "popular")));
    }
    problems
}

/// How many of a kind were hits, of a hundred.
fn percent(counts: &BTreeMap<String, u64>, kind: &str) -> f64 {
    let count = |kind: &str| counts.get(kind).copied().unwrap_or_default() as f64;
    count(&format!("{kind}, hit")) * 100.0 / count(kind).max(1.0)
}

fn record(report: &Report, resident: [u64; 3]) -> serde_json::Value {
    json!({"rss_kib": {"before": resident[0], "most": resident[1], "after": resident[2]}, "load": report})
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, percent, problems, watched};

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
    }

    #[test]
    fn a_cache_that_holds_nothing_is_a_problem() {
        let good = counts(&[("new", 100), ("popular", 10), ("popular, hit", 9), ("recent", 10)]);
        assert!(problems(&good).is_empty());
        assert!((percent(&good, "popular") - 90.0).abs() < 1e-9);
        assert!(percent(&good, "recent").abs() < 1e-9);
        let bad = counts(&[("new", 100), ("new, hit", 1), ("popular", 10), ("popular, hit", 8)]);
        assert_eq!(problems(&bad).len(), 2);
        assert_eq!(problems(&counts(&[])).len(), 1);
    }

    #[test]
    fn memory_is_seen_while_work_lasts() {
        let (done, most) = watched(std::process::id(), || {
            std::thread::sleep(std::time::Duration::from_millis(5));
            7
        });
        assert!(done == 7 && most > 100, "{most}");
    }
}
