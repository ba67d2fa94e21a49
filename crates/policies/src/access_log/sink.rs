//! Where log lines go: one sink a destination, whatever number of routes and workers write to it.
//!
//! A request appends its line to its worker's share, which nobody else uses but for the moment in which the sink's
//! thread takes it away. So a request pays for one uncontended lock and the copy, and a blocked disk or pipe can never
//! hold it up: when the queue to the thread is full, the share's lines are dropped and counted.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io, mem};

use sekisho_units::Clock;

use super::writer::{self, Writer};

/// Bytes at which a worker's share is handed over.
const HAND_OVER: usize = 256 * 1024;
/// Shares that may wait for the thread: 4 MiB.
pub(super) const DEPTH: usize = 16;
/// How long the end of the process waits for all sinks together.
const CLOSING: Duration = Duration::from_secs(3);

/// A place to write lines to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
    /// A file, appended to; a named pipe or a device as well.
    File(PathBuf),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// A log that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the access log to `{path}`: {error}; check that the folder exists and is writable")]
pub struct OpenError {
    /// The file, or `stdout` or `stderr`.
    pub path: String,
    /// What the system said.
    #[source]
    pub error: io::Error,
}

/// What a sink did so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SinkStats {
    /// The destination: `stdout`, `stderr` or a path.
    pub to: String,
    /// Lines written.
    pub lines: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Lines dropped because the destination was blocked or failed.
    pub dropped: u64,
}

/// The log sinks of the process. One destination has one sink, across routes and across reloads.
#[derive(Default)]
pub struct Sinks {
    known: Mutex<Vec<Arc<Sink>>>,
}

impl Sinks {
    /// No sinks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sink of a destination. Touches no file: lines wait in memory until [`Sinks::open_all`].
    pub(super) fn sink(&self, to: &Destination, workers: usize) -> Arc<Sink> {
        let mut known = lock(&self.known);
        if let Some(sink) = known.iter().find(|sink| sink.shared.to == *to) {
            return Arc::clone(sink);
        }
        let sink = Arc::new(Sink::new(to.clone(), workers));
        known.push(Arc::clone(&sink));
        sink
    }

    /// Opens every sink that is not yet open (files to append, made with mode 0640) and starts its thread; forgets sinks
    /// that no policy uses any more. To be called once the configuration is known to be good, and after each reload.
    ///
    /// # Errors
    /// The first destination that cannot be opened. Those opened before it stay open.
    pub fn open_all(&self) -> Result<(), OpenError> {
        let mut known = lock(&self.known);
        known.retain(|sink| Arc::strong_count(sink) > 1);
        known.iter().try_for_each(|sink| sink.open())
    }

    /// Lets every file be opened anew under its name, after a log rotation moved it away. What was logged before goes to
    /// the old file. If the new one cannot be opened, the old one is kept and standard error says so.
    pub fn reopen(&self) {
        for sink in lock(&self.known).iter() {
            sink.shared.reopen.store(true, Ordering::Release);
            sink.nudge();
        }
    }

    /// Writes all there is and ends the threads; for the end of the process. Waits at most three seconds in all for
    /// destinations that are blocked, then gives them up.
    pub fn flush_and_close(&self) {
        let known = lock(&self.known);
        for sink in known.iter() {
            sink.shared.close.store(true, Ordering::Release);
            sink.nudge();
        }
        let clock = Clock::system();
        let end = clock.now() + CLOSING;
        for sink in known.iter() {
            let Some(ended) = lock(&sink.ended).take() else { continue };
            if ended.recv_timeout(end.since(clock.now())) == Err(RecvTimeoutError::Timeout) {
                writer::say(&sink.shared.to, "is blocked; its last lines are lost");
            }
        }
    }

    /// What each sink did so far, for metrics.
    pub fn stats(&self) -> Vec<SinkStats> {
        lock(&self.known).iter().map(|sink| sink.stats()).collect()
    }
}

/// One destination.
pub(super) struct Sink {
    shared: Arc<Shared>,
    queue: SyncSender<Message>,
    /// The queue's other end, until the thread starts.
    waiting: Mutex<Option<Receiver<Message>>>,
    /// Disconnected once the thread has ended; none before it started.
    ended: Mutex<Option<Receiver<()>>>,
}

