//! A connection in the middle of one exchange: the request goes out while the response comes in.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sekisho_exchange::{Downstream, Exchange};
use sekisho_units::Tick;
use sekisho_wire::{
    BadBody, BodyReader, Framing, HeadView, Known, Limits, Method, Parsed, ResponseFacts, Step, Version,
    check_response, hop_by_hop, parse_response,
};

use crate::conn::Conn;
use crate::failure::Failure;
use crate::fleet::Flight;
use crate::limit::Place;
use crate::pool::{Lent, Pools};
use crate::tls::refusal;
use crate::upload::{Pace, Upload, passing};

/// Interim answers that one call may give.
const MOST_INTERIM: u32 = 64;

/// One call to an endpoint.
pub struct Call {
    /// There until the call ends; `Option` so that the end can take it.
    pub(crate) conn: Option<Box<Conn>>,
    pub(crate) kit: Lent,
    /// Its place among those that the endpoint has to do.
    pub(crate) flight: Option<Flight>,
    /// Its place among those that the service may have at once, where that is limited.
    pub(crate) place: Option<Place>,
    method: Method,
    limits: Limits,
    pub(crate) upload: Upload,
    /// Bytes of `kit.out` that the service has taken.
    pub(crate) sent: usize,
    /// Whether `kit.out` holds the request from its first byte.
    pub(crate) whole: bool,
    /// So long the request is kept in `kit.out` though it was sent, in case it must be sent again.
    pub(crate) keep: usize,
    /// Bytes of `kit.out` that are the head.
    request_head: usize,
    pub(crate) pace: Pace,
    /// Whether the service may change protocols.
    upgrades: bool,
    /// Whether the client waits for the service to say that it takes the body.
    pub(crate) awaits_consent: bool,
    /// When the service last took a byte or gave a whole head or a byte of its body, or the client gave a byte for it.
    pub(crate) moved: Tick,
    /// When the last byte of the request was sent, once it is.
    sent_at: Tick,
    /// Whether a byte of the response has come.
    pub(crate) answered: bool,
    interim: u32,
    head_len: usize,
    facts: Option<ResponseFacts>,
    reader: BodyReader,
    /// Bytes of payload at the front of the buffer.
    payload: usize,
}

/// Why a response's body ended too soon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenResponse;

impl Call {
    /// A call over `conn` whose request head is written by `compose` into the kit. On its way it is handed over some ten
    /// times, by its pointer: an allocation costs less than the copies would.
    pub(crate) fn new(
        conn: Box<Conn>,
        pools: &Rc<Pools>,
        exchange: &Exchange<'_>,
        (limits, pace, keep): (Limits, Pace, usize),
        compose: impl FnOnce(&mut Vec<u8>),
    ) -> Box<Self> {
        let mut kit = pools.kit();
        compose(&mut kit.out);
        let request_head = kit.out.len();
        let upload = match exchange.body {
            Framing::None | Framing::Length(0) => Upload::Rest,
            body => Upload::Body(body),
        };
        Box::new(Self {
            conn: Some(conn),
            kit,
            flight: None,
            place: None,
            method: exchange.method,
            limits,
            upload,
            sent: 0,
            whole: true,
            keep: if keep > 0 { request_head + keep } else { 0 },
            request_head,
            pace,
            upgrades: !exchange.to_offer.is_empty(),
            awaits_consent: upload != Upload::Rest
                && exchange.head.version() == Version::Http11
                && exchange.head.present().contains(Known::Expect),
            moved: pools.local.clock.now(),
            sent_at: Tick::ZERO,
            answered: false,
            interim: 0,
            head_len: 0,
            facts: None,
            reader: BodyReader::new(Framing::None),
            payload: 0,
        })
    }

    /// The same request over another connection to the same endpoint.
    pub(crate) fn repeat(mut self: Box<Self>, conn: Box<Conn>) -> Box<Self> {
        self.sent = 0;
        self.answered = false;
        if self.upload == Upload::Done {
            self.upload = Upload::Rest;
        }
        self.moved = self.kit.pools.local.clock.now();
        self.conn = Some(conn);
        self
    }

    /// The same request over a connection to another endpoint, for which `compose` writes the head.
    #[cold]
    pub(crate) fn elsewhere(
        mut self: Box<Self>,
        conn: Box<Conn>,
        compose: impl FnOnce(&mut Vec<u8>),
    ) -> Box<Self> {
        let body = self.kit.out.split_off(self.request_head);
        self.kit.out.clear();
        compose(&mut self.kit.out);
        self.request_head = self.kit.out.len();
        self.kit.out.extend_from_slice(&body);
        self.repeat(conn)
    }

