//! What a process and all its descendants have used, from /proc (proc(5)).
//!
//! `schedstat` counts nanoseconds on a core and is exact, but a thread that ends takes its count along. Clock ticks
//! survive the thread and split into user and system, but are coarse.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// Ticks a second in `/proc/PID/stat`; the kernel shows 100 to user space on every common architecture.
const TICKS_PER_SECOND: u64 = 100;

/// Counters at one moment.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Nanoseconds on a core of each thread.
    threads: BTreeMap<u32, u64>,
    user_ticks: u64,
    system_ticks: u64,
}

/// CPU time between two moments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) total: Duration,
    pub(super) user: Duration,
    pub(super) system: Duration,
}

impl Usage {
    /// Reads the counters of `process` and its descendants.
    pub(super) fn of(process: u32) -> Usage {
        let mut usage = Usage::default();
        for id in family(process) {
            if let Some(stat) = stat(id) {
                usage.user_ticks += stat.user_ticks;
                usage.system_ticks += stat.system_ticks;
            }
            for thread in numbered(&format!("/proc/{id}/task")) {
                let path = format!("/proc/{id}/task/{thread}/schedstat");
                let text = fs::read_to_string(path).unwrap_or_default();
                if let Some(nanoseconds) = text.split(' ').next().and_then(|first| first.parse().ok()) {
                    usage.threads.insert(thread, nanoseconds);
                }
            }
        }
        usage
    }

    /// The time spent since `earlier`: exact unless a thread ended in between, when ticks must do.
    pub(super) fn since(&self, earlier: &Usage) -> Spent {
        let ticks =
            |now: u64, then: u64| Duration::from_millis(now.saturating_sub(then) * 1000 / TICKS_PER_SECOND);
        let user = ticks(self.user_ticks, earlier.user_ticks);
        let system = ticks(self.system_ticks, earlier.system_ticks);
        let ended = earlier.threads.keys().any(|thread| !self.threads.contains_key(thread));
        let sum = |usage: &Usage| usage.threads.values().sum::<u64>();
        let exact = Duration::from_nanos(sum(self).saturating_sub(sum(earlier)));
        Spent { total: if ended { user + system } else { exact }, user, system }
    }
}

/// Nanoseconds on a core of each thread of `process` whose name begins with `prefix`.
pub(super) fn threads(process: u32, prefix: &str) -> BTreeMap<u32, u64> {
    let mut found = BTreeMap::new();
    for thread in numbered(&format!("/proc/{process}/task")) {
        let read = |file: &str| {
            fs::read_to_string(format!("/proc/{process}/task/{thread}/{file}")).unwrap_or_default()
        };
        if read("comm").starts_with(prefix)
            && let Some(nanoseconds) =
                read("schedstat").split(' ').next().and_then(|first| first.parse().ok())
        {
            found.insert(thread, nanoseconds);
        }
    }
    found
}

/// Resident memory of `process` and its descendants in KiB; pages that they share count in each.
pub(super) fn resident_kib(process: u32) -> u64 {
    let own = |id: u32| {
        let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        resident_in(&text).unwrap_or_default()
    };
    family(process).into_iter().map(own).sum()
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The process and all its descendants as they are now.
fn family(process: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> =
        numbered("/proc").into_iter().filter_map(|id| Some((id, stat(id)?.parent))).collect();
    descendants(process, &parents)
}

/// `process` and whoever has it as an ancestor, from pairs of (process, parent).
fn descendants(process: u32, parents: &[(u32, u32)]) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        let children =
            parents.iter().filter(|(id, of)| *of == parent && !found.contains(id)).map(|(id, _)| *id);
        let children: Vec<u32> = children.collect();
        found.extend(children);
        next += 1;
    }
    found
}

/// The entries of a folder whose names are numbers.
fn numbered(folder: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    user_ticks: u64,
    system_ticks: u64,
}

fn stat(id: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// The command's name, in parentheses, may hold anything, parentheses too: the fields begin after the last one.
/// Children that ended and were waited for count with their parent.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        user_ticks: number(11)? + number(13)?,
        system_ticks: number(12)? + number(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Spent, Stat, Usage, descendants, parse_stat, resident_in, resident_kib, threads};
    use std::time::Duration;

    fn usage(threads: &[(u32, u64)], user_ticks: u64, system_ticks: u64) -> Usage {
        Usage { threads: threads.iter().copied().collect(), user_ticks, system_ticks }
    }

    #[test]
    fn reads_fields_after_a_strange_name() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4 100 0 0 0 25 50 1 2 20 0 1 0 9";
        assert_eq!(parse_stat(text), Some(Stat { parent: 3, user_ticks: 26, system_ticks: 52 }));
        assert_eq!(parse_stat("7 (a) S 3"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn finds_children_of_children() {
        let parents = [(10, 1), (11, 10), (12, 11), (20, 1), (1, 0)];
        assert_eq!(descendants(10, &parents), [10, 11, 12]);
        assert_eq!(descendants(99, &parents), [99]);
    }

    #[test]
    fn counts_nanoseconds_while_every_thread_lives() {
        let spent = usage(&[(1, 5_000), (2, 700)], 3, 4).since(&usage(&[(1, 2_000)], 1, 1));
        let (user, system) = (Duration::from_millis(20), Duration::from_millis(30));
        assert_eq!(spent, Spent { total: Duration::from_nanos(3_700), user, system });
    }

    #[test]
    fn counts_ticks_when_a_thread_ended() {
        let spent = usage(&[(1, 5_000)], 3, 4).since(&usage(&[(1, 2_000), (2, 9)], 1, 1));
        assert_eq!(spent.total, Duration::from_millis(50));
    }

    #[test]
    fn finds_threads_by_the_start_of_their_names() {
        let (tell, told) = std::sync::mpsc::sync_channel::<()>(0);
        let named = std::thread::Builder::new().name("bench-thread-7".to_owned());
        let thread = named.spawn(move || told.recv()).unwrap();
        let own = std::process::id();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while threads(own, "bench-thread").len() != 1 {
            assert!(std::time::Instant::now() < deadline, "{:?}", threads(own, "bench-thread"));
        }
        assert!(threads(own, "no-such-thread").is_empty());
        drop(tell);
        thread.join().unwrap().unwrap_err();
    }

    #[test]
    fn reads_resident_memory() {
        assert_eq!(resident_in("VmPeak:\t 9 kB\nVmRSS:\t    1234 kB\n"), Some(1234));
        assert_eq!(resident_in("Name: x\n"), None);
        assert!(resident_kib(std::process::id()) > 100);
    }

    #[test]
    fn own_work_is_seen() {
        let before = Usage::of(std::process::id());
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        let mut sum = 0_u64;
        // A busy machine may give this thread less than a tick of all that time, and other threads may end meanwhile.
        loop {
            for _ in 0..1_000_000 {
                sum = std::hint::black_box(sum.wrapping_add(1));
            }
            let after = Usage::of(std::process::id());
            let more = |(thread, used): (_, &u64)| before.threads.get(thread).is_some_and(|then| used > then);
            if after.threads.iter().any(more) {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{before:?} {after:?}");
        }
    }
}
