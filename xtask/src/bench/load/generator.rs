//! The bench's hand on a generator: started, told to stop, its report read.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::tally::Told;
use super::{Report, Task, Work};
use crate::bench::processes::{Cores, Process};

/// Time for a generator to see its last requests through.
const GRACE: Duration = Duration::from_secs(60);

/// A generator at work; dropped, it is stopped and its report lost.
#[derive(Debug)]
pub(in crate::bench) struct Generator {
    process: Process,
    name: String,
    limit: Duration,
}

impl Generator {
    /// Starts `work` on the load's core; `program` is this one, built for release.
    pub(in crate::bench) fn start(
        program: &Path,
        folder: &Path,
        name: &str,
        cores: Cores,
        work: &Work,
    ) -> Result<Generator, String> {
        let order = serde_json::to_string(work).map_err(|e| e.to_string())?;
        let mut argv = vec![program.display().to_string(), "load".to_owned(), order];
        if let Task::Attack(_) = work.task {
            // What attackers do themselves is not what is measured: it must not hold up good clients on the same core.
            argv.splice(0..0, ["chrt", "--idle", "0"].map(str::to_owned));
        }
        let process = Process::start_listening(folder, name, cores, &argv)?;
        let limit = Duration::from_secs(work.seconds.unwrap_or_default()) + GRACE;
        Ok(Generator { process, name: name.to_owned(), limit })
    }

    /// Sends it a signal, at once.
    pub(in crate::bench) fn strike(&self, signal: Signal) -> Result<(), String> {
        self.process.strike(signal)
    }

    /// An error if it has ended before it was told to.
    pub(in crate::bench) fn running(&mut self) -> Result<(), String> {
        self.process.running()
    }

    /// The port of a service that it is, once it listens there.
    pub(in crate::bench) fn wait_for(&mut self, port: u16) -> Result<(), String> {
        self.process.wait_for(port)
    }

    /// Tells it to stop, or waits until its time is over, and reads what it counted.
    pub(in crate::bench) fn finish(self) -> Result<Report, String> {
        let printed = self.process.finish(self.limit)?;
        report(&printed).ok_or_else(|| format!("{} did not report but said:\n{printed}", self.name))
    }
}

/// The line of the report among whatever else was said.
fn report(printed: &str) -> Option<Report> {
    let line = printed.lines().rev().find(|line| line.starts_with('{'))?;
    let told: Told = serde_json::from_str(line).ok()?;
    Some(Report { latencies: told.latencies, ..told.report })
}

/// A task without a time of its own: it ends when told to.
pub(in crate::bench) fn until_told(task: Task) -> Work {
    Work { task, seconds: None }
}

/// A task that ends by itself.
pub(in crate::bench) fn lasting(task: Task, seconds: u64) -> Work {
    Work { task, seconds: Some(seconds) }
}

#[cfg(test)]
mod tests {
    use super::super::{Attack, Report, Task, Work};
    use super::{Told, lasting, report, until_told};

    #[test]
    fn finds_the_report_behind_other_words() {
        let sent = Report { sent: 3, ..Report::default() };
        let text = serde_json::to_string(&Told { latencies: sent.latencies.clone(), report: sent }).unwrap();
        assert_eq!(report(&format!("warning: x\n{text}\n")).unwrap().sent, 3);
        assert_eq!(report("thread panicked\n"), None);
        assert_eq!(report("{}\n"), None);
    }

    #[test]
    fn work_survives_its_way_through_the_command_line() {
        for work in
            [lasting(Task::Echo { port: 7 }, 3), until_told(Task::Attack(Attack::At { port: 1, tls: 2 }))]
        {
            let text = serde_json::to_string(&work).unwrap();
            let read: Work = serde_json::from_str(&text).unwrap();
            assert_eq!(format!("{read:?}"), format!("{work:?}"));
        }
    }
}