    /// Gives up whatever came of the call but the request. The connection is kept if the answer is at hand to its end.
    #[cold]
    pub fn forgo(&mut self) {
        self.end_head();
        while let Ok(Some(true)) = self.look() {
            self.consume(self.payload);
        }
        self.put_back();
        self.hang_up();
        (self.facts, self.reader) = (None, BodyReader::new(Framing::None));
    }

    /// Lets go of a connection that turned out to be closed, so that its place is free for another.
    pub(crate) fn hang_up(&mut self) {
        if let Some(mut conn) = self.conn.take() {
            self.kit.pools.local.stash.give_back(std::mem::take(&mut conn.input));
        }
    }

    /// When the service last took a byte or gave a whole head or a byte of its body, or the client gave a byte for it.
    pub fn moved(&self) -> Tick {
        self.moved
    }

    /// Since the whole request is with the service, until `now`; `None` as long as it is not.
    pub(crate) fn served(&self, now: Tick) -> Option<Duration> {
        self.is_sent().then(|| now.since(self.sent_at))
    }

    /// Everything is sent.
    pub(crate) fn all_sent(&mut self) {
        self.upload = Upload::Done;
        self.sent_at = self.moved;
    }

    /// Waits for the response's head; interim answers are passed on on the way.
    pub(crate) fn poll_head<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Poll<Result<(), Failure>> {
        loop {
            let Some(conn) = &mut self.conn else { return Poll::Ready(Err(Failure::Broke)) };
            if !conn.input.is_empty() {
                let parsed = parse_response(conn.input.data(), &mut self.kit.head, &self.limits)
                    .map_err(Failure::Garbage)?;
                if let Parsed::Complete(len) = parsed {
                    // Only now: a head that trickles in must not hold off its own deadline.
                    self.moved = self.kit.pools.local.clock.now();
                    if self.take_head(len, down)? {
                        return Poll::Ready(Ok(()));
                    }
                    continue;
                }
                if !conn.input.has_room() {
                    let mut larger = self.kit.pools.local.stash.large();
                    conn.input.move_into(&mut larger);
                    self.kit.pools.local.stash.give_back(std::mem::replace(&mut conn.input, larger));
                }
            } else if conn.input.capacity() == 0 {
                conn.input = self.kit.pools.local.stash.small();
            }
            match ready!(conn.poll_fill(cx)) {
                Ok(count) if count > 0 => self.answered = true,
                Ok(_) => return Poll::Ready(Err(broken(conn, self.answered))),
                Err(error) => return Poll::Ready(Err(refused(&error, conn, self.answered))),
            }
        }
    }

    /// Understands a whole head of `len` bytes. `false` if it was an interim one.
    fn take_head<D: Downstream>(&mut self, len: usize, down: &mut D) -> Result<bool, Failure> {
        let may_switch = self.upgrades && self.is_sent();
        let Some(conn) = &mut self.conn else { return Ok(true) };
        let view = self.kit.head.view(conn.input.data());
        match view.status() {
            101 if may_switch => {}
            101 => return Err(Failure::Switched),
            100..=199 => {
                self.interim += 1;
                if self.interim > MOST_INTERIM {
                    return Err(Failure::Garbage(sekisho_wire::Malformed::TooManyInterim));
                }
                let agreed = view.status() == 100;
                let mut skip = hop_by_hop(view);
                // It would announce a body that an interim answer cannot have (RFC 9110 §8.6).
                skip.insert_name(view, Known::ContentLength);
                down.interim(view, skip);
                conn.input.consume(len);
                if agreed {
                    self.consented();
                }
                return Ok(false);
            }
            _ => {}
        }
        let facts = check_response(view, self.method).map_err(Failure::Garbage)?;
        self.reader = BodyReader::new(facts.framing);
        self.facts = Some(facts);
        self.head_len = len;
        Ok(true)
    }

