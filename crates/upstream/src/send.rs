//! A call from the choice of the endpoint to the response's head.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Alarm, Downstream, Exchange};
use sekisho_units::Tick;

use crate::breaker::Ticket;
use crate::call::Call;
use crate::compose::compose;
use crate::conn::Conn;
use crate::failure::Failure;
use crate::fleet::{Endpoint, Flight};
use crate::hedge::Hedge;
use crate::limit::Limit;
use crate::pool::Pools;
use crate::retry::{Again, Outcome, Tries};
use crate::service::Service;
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
/// Where the service has a limit, a request waits shortly for a place in it, or is turned away. It keeps the place through all tries.
///
/// A service with a circuit breaker is not asked while that is open. A request that failed is tried again as the service's
/// `retry` says, on another endpoint if there is one.
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
    let mut began = pools.local.clock.now();
    exchange.facts.service = Some(&service.name);
    set_deadline(service, exchange, began)?;
    let mut place = service.limit.as_ref().and_then(Limit::enter);
    if let (Some(limit), None) = (&service.limit, &place) {
        place = Some(limit.line_up(service.breaker.as_ref(), exchange, down, alarm).await?);
        began = pools.local.clock.now();
    }
    if let Some(retry) = &service.retry {
        retry.asked(pools.local.index, began);
    }
    let asking = Asking { service, pools, terms, began };
    let mut tries = Tries::new(service, exchange, began);
    let mut leave = asking.leave(&mut tries, began)?;
    let mut again = Again::Anew;
    let outcome = loop {
        exchange.facts.endpoint = Some(Arc::clone(&leave.flight.endpoint.authority));
        exchange.facts.attempts += 1;
        if let (Some(_), Some(telling)) = (exchange.deadline, &service.deadline) {
            telling.tell(exchange);
        }
        let outcome = match asking.hedge(&tries, &leave, exchange) {
            None => asking.attempt(again, &leave.flight.endpoint, exchange, down, alarm).await,
            Some(hedge) => {
                // In a box, since few requests are hedged, and all would be as large.
                let raced = Box::pin(asking.hedged(hedge, leave, &mut tries, exchange, (down, alarm))).await;
                let (by, outcome) = raced.noted(&mut exchange.facts);
                leave = by;
                outcome
            }
        };
        let (ended, flight) = asking.judge(leave, &outcome);
        exchange.facts.upstream_duration = Some(ended.since(began));
        let next = match tries.again(&outcome, exchange, down, alarm).await? {
            true => asking.leave_again(&mut tries),
            false => None,
        };
        // If that was one failure too many for the breaker, it is what the client learns of.
        let Some(next) = next else {
            break outcome.map(|mut call| {
                service.fleet.keep(tries.asked(), &flight.endpoint, exchange);
                call.flight = Some(flight);
                call.place = place;
                call
            });
        };
        leave = next;
        again = Again::after(outcome);
    };
    outcome.map_err(|(failure, _)| failure)
}

/// Sets by when the exchange must be over, as far as the service or a trusted proxy says so.
///
/// # Errors
/// [`Failure::Expired`], if that has been.
#[inline]
fn set_deadline(service: &Service, exchange: &mut Exchange<'_>, now: Tick) -> Result<(), Failure> {
    if let Some(total) = service.timeouts.total {
        let end = exchange.started + total;
        exchange.deadline = Some(exchange.deadline.map_or(end, |deadline| deadline.min(end)));
    }
    if let Some(telling) = &service.deadline {
        telling.heed(exchange, now);
    }
    if exchange.deadline.is_some_and(|deadline| deadline <= now) { Err(Failure::Expired) } else { Ok(()) }
}

/// What all tries of a request have in common.
pub(crate) struct Asking<'s, 't> {
    pub(crate) service: &'s Service,
    pub(crate) pools: &'s Rc<Pools>,
    pub(crate) terms: &'s Terms<'t>,
    /// When the first try began.
    began: Tick,
}

/// Leave to try an endpoint.
pub(crate) struct Leave {
    pub(crate) flight: Flight,
    /// Of the circuit breaker, if there is one. Dropped without a word, the try counts for nothing.
    pub(crate) ticket: Option<Ticket>,
    /// Since when.
    pub(crate) since: Tick,
}

