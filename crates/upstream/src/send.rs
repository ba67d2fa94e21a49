//! A call from the choice of the endpoint to the response's head.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Alarm, Downstream, Exchange};
use sekisho_units::Tick;

use crate::call::Call;
use crate::compose::compose;
use crate::conn::Conn;
use crate::failure::Failure;
use crate::pool::Pools;
use crate::service::{Endpoint, Service};
use crate::tunnel::agrees;
use crate::upload::{Pace, Waiting};

/// How slowly a client may send its body, and which trailers may pass.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Time before the rate of the client's body counts.
    pub body_grace: Duration,
    /// Fewest bytes a second of the client's body, on average, after the grace; 0 for no limit.
    pub body_rate: u64,
    /// Names of trailers that may pass.
    pub trailers: &'a [Box<str>],
}

/// Asks `service` and waits for the head of its response, while the request's body streams.
///
/// A service with a circuit breaker is not asked while that is open.
///
/// A request that found a kept connection closed is sent once more over a new one, if its method is safe
/// (RFC 9110 §9.2.1) and it is still wholly at hand.
///
/// # Errors
/// [`Failure`], when there is no response head.
pub async fn send<'a, D: Downstream>(
    service: &'a Service,
    exchange: &mut Exchange<'a>,
    down: &mut D,
    alarm: &Alarm,
    pools: &Rc<Pools>,
    terms: &Terms<'_>,
) -> Result<Box<Call>, Failure> {
    let began = pools.local.clock.now();
    if let Some(total) = service.timeouts.total {
        let end = exchange.started + total;
        exchange.deadline = Some(exchange.deadline.map_or(end, |deadline| deadline.min(end)));
    }
    exchange.facts.service = Some(&service.name);
    let ticket = match &service.breaker {
        Some(guard) => Some(guard.admit(began).map_err(Failure::CircuitOpen)?),
        None => None,
    };
    let endpoint = service.pick();
    exchange.facts.endpoint = Some(&endpoint.authority);
    exchange.facts.attempts += 1;
    let result = attempt(service, endpoint, exchange, down, alarm, pools, terms).await;
    let ended = result.as_ref().map_or_else(|_| pools.local.clock.now(), |call| call.moved());
    exchange.facts.upstream_duration = Some(ended.since(began));
    if let (Some(guard), Some(ticket)) = (&service.breaker, ticket) {
        guard.judge(ticket, result.as_ref().map(|call| call.head().status()), ended);
    }
    result
}

async fn attempt<D: Downstream>(
    service: &Service,
    endpoint: &Arc<Endpoint>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    alarm: &Alarm,
    pools: &Rc<Pools>,
    terms: &Terms<'_>,
) -> Result<Box<Call>, Failure> {
    let conn = match pools.take(endpoint) {
        Some(conn) => conn,
        None => pools.connect(service, endpoint, exchange.deadline, down, alarm).await?,
    };
    let call = begin(conn, service, endpoint, exchange, pools, terms);
    match await_head(call, service, exchange, down, alarm, terms).await {
        Ok(call) => Ok(call),
        Err((Failure::Stale, Some(mut call))) if exchange.method.is_safe() && call.can_repeat() => {
            call.hang_up();
            let conn = pools.connect(service, endpoint, exchange.deadline, down, alarm).await?;
            exchange.facts.attempts += 1;
            await_head(call.repeat(conn), service, exchange, down, alarm, terms)
                .await
                .map_err(|(failure, _)| failure)
        }
        Err((failure, _)) => Err(failure),
    }
}

fn begin(
    conn: Box<Conn>,
    service: &Service,
    endpoint: &Arc<Endpoint>,
    exchange: &Exchange<'_>,
    pools: &Rc<Pools>,
    terms: &Terms<'_>,
) -> Box<Call> {
    let pace = Pace::new(terms, service.timeouts.idle);
    Call::new(conn, pools, exchange, (service.head_limits, pace), |out| {
        compose(exchange, service, endpoint, out);
    })
}

/// Streams the request and waits for the head. Gives the call back with the failure, in case it can be repeated.
async fn await_head<D: Downstream>(
    mut call: Box<Call>,
    service: &Service,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    alarm: &Alarm,
    terms: &Terms<'_>,
) -> Result<Box<Call>, (Failure, Option<Box<Call>>)> {
    let mut wait = Wait { waiting: None };
    let result = poll_fn(|cx| wait.poll(cx, &mut call, service, exchange, down, alarm, terms)).await;
    match result {
        Ok(()) if call.head().status() == 101 && !agrees(call.head(), &exchange.to_offer) => {
            Err((Failure::WrongProtocol, None))
        }
        Ok(()) => Ok(call),
        Err(failure) => Err((failure, Some(call))),
    }
}

/// Who is waited for.
struct Wait {
    waiting: Option<Waiting>,
}

impl Wait {
    #[allow(clippy::too_many_arguments, reason = "one poll of everything that an exchange waits for at once")]
    fn poll<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        call: &mut Call,
        service: &Service,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        alarm: &Alarm,
        terms: &Terms<'_>,
    ) -> Poll<Result<(), Failure>> {
        let sent = match call.send_request(cx, exchange, down, terms.trailers) {
            Ok(waiting) => waiting,
            // A service may answer and close before the request has ended. Its socket is about to show the answer, or its end.
            Err(Failure::Broke | Failure::Stale) => Waiting::Nothing,
            Err(failure) => return Poll::Ready(Err(failure)),
        };
        if let Poll::Ready(result) = call.poll_head(cx, down) {
            return Poll::Ready(result);
        }
        let agreed = sent == Waiting::Consent && !call.awaits_consent;
        let waiting = if agreed { call.for_client() } else { sent };
        // Interim answers go out at once.
        if down.queued() > 0 && matches!(down.poll_flush(cx), Poll::Ready(Err(_))) {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        if waiting == Waiting::Nothing && down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        if self.waiting != Some(waiting) {
            self.waiting = Some(waiting);
            alarm.set(due(waiting, call, service, exchange));
        }
        while alarm.poll(cx).is_ready() {
            let now = exchange.local.clock.now();
            if exchange.local.cut.get() {
                return Poll::Ready(Err(Failure::Stopping));
            }
            if exchange.deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Err(Failure::Expired));
            }
            let due = due(waiting, call, service, exchange);
            if due <= now {
                return Poll::Ready(Err(late(waiting)));
            }
            alarm.set(due);
        }
        Poll::Pending
    }
}

/// When the wait is over.
fn due(waiting: Waiting, call: &Call, service: &Service, exchange: &Exchange<'_>) -> Tick {
    let timeouts = &service.timeouts;
    let due = match waiting {
        Waiting::Client => call.client_due().unwrap_or(call.moved() + timeouts.idle),
        Waiting::Service => call.moved() + timeouts.idle,
        Waiting::Consent | Waiting::Nothing => call.moved() + timeouts.first_byte,
    };
    exchange.deadline.map_or(due, |deadline| deadline.min(due))
}

/// What it means that the wait is over.
fn late(waiting: Waiting) -> Failure {
    match waiting {
        Waiting::Client => Failure::ClientSlow,
        Waiting::Service => Failure::Slow("send_timeout"),
        Waiting::Consent => Failure::Slow("consent_timeout"),
        Waiting::Nothing => Failure::Slow("first_byte_timeout"),
    }
}
