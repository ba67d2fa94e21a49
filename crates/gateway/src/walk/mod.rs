//! One exchange's life, top to bottom.
//!
//! A request has been read, its path normalised, its plan found. From here it goes through the plan's steps, to the
//! target, back through the steps in reverse, to the client, and into the accounts. Whoever answers is recorded.

mod ask;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use sekisho_exchange::{
    Alarm, Answerer, Decider, Downstream, Ending, Exchange, Filters, Mode, Outcome, Papers, Reply, Response,
    ResponseHead, Serving, Turn, Verdict,
};
use sekisho_policies::{NAMES, Pass};
use sekisho_upstream::{Call, Failure, Seat, Service};
use sekisho_wire::{Framing, HeadBuf, HeadView, Known, Method, Skip, hop_by_hop};

use crate::basis::Basis;
use crate::forward::{Introduction, Lines, Via};
use crate::listener::Door;
use crate::meter::WorkerMeter;
use crate::plan::{Plan, PlanStep, Target};
use crate::relay::{flush, relay};
use crate::serving;
use crate::site::ClientTimeouts;
use crate::tunnel;
use crate::worker::Worker;

/// What an exchange goes by: the plan, and who carries it out.
pub struct Way<'a> {
    /// What the route does with the request.
    pub plan: &'a Plan,
    /// The gateway's pseudonym, if it tells one.
    pub via: Option<&'a Via>,
    /// What services are told of a known user.
    pub identity: Introduction,
    /// How long the client may take.
    pub client: &'a ClientTimeouts,
    /// The worker that carries it out.
    pub worker: &'a Rc<Worker>,
    /// The connection's deadline.
    pub alarm: &'a Alarm,
    /// The port that the request came through.
    pub door: &'a Arc<Door>,
    /// What all of this is borrowed from.
    pub(crate) basis: &'a Basis,
}

impl Way<'_> {
    /// Whether the connection ends after this exchange.
    pub(crate) fn is_last(&self) -> bool {
        self.worker.is_draining() || self.door.is_closing()
    }

    /// How long an exchange may take, as the operator says; its client may have less time.
    pub(crate) fn longest(&self) -> Option<Duration> {
        let service = match &self.plan.target {
            Target::Service(service) => service.timeouts.total,
            _ => None,
        };
        self.plan.handed.total.into_iter().chain(service).min()
    }

    /// How long the service may pause within an answer.
    pub(crate) fn idle(&self) -> Duration {
        match &self.plan.target {
            Target::Service(service) => service.timeouts.idle,
            _ => Duration::MAX,
        }
    }
}

/// What a connection keeps for its exchanges.
pub(crate) struct Desk<'d> {
    /// Forwarding lines.
    pub(crate) lines: &'d mut Lines,
    /// Where the gateway's own answers are composed.
    pub(crate) reply: &'d mut HeadBuf,
}

/// Who answers.
enum Answer<'a> {
    Service(Box<Call>),
    /// A service did, and a step has kept it.
    Stored(Box<Serving>),
    /// The service has changed protocols, as it was offered.
    Tunnel(&'a Service, Box<Call>, Seat),
    Gateway(Box<Reply>),
    /// The client left: there is nobody to answer.
    Nobody,
}

/// What the steps handed to themselves for the way back.
pub(crate) type Passes = [Pass; NAMES.len()];

/// Where an exchange begins.
pub(crate) enum Start {
    /// At the first step.
    Plan,
    /// There too, but the connection or the router has answered already, and the steps only look on.
    Answered(Decider, Box<Reply>),
    /// Behind the step of that index, which has this pass: nobody waits for the answer, and it counts as no exchange.
    Behind(usize, Pass),
}

