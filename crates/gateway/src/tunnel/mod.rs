//! A connection that has changed protocols (RFC 9110 §7.8), such as a WebSocket: bytes both ways, until both sides have ended.
//!
//! It is offered to the service only where the route allows it, and becomes a tunnel only by the service's 101: whatever the
//! client sends before that is no part of it, so that nobody can hide a request in what another takes for a tunnel.

mod flow;

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Answerer, Decider, Downstream, Ending, Exchange, Raw, Reply, Response};
use sekisho_units::Tick;
use sekisho_upstream::{Call, Seat, Service, Switched, chosen, offer};
use sekisho_wire::{Frames, Framing, Known, Method, asks_to_upgrade};

use crate::walk::{Passes, Way, date, leave, left_behind};
use flow::{Broken, Flow};

/// How long both sides may take to end, once the gateway has said that it does.
const LINGER: Duration = Duration::from_secs(2);

/// What a request's wish for another protocol comes to, as far as the gateway is concerned.
pub(crate) enum Wish {
    /// There is none, or none that the route allows.
    None,
    /// The service is offered it.
    Offered(Seat),
    /// There are too many tunnels.
    Refused(Box<Reply>),
}

/// What is offered to `service`, as a note in `exchange`.
#[cold]
pub(crate) fn wish(way: &Way<'_>, service: &Service, exchange: &mut Exchange<'_>) -> Wish {
    let body = !matches!(exchange.body, Framing::None | Framing::Length(0));
    if exchange.method != Method::Get || body || !asks_to_upgrade(exchange.head) {
        return Wish::None;
    }
    let offer = offer(exchange.head, &way.plan.handed.upgrade);
    if offer.is_empty() {
        return Wish::None;
    }
    match service.tunnels.enter() {
        Some(seat) => {
            exchange.to_offer = offer;
            Wish::Offered(seat)
        }
        None => Wish::Refused(Box::new(Reply::overloaded(&service.name, 1, "tunnels"))),
    }
}

/// Whether the client has waited for the 101 that has just come, as it must.
pub(crate) enum Waited {
    Yes,
    No,
    Gone,
}

/// Looks once for bytes that the client has sent too early.
pub(crate) async fn waited<D: Downstream>(down: &mut D) -> Waited {
    // What lies in the socket is known to the runtime once it has asked the system.
    tokio::task::yield_now().await;
    let gone = poll_fn(|cx| Poll::Ready(down.poll_gone(cx).is_ready())).await;
    match (gone, down.unread().is_empty()) {
        (true, _) => Waited::Gone,
        (false, false) => Waited::No,
        (false, true) => Waited::Yes,
    }
}

/// Passes the service's 101 on, and then bytes both ways to the tunnel's end.
pub(crate) async fn tunnel<D: Downstream>(
    way: &Way<'_>,
    service: &Service,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    passes: &mut Passes,
    (call, mut seat): (Box<Call>, Seat),
) -> (u16, Ending) {
    exchange.facts.decided_by = Decider::Service;
    let websocket = answer(way, exchange, down, passes, &call);
    let Some(mut up) = call.switch() else { return (101, Ending::UpstreamBroke) };
    seat.open();
    let now = exchange.local.clock.now();
    exchange.facts.switched = Some(now.since(exchange.started));
    let mut tunnel = Tunnel {
        to_client: Flow::new(websocket.then(|| Frames::new(false))),
        to_service: Flow::new(websocket.then(|| Frames::new(true))),
        counted: (0, 0),
        service,
        seat: &seat,
        began: now,
        moved: now,
        drains: None,
        closing: None,
    };
    way.alarm.set(tunnel.due().0);
    let ending = poll_fn(|cx| tunnel.poll(cx, exchange, down, &mut up, way)).await;
    tunnel.count();
    if tunnel.to_client.is_closed() {
        // Not to be cut off: it has everything, and was told the end.
        down.finish(&[]);
    }
    (exchange.facts.request_bytes, exchange.facts.response_bytes) =
        (tunnel.to_service.bytes, tunnel.to_client.bytes);
    seat.ended(ending.reason().unwrap_or("ok"));
    (101, ending)
}

