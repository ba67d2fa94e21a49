//! When a generator ends: after so many seconds, or once whoever started it closes its input.

use std::io::Read;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The end of the work, shared by all its clients.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    told: watch::Receiver<bool>,
    end: Option<Instant>,
}

impl Stop {
    /// Begins to count, or to listen.
    pub(super) fn new(seconds: Option<u64>) -> Stop {
        let (tell, told) = watch::channel(false);
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        if end.is_none() {
            std::thread::spawn(move || {
                // Nothing is ever written there: whatever the read comes back with means the end.
                let _ = std::io::stdin().read(&mut [0]);
                let _ = tell.send(true);
            });
        }
        Stop { told, end }
    }

    /// Whether it is time.
    pub(super) fn now(&self) -> bool {
        *self.told.borrow() || self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Returns when it is time.
    pub(super) async fn wait(&self) {
        if let Some(end) = self.end {
            return tokio::time::sleep_until(end.into()).await;
        }
        // An error means that nobody can tell any more.
        let _ = self.told.clone().wait_for(|told| *told).await;
    }

    /// Waits until `due`; false if the work ends before.
    pub(super) async fn reach(&self, due: Instant) -> bool {
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => !self.now(),
            () = self.wait() => false,
        }
    }
}