    /// The response's head; there until [`Call::end_head`].
    pub fn head(&self) -> HeadView<'_> {
        self.kit.head.view(self.conn.as_ref().map_or(&[], |conn| conn.input.data()))
    }

    /// How the response's body is delimited.
    pub fn framing(&self) -> Framing {
        self.facts.as_ref().map_or(Framing::None, |facts| facts.framing)
    }

    /// Drops the head; from now on the body is read.
    pub fn end_head(&mut self) {
        if let Some(conn) = &mut self.conn {
            conn.input.consume(self.head_len);
        }
        self.head_len = 0;
    }

    /// The bytes of the body at hand.
    pub fn data(&self) -> &[u8] {
        self.conn.as_ref().map_or(&[], |conn| &conn.input.data()[..self.payload])
    }

    /// Drops the first `count` bytes of [`Call::data`].
    pub fn consume(&mut self, count: usize) {
        if let Some(conn) = &mut self.conn {
            conn.input.consume(count);
            self.payload -= count;
            self.reader.consumed(count);
        }
    }

    /// Finds more of the body in what was read already. `None`: it must read; `Some(false)`: the body has ended.
    pub fn look(&mut self) -> Result<Option<bool>, BrokenResponse> {
        let Some(conn) = &mut self.conn else { return Ok(Some(false)) };
        if self.payload > 0 {
            return Ok(Some(true));
        }
        if self.reader.is_done() {
            return Ok(Some(false));
        }
        match self.reader.next(conn.input.data()).map_err(|_: BadBody| BrokenResponse)? {
            Step::Data { skip, len } => {
                conn.input.consume(skip);
                self.payload = len;
                Ok(Some(true))
            }
            Step::More { skip } => {
                conn.input.consume(skip);
                Ok(None)
            }
            Step::Done { skip } => {
                conn.input.consume(skip);
                Ok(Some(false))
            }
        }
    }

    /// Waits for more of the body. `true`: [`Call::data`] holds some; `false`: the body has ended.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, BrokenResponse>> {
        loop {
            if let Some(more) = self.look()? {
                return Poll::Ready(Ok(more));
            }
            let Some(conn) = &mut self.conn else { return Poll::Ready(Ok(false)) };
            grow(conn, &self.reader, &self.kit.pools);
            let filled = conn.poll_fill(cx);
            if filled.is_pending() && conn.input.is_empty() {
                // Others stream meanwhile: one buffer that goes round stays in the processor's cache, where many would not.
                self.kit.pools.local.stash.give_back(std::mem::take(&mut conn.input));
            }
            match ready!(filled) {
                Ok(0) => {
                    self.reader.end().map_err(|_: BadBody| BrokenResponse)?;
                    self.facts = None;
                    return Poll::Ready(Ok(false));
                }
                Ok(_) => self.moved = self.kit.pools.local.clock.now(),
                Err(_) => return Poll::Ready(Err(BrokenResponse)),
            }
        }
    }

    /// The trailer lines that ended the response's body, those of them whose names are `allowed`.
    pub fn trailers(&self, allowed: &[Box<str>]) -> Vec<u8> {
        passing(self.reader.trailers(), allowed)
    }

    /// Ends the call. The connection goes back to its pool if the whole request was sent, the whole answer read, and the
    /// service keeps it open.
    pub fn end(mut self: Box<Self>) {
        self.put_back();
    }

    /// Gives the connection back to its pool, if it can carry another exchange.
    fn put_back(&mut self) {
        let kept = self.facts.as_ref().is_some_and(|facts| facts.keep_alive)
            && self.upload == Upload::Done
            && self.reader.is_done()
            && self.payload == 0;
        if kept && let Some(conn) = self.conn.take() {
            self.kit.pools.give_back(conn);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// What it means that the connection broke before the response's head.
pub(crate) fn broken(conn: &Conn, answered: bool) -> Failure {
    if conn.used && !answered { Failure::Stale } else { Failure::Broke }
}

/// What a read error before the response's head means: a service that refuses our certificate says so in place of the first
/// answer.
fn refused(error: &io::Error, conn: &Conn, answered: bool) -> Failure {
    match refusal(error) {
        Some(reason) if !conn.used && !answered => Failure::Unreachable(reason),
        _ => broken(conn, answered),
    }
}

/// Gives the connection room to read into: a relay buffer once much of the body is still to come.
fn grow(conn: &mut Conn, reader: &BodyReader, pools: &Pools) {
    let stash = &pools.local.stash;
    let much = reader.remaining_length().is_none_or(|left| left > sekisho_exchange::SMALL as u64);
    match conn.input.capacity() {
        0 if much => conn.input = stash.large(),
        0 => conn.input = stash.small(),
        capacity if capacity < sekisho_exchange::LARGE && (much || !conn.input.has_room()) => {
            let mut large = stash.large();
            conn.input.move_into(&mut large);
            stash.give_back(std::mem::replace(&mut conn.input, large));
        }
        _ => {}
    }
}