/// Takes one exchange from its plan to its end.
pub(crate) async fn walk<'a, D: Downstream>(
    way: &Way<'a>,
    exchange: &mut Exchange<'a>,
    start: Start,
    down: &mut D,
    desk: Desk<'_>,
) {
    let _active = (!matches!(start, Start::Behind(..))).then(|| Active::count(way.worker));
    way.plan.warm(way.worker.local.index);
    set_out(way, exchange);
    let mut passes: Passes = [const { Pass::NotEntered }; NAMES.len()];
    let (mut refusal, mut from) = (None, 0);
    match start {
        Start::Plan => {}
        Start::Answered(by, reply) => refusal = Some((by, reply)),
        Start::Behind(index, pass) => {
            passes[index] = pass;
            from = index + 1;
        }
    }

    exchange.answered = refusal.is_some();
    let stopped = enter(way, exchange, down, (&mut passes, from)).await;
    exchange.watched = false;
    let answer = match (refusal, stopped) {
        (Some((by, reply)), _) => {
            exchange.facts.decide(by, &reply);
            Answer::Gateway(reply)
        }
        (None, Some(answer)) => answer,
        (None, None) => ask::ask(way, exchange, down, &mut passes, desk.lines).await,
    };
    let (status, ending) = match answer {
        Answer::Service(call) => pass_on(way, exchange, down, &mut passes, call).await,
        Answer::Stored(serving) => serving::stored(way, exchange, down, &mut passes, *serving).await,
        Answer::Tunnel(service, call, seat) => {
            // In a box, since few connections become one, and all would be as large.
            Box::pin(tunnel::tunnel(way, service, exchange, down, &mut passes, (call, seat))).await
        }
        Answer::Gateway(reply) => reply_with(way, exchange, down, &mut passes, &reply, desk.reply).await,
        Answer::Nobody => (499, Ending::ClientGone),
    };
    if from == 0 {
        account(way, exchange, status, ending);
    }
}

/// What the plan says of the exchange.
fn set_out<'a>(way: &Way<'a>, exchange: &mut Exchange<'a>) {
    exchange.route = &way.plan.route;
    exchange.route_identity = Some(&way.plan.about.identity);
    exchange.service = way.plan.service_name();
    exchange.papers = Papers::expecting(way.plan.authenticators);
    exchange.challenges = &way.plan.about.challenges;
    exchange.trailers = &way.plan.handed.trailers;
    exchange.deadline = way.plan.handed.total.map(|total| exchange.started + total);
    if let Some(edition) = &way.plan.edition
        && exchange.facts.version.is_empty()
    {
        exchange.facts.version = &edition.name;
    }
}

/// Counts an exchange for as long as it is under way.
struct Active<'a>(&'a Worker);

impl<'a> Active<'a> {
    fn count(worker: &'a Worker) -> Self {
        WorkerMeter::up(&worker.meter.active);
        Self(worker)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        WorkerMeter::down(&self.0.meter.active);
    }
}

/// Through the steps from the one of that index on, in walking order, until one answers.
async fn enter<D: Downstream>(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    (passes, from): (&mut Passes, usize),
) -> Option<Answer<'static>> {
    let (worker, answered) = (way.worker.local.index, exchange.answered);
    let clock = way.worker.times_this_one().then_some(&way.worker.local.clock);
    for (index, (planned, pass)) in way.plan.steps.iter().zip(passes).enumerate().skip(from) {
        let began = clock.map(sekisho_units::Clock::now);
        exchange.watched = planned.mode == Mode::Shadow;
        let mark = exchange.watched.then(|| exchange.mark());
        let mut entered = Ok(planned.step.enter(exchange));
        // What was refused already waits for nobody, and nobody is asked about it.
        while !answered && let Ok(Verdict::Wait(waiting)) = entered {
            entered = wait(waiting, way, exchange, down).await.map(|resume| resume(exchange));
        }
        if let Some(mark) = mark {
            exchange.rollback(mark);
        }
        let verdict = match entered {
            Ok(verdict) => verdict,
            Err(failure) => return Some(given_up(failure, way, exchange)),
        };
        if let (Some(clock), Some(began)) = (clock, began) {
            planned.meter.took(worker, clock.now().since(began));
        }
        match verdict {
            Verdict::Proceed(given) => {
                planned.meter.proceeded(worker);
                *pass = given;
            }
            Verdict::Answer(reply) if planned.mode == Mode::Shadow => {
                exchange.facts.shadow(planned.step.name(), &reply);
            }
            Verdict::Answer(reply) if !answered => {
                planned.meter.answered(worker);
                exchange.facts.decide(Decider::Policy(planned.step.name()), &reply);
                return Some(Answer::Gateway(reply));
            }
            Verdict::Serve(serving, renewal) if !answered && planned.mode != Mode::Shadow => {
                planned.meter.answered(worker);
                exchange.facts.decided_by = Decider::Policy(planned.step.name());
                if let Some(pass) = renewal {
                    serving::renew(way, exchange, (index, pass));
                }
                return Some(Answer::Stored(serving));
            }
            Verdict::Answer(_) | Verdict::Serve(..) | Verdict::Wait(_) => {}
        }
    }
    None
}