/// Puts the 101 in line. Gives whether the protocol is one whose frames are known.
fn answer<D: Downstream>(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    passes: &mut Passes,
    call: &Call,
) -> bool {
    let head = call.head();
    leave(way, exchange, passes, &Response { head, from: Answerer::Service });
    if let Some(via) = &way.site.settings.via {
        via.add(&mut exchange.to_client, head);
    }
    if head.get(Known::Date).is_none() {
        date(exchange);
    }
    let chosen = chosen(head, &exchange.to_offer).unwrap_or_default();
    down.switch(head, left_behind(head), &exchange.to_client, &chosen);
    chosen.split(|byte| *byte == b'/').next().is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"))
}

struct Tunnel<'a> {
    to_client: Flow,
    to_service: Flow,
    /// Bytes to the service and to the client that are counted in the metrics.
    counted: (u64, u64),
    service: &'a Service,
    seat: &'a Seat,
    began: Tick,
    /// When a byte last moved, up to the poll before.
    moved: Tick,
    /// When it must end because the gateway, or the port that it came through, does.
    drains: Option<Tick>,
    /// Until when both sides may take to end, and why they must.
    closing: Option<(Tick, Ending)>,
}

impl Tunnel<'_> {
    fn poll<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &Exchange<'_>,
        down: &mut D,
        up: &mut Switched,
        way: &Way<'_>,
    ) -> Poll<Ending> {
        loop {
            if let Err(ending) = self.pump(cx, down, up) {
                return Poll::Ready(self.closing.map_or(ending, |(_, why)| why));
            }
            if self.to_client.is_done() && self.to_service.is_done() {
                return Poll::Ready(self.closing.map_or(Ending::Complete, |(_, why)| why));
            }
            if self.count() {
                self.moved = exchange.local.clock.now();
            }
            if way.is_last() && self.drains.is_none() {
                self.drains = Some(exchange.local.clock.now() + way.site.settings.tunnels);
                way.alarm.set(self.due().0);
            }
            if way.alarm.poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = exchange.local.clock.now();
            let (due, why) = self.due();
            match self.closing {
                _ if exchange.local.cut.get() => return Poll::Ready(Ending::Stopping),
                _ if due > now => way.alarm.set(due),
                Some((_, why)) => return Poll::Ready(why),
                None => {
                    // What has come by now was passed on above, as far as the other side takes it.
                    self.closing = Some((now + LINGER, why));
                    self.to_client.stop(up.unread(), 0);
                    // A mask keeps an attacker from choosing what is on the wire; nobody chooses these two bytes.
                    self.to_service.stop(down.unread(), now.since(Tick::ZERO).subsec_nanos());
                    way.alarm.set(now + LINGER);
                }
            }
        }
    }

    fn pump<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        down: &mut D,
        up: &mut Switched,
    ) -> Result<(), Ending> {
        self.to_client.pump(cx, up, down).map_err(|broken| match broken {
            Broken::From => Ending::UpstreamBroke,
            Broken::To => Ending::ClientGone,
        })?;
        self.to_service.pump(cx, down, up).map_err(|broken| match broken {
            Broken::From => Ending::ClientGone,
            // It had said all that it had to say; that it does not listen any longer is no fault.
            Broken::To if self.to_client.is_done() => Ending::Complete,
            Broken::To => Ending::UpstreamBroke,
        })
    }

    /// Counts what has moved since the last time; whether anything has.
    fn count(&mut self) -> bool {
        let now = (self.to_service.bytes, self.to_client.bytes);
        let before = std::mem::replace(&mut self.counted, now);
        self.seat.moved(now.0 - before.0, now.1 - before.1);
        now != before
    }

    /// When something happens if nothing moves, and what.
    fn due(&self) -> (Tick, Ending) {
        if let Some(closing) = self.closing {
            return closing;
        }
        let bounds = &self.service.tunnels;
        let lifetime = bounds.lifetime.map(|lifetime| (self.began + lifetime, Ending::TunnelLifetime));
        let drains = self.drains.map(|due| (due, Ending::Stopping));
        let idle = (self.moved + bounds.idle, Ending::TunnelIdle);
        [lifetime, drains]
            .into_iter()
            .flatten()
            .fold(idle, |first, next| if next.0 < first.0 { next } else { first })
    }
}
