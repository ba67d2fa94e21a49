//! A client's connection: one request after another, until either side has enough.

use std::future::poll_fn;
use std::mem::{swap, take};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use sekisho_exchange::{Alarm, Buffer, Client, Content, Decider, Exchange, Io, Reply, Scheme};
use sekisho_units::Tick;
use sekisho_wire::{Head, Known};

use super::arrival::{Arrived, Request, read_head};
use super::client::{Http1, Next};
use super::linger::linger;
use super::side::Slot;
use crate::basis::Basis;
use crate::forward::{self, Lines};
use crate::listener::Door;
use crate::route::{Ask, Found};
use crate::site::Site;
use crate::walk::{Desk, Start, walk};
use crate::worker::{Held, Kit, Worker};

/// Who is at the other end of a connection, and by which way.
pub struct Caller {
    /// The client's address, or a proxy's.
    pub peer: SocketAddr,
    /// What is spoken.
    pub scheme: Scheme,
    /// The port that it came through.
    pub door: Arc<Door>,
}

/// Serves one client's connection to its end.
pub async fn serve<S: Io + 'static>(stream: S, caller: Caller, worker: Rc<Worker>) {
    let mut stream = Slot::new(stream);
    let alarm = worker.local.alarms.alarm();
    let mut lines = Lines::default();
    let mut input = Buffer::default();
    loop {
        if input.is_empty() {
            // An idle connection owns no buffer.
            worker.local.stash.give_back(take(&mut input));
            if !request_begins(&mut *stream, &alarm, &caller, &worker).await {
                return;
            }
        }
        let mut kit = worker.kit();
        let site = worker.site();
        let started = worker.local.clock.now();
        let head =
            read_head(&mut *stream, &mut input, &mut kit.head, &alarm, (started, &site, &caller, &worker));
        let arrived = head.await;
        let desk = (&alarm, &mut lines);
        let next =
            one(&mut stream, &mut input, (arrived, started), &mut kit, desk, &caller, (site, &worker)).await;
        worker.give_back(kit);
        match next {
            Next::KeepAlive => {}
            Next::Close => break linger(&mut *stream, &alarm, &worker.local).await,
            Next::Cut => break stream.abort(),
            Next::Gone => break,
        }
    }
    worker.local.stash.give_back(input);
}

/// Answers `reply` to whatever a connection may ask, and ends it.
pub(crate) async fn refuse<S: Io + 'static>(stream: S, caller: Caller, worker: Rc<Worker>, reply: Reply) {
    let mut stream = Slot::new(stream);
    let alarm = worker.local.alarms.alarm();
    let mut kit = worker.kit();
    let (site, started) = (worker.site(), worker.local.clock.now());
    let arrived = (Arrived::Never(Box::new(reply.closing())), started);
    let (mut input, mut lines) = (Buffer::default(), Lines::default());
    let desk = (&alarm, &mut lines);
    let next = one(&mut stream, &mut input, arrived, &mut kit, desk, &caller, (site, &worker)).await;
    worker.give_back(kit);
    match next {
        Next::KeepAlive | Next::Close => linger(&mut *stream, &alarm, &worker.local).await,
        Next::Cut => stream.abort(),
        Next::Gone => {}
    }
    worker.local.stash.give_back(input);
}

impl Caller {
    /// Whether connections end after the exchange they are in.
    pub(crate) fn is_leaving(&self, worker: &Worker) -> bool {
        worker.is_draining() || self.door.is_closing()
    }
}

/// Waits for the first byte of a request. `false`: none came in time, or the connection is to end.
async fn request_begins<S: Io>(stream: &mut S, alarm: &Alarm, caller: &Caller, worker: &Worker) -> bool {
    let mut waits = false;
    poll_fn(|cx| {
        if stream.poll_readable(cx).is_ready() {
            return Poll::Ready(true);
        }
        if caller.is_leaving(worker) {
            return Poll::Ready(false);
        }
        if !std::mem::replace(&mut waits, true) {
            alarm.set_waiting(worker.local.clock.now(), worker.site().settings.client.idle);
        }
        alarm.poll(cx).map(|()| false)
    })
    .await
}

