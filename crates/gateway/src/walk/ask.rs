//! The target is asked, and whatever goes wrong with that becomes an answer.

use std::sync::Arc;

use sekisho_exchange::{Decider, Downstream, Exchange, Mode, Reply};
use sekisho_upstream::{Call, Failure, Seat, Service, Terms, send};
use sekisho_wire::{HeadView, Known, Mark};

use super::{Answer, Passes, Way, given_up, step_of, wait};
use crate::forward::{Lines, identify};
use crate::plan::Target;
use crate::route::Unmet;
use crate::tunnel::{self, Waited, Wish};

/// The target's answer.
pub(super) async fn ask<'a, D: Downstream>(
    way: &Way<'a>,
    exchange: &mut Exchange<'a>,
    down: &mut D,
    passes: &mut Passes,
    lines: &mut Lines,
) -> Answer<'a> {
    match &way.plan.target {
        Target::Service(service) => {
            // Only where something was set aside for it, a request may have to be sent once more.
            let mark = exchange.aside.is_some().then(|| exchange.to_service.mark());
            let mut answer = ask_service(way, service, exchange, down, lines).await;
            if let Some(mark) = mark
                && let Answer::Service(call) = &mut answer
                && call.head().status() == 304
                && is_in_vain(way, exchange, passes, (call.head(), &mark))
            {
                call.forgo();
                answer = ask_service(way, service, exchange, down, lines).await;
            }
            answer
        }
        Target::Redirect(redirect) => own(exchange, redirect.reply(exchange)),
        Target::Respond(respond) => own(exchange, respond.reply(exchange)),
        Target::Health(health) => {
            let told = Box::pin(Arc::clone(health).answer());
            match wait(told, way, exchange, down).await {
                Ok(reply) => own(exchange, reply),
                Err(failure) => given_up(failure, way, exchange),
            }
        }
        Target::Unversioned(served) => {
            let served = served.iter().map(|name| &**name);
            let reply = Reply::unsupported_version(served, Unmet::Unknown.as_str());
            exchange.facts.decide(Decider::Router, &reply);
            Answer::Gateway(Box::new(reply))
        }
        Target::Nothing => {
            let reply = Reply::no_route();
            exchange.facts.decide(Decider::Router, &reply);
            Answer::Gateway(Box::new(reply))
        }
    }
}

/// Whether a step says that a 304 is no answer to what it asked. Then the request is as it was at `mark`, but for what the step has
/// changed of it.
#[cold]
fn is_in_vain(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    passes: &mut Passes,
    (head, mark): (HeadView<'_>, &Mark),
) -> bool {
    let mut steps = way.plan.steps.iter().zip(passes);
    let weighs = steps.find(|(planned, _)| planned.mode == Mode::Enforce && planned.step.weighs());
    let Some((planned, pass)) = weighs else { return false };
    let asked = exchange.to_service.clone();
    exchange.to_service.rollback(mark);
    let in_vain = planned.step.weigh(pass, exchange, head);
    if !in_vain {
        exchange.to_service = asked;
    }
    in_vain
}

fn own(exchange: &mut Exchange<'_>, reply: Reply) -> Answer<'static> {
    exchange.facts.decide(Decider::Route, &reply);
    Answer::Gateway(Box::new(reply))
}

async fn ask_service<'a, D: Downstream>(
    way: &Way<'a>,
    service: &'a Service,
    exchange: &mut Exchange<'a>,
    down: &mut D,
    lines: &mut Lines,
) -> Answer<'a> {
    let mut seat = None;
    if exchange.head.present().contains(Known::Upgrade) {
        match tunnel::wish(way, service, exchange) {
            Wish::None => {}
            Wish::Offered(taken) => seat = Some(taken),
            Wish::Refused(reply) => {
                exchange.facts.service = Some(&service.name);
                exchange.facts.decide(Decider::Upstream, &reply);
                return Answer::Gateway(reply);
            }
        }
    }
    lines.set(exchange, way.via);
    identify(exchange, way.identity);
    if let Some(mirror) = &way.plan.handed.mirror {
        mirror.show(exchange);
    }
    let terms = Terms {
        body_grace: way.client.body_grace,
        body_rate: way.client.body_rate,
        trailers: &way.plan.handed.trailers,
    };
    let is_awaited = exchange.awaited.is_some();
    if is_awaited {
        down.stay(exchange.awaited.take());
    }
    let sent = send(service, exchange, down, way.alarm, &way.worker.pools, &terms).await;
    if is_awaited {
        down.stay(None);
    }
    match sent {
        Ok(call) => match seat {
            Some(seat) if call.head().status() == 101 => {
                switched(service, exchange, down, (call, seat)).await
            }
            _ => Answer::Service(call),
        },
        Err(failure) => failed(way, service, exchange, failure),
    }
}

/// What it means that the service gave no answer.
#[cold]
fn failed<'a>(
    way: &Way<'a>,
    service: &'a Service,
    exchange: &mut Exchange<'a>,
    failure: Failure,
) -> Answer<'a> {
    let by = match &failure {
        Failure::Refused(refused) => Decider::Policy(refused.policy),
        Failure::Body(_) | Failure::ClientSlow => Decider::Listener,
        Failure::ClientGone => Decider::Client,
        _ => Decider::Upstream,
    };
    match failure.reply(&service.name) {
        Some(reply) => {
            if let Some(planned) = step_of(way, by.as_str()) {
                planned.meter.answered(way.worker.local.index);
            }
            exchange.facts.decide(by, &reply);
            Answer::Gateway(Box::new(reply))
        }
        None => Answer::Nobody,
    }
}

/// A 101, or the client's fault.
async fn switched<'a, D: Downstream>(
    service: &'a Service,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    (call, seat): (Box<Call>, Seat),
) -> Answer<'a> {
    match tunnel::waited(down).await {
        Waited::Yes => Answer::Tunnel(service, call, seat),
        Waited::Gone => Answer::Nobody,
        Waited::No => {
            let reply = Reply::data_before_upgrade();
            exchange.facts.decide(Decider::Listener, &reply);
            Answer::Gateway(Box::new(reply))
        }
    }
}