/// Waits for `work` as long as the client stays and the exchange has time.
async fn wait<F: Future + Unpin, D: Downstream>(
    mut work: F,
    way: &Way<'_>,
    exchange: &Exchange<'_>,
    down: &mut D,
) -> Result<F::Output, Failure> {
    match exchange.deadline {
        Some(deadline) => way.alarm.set(deadline),
        // It rings all the same when the gateway stops.
        None => way.alarm.clear(),
    }
    poll_fn(|cx| {
        if let Poll::Ready(output) = Pin::new(&mut work).poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        let stopping = exchange.local.cut.get();
        way.alarm.poll(cx).map(|()| Err(if stopping { Failure::Stopping } else { Failure::Expired }))
    })
    .await
}

/// What it means that a step's wait was in vain.
#[cold]
fn given_up(failure: Failure, way: &Way<'_>, exchange: &mut Exchange<'_>) -> Answer<'static> {
    match failure.reply(way.plan.service_name()) {
        Some(reply) => {
            exchange.facts.decide(Decider::Upstream, &reply);
            Answer::Gateway(Box::new(reply))
        }
        None => Answer::Nobody,
    }
}

/// Back through the steps, in reverse. Gives what one of them makes of the answer; those that leave after it see that.
pub(crate) fn leave(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    passes: &mut Passes,
    response: &Response<'_>,
) -> Option<Box<Turn>> {
    let mut steps = way.plan.steps.iter().zip(passes).rev();
    for (planned, pass) in steps.by_ref() {
        leave_step(planned, pass, exchange, response);
        if exchange.turn.is_some() {
            break;
        }
    }
    let turn = exchange.turn.take();
    let instead = turn.as_deref().and_then(Turn::instead);
    let response = instead.as_ref().unwrap_or(response);
    for (planned, pass) in steps {
        leave_step(planned, pass, exchange, response);
    }
    if let Some(edition) = &way.plan.edition {
        edition.leave(&mut exchange.to_client, response.head);
    }
    turn
}

#[inline]
fn leave_step(planned: &PlanStep, pass: &mut Pass, exchange: &mut Exchange<'_>, response: &Response<'_>) {
    let entered = !matches!(pass, Pass::NotEntered);
    if !entered && !planned.step.on_every_answer() {
        return;
    }
    let mark = (planned.mode == Mode::Shadow).then(|| exchange.mark());
    planned.step.leave(std::mem::replace(pass, Pass::NotEntered), exchange, response);
    if let Some(mark) = mark {
        exchange.rollback(mark);
    }
}

/// The service's answer, to the client.
async fn pass_on<D: Downstream>(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    passes: &mut Passes,
    mut call: Box<Call>,
) -> (u16, Ending) {
    let head = call.head();
    let status = head.status();
    exchange.facts.decided_by = Decider::Service;
    if let Some(turn) = leave(way, exchange, passes, &Response { head, from: Answerer::Service }) {
        return serving::turned(way, exchange, down, call, *turn).await;
    }
    if let Some(via) = way.via {
        via.add(&mut exchange.to_client, head);
    }
    if head.get(Known::Date).is_none() {
        date(exchange);
    }
    // What its length will be is not known then.
    let framing = if exchange.filters.is_some() { Framing::Chunked } else { call.framing() };
    down.start(&ResponseHead {
        view: head,
        skip: left_behind(head),
        edits: &exchange.to_client,
        framing,
        from: Answerer::Service,
        close: way.is_last(),
    });
    call.end_head();
    (status, relay(call, exchange, down, way).await)
}