impl Asking<'_, '_> {
    /// An endpoint to ask, with leave of the circuit breaker, be it the service's or the endpoint's.
    fn leave(&self, tries: &mut Tries<'_>, now: Tick) -> Result<Leave, Failure> {
        let whole = self.service.breaker.as_ref().map(|guard| guard.admit(now)).transpose();
        let whole = whole.map_err(Failure::CircuitOpen)?;
        let (endpoint, own) = tries.pick(now)?;
        Ok(Leave { flight: Flight::begin(endpoint), ticket: whole.or(own), since: now })
    }

    /// An endpoint for one more try, if any may be asked. Only then is it one.
    fn leave_again(&self, tries: &mut Tries<'_>) -> Option<Leave> {
        let leave = self.leave(tries, self.pools.local.clock.now()).ok()?;
        if let Some(retry) = &self.service.retry {
            retry.made();
        }
        Some(leave)
    }

    /// How the try is hedged, if it is: only the first one.
    fn hedge(&self, tries: &Tries<'_>, leave: &Leave, exchange: &Exchange<'_>) -> Option<&Hedge> {
        let hedge = self.service.hedge.as_ref().filter(|_| tries.is_first())?;
        hedge.takes(exchange, tries.asked(), &leave.flight.endpoint).then_some(hedge)
    }

    /// Tells the circuit breaker and the endpoint's fleet how a try went; gives when it ended.
    pub(crate) fn judge(&self, leave: Leave, outcome: &Outcome) -> (Tick, Flight) {
        let Leave { flight, ticket, since } = leave;
        let endpoint = &*flight.endpoint;
        let ended = outcome.as_ref().map_or_else(|_| self.pools.local.clock.now(), |call| call.moved());
        let result = outcome.as_ref().map(|call| call.head().status()).map_err(|(failure, _)| failure);
        let took = ended.since(since);
        match result {
            Ok(_) => self.service.fleet.took(endpoint, Ok(took), ended),
            Err(failure) if failure.is_the_services() => {
                self.service.fleet.took(endpoint, Err(took), ended);
            }
            Err(_) => {}
        }
        // Where the time of the whole is over, it is nobody's fault who had little of it.
        let unfair = matches!(result, Err(Failure::Expired)) && took * 2 < ended.since(self.began);
        if !unfair {
            self.service.fleet.heard(endpoint, result, ended);
            if let Some(limit) = &self.service.limit {
                limit.heard(result, served(outcome, ended), ended);
            }
        }
        match (&self.service.breaker, ticket) {
            (Some(guard), Some(ticket)) => {
                guard.judge(ticket, result, ended);
            }
            (None, Some(ticket)) if !unfair => self.service.fleet.judge(endpoint, ticket, result, ended),
            _ => {}
        }
        (ended, flight)
    }

    /// One try, and where a kept connection proves stale, the same over a new one.
    async fn attempt<D: Downstream>(
        &self,
        again: Again,
        endpoint: &Arc<Endpoint>,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        alarm: &Alarm,
    ) -> Outcome {
        let conn = match self.pools.take(endpoint) {
            Some(conn) => conn,
            None => match self.connect(endpoint, exchange, down, alarm).await {
                Ok(conn) => conn,
                Err(failure) => return Err((failure, again.into_call())),
            },
        };
        let head = |out: &mut Vec<u8>| compose(exchange, self.service, endpoint, out);
        let call = match again {
            Again::Anew => {
                let pace = Pace::new(self.terms, self.service.timeouts.idle);
                let keep = self.service.retry.as_ref().map_or(0, |retry| retry.keeps(exchange));
                Call::new(conn, self.pools, exchange, (self.service.head_limits, pace, keep), head)
            }
            Again::Repeat(call) => call.elsewhere(conn, head),
        };
        match self.await_head(call, exchange, down, alarm).await {
            Err((Failure::Stale, Some(mut call))) if exchange.method.is_safe() && call.can_repeat() => {
                call.hang_up();
                match self.connect(endpoint, exchange, down, alarm).await {
                    Ok(conn) => {
                        exchange.facts.attempts += 1;
                        self.await_head(call.repeat(conn), exchange, down, alarm).await
                    }
                    Err(failure) => Err((failure, Some(call))),
                }
            }
            outcome => outcome,
        }
    }

