//! Answers that come from elsewhere than the service's connection: stored ones, and those that come in for several at once.

mod load;
mod pour;
mod renew;

use sekisho_exchange::{Answerer, Downstream, Ending, Exchange, Load, Response, ResponseHead, Serving, Turn};
use sekisho_upstream::Call;
use sekisho_wire::{Framing, HeadView, Known, Skip};

pub(crate) use self::renew::renew;
use crate::walk::{Passes, Way, date, leave, left_behind};

/// An answer that a step gives from its store.
pub(crate) async fn stored<D: Downstream>(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    passes: &mut Passes,
    serving: Serving,
) -> (u16, Ending) {
    leave(way, exchange, passes, &Response { head: serving.head.head(), from: Answerer::Service });
    send(way, exchange, down, serving).await
}

/// A service's answer of which a policy makes something else.
pub(crate) async fn turned<D: Downstream>(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    mut call: Box<Call>,
    turn: Turn,
) -> (u16, Ending) {
    match turn {
        Turn::Instead(serving) => {
            call.forgo();
            drop(call);
            send(way, exchange, down, serving).await
        }
        Turn::Pour(vessel, inflow) => {
            let head = call.head();
            let status = head.status();
            let framing = if vessel.changes() { Framing::Chunked } else { call.framing() };
            start(way, exchange, down, (head, left_behind(head)), framing);
            call.end_head();
            pour::begin(call, vessel, way, exchange).await;
            (status, load::send(Load::Coming(inflow), exchange, down, way).await)
        }
        Turn::PourBeside(vessel, serving) => {
            call.end_head();
            pour::begin(call, vessel, way, exchange).await;
            send(way, exchange, down, serving).await
        }
    }
}

/// Sends an answer that all steps have left.
pub(crate) async fn send<D: Downstream>(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    serving: Serving,
) -> (u16, Ending) {
    let head = serving.head.head();
    let status = head.status();
    start(way, exchange, down, (head, Skip::default()), serving.framing);
    (status, load::send(serving.load, exchange, down, way).await)
}

/// Puts the head in line.
fn start<D: Downstream>(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    (head, skip): (HeadView<'_>, Skip),
    framing: Framing,
) {
    if let Some(via) = way.via {
        via.add(&mut exchange.to_client, head);
    }
    if head.get(Known::Date).is_none() {
        date(exchange);
    }
    let framing = if exchange.filters.is_some() { Framing::Chunked } else { framing };
    down.start(&ResponseHead {
        view: head,
        skip,
        edits: &exchange.to_client,
        framing,
        from: Answerer::Service,
        close: way.is_last(),
    });
}
