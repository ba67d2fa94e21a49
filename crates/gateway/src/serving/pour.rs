//! A service's answer on its way into a vessel, which goes on when the client that asked first has left.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Alarm, Exchange, Vessel};
use sekisho_units::Tick;
use sekisho_upstream::Call;

use crate::walk::Way;
use crate::worker::Worker;

/// So much at a time goes in.
const PIECE: usize = 64 * 1024;
/// So much goes in before others have their turn, since a vessel may compress it.
const TURN: usize = 256 * 1024;

/// Lets the body of `call`'s answer go into `vessel`, beside the exchange that asked for it. What has come already is in it
/// afterwards, so that it goes out with the head.
pub(super) async fn begin(call: Box<Call>, vessel: Box<dyn Vessel>, way: &Way<'_>, exchange: &Exchange<'_>) {
    let worker = Rc::clone(way.worker);
    let mut pouring = Pouring {
        call,
        vessel,
        idle: way.idle(),
        deadline: way.longest().map(|longest| exchange.started + longest),
        alarm: worker.local.alarms.alarm(),
        held: false,
        full: false,
        since: exchange.local.clock.now(),
    };
    tokio::task::spawn_local(async move {
        if poll_fn(|cx| pouring.poll(cx, &worker)).await {
            pouring.vessel.end(&worker.local);
            pouring.call.end();
        }
    });
    tokio::task::yield_now().await;
}

struct Pouring {
    call: Box<Call>,
    vessel: Box<dyn Vessel>,
    /// How long the service may pause.
    idle: Duration,
    /// When all must be over, if there is such a time.
    deadline: Option<Tick>,
    alarm: Alarm,
    /// Whether the vessel may hold something back.
    held: bool,
    /// Whether it was full.
    full: bool,
    /// When the vessel had room again.
    since: Tick,
}

/// Who is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// Those who read.
    Room,
    Service,
}

impl Pouring {
    /// `true`: the body is whole; `false`: it broke off, or nobody wants it.
    fn poll(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Poll<bool> {
        let waiting = match self.stream(cx, worker) {
            Ok(waiting) => waiting,
            Err(whole) => return Poll::Ready(whole),
        };
        self.set(waiting);
        while self.alarm.poll(cx).is_ready() {
            if worker.local.cut.get() || self.due(waiting).is_some_and(|due| due <= worker.local.clock.now())
            {
                return Poll::Ready(false);
            }
            self.set(waiting);
        }
        Poll::Pending
    }

    fn stream(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Result<Waiting, bool> {
        let mut turn = TURN;
        loop {
            match self.vessel.poll_room(cx) {
                Poll::Ready(Ok(())) if std::mem::take(&mut self.full) => {
                    self.since = worker.local.clock.now();
                }
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(false),
                Poll::Pending => {
                    self.full = true;
                    return Ok(Waiting::Room);
                }
            }
            match self.call.look().map_err(|_| false)? {
                Some(false) => return Err(true),
                Some(true) if turn == 0 => {
                    cx.waker().wake_by_ref();
                    return Ok(Waiting::Service);
                }
                Some(true) => {
                    let count = self.call.data().len().min(PIECE).min(turn);
                    self.vessel.put(&self.call.data()[..count]);
                    self.call.consume(count);
                    (self.held, turn) = (true, turn - count);
                }
                None => match self.call.poll_data(cx) {
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(_)) => return Err(false),
                    Poll::Pending => {
                        if std::mem::take(&mut self.held) {
                            self.vessel.pause();
                        }
                        return Ok(Waiting::Service);
                    }
                },
            }
        }
    }

    fn due(&self, waiting: Waiting) -> Option<Tick> {
        match waiting {
            // They have a time of their own.
            Waiting::Room => self.deadline,
            Waiting::Service => {
                let due = self.call.moved().max(self.since) + self.idle;
                Some(self.deadline.map_or(due, |deadline| deadline.min(due)))
            }
        }
    }

    fn set(&self, waiting: Waiting) {
        match self.due(waiting) {
            Some(due) => self.alarm.set(due),
            // It rings all the same when the gateway stops.
            None => self.alarm.clear(),
        }
    }
}
