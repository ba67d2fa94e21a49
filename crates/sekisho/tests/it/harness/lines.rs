//! The lines that a process writes, collected as they come.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::DEADLINE;

#[derive(Default)]
struct Collected {
    lines: Vec<String>,
    ended: bool,
}

/// Lines that a thread collects from a pipe.
#[derive(Clone, Default)]
pub(crate) struct Lines {
    shared: Arc<(Mutex<Collected>, Condvar)>,
}

impl Lines {
    /// Collects from `pipe` until it ends.
    pub(crate) fn collect(pipe: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let shared = Arc::clone(&lines.shared);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n') {
                let Ok(line) = line else { break };
                shared.0.lock().unwrap().lines.push(String::from_utf8_lossy(&line).into_owned());
                shared.1.notify_all();
            }
            shared.0.lock().unwrap().ended = true;
            shared.1.notify_all();
        });
        lines
    }

    /// What has come so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().lines.clone()
    }

    /// The first line for which `pick` gives a value; `None` if the pipe ends, or [`super::DEADLINE`] passes, without one.
    pub(crate) fn find<T>(&self, mut pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + DEADLINE;
        let mut next = 0;
        let mut collected = self.shared.0.lock().unwrap();
        loop {
            while next < collected.lines.len() {
                if let Some(value) = pick(&collected.lines[next]) {
                    return Some(value);
                }
                next += 1;
            }
            let left = end.saturating_duration_since(Instant::now());
            if collected.ended || left.is_zero() {
                return None;
            }
            collected = self.shared.1.wait_timeout(collected, left).unwrap().0;
        }
    }

    /// Waits for the pipe to end, and gives everything.
    pub(crate) fn to_end(&self) -> Vec<String> {
        let collected = self.shared.0.lock().unwrap();
        let (collected, waited) =
            self.shared.1.wait_timeout_while(collected, DEADLINE, |all| !all.ended).unwrap();
        assert!(!waited.timed_out(), "the process keeps its output open");
        collected.lines.clone()
    }
}