/// The service's lines that the client does not see.
pub(crate) fn left_behind(head: HeadView<'_>) -> Skip {
    let mut skip = hop_by_hop(head);
    if matches!(head.status(), 101 | 204) {
        // It would announce a body that there cannot be (RFC 9110 §8.6).
        skip.insert_name(head, Known::ContentLength);
    }
    skip
}

/// The gateway's own answer, to the client.
async fn reply_with<D: Downstream>(
    way: &Way<'_>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    passes: &mut Passes,
    reply: &Reply,
    composed: &mut HeadBuf,
) -> (u16, Ending) {
    let now = exchange.local.wall(exchange.local.clock.now());
    let body = reply.render(composed, exchange.ids.as_ref().map(|ids| ids.request.as_str()), now);
    let head = composed.view();
    let turn = leave(way, exchange, passes, &Response { head, from: Answerer::Gateway });
    if let Some(Turn::Instead(serving)) = turn.map(|turn| *turn) {
        return serving::send(way, exchange, down, serving).await;
    }
    let body = match exchange.filters.take() {
        None => body,
        Some(filters) => through(*filters, &body, exchange),
    };
    date(exchange);
    down.start(&ResponseHead {
        view: head,
        skip: Skip::default(),
        edits: &exchange.to_client,
        framing: if matches!(reply.status, 204 | 304) {
            Framing::None
        } else {
            Framing::Length(body.len() as u64)
        },
        from: Answerer::Gateway,
        close: reply.close || way.is_last(),
    });
    down.push(&body);
    down.finish(&[]);
    exchange.facts.response_bytes = if exchange.method == Method::Head { 0 } else { body.len() as u64 };
    (reply.status, flush(exchange, down, way).await)
}

/// A whole body after all that it goes through, with its length in the head.
#[cold]
fn through(mut filters: Filters, body: &[u8], exchange: &mut Exchange<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    filters.take(body, &mut out);
    filters.end(&mut out);
    exchange.to_client.set_number(Known::ContentLength, out.len() as u64);
    out
}

/// `Date` (RFC 9110 §6.6.1), on answers that have none.
pub(crate) fn date(exchange: &mut Exchange<'_>) {
    let now = exchange.local.clock.now();
    exchange.local.stamped(now, |stamp, wall| {
        let set = exchange.to_client.set_fixed(Known::Date, stamp.http_date(wall));
        debug_assert!(set.is_ok(), "a date is a valid value");
    });
}

/// Into metrics and log.
fn account(way: &Way<'_>, exchange: &mut Exchange<'_>, status: u16, ending: Ending) {
    let duration = exchange.local.clock.now().since(exchange.started);
    exchange.facts.ending = ending;
    let reason = match ending.reason() {
        Some(reason) => reason.into(),
        None => exchange.facts.reason.clone(),
    };
    if status == 499 {
        exchange.facts.decided_by = Decider::Client;
    }
    let bytes = (exchange.facts.request_bytes, exchange.facts.response_bytes);
    let kind = (exchange.method, status, exchange.client.scheme);
    let answered = exchange.facts.switched.unwrap_or(duration);
    way.plan.meter.record(way.worker.local.index, kind, answered, bytes);
    // Counted here, since a body is found too long only while it streams.
    for planned in exchange.facts.shadowed.iter().filter_map(|shadowed| step_of(way, shadowed.policy)) {
        planned.meter.shadowed(way.worker.local.index);
    }
    let outcome = Outcome { status, duration, reason };
    for planned in way.plan.steps.iter().rev().filter(|planned| bites(planned)) {
        planned.step.account(exchange, &outcome);
    }
}

#[cold]
fn step_of<'a>(way: &Way<'a>, policy: &str) -> Option<&'a PlanStep> {
    way.plan.steps.iter().find(|planned| planned.step.name() == policy)
}

fn bites(planned: &PlanStep) -> bool {
    planned.mode == Mode::Enforce
}
