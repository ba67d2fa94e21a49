//! The process as the system sees it, by the names that every Prometheus client uses, and the build.
//!
//! Where there is no `/proc` the numbers are left out.

use std::fmt;
use std::fs;
use std::sync::OnceLock;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::family;
use crate::commands::version::VERSION;

/// Writes the families.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let about = "The version that runs; always 1.";
    let mut build = encoder.encode_descriptor("gateway_build", about, None, MetricType::Info)?;
    build.encode_info(&[("version", VERSION)])?;
    if let Some(usage) = Usage::read() {
        let bytes = ("process_resident_memory_bytes", "Memory held, in bytes.");
        family::gauge(encoder, bytes, [([], usage.pages * rustix::param::page_size() as u64)])?;
        let cpu = ("process_cpu_seconds", "Processor time spent, in seconds.");
        family::counter(encoder, cpu, [([], usage.ticks as f64 / ticks_a_second())])?;
        if let Some(boot) = boot() {
            let start = ("process_start_time_seconds", "When the process began, in seconds since 1970.");
            family::gauge(encoder, start, [([], boot as f64 + usage.begun as f64 / ticks_a_second())])?;
        }
    }
    if let Ok(folder) = fs::read_dir("/proc/self/fd") {
        // Reading the folder takes one itself.
        let open = folder.count().saturating_sub(1) as u64;
        family::gauge(encoder, ("process_open_fds", "Open files, sockets among them."), [([], open)])?;
    }
    Ok(())
}

fn ticks_a_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// Numbers of `/proc/self/stat` (proc_pid_stat(5)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Usage {
    /// Clock ticks spent, in user mode and in the kernel.
    ticks: u64,
    /// Clock ticks between the system's start and the process's.
    begun: u64,
    /// Pages of memory held.
    pages: u64,
}

impl Usage {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let mut field = |skip| fields.nth(skip)?.parse::<u64>().ok();
        // Fields 14, 15, 22 and 24; the first after the name is 3.
        let ticks = field(11)? + field(0)?;
        let begun = field(6)?;
        let pages = field(1)?;
        Some(Self { ticks, begun, pages })
    }
}

/// When the system started, in seconds since 1970. It does not change, so the long file is read once.
fn boot() -> Option<u64> {
    static BOOT: OnceLock<Option<u64>> = OnceLock::new();
    *BOOT.get_or_init(|| boot_of(&fs::read_to_string("/proc/stat").ok()?))
}

fn boot_of(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_fields_behind_a_hostile_name() {
        let stat =
            "7 (a) R 1 (b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 98765 1000000 321 184467 1 1 0";
        assert_eq!(Usage::parse(stat), Some(Usage { ticks: 300, begun: 98_765, pages: 321 }));
        for broken in ["", "7 (a", "7 (a) S 1 2", "7 (a) S x x x x x x x x x x x x x x x x x x x x x x"] {
            assert_eq!(Usage::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn finds_the_start_of_the_system() {
        assert_eq!(boot_of("cpu 1 2\nbtime 1767225600\nprocesses 5\n"), Some(1_767_225_600));
        assert_eq!(boot_of("cpu 1 2\n"), None);
    }
}
