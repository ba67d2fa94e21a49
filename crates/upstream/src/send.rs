//! A call from the choice of the endpoint to the response's head.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Alarm, Downstream, Exchange};
use sekisho_units::Tick;
use sekisho_wire::Version;

use crate::call::Call;
use crate::compose::compose;
use crate::conn::Conn;
use crate::failure::Failure;
use crate::pool::Pools;
use crate::service::{Endpoint, Service};
use crate::upload::Waiting;

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
/// A request that found a kept connection closed is sent once more over a new one, if it is idempotent
/// (RFC 9110 §9.2.2) and still wholly at hand.
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
) -> Result<Call, Failure> {
    let began = pools.local.clock.now();
    if let Some(total) = service.timeouts.total {
        let end = exchange.started + total;
        exchange.deadline = Some(exchange.deadline.map_or(end, |deadline| deadline.min(end)));
    }
    let endpoint = service.pick();
    exchange.facts.service = Some(&service.name);
    exchange.facts.endpoint = Some(&endpoint.authority);
    exchange.facts.attempts += 1;
    let result = attempt(service, endpoint, exchange, down, alarm, pools, terms).await;
    let ended = result.as_ref().map_or_else(|_| pools.local.clock.now(), Call::moved);
    exchange.facts.upstream_duration = Some(ended.since(began));
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
) -> Result<Call, Failure> {
    let conn = match pools.take(endpoint) {
        Some(conn) => conn,
        None => pools.connect(service, endpoint, exchange.deadline, down, alarm).await?,
    };
    let call = begin(conn, service, endpoint, exchange, pools);
    match await_head(call, service, exchange, down, alarm, terms).await {
        Ok(call) => Ok(call),
        Err((Failure::Stale, Some(mut call))) if exchange.method.is_idempotent() && call.can_repeat() => {
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
) -> Call {
    Call::new(conn, pools, exchange, service.head_limits, |out| compose(exchange, service, endpoint, out))
}

/// Streams the request and waits for the head. Gives the call back with the failure, in case it can be repeated.
async fn await_head<D: Downstream>(
    mut call: Call,
    service: &Service,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    alarm: &Alarm,
    terms: &Terms<'_>,
) -> Result<Call, (Failure, Option<Call>)> {
    let mut pace = Pace::new(exchange, call.moved());
    let result = poll_fn(|cx| pace.poll(cx, &mut call, service, exchange, down, alarm, terms)).await;
    match result {
        Ok(()) => Ok(call),
        Err(failure) => Err((failure, Some(call))),
    }
}

/// Who is waited for, and until when.
struct Pace {
    waiting: Option<Waiting>,
    /// When the body began, and how many bytes of it had come by then.
    body_began: Tick,
    body_before: u64,
    expects: bool,
}

impl Pace {
    fn new(exchange: &Exchange<'_>, now: Tick) -> Self {
        let expects = exchange.head.version() == Version::Http11
            && exchange.head.get(sekisho_wire::Known::Expect).is_some();
        Self { waiting: None, body_began: now, body_before: exchange.facts.request_bytes, expects }
    }

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
        let sent = call.send_request(cx, exchange, down, terms.trailers);
        // A service may answer and close before the request has ended: its answer counts more than the broken upload.
        match call.poll_head(cx, down) {
            Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
            Poll::Ready(Err(failure)) => return Poll::Ready(Err(sent.err().unwrap_or(failure))),
            Poll::Pending => {}
        }
        let waiting = sent?;
        // Interim answers go out at once.
        if down.queued() > 0 && matches!(down.poll_flush(cx), Poll::Ready(Err(_))) {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        if waiting == Waiting::Nothing && down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        if self.waiting != Some(waiting) {
            self.waiting = Some(waiting);
            alarm.set(self.due(waiting, call, service, exchange, terms));
        }
        while alarm.poll(cx).is_ready() {
            let now = exchange.local.clock.now();
            if exchange.local.cut.get() {
                return Poll::Ready(Err(Failure::Stopping));
            }
            if exchange.deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Err(Failure::Expired));
            }
            let due = self.due(waiting, call, service, exchange, terms);
            if due <= now {
                return Poll::Ready(Err(self.late(waiting, exchange)));
            }
            alarm.set(due);
        }
        Poll::Pending
    }

    /// When the wait is over.
    fn due(
        &self,
        waiting: Waiting,
        call: &Call,
        service: &Service,
        exchange: &Exchange<'_>,
        terms: &Terms<'_>,
    ) -> Tick {
        let due = match waiting {
            // Until it said 100, or took some, a client that asked first is waiting for the service.
            Waiting::Client if self.awaits_consent(exchange) => call.moved() + service.timeouts.first_byte,
            Waiting::Client => {
                let idle = call.moved() + service.timeouts.idle;
                let bytes = exchange.facts.request_bytes - self.body_before;
                match terms.body_rate {
                    0 => idle,
                    rate => {
                        let earned = Duration::from_secs_f64(bytes as f64 / rate as f64);
                        idle.min(self.body_began + terms.body_grace + earned)
                    }
                }
            }
            Waiting::Service => call.moved() + service.timeouts.idle,
            Waiting::Nothing => call.moved() + service.timeouts.first_byte,
        };
        exchange.deadline.map_or(due, |deadline| deadline.min(due))
    }

    fn awaits_consent(&self, exchange: &Exchange<'_>) -> bool {
        self.expects && exchange.facts.request_bytes == self.body_before
    }

    fn late(&self, waiting: Waiting, exchange: &Exchange<'_>) -> Failure {
        match waiting {
            Waiting::Client if self.awaits_consent(exchange) => Failure::Slow("consent_timeout"),
            Waiting::Client => Failure::ClientSlow,
            Waiting::Service => Failure::Slow("send_timeout"),
            Waiting::Nothing => Failure::Slow("first_byte_timeout"),
        }
    }
}
