//! A connection that has changed protocols (RFC 9110 §7.8), such as a WebSocket: bytes both ways, until both sides have ended.
//!
//! It is offered to the service only where the route allows it, and becomes a tunnel only by the service's 101: whatever the
//! client sends before that is no part of it, so that nobody can hide a request in what another takes for a tunnel.

mod flow;
mod running;
mod silence;

use std::future::poll_fn;
use std::task::Poll;

use sekisho_exchange::{Answerer, Decider, Downstream, Ending, Exchange, Reply, Response};
use sekisho_upstream::{Call, Seat, Service, chosen, offer};
use sekisho_wire::{Framing, Known, Method, asks_to_upgrade};

use crate::walk::{Passes, Way, date, leave, left_behind};
use running::Tunnel;

pub use running::LINGER;

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
    match service.tunnels.enter(exchange.local.index) {
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
    let Some(up) = call.switch() else { return (101, Ending::UpstreamBroke) };
    let Some(client) = down.release() else { return (101, Ending::ClientGone) };
    seat.open();
    let now = exchange.local.clock.now();
    exchange.facts.switched = Some(now.since(exchange.started));
    // The tunnel has an alarm of its own.
    way.alarm.clear();
    let (tunnel, ending) = Tunnel::new(way, service, (client, up, seat), websocket, now).run().await;
    let Tunnel { client, to_client, to_service, seat, .. } = tunnel;
    down.restore(client);
    if to_client.is_closed() {
        // Not to be cut off: it has everything, and was told the end.
        down.finish(&[]);
    }
    (exchange.facts.request_bytes, exchange.facts.response_bytes) = (to_service.bytes, to_client.bytes);
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
    if let Some(via) = way.via {
        via.add(&mut exchange.to_client, head);
    }
    if head.get(Known::Date).is_none() {
        date(exchange);
    }
    let chosen = chosen(head, &exchange.to_offer).unwrap_or_default();
    down.switch(head, left_behind(head), &exchange.to_client, &chosen);
    chosen.split(|byte| *byte == b'/').next().is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"))
}
