//! Processes that the measurement starts, and stops whatever happens.
//!
//! Each gets a process group of its own and a core. It is stopped by its own id when dropped, and by the kernel
//! (parent-death signal) if this program is killed and can drop nothing.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Where a process may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cores {
    /// The core of a gateway with one worker.
    Gateway,
    /// Those of a gateway with two workers: the load's is among them where there are fewer than four.
    Gateways,
    /// The core of load and upstream.
    Load,
    /// A second core of the load, where there are four.
    MoreLoad,
}

/// From so many cores on, two workers and their load can have two each.
const ENOUGH_CORES: usize = 4;

const GRACE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

impl Cores {
    /// Whether two workers need share no core with their load.
    pub(super) fn enough() -> bool {
        std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= ENOUGH_CORES)
    }

    /// The list as taskset reads it.
    fn list(self, enough: bool) -> &'static str {
        match (self, enough) {
            (Cores::Gateway, _) => "0",
            (Cores::Gateways, false) => "0,1",
            (Cores::Gateways, true) => "0,2",
            (Cores::Load, _) | (Cores::MoreLoad, false) => "1",
            (Cores::MoreLoad, true) => "3",
        }
    }
}

/// A running program; dropping it ends it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
    started: Instant,
}

impl Process {
    /// Starts `argv` on `cores`; what it prints goes to `NAME.log` in `folder`.
    pub(super) fn start(folder: &Path, name: &str, cores: Cores, argv: &[String]) -> Result<Process, String> {
        Self::start_with(folder, name, cores, argv, Stdio::null())
    }

    /// As `start`, with an input that stays open until `finish`.
    pub(super) fn start_listening(
        folder: &Path,
        name: &str,
        cores: Cores,
        argv: &[String],
    ) -> Result<Process, String> {
        Self::start_with(folder, name, cores, argv, Stdio::piped())
    }

    fn start_with(
        folder: &Path,
        name: &str,
        cores: Cores,
        argv: &[String],
        input: Stdio,
    ) -> Result<Process, String> {
        let log = folder.join(format!("{name}.log"));
        let cannot = |e: std::io::Error| format!("cannot start {name}: {e}");
        let out = File::create(&log).map_err(cannot)?;
        let err = out.try_clone().map_err(cannot)?;
        let started = Instant::now();
        let child = pinned(cores)
            .args(argv)
            .current_dir(folder)
            .stdin(input)
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        Ok(Process { child, name: name.to_owned(), log, started })
    }

    /// The id of the started program itself: what pins it to its core replaces itself by it.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to it and whatever it started.
    pub(super) fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Sends it a signal at once, and to nobody else: by a call, since a program that does it takes milliseconds to start.
    pub(super) fn strike(&self, signal: Signal) -> Result<(), String> {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).map_err(|e| format!("cannot signal {}: {e}", self.name))
    }

    /// Time since just before the program was started.
    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns once something accepts connections on `port`; an error if the process ends or 20 s pass before.
    pub(super) fn wait_for(&mut self, port: u16) -> Result<(), String> {
        self.wait_until(Duration::from_secs(20), || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    /// Returns once `ready` holds; an error with the end of the log if the process ends or `limit` passes before.
    pub(super) fn wait_until(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + limit;
        loop {
            self.running()?;
            if ready() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{} was not ready after {limit:?}{}", self.name, self.last_words()));
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// An error with the end of the log if the process has ended.
    pub(super) fn running(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("{} ended by itself ({status}){}", self.name, self.last_words())),
            Err(e) => Err(format!("{} cannot be watched: {e}", self.name)),
        }
    }

    /// Closes its input, waits until it has ended well, and returns all it printed.
    pub(super) fn finish(mut self, limit: Duration) -> Result<String, String> {
        drop(self.child.stdin.take());
        if !self.ended_within(limit) {
            return Err(format!("{} did not end within {limit:?}{}", self.name, self.last_words()));
        }
        match self.child.wait() {
            Ok(status) if status.success() => {
                std::fs::read_to_string(&self.log).map_err(|e| format!("{}: {e}", self.log.display()))
            }
            Ok(status) => Err(format!("{} failed ({status}){}", self.name, self.last_words())),
            Err(e) => Err(format!("{} cannot be watched: {e}", self.name)),
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(5)..];
        if last.is_empty() { String::new() } else { format!("; it said:\n{}", last.join("\n")) }
    }

    fn ended_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(PAUSE);
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // The child has not been waited for, so its id cannot have passed to another process.
        signal("TERM", self.child.id());
        if !self.ended_within(GRACE) {
            signal("KILL", self.child.id());
            let _ = self.child.wait();
        }
    }
}

