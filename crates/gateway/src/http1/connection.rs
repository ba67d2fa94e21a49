//! A client's connection: one request after another, until either side has enough.

use std::future::poll_fn;
use std::mem::take;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use sekisho_exchange::{Alarm, Buffer, Client, Decider, Exchange, Io, Reply, Scheme};
use sekisho_units::Tick;
use sekisho_wire::{
    Framing, HeadView, Normal, Parsed, Refusal, RequestFacts, TargetForm, check_request, normalise,
    origin_form, parse_request,
};

use super::client::{Http1, Next};
use super::linger::linger;
use crate::forward::{self, Lines};
use crate::meter::WorkerMeter;
use crate::route::{Ask, Found};
use crate::site::Site;
use crate::walk::{Desk, Way, walk};
use crate::worker::{Kit, Worker};

/// Serves one client's connection to its end. `scheme` is what the listener speaks.
pub async fn serve<S: Io>(mut stream: S, peer: SocketAddr, scheme: Scheme, worker: Rc<Worker>) {
    let _open = Open::count(&worker);
    let alarm = worker.local.alarms.alarm();
    let mut lines = Lines::default();
    let mut input = Buffer::default();
    loop {
        if input.is_empty() {
            // An idle connection owns no buffer.
            worker.local.stash.give_back(take(&mut input));
            if !request_begins(&mut stream, &alarm, &worker).await {
                return;
            }
        }
        let mut kit = worker.kit();
        let next = one(&mut stream, &mut input, &mut kit, &alarm, &mut lines, (peer, scheme), &worker).await;
        worker.give_back(kit);
        match next {
            Next::KeepAlive => {}
            Next::Close => break linger(&mut stream, &alarm, &worker.local).await,
            Next::Cut => break stream.abort(),
        }
    }
    worker.local.stash.give_back(input);
}

/// Counts a connection for as long as it is open.
struct Open<'a>(&'a Worker);

impl<'a> Open<'a> {
    fn count(worker: &'a Worker) -> Self {
        WorkerMeter::up(&worker.meter.connections);
        WorkerMeter::up(&worker.meter.accepted);
        Self(worker)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.left();
    }
}

/// Waits for the first byte of a request. `false`: none came in time, or the worker drains.
async fn request_begins<S: Io>(stream: &mut S, alarm: &Alarm, worker: &Worker) -> bool {
    let mut waits = false;
    poll_fn(|cx| {
        if stream.poll_readable(cx).is_ready() {
            return Poll::Ready(true);
        }
        if worker.is_draining() {
            return Poll::Ready(false);
        }
        if !std::mem::replace(&mut waits, true) {
            alarm.set_after(worker.local.clock.now(), worker.site().settings.client.idle);
        }
        alarm.poll(cx).map(|()| false)
    })
    .await
}

/// How the reading of a head ended.
enum Arrived {
    /// So many bytes of the buffer are a head.
    Whole(usize),
    /// It is none.
    Refused(Refusal),
    /// It took too long.
    Slow,
    /// The client left.
    Gone,
}

/// One request and its answer.
async fn one<S: Io>(
    stream: &mut S,
    input: &mut Buffer,
    kit: &mut Kit,
    alarm: &Alarm,
    lines: &mut Lines,
    (peer, scheme): (SocketAddr, Scheme),
    worker: &Worker,
) -> Next {
    let site = worker.site();
    let started = worker.local.clock.now();
    let arrived = head(stream, input, kit, alarm, (started, &site, worker)).await;
    let head_buffer = take(input);
    let bytes = head_buffer.data();
    let Kit { head, path, out, to_service, to_client, reply, stand_in } = kit;

    // What is known of the request: everything, or nothing but that it was refused.
    let whole = matches!(arrived, Arrived::Whole(_));
    let understood = match arrived {
        Arrived::Gone => return Next::Close,
        Arrived::Slow => Err(Box::new(Reply::request_timeout("slow_head"))),
        Arrived::Refused(refusal) => Err(Box::new(Reply::refused(refusal))),
        Arrived::Whole(len) => match check_request(head.view(bytes)) {
            Ok(facts) => Ok((len, facts)),
            Err(refusal) => Err(Box::new(Reply::refused(refusal))),
        },
    };
    let (view, early, facts, target, refusal) = match understood {
        Ok((len, facts)) => {
            let view = head.view(bytes);
            match target_of(view.target(), &facts, &site, path) {
                Ok(normal) => (view, &bytes[len..], Some(facts), normal, None),
                Err(refusal) => (view, &bytes[len..], None, NOWHERE, Some(Box::new(Reply::refused(refusal)))),
            }
        }
        Err(reply) if whole => (head.view(bytes), &[][..], None, NOWHERE, Some(reply)),
        Err(reply) => {
            let laid = stand_in.request(b"-", b"-");
            debug_assert!(laid.is_ok(), "a hyphen is a method and a target");
            (stand_in.view(), &[][..], None, NOWHERE, Some(reply))
        }
    };
    let host = facts.as_ref().map_or("", |facts| authority(facts, view));
    let body = facts.as_ref().map_or(Framing::None, |facts| facts.framing);
    let keep_alive = facts.as_ref().is_some_and(|facts| facts.keep_alive) && refusal.is_none();
    let client = match refusal {
        Some(_) => Client::direct(peer, scheme),
        None => forward::client(view, peer, scheme, &site.settings.trusted_proxies),
    };
    let mut exchange =
        Exchange::new(view, (target.path, target.query, host), body, client, started, &worker.local);
    exchange.to_service = take(to_service);
    exchange.to_client = take(to_client);

    let (plan, refusal) = match refusal {
        Some(reply) => (&site.fallback, Some((Decider::Listener, reply))),
        None => route(&site, &mut exchange, &target, facts.as_ref()),
    };
    let mut down = Http1::new(
        stream,
        &worker.local,
        early,
        take(out),
        body,
        (view.method(), view.version(), keep_alive),
    );
    let way = Way { plan, site: &site, worker, alarm };
    walk(&way, &mut exchange, refusal, &mut down, Desk { lines, reply }).await;

    *to_service = take(&mut exchange.to_service);
    *to_client = take(&mut exchange.to_client);
    drop(exchange);
    let left = down.end();
    *out = left.out;
    *input = rest(head_buffer, left.early, left.input, worker);
    left.next
}

