//! A channel while the gateway runs: what waits to be told to it, and the errand that tells it.
//!
//! Alerts are told one after another, in the order in which they came, so that the last that a receiver hears is the latest.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_exchange::{Event, Local};
use sekisho_gateway::alert::{Channel, Way};
use sekisho_units::{Clock, Tick, Wall};
use tokio::sync::{Notify, watch};

use super::alert::{Alert, Content};
use super::attempt::{Outcome, command, wait, webhook};
use super::recent::{Recent, State};
use super::sieve::{Rules, Sieve};
use crate::output::note;

/// Alerts that may wait. For one more the oldest is dropped.
const WAITING: usize = 256;

/// A channel, from the configuration that first names it to the last one.
pub(super) struct Running {
    pub(super) channel: Arc<Channel>,
    about: Arc<About>,
    held: Mutex<Held>,
    /// There is something new to look at.
    wake: Notify,
    life: AtomicU8,
    /// Whether everything that was to be told is told, or given up.
    idle: watch::Sender<bool>,
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

/// What all channels share.
pub(super) struct About {
    pub(super) clock: Clock,
    /// The gateway's name in alerts.
    pub(super) gateway: String,
    pub(super) recent: Recent,
}

/// Alerts that are not told yet.
struct Held {
    sieve: Sieve,
    queue: VecDeque<Alert>,
}

/// Where in its life a channel is. It only goes forward.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Life {
    Open,
    /// The gateway ends: there is no time to wait for a better moment.
    Ending,
    /// No configuration names it any more.
    Closed,
}

