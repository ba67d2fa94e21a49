//! A tunnel while it is open.
//!
//! It runs in a task of its own: the connection's task is layers deep, and each would be gone through for every piece. What a
//! piece needs lies close together here, and nothing else is looked at unless an alarm has rung.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Alarm, Ending, Raw};
use sekisho_units::Tick;
use sekisho_upstream::{Seat, Service, Switched};
use sekisho_wire::Frames;

use super::flow::{Broken, Flow};
use super::silence::Silence;
use crate::listener::Door;
use crate::meter::WorkerMeter;
use crate::walk::Way;
use crate::worker::Worker;

/// How long both sides of a tunnel may take to end, once the gateway has said that it does.
pub const LINGER: Duration = Duration::from_secs(2);

/// An open tunnel, from the side `C` of its client to the service.
pub(super) struct Tunnel<C> {
    pub(super) client: C,
    service: Switched,
    pub(super) to_client: Flow,
    pub(super) to_service: Flow,
    /// Bytes to the service and to the client that are counted in the metrics.
    counted: (u64, u64),
    pub(super) seat: Seat,
    silence: Silence,
    alarm: Alarm,
    worker: Rc<Worker>,
    door: Arc<Door>,
    /// When its life is over, if that is limited.
    dies: Option<Tick>,
    /// When it must end because the gateway does, or the port that it came through.
    drains: Option<Tick>,
    /// Until when both sides may take to end, and why they must.
    closing: Option<(Tick, Ending)>,
}

impl<C: Raw + 'static> Tunnel<C> {
    /// One that begins at `now`, of a WebSocket or of something whose frames are not known.
    pub(super) fn new(
        way: &Way<'_>,
        service: &Service,
        (client, up, seat): (C, Switched, Seat),
        websocket: bool,
        now: Tick,
    ) -> Self {
        Self {
            client,
            service: up,
            to_client: Flow::new(websocket.then(|| Frames::new(false))),
            to_service: Flow::new(websocket.then(|| Frames::new(true))),
            counted: (0, 0),
            seat,
            silence: Silence::new(service.tunnels.idle, now),
            // The end of the exchanges is not that of tunnels.
            alarm: way.worker.local.alarms.alarm_apart(),
            worker: Rc::clone(way.worker),
            door: Arc::clone(way.door),
            dies: service.tunnels.lifetime.map(|lifetime| now + lifetime),
            drains: None,
            closing: None,
        }
    }

    /// Passes bytes both ways until it ends.
    pub(super) async fn run(self) -> (Self, Ending) {
        self.alarm.set(self.due().0);
        let worker = Rc::clone(&self.worker);
        let mut tunnel = self;
        let task = worker.nest.spawn(async move {
            let _counted = Counted::of(&tunnel.worker);
            let ending = poll_fn(|cx| {
                let poll = tunnel.poll(cx);
                let worker = &tunnel.worker;
                worker.meter.stalls.short_turn(|| worker.local.clock.now());
                poll
            })
            .await;
            tunnel.count();
            (tunnel, ending)
        });
        // As it would be without a task of its own.
        task.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        loop {
            if let Err(ending) = self.pump(cx) {
                return Poll::Ready(self.closing.map_or(ending, |(_, why)| why));
            }
            if self.to_client.is_done() && self.to_service.is_done() {
                return Poll::Ready(self.closing.map_or(Ending::Complete, |(_, why)| why));
            }
            if self.count() && self.silence.stir() {
                self.silence.end(self.worker.local.clock.now());
                self.alarm.set(self.due().0);
            }
            // Whatever else may have happened wakes alarms.
            if self.alarm.is_silent() {
                return Poll::Pending;
            }
            if let Some(poll) = self.look(cx) {
                return poll;
            }
        }
    }

    /// What has happened beside bytes. `None`: they are to be looked at once more.
    fn look(&mut self, cx: &mut Context<'_>) -> Option<Poll<Ending>> {
        let local = &self.worker.local;
        if self.drains.is_none()
            && let Some(since) = self.worker.draining_since().or_else(|| self.door.closing_since())
        {
            self.drains = Some(since + self.worker.site().settings.tunnels);
            self.alarm.set(self.due().0);
        }
        if self.alarm.poll(cx).is_pending() {
            return Some(Poll::Pending);
        }
        let now = local.clock.now();
        self.silence.look(now);
        let (due, why) = self.due();
        match self.closing {
            _ if self.worker.is_over() => return Some(Poll::Ready(Ending::Stopping)),
            _ if due > now => self.alarm.set(due),
            Some((_, why)) => return Some(Poll::Ready(why)),
            None => {
                // What has come by now was passed on before, as far as the other side takes it.
                self.closing = Some((now + LINGER, why));
                self.to_client.stop(self.service.unread(), 0);
                // A mask keeps an attacker from choosing what is on the wire; nobody chooses these two bytes.
                self.to_service.stop(self.client.unread(), now.since(Tick::ZERO).subsec_nanos());
                self.alarm.set(now + LINGER);
            }
        }
        None
    }

    fn pump(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        let (client, service) = (&mut self.client, &mut self.service);
        let space = &mut **self.worker.local.space.borrow_mut();
        self.to_client.pump(cx, service, client, space).map_err(|broken| match broken {
            Broken::From => Ending::UpstreamBroke,
            Broken::To => Ending::ClientGone,
        })?;
        self.to_service.pump(cx, client, service, space).map_err(|broken| match broken {
            Broken::From => Ending::ClientGone,
            // It had said all that it had to say; that it does not listen any longer is no fault.
            Broken::To if self.to_client.is_done() => Ending::Complete,
            Broken::To => Ending::UpstreamBroke,
        })
    }

    /// Counts what has moved since the last time; whether anything has.
    fn count(&mut self) -> bool {
        let now = (self.to_service.bytes, self.to_client.bytes);
        if now == self.counted {
            return false;
        }
        self.seat.moved(now.0 - self.counted.0, now.1 - self.counted.1);
        self.counted = now;
        true
    }

    /// When something happens if nothing moves, and what.
    fn due(&self) -> (Tick, Ending) {
        if let Some(closing) = self.closing {
            return closing;
        }
        let dies = self.dies.map(|due| (due, Ending::TunnelLifetime));
        let drains = self.drains.map(|due| (due, Ending::Stopping));
        let idle = (self.silence.due(), Ending::TunnelIdle);
        [dies, drains]
            .into_iter()
            .flatten()
            .fold(idle, |first, next| if next.0 < first.0 { next } else { first })
    }
}

/// Counts a tunnel for as long as it is open.
struct Counted(Rc<Worker>);

impl Counted {
    fn of(worker: &Rc<Worker>) -> Self {
        WorkerMeter::up(&worker.meter.tunnels);
        Self(Rc::clone(worker))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        WorkerMeter::down(&self.0.meter.tunnels);
    }
}