/// The target of a request that was refused before it was understood.
const NOWHERE: Normal<'static> = Normal { path: "-", query: None, risky: false };

/// Finds the plan, or the router's own answer.
fn route<'a>(
    site: &'a Site,
    exchange: &mut Exchange<'a>,
    target: &Normal<'a>,
    facts: Option<&RequestFacts>,
) -> (&'a crate::plan::Plan, Option<(Decider, Box<Reply>)>) {
    if facts.is_some_and(|facts| facts.form == TargetForm::Asterisk) {
        let reply = Reply::plain(204, sekisho_exchange::Content::Empty, "options_of_the_server")
            .header("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        return (&site.fallback, Some((Decider::Router, Box::new(reply))));
    }
    match site.router.find(&Ask::new(exchange.head, target.path, exchange.host)) {
        Found::Route { plan, params } => {
            let plan = &site.plans[plan];
            if target.risky && !plan.risky_paths {
                return (plan, Some((Decider::Router, Box::new(Reply::risky_path()))));
            }
            if !plan.params.is_empty() {
                exchange.params.extend(plan.params.iter().map(AsRef::as_ref).zip(params));
            }
            (plan, None)
        }
        Found::MethodNotAllowed { allow } => {
            (&site.fallback, Some((Decider::Router, Box::new(Reply::method_not_allowed(&allow)))))
        }
        Found::None => (&site.fallback, None),
    }
}

/// The normalised target. A target in asterisk-form is its own.
fn target_of<'a>(
    received: &'a [u8],
    facts: &RequestFacts,
    site: &Site,
    scratch: &'a mut String,
) -> Result<Normal<'a>, Refusal> {
    if facts.form == TargetForm::Asterisk {
        return Ok(Normal { path: "*", query: None, risky: false });
    }
    normalise(origin_form(received, facts.form), site.settings.paths, scratch)
}

/// The authority that the client named; empty if it named none.
fn authority<'a>(facts: &RequestFacts, view: HeadView<'a>) -> &'a str {
    let named = facts.host.map_or(&[][..], |host| host.of(view.bytes()));
    // An authority was checked to be ASCII.
    std::str::from_utf8(named).unwrap_or_default()
}

/// Reads until the buffer holds a head. The time for it runs from `started`.
async fn head<S: Io>(
    stream: &mut S,
    input: &mut Buffer,
    kit: &mut Kit,
    alarm: &Alarm,
    (started, site, worker): (Tick, &Site, &Worker),
) -> Arrived {
    let settings = &site.settings;
    let mut waits = false;
    poll_fn(|cx| {
        loop {
            if !input.is_empty() {
                match parse_request(input.data(), &mut kit.head, &settings.head_limits) {
                    Ok(Parsed::Complete(len)) => return Poll::Ready(Arrived::Whole(len)),
                    Err(refusal) => return Poll::Ready(Arrived::Refused(refusal)),
                    Ok(Parsed::Partial) => {}
                }
            }
            match more(stream, input, cx, worker) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Arrived::Gone),
                Poll::Pending => break,
            }
        }
        // A client that has sent nothing yet is idle, not slow, and owes no head.
        if !std::mem::replace(&mut waits, true) {
            alarm.set_after(
                started,
                if input.is_empty() { settings.client.idle } else { settings.client.head },
            );
        }
        alarm.poll(cx).map(|()| if input.is_empty() { Arrived::Gone } else { Arrived::Slow })
    })
    .await
}

/// Reads once. `false`: the client left.
fn more<S: Io>(stream: &mut S, input: &mut Buffer, cx: &mut Context<'_>, worker: &Worker) -> Poll<bool> {
    let stash = &worker.local.stash;
    if input.capacity() == 0 {
        *input = stash.small();
    } else if !input.has_room() {
        // The parser refuses a head over its limit long before this one is full.
        let mut large = stash.large();
        input.move_into(&mut large);
        stash.give_back(std::mem::replace(input, large));
    }
    input.poll_fill(stream, cx).map(|read| matches!(read, Ok(count) if count > 0))
}

/// What the next request begins with: the end of the head's buffer, or what was read since.
fn rest(mut head_buffer: Buffer, early: usize, input: Buffer, worker: &Worker) -> Buffer {
    let stash = &worker.local.stash;
    if early > 0 {
        head_buffer.consume(head_buffer.data().len() - early);
        stash.give_back(input);
        return head_buffer;
    }
    stash.give_back(head_buffer);
    input
}
