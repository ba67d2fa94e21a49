//! The thread behind a sink: takes the workers' shares, writes, reopens, and says on standard error what it had to drop.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sekisho_units::Clock;

use super::sink::{Batch, DEPTH, Destination, Message, Shared};

/// How often the shares are collected; the contract promises each line within a second.
const EVERY: Duration = Duration::from_millis(500);
/// How long, and how often, a destination that is set not to block is asked again.
const AGAIN: Duration = Duration::from_millis(5);
const TRIES: u32 = 200;

/// Opens a destination for appending.
pub(super) fn open(to: &Destination) -> io::Result<File> {
    match to {
        Destination::Stdout => io::stdout().as_fd().try_clone_to_owned().map(File::from),
        Destination::Stderr => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        Destination::File(path) => {
            let mut options = OpenOptions::new();
            if fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
                // Opened for both, a pipe that nobody reads yet does not hold up the start.
                options.read(true).write(true);
            } else {
                options.append(true).create(true).mode(0o640);
            }
            options.open(path)
        }
    }
}

/// Tells the operator; if even that fails there is nobody left to tell.
pub(super) fn say(to: &Destination, what: &str) {
    let _ = writeln!(io::stderr(), "access log `{to}` {what}");
}

/// The thread's things.
pub(super) struct Writer {
    shared: Arc<Shared>,
    queue: Receiver<Message>,
    target: File,
    clock: Clock,
    /// Whether the last write failed.
    failing: bool,
    /// Whether the destination ends in half a line.
    torn: bool,
    /// Dropped lines at the last look, and those that the operator was told of.
    seen: u64,
    told: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, queue: Receiver<Message>, target: File) -> Self {
        Self { shared, queue, target, clock: Clock::system(), failing: false, torn: false, seen: 0, told: 0 }
    }

    /// Writes until the sink is closed or nobody can send any more, then what is left.
    pub(super) fn run(mut self) {
        let mut next = self.clock.now() + EVERY;
        loop {
            match self.queue.recv_timeout(next.since(self.clock.now())) {
                Ok(Message::Lines(batch)) => self.write(&batch),
                Ok(Message::Look) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.shared.close.load(Ordering::Acquire) {
                break;
            }
            if self.shared.reopen.swap(false, Ordering::AcqRel) {
                self.collect();
                self.reopen();
            }
            if self.clock.now() >= next {
                self.collect();
                self.tell();
                next = self.clock.now() + EVERY;
            }
        }
        self.collect();
    }

    /// Writes what is queued and what the shares hold.
    fn collect(&mut self) {
        let mut batches = Vec::new();
        for share in &self.shared.shares {
            // A worker queues under this lock, so what it queued before is taken before what its share holds now.
            let mut pending = share.lock();
            for _ in 0..DEPTH {
                match self.queue.try_recv() {
                    Ok(Message::Lines(batch)) => batches.push(batch),
                    Ok(Message::Look) => {}
                    Err(_) => break,
                }
            }
            batches.push(pending.take());
        }
        for batch in batches.iter().filter(|batch| batch.lines > 0) {
            self.write(batch);
        }
    }

    fn reopen(&mut self) {
        if !matches!(self.shared.to, Destination::File(_)) {
            return;
        }
        match open(&self.shared.to) {
            Ok(target) => {
                self.target = target;
                self.torn = false;
            }
            Err(error) => {
                say(&self.shared.to, &format!("cannot be reopened ({error}); the old file is kept"));
            }
        }
    }

    fn write(&mut self, batch: &Batch) {
        let mut written = 0;
        let result = if self.torn { write_all(&mut self.target, b"\n", &mut 0) } else { Ok(()) };
        let result = result.and_then(|()| {
            self.torn = false;
            write_all(&mut self.target, &batch.bytes, &mut written)
        });
        self.shared.bytes.fetch_add(written as u64, Ordering::Relaxed);
        let Err(error) = result else {
            self.shared.lines.fetch_add(batch.lines, Ordering::Relaxed);
            self.failing = false;
            return;
        };
        let done = &batch.bytes[..written];
        let whole = done.iter().filter(|&&b| b == b'\n').count() as u64;
        self.torn = self.torn || done.last().is_some_and(|&b| b != b'\n');
        self.shared.lines.fetch_add(whole, Ordering::Relaxed);
        self.shared.dropped.fetch_add(batch.lines.saturating_sub(whole), Ordering::Relaxed);
        if !std::mem::replace(&mut self.failing, true) {
            say(&self.shared.to, &format!("cannot be written ({error}); lines are dropped until it can"));
        }
    }

    /// Says how many lines were lost, once no more are: while a destination is overrun it would be said twice a second.
    fn tell(&mut self) {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        if dropped > self.told && dropped == self.seen && !self.failing {
            say(&self.shared.to, &format!("is written again; {} lines were dropped", dropped - self.told));
            self.told = dropped;
        }
        self.seen = dropped;
    }
}

/// Writes `bytes` and counts in `written`. A destination that is set not to block is asked again for a second.
fn write_all(target: &mut File, bytes: &[u8], written: &mut usize) -> io::Result<()> {
    let mut tries = 0;
    while *written < bytes.len() {
        match target.write(&bytes[*written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                *written += count;
                tries = 0;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && tries < TRIES => {
                tries += 1;
                std::thread::park_timeout(AGAIN);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
