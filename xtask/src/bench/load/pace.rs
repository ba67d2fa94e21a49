//! When a client sends, and when a generator ends: after so many seconds, or once whoever started it closes its input.

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

/// When one of many clients sends, so that all together keep a rate and take turns.
#[derive(Debug)]
pub(super) struct Pace {
    /// Between two of this client's; without it, each follows the answer before.
    interval: Option<Duration>,
    due: Instant,
}

impl Pace {
    /// For client number `number` of `clients` that send `rate` a second together.
    pub(super) fn new(rate: Option<u64>, number: usize, clients: usize) -> Pace {
        let (number, clients) = (number as f64, clients.max(1) as f64);
        let interval = rate.map(|rate| Duration::from_secs_f64(clients / rate.max(1) as f64));
        let offset = interval.map(|interval| interval.mul_f64(number / clients)).unwrap_or_default();
        Pace { interval, due: Instant::now() + offset }
    }

    /// Waits for the client's turn: the moment from which its answer is timed, or `None` at the end of the work.
    ///
    /// What an answer kept from being sent in time is timed from when it was due, so that a stall counts in full for
    /// all whom it held up. What our own timer woke late is timed from then on: that is not the target's doing.
    pub(super) async fn turn(&mut self, stop: &Stop) -> Option<Instant> {
        let Some(interval) = self.interval else {
            return (!stop.now()).then(Instant::now);
        };
        let due = self.due;
        self.due += interval;
        if Instant::now() >= due {
            return (!stop.now()).then_some(due);
        }
        stop.reach(due).await.then(Instant::now)
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, Stop};
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn clients_take_turns_and_a_stall_counts_from_when_it_began() {
        let stop = Stop::new(Some(60));
        let mut second = Pace::new(Some(100), 1, 2);
        let begun = Instant::now();
        let first = second.turn(&stop).await.unwrap();
        assert!(first - begun >= Duration::from_millis(9), "{:?}", first - begun);
        // A client held up for three turns sends all of them at once, each timed from when it was due.
        let due = Instant::now() - Duration::from_secs(3);
        second.due = due;
        second.interval = Some(Duration::from_secs(1));
        for turn in 0..3 {
            assert_eq!(second.turn(&stop).await, Some(due + Duration::from_secs(turn)));
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_after_the_end() {
        let stop = Stop::new(Some(0));
        assert_eq!(Pace::new(None, 0, 1).turn(&stop).await, None);
        assert_eq!(Pace::new(Some(1), 0, 1).turn(&stop).await, None);
    }
}