/// Signals the process group that the child leads.
fn signal(name: &str, leader: u32) {
    let script = r#"kill -s "$0" -- "-$1""#;
    let _ = Command::new("sh").args(["-c", script, name, &leader.to_string()]).stderr(Stdio::null()).status();
}

/// A command to which the program and its arguments are to be added: it runs on one core and dies with us.
pub(super) fn pinned(cores: Cores) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores.list(Cores::enough()), "setpriv", "--pdeathsig", "TERM", "--"]);
    command
}

/// Ports on which nothing listens now, all different.
pub(super) fn free_ports<const N: usize>() -> Result<[u16; N], String> {
    let cannot = |e: std::io::Error| format!("no free port: {e}");
    let mut ports = [0; N];
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot)?;
        *port = listener.local_addr().map_err(cannot)?.port();
        held.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::{Cores, Process, free_ports};
    use std::path::Path;
    use std::time::{Duration, Instant};

    fn start(name: &str, script: &str) -> Process {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let name = format!("xtask-{}-{name}", std::process::id());
        Process::start_listening(&std::env::temp_dir(), &name, Cores::Gateway, &argv).unwrap()
    }

    #[test]
    fn ends_what_it_started_with_its_children() {
        let mut process = start("ends", "sleep 600 & echo $!; wait");
        let log = process.log.clone();
        let mut child = String::new();
        let read = || {
            child = std::fs::read_to_string(&log).unwrap().trim().to_owned();
            !child.is_empty()
        };
        process.wait_until(Duration::from_secs(10), read).unwrap();
        let own = format!("/proc/{}", process.id());
        assert!(Path::new(&own).exists());
        drop(process);
        std::fs::remove_file(log).unwrap();
        assert!(!Path::new(&own).exists());
        // The orphan ends in its own time, and may then wait for its new parent to collect it.
        let deadline = Instant::now() + Duration::from_secs(10);
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        while !(state().is_empty() || state().contains(") Z ")) {
            assert!(Instant::now() < deadline, "still running: {}", state());
            std::thread::yield_now();
        }
    }

    #[test]
    fn tells_what_a_program_said_before_it_ended() {
        let mut process = start("said", "echo out of cheese >&2; exit 3");
        let error = process.wait_until(Duration::from_secs(10), || false).unwrap_err();
        std::fs::remove_file(&process.log).unwrap();
        assert!(error.contains("out of cheese") && error.contains('3'), "{error}");
    }

    #[test]
    fn finishes_what_waits_for_the_end_of_its_input() {
        let process = start("finish", "cat; echo done");
        let log = process.log.clone();
        let printed = process.finish(Duration::from_secs(10)).unwrap();
        std::fs::remove_file(log).unwrap();
        assert_eq!(printed, "done\n");
        let failing = start("fails", "cat; exit 3");
        let log = failing.log.clone();
        assert!(failing.finish(Duration::from_secs(10)).unwrap_err().contains('3'));
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn load_and_gateways_share_a_core_only_where_they_must() {
        let of =
            |enough| [Cores::Gateway, Cores::Gateways, Cores::Load, Cores::MoreLoad].map(|c| c.list(enough));
        assert_eq!(of(false), ["0", "0,1", "1", "1"]);
        assert_eq!(of(true), ["0", "0,2", "1", "3"]);
    }

    #[test]
    fn free_ports_differ() {
        let [a, b, c] = free_ports().unwrap();
        assert!(a != b && b != c && a != c && a != 0);
    }
}
