//! What the operating system asks of a running gateway.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signal {
    /// TERM, or QUIT as nginx and images that are made for it say: end, but let requests in flight end first.
    Terminate,
    /// INT: end at once.
    Interrupt,
    /// USR1: open the log files anew, since they were rotated.
    Reopen,
    /// HUP: read the configuration anew.
    Reload,
}

/// The signals that are listened for.
pub(super) struct Signals {
    terminate: unix::Signal,
    quit: unix::Signal,
    interrupt: unix::Signal,
    reopen: unix::Signal,
    reload: unix::Signal,
}

impl Signals {
    /// Takes the signals over.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            quit: unix::signal(SignalKind::quit())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            reopen: unix::signal(SignalKind::user_defined1())?,
            reload: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Several of a kind that come at once may count as one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.quit.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.reopen.recv() => Signal::Reopen,
            _ = self.reload.recv() => Signal::Reload,
        }
    }
}