/// One request, as it `arrived`, and its answer.
async fn one<S: Io + 'static>(
    stream: &mut Slot<S>,
    input: &mut Buffer,
    (arrived, started): (Arrived, Tick),
    kit: &mut Kit,
    (alarm, lines): (&Alarm, &mut Lines),
    caller: &Caller,
    (site, worker): (Rc<Held>, &Rc<Worker>),
) -> Next {
    let head_buffer = kept(&arrived, take(input), &kit.head, worker);
    let Kit { head, path, out, to_service, to_client, reply, stand_in } = kit;
    let Some(request) = Request::understand(arrived, head_buffer.data(), (head, stand_in), &site, path)
    else {
        worker.local.stash.give_back(head_buffer);
        return Next::Gone;
    };
    let view = request.view;
    let client = match request.refusal {
        Some(_) => Client::direct(caller.peer, caller.scheme),
        None => forward::client(view, caller.peer, caller.scheme, &site.settings.trusted_proxies),
    };
    // Before the exchange, which borrows from it.
    let basis;
    let target = (request.target.path, request.target.query, request.host);
    let mut exchange = Exchange::new(view, target, request.body, client, started, &worker.local);
    swap(&mut exchange.to_service, to_service);
    swap(&mut exchange.to_client, to_client);

    let like = (view.method(), view.version(), request.keep_alive);
    let mut down = Http1::new(stream, &worker.local, request.early, take(out), request.body, like);
    down.expect(request.expects);
    let (plan, refusal) = route(&site, &mut exchange, request, caller);
    basis = Basis::of(site, plan, view);
    let way = basis.way(&mut exchange, (worker, alarm, &caller.door));
    let start = refusal.map_or(Start::Plan, |(by, reply)| Start::Answered(by, reply));
    walk(&way, &mut exchange, start, &mut down, Desk { lines, reply }).await;

    swap(&mut exchange.to_service, to_service);
    swap(&mut exchange.to_client, to_client);
    drop(exchange);
    let left = down.end();
    *out = left.out;
    *input = rest(head_buffer, left.early, left.input, worker);
    left.next
}

/// The buffer with the head. One that asks for a tunnel, which may be silent for hours, is kept in a buffer of its own size.
fn kept(arrived: &Arrived, mut input: Buffer, head: &Head, worker: &Worker) -> Buffer {
    let whole = matches!(arrived, Arrived::Whole(len) if *len == input.data().len());
    if !whole || !head.view(input.data()).present().contains(Known::Upgrade) {
        return input;
    }
    let mut exact = Buffer::with_capacity(input.data().len());
    input.move_into(&mut exact);
    worker.local.stash.give_back(input);
    exact
}

/// Finds the plan, `None` for that of requests without a route, or the router's own answer. The route's segments are noted,
/// without their names.
fn route<'a>(
    site: &Site,
    exchange: &mut Exchange<'a>,
    request: Request<'a>,
    caller: &Caller,
) -> (Option<usize>, Option<(Decider, Box<Reply>)>) {
    if let Some(reply) = request.refusal {
        return (None, Some((Decider::Listener, reply)));
    }
    if caller.scheme == Scheme::Http
        && exchange.client.scheme == Scheme::Http
        && let Some(reply) = caller.door.redirect(exchange.host, exchange.path, exchange.query)
    {
        return (None, Some((Decider::Listener, Box::new(reply))));
    }
    if request.whole_server {
        let reply = Reply::plain(204, Content::Empty, "options_of_the_server")
            .header("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        return (None, Some((Decider::Router, Box::new(reply))));
    }
    let ask = Ask::new(exchange.head, exchange.path, exchange.host);
    match site.router.find(&ask) {
        Found::Route { plan, params, segment } => {
            let (plan, refusal) = site.way(plan, exchange, (segment, ask.preflight.is_some()));
            if let Some(reply) = refusal {
                return (Some(plan), Some((Decider::Router, reply)));
            }
            if request.target.risky && !site.plans[plan].handed.risky_paths {
                return (Some(plan), Some((Decider::Router, Box::new(Reply::risky_path()))));
            }
            exchange.params.extend(params.map(|value| ("", value)));
            (Some(plan), None)
        }
        Found::MethodNotAllowed { allow } => {
            (None, Some((Decider::Router, Box::new(Reply::method_not_allowed(&allow)))))
        }
        Found::None => (None, None),
    }
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