    async fn connect<D: Downstream>(
        &self,
        endpoint: &Arc<Endpoint>,
        exchange: &Exchange<'_>,
        down: &mut D,
        alarm: &Alarm,
    ) -> Result<Box<Conn>, Failure> {
        self.pools.connect(self.service, endpoint, exchange.deadline, down, alarm).await
    }

    /// Streams the request and waits for the head. Gives the call back with the failure, in case it can be repeated.
    async fn await_head<D: Downstream>(
        &self,
        mut call: Box<Call>,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        alarm: &Alarm,
    ) -> Outcome {
        let mut wait = Wait::new(self, alarm);
        let polled = poll_fn(|cx| {
            let sent = call.send_request(cx, exchange, down, self.terms.trailers);
            wait.poll_answer(cx, sent, &mut call, exchange, down)
        })
        .await;
        match polled {
            Ok(()) if call.head().status() == 101 && !agrees(call.head(), &exchange.to_offer) => {
                Err((Failure::WrongProtocol, None))
            }
            Ok(()) => Ok(call),
            Err(failure) => Err((failure, Some(call))),
        }
    }
}

/// How long the whole request was with the service.
fn served(outcome: &Outcome, ended: Tick) -> Option<Duration> {
    match outcome {
        Ok(call) | Err((_, Some(call))) => call.served(ended),
        Err((_, None)) => None,
    }
}

/// The wait for the head of an answer.
pub(crate) struct Wait<'a> {
    service: &'a Service,
    alarm: &'a Alarm,
    /// Who is waited for.
    waiting: Option<Waiting>,
    /// When this try is over, if it has a limit of its own.
    ends: Option<Tick>,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(asking: &Asking<'a, '_>, alarm: &'a Alarm) -> Self {
        let service = asking.service;
        let per_try = service.retry.as_ref().and_then(|retry| retry.per_try);
        let ends = per_try.map(|per_try| asking.pools.local.clock.now() + per_try);
        Self { service, alarm, waiting: None, ends }
    }

    /// Goes on once it was tried to send more of the request, which has come to `sent`.
    pub(crate) fn poll_answer<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        sent: Result<Waiting, Failure>,
        call: &mut Call,
        exchange: &Exchange<'_>,
        down: &mut D,
    ) -> Poll<Result<(), Failure>> {
        let sent = match sent {
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
            self.alarm.set(self.due(waiting, call, exchange));
        }
        while self.alarm.poll(cx).is_ready() {
            let now = exchange.local.clock.now();
            if exchange.local.cut.get() {
                return Poll::Ready(Err(Failure::Stopping));
            }
            if exchange.deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Err(Failure::Expired));
            }
            let due = self.due(waiting, call, exchange);
            if due <= now {
                return Poll::Ready(Err(self.late(waiting, now)));
            }
            self.alarm.set(due);
        }
        Poll::Pending
    }

    /// When the wait is over.
    fn due(&self, waiting: Waiting, call: &Call, exchange: &Exchange<'_>) -> Tick {
        let timeouts = &self.service.timeouts;
        let due = match waiting {
            Waiting::Client => call.client_due().unwrap_or(call.moved() + timeouts.idle),
            Waiting::Service => call.moved() + timeouts.idle,
            Waiting::Consent | Waiting::Nothing => call.moved() + timeouts.first_byte,
        };
        let due = self.ends.map_or(due, |ends| ends.min(due));
        exchange.deadline.map_or(due, |deadline| deadline.min(due))
    }

    /// What it means that the wait is over.
    fn late(&self, waiting: Waiting, now: Tick) -> Failure {
        if self.ends.is_some_and(|ends| ends <= now) {
            return Failure::Slow("per_try_timeout");
        }
        match waiting {
            Waiting::Client => Failure::ClientSlow,
            Waiting::Service => Failure::Slow("send_timeout"),
            Waiting::Consent => Failure::Slow("consent_timeout"),
            Waiting::Nothing => Failure::Slow("first_byte_timeout"),
        }
    }
}