/// What has come of a channel so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    /// Alerts, by what became of them.
    pub(crate) results: [(&'static str, u64); 5],
    /// Alerts that wait.
    pub(crate) queued: u64,
}

/// What the errand does next.
enum Next {
    Tell(Alert),
    /// Until then, or something new comes.
    Wait(Option<Tick>),
}

impl Running {
    pub(super) fn new(channel: Arc<Channel>, about: Arc<About>) -> Arc<Self> {
        let (count, period) = channel.rate.parts();
        let rate = (usize::try_from(count).unwrap_or(usize::MAX), period.as_duration());
        let sieve = Sieve::new(Rules { dedupe: channel.dedupe, rate });
        Arc::new(Self {
            channel,
            about,
            held: Mutex::new(Held { sieve, queue: VecDeque::new() }),
            wake: Notify::new(),
            life: AtomicU8::new(Life::Open as u8),
            idle: watch::Sender::new(true),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        })
    }

    /// An event, if the channel wants to be told it.
    pub(super) fn take(&self, event: &Event, at: Wall, now: Tick) {
        if self.channel.on.contains(&event.name()) {
            let mut held = self.held();
            let alerts = held.sieve.take(event, at, now);
            self.put_in_line(&mut held, alerts);
            drop(held);
            // Also if it was folded: the errand must know until when.
            self.wake.notify_one();
        }
    }

    /// An alert that says only that there are alerts. Gives its id.
    pub(super) fn test(&self) -> String {
        let alert = Alert::new(Content::Test, self.about.clock.wall(), 1);
        let id = alert.id.clone();
        let mut held = self.held();
        let alerts = held.sieve.take_apart(alert, self.about.clock.now());
        self.put_in_line(&mut held, alerts);
        drop(held);
        self.wake.notify_one();
        id
    }

    fn put_in_line(&self, held: &mut Held, alerts: Vec<Alert>) {
        for alert in alerts {
            if held.queue.len() >= WAITING
                && let Some(oldest) = held.queue.pop_front()
            {
                self.drop_one(&oldest, 0);
            }
            self.about.recent.add(&self.channel.name, &alert, &self.about.gateway);
            held.queue.push_back(alert);
            self.idle.send_replace(false);
        }
    }

    /// The gateway ends: whatever is held back or waits is told now, once.
    pub(super) fn hurry(&self) {
        let mut held = self.held();
        let alerts = held.sieve.flush(self.about.clock.now());
        self.put_in_line(&mut held, alerts);
        drop(held);
        self.become_at_least(Life::Ending);
    }

    /// Returns when everything that was to be told is told, or given up.
    pub(super) async fn idle(&self) {
        // The sender is ours.
        let _ = self.idle.subscribe().wait_for(|idle| *idle).await;
    }

    /// No configuration names it any more.
    pub(super) fn close(&self) {
        self.become_at_least(Life::Closed);
    }

    fn become_at_least(&self, life: Life) {
        self.life.fetch_max(life as u8, Relaxed);
        self.wake.notify_one();
    }

    fn is(&self, life: Life) -> bool {
        self.life.load(Relaxed) >= life as u8
    }

    pub(super) fn tally(&self) -> Tally {
        let held = self.held();
        let of = |count: &AtomicU64| count.load(Relaxed);
        let results = [
            ("sent", of(&self.sent)),
            ("failed", of(&self.failed)),
            ("suppressed", held.sieve.suppressed),
            ("folded", held.sieve.folded),
            ("dropped", of(&self.dropped)),
        ];
        Tally { results, queued: held.queue.len() as u64 }
    }

    /// Tells what there is to tell, for as long as the channel is open.
    pub(super) async fn run(self: Arc<Self>, local: Rc<Local>) {
        while !self.is(Life::Closed) {
            match self.next() {
                Next::Tell(alert) => self.tell(&alert, &local).await,
                Next::Wait(due) => self.sleep(due.map(|due| due.since(self.about.clock.now()))).await,
            }
        }
        let mut held = self.held();
        for alert in std::mem::take(&mut held.queue) {
            self.drop_one(&alert, 0);
        }
        self.idle.send_replace(true);
    }

    fn next(&self) -> Next {
        let mut held = self.held();
        let alerts = held.sieve.turn(self.about.clock.now());
        self.put_in_line(&mut held, alerts);
        match held.queue.pop_front() {
            Some(alert) => Next::Tell(alert),
            None => {
                // Under the lock, so that whoever puts one in line says so afterwards.
                self.idle.send_replace(true);
                Next::Wait(held.sieve.due())
            }
        }
    }

    /// All attempts to tell one alert.
    async fn tell(&self, alert: &Alert, local: &Local) {
        let (channel, recent) = (&self.channel, &self.about.recent);
        for attempts in 1.. {
            match self.attempt(alert, local).await {
                Outcome::Delivered => {
                    self.sent.fetch_add(1, Relaxed);
                    return recent.note(&alert.id, State::Sent, attempts, None);
                }
                Outcome::Failed(why, said) if attempts <= channel.retries && !self.is(Life::Ending) => {
                    recent.note(&alert.id, State::Retrying, attempts, Some(&why));
                    self.pause(wait(channel.backoff, attempts, said, fastrand::f64())).await;
                    if self.is(Life::Closed) {
                        return self.drop_one(alert, attempts);
                    }
                }
                Outcome::Failed(why, _) | Outcome::Refused(why) => {
                    self.failed.fetch_add(1, Relaxed);
                    recent.note(&alert.id, State::Failed, attempts, Some(&why));
                    let (name, event) = (&channel.name, alert.name());
                    let plural = if attempts == 1 { "" } else { "s" };
                    return note(&format!(
                        "alert_failed: `{name}` was not told {event}: {why}, after {attempts} attempt{plural}"
                    ));
                }
            }
        }
    }

    async fn attempt(&self, alert: &Alert, local: &Local) -> Outcome {
        let (timeout, gateway) = (self.channel.timeout, &self.about.gateway);
        match &self.channel.way {
            Way::Webhook(way) => webhook::post(way, alert, gateway, timeout, local).await,
            Way::Command(way) => command::run(way, alert, gateway, timeout).await,
        }
    }

    fn drop_one(&self, alert: &Alert, attempts: u32) {
        self.dropped.fetch_add(1, Relaxed);
        self.about.recent.note(&alert.id, State::Dropped, attempts, None);
    }

    /// Waits before the next attempt, unless there is no time for that.
    async fn pause(&self, time: Duration) {
        let end = self.about.clock.now() + time;
        loop {
            let left = end.since(self.about.clock.now());
            if left.is_zero() || self.is(Life::Ending) {
                return;
            }
            self.sleep(Some(left)).await;
        }
    }

    /// For so long, or until something happens.
    async fn sleep(&self, time: Option<Duration>) {
        let woken = self.wake.notified();
        match time {
            Some(time) => drop(tokio::time::timeout(time, woken).await),
            None => woken.await,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