/// What a sink's thread is told.
pub(super) enum Message {
    /// Lines to write.
    Lines(Batch),
    /// Look at the flags.
    Look,
}

/// Whole lines.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
}

/// What the workers and the thread share.
pub(super) struct Shared {
    pub(super) to: Destination,
    pub(super) shares: Box<[Share]>,
    pub(super) lines: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) reopen: AtomicBool,
    pub(super) close: AtomicBool,
}

/// One worker's lines, on cache lines of its own.
#[repr(align(128))]
#[derive(Default)]
pub(super) struct Share(Mutex<Pending>);

/// What a share holds.
#[derive(Default)]
pub(super) struct Pending {
    batch: Batch,
}

impl Pending {
    /// Takes the lines away and leaves room for as many.
    pub(super) fn take(&mut self) -> Batch {
        if self.batch.lines == 0 {
            return Batch::default();
        }
        let room = self.batch.bytes.capacity().min(HAND_OVER + HAND_OVER / 8);
        mem::replace(&mut self.batch, Batch { bytes: Vec::with_capacity(room), lines: 0 })
    }
}

impl Share {
    pub(super) fn lock(&self) -> MutexGuard<'_, Pending> {
        lock(&self.0)
    }
}

impl Sink {
    fn new(to: Destination, workers: usize) -> Self {
        let (queue, waiting) = sync_channel(DEPTH);
        let shared = Shared {
            to,
            shares: (0..workers.max(1)).map(|_| Share::default()).collect(),
            lines: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            reopen: AtomicBool::new(false),
            close: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), queue, waiting: Mutex::new(Some(waiting)), ended: Mutex::new(None) }
    }

    /// Lets `write` append one line, which must end in a line feed and hold no other. Never waits for the destination.
    #[inline]
    pub(super) fn line(&self, worker: usize, write: impl FnOnce(&mut Vec<u8>)) {
        // A reload may bring more workers than there were when the sink was made; they then share.
        let mut share = self.shared.shares[worker % self.shared.shares.len()].lock();
        let batch = &mut share.batch;
        write(&mut batch.bytes);
        batch.lines += 1;
        if batch.bytes.len() >= HAND_OVER {
            self.hand_over(&mut share);
        }
    }

    /// Under the share's lock, so that a worker's lines are queued in their order.
    #[cold]
    fn hand_over(&self, share: &mut Pending) {
        let refused = match self.queue.try_send(Message::Lines(share.take())) {
            Err(
                TrySendError::Full(Message::Lines(batch)) | TrySendError::Disconnected(Message::Lines(batch)),
            ) => batch,
            _ => return,
        };
        self.shared.dropped.fetch_add(refused.lines, Ordering::Relaxed);
        share.batch.bytes = refused.bytes;
        share.batch.bytes.clear();
    }

    fn open(&self) -> Result<(), OpenError> {
        let mut waiting = lock(&self.waiting);
        if waiting.is_none() {
            return Ok(());
        }
        let fail = |error| OpenError { path: self.shared.to.to_string(), error };
        let target = writer::open(&self.shared.to).map_err(fail)?;
        let Some(queue) = waiting.take() else { return Ok(()) };
        let (alive, ended) = sync_channel(0);
        let thread = Writer::new(Arc::clone(&self.shared), queue, target);
        let started = std::thread::Builder::new().name("access_log".into()).spawn(move || {
            thread.run();
            drop(alive);
        });
        started.map_err(fail)?;
        *lock(&self.ended) = Some(ended);
        Ok(())
    }

    /// Wakes the thread; with a full queue it is awake, and looks at its flags anyway.
    fn nudge(&self) {
        let _ = self.queue.try_send(Message::Look);
    }

    fn stats(&self) -> SinkStats {
        let Shared { to, lines, bytes, dropped, .. } = &*self.shared;
        SinkStats {
            to: to.to_string(),
            lines: lines.load(Ordering::Relaxed),
            bytes: bytes.load(Ordering::Relaxed),
            dropped: dropped.load(Ordering::Relaxed),
        }
    }
}

/// A panic while a share was locked leaves whole lines and at worst one torn one: better than no log.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
