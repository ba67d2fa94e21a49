//! The client's side of one HTTP/1 exchange: reads the request's body in place, frames the answer.

use std::io;
use std::mem::take;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use sekisho_exchange::{
    Answerer, Awaited, BodyEvent, BrokenBody, Buffer, Downstream, Gone, Io, LARGE, Local, ResponseHead, SMALL,
};
use sekisho_wire::{
    BodyReader, CHUNK_END, Edits, Framing, HeadView, Method, Skip, Step, Version, write_chunk_head,
    write_last_chunk, write_status_line,
};

use super::side::{Line, Side, Slot};

/// Bytes in line that are sent before a piece goes past them.
const DIRECT: usize = 4 * 1024;

/// One exchange's view of its connection.
pub(super) struct Http1<'a, S> {
    stream: &'a mut Slot<S>,
    local: &'a Rc<Local>,
    /// What came in one read with the head: body bytes, pipelined requests. Used up before `input`.
    early: &'a [u8],
    /// What was read since.
    input: Buffer,
    reader: BodyReader,
    /// Bytes of the request's payload at the front.
    payload: usize,
    ended: bool,
    gone: bool,
    /// Others who wait for the answer, as long as it is waited for.
    awaited: Option<Box<dyn Awaited>>,
    line: Line,
    method: Method,
    version: Version,
    keep_alive: bool,
    /// Whether the client has asked before it sends the body, and has sent none of it.
    expects: bool,
    framing: Framing,
    started: bool,
    finished: bool,
}

/// What an exchange leaves behind.
pub(super) struct Left {
    /// Bytes of the next request: this many at the end of the head's buffer, or in `input`.
    pub(super) early: usize,
    pub(super) input: Buffer,
    pub(super) out: Vec<u8>,
    pub(super) next: Next,
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Another request may come.
    KeepAlive,
    /// The answer was sent; the connection ends once the client has read it.
    Close,
    /// It ends at once, so that the client cannot take the answer for whole.
    Cut,
    /// There is nobody to tell anything: the client left, or has been idle for too long.
    Gone,
}

impl<'a, S: Io + 'static> Http1<'a, S> {
    /// `early` is what follows the head in its buffer; `out` an empty buffer to write into.
    pub(super) fn new(
        stream: &'a mut Slot<S>,
        local: &'a Rc<Local>,
        early: &'a [u8],
        out: Vec<u8>,
        body: Framing,
        (method, version, keep_alive): (Method, Version, bool),
    ) -> Self {
        Self {
            stream,
            local,
            early,
            input: Buffer::default(),
            reader: BodyReader::new(body),
            payload: 0,
            ended: matches!(body, Framing::None | Framing::Length(0)),
            gone: false,
            awaited: None,
            line: Line::new(out),
            method,
            version,
            keep_alive,
            expects: false,
            framing: Framing::None,
            started: false,
            finished: false,
        }
    }

    /// Says whether the client has asked before it sends the body (RFC 9110 §10.1.1).
    pub(super) fn expect(&mut self, expects: bool) {
        self.expects = expects;
    }

    /// Whether the answer was sent to its end.
    fn is_whole(&self) -> bool {
        self.finished && self.queued() == 0 && !self.gone
    }

    /// Ends the exchange.
    pub(super) fn end(mut self) -> Left {
        let again = self.keep_alive && self.discard_rest();
        let next = match (self.is_whole(), again) {
            (false, _) => Next::Cut,
            (true, true) => Next::KeepAlive,
            (true, false) => Next::Close,
        };
        Left { early: self.early.len(), input: self.input, out: self.line.bytes, next }
    }

    /// Drops the rest of the request's body if all of it is here, which then need not cost the connection.
    fn discard_rest(&mut self) -> bool {
        while !self.ended {
            match self.step() {
                Ok(Some(BodyEvent::Data)) => self.consume(self.payload),
                Ok(Some(BodyEvent::End)) => {}
                Ok(None) | Err(_) => return false,
            }
        }
        true
    }

    fn skip(&mut self, count: usize) {
        if self.early.is_empty() {
            self.input.consume(count);
        } else {
            self.early = &self.early[count..];
        }
    }

    /// Understands what is at hand of the body. `None`: more must be read.
    fn step(&mut self) -> Result<Option<BodyEvent>, BrokenBody> {
        if self.payload > 0 {
            return Ok(Some(BodyEvent::Data));
        }
        if self.ended {
            return Ok(Some(BodyEvent::End));
        }
        let unread = if self.early.is_empty() { self.input.data() } else { self.early };
        match self.reader.next(unread).map_err(BrokenBody::Malformed)? {
            Step::Data { skip, len } => {
                self.skip(skip);
                self.payload = len;
                self.expects = false;
                Ok(Some(BodyEvent::Data))
            }
            Step::Done { skip } => {
                self.skip(skip);
                self.ended = true;
                Ok(Some(BodyEvent::End))
            }
            Step::More { skip } => {
                self.skip(skip);
                if !self.early.is_empty() {
                    // Part of a framing line: it continues in the next read, so it moves to where that goes.
                    self.make_room(SMALL);
                    self.input.extend(self.early);
                    self.early = &[];
                }
                Ok(None)
            }
        }
    }

    /// Gives `input` room for a read.
    fn make_room(&mut self, capacity: usize) {
        if self.input.capacity() < capacity {
            let mut larger =
                if capacity > SMALL { self.local.stash.large() } else { self.local.stash.small() };
            if !self.input.is_empty() {
                self.input.move_into(&mut larger);
            }
            let before = std::mem::replace(&mut self.input, larger);
            if before.capacity() > 0 {
                self.local.stash.give_back(before);
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = ready!(self.input.poll_fill(&mut **self.stream, cx));
        if matches!(read, Ok(0) | Err(_)) {
            self.gone = true;
        }
        Poll::Ready(read)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, payload: &[u8]) -> Poll<io::Result<usize>> {
        let taken = self.line.poll_write(&mut **self.stream, cx, payload);
        self.gone |= matches!(taken, Poll::Ready(Err(_)));
        taken
    }

    /// Whether the answer's body is sent at all.
    fn sends_body(&self) -> bool {
        self.method != Method::Head && self.framing != Framing::None
    }
}

impl<S: Io + 'static> Downstream for Http1<'_, S> {
    type Side = Side<S>;

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, BrokenBody>> {
        loop {
            if let Some(event) = self.step()? {
                return Poll::Ready(Ok(event));
            }
            let much = self.reader.remaining_length().is_none_or(|left| left > SMALL as u64);
            self.make_room(if much && self.input.capacity() > 0 { LARGE } else { SMALL });
            if !matches!(ready!(self.poll_read(cx)), Ok(count) if count > 0) {
                return Poll::Ready(Err(BrokenBody::Gone));
            }
        }
    }

    fn body(&self) -> &[u8] {
        &self.unread()[..self.payload]
    }

    fn unread(&self) -> &[u8] {
        if self.early.is_empty() { self.input.data() } else { self.early }
    }

    fn consume(&mut self, count: usize) {
        self.skip(count);
        self.payload -= count;
        self.reader.consumed(count);
        self.ended |= self.reader.is_done();
    }

    fn trailers(&self) -> &[u8] {
        self.reader.trailers()
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        if self.awaited.as_ref().is_some_and(|awaited| awaited.is_awaited()) {
            return Poll::Pending;
        }
        if self.gone {
            return Poll::Ready(Gone);
        }
        // What the client pipelines meanwhile is kept; with no room left its leaving shows when it is written to.
        while self.early.is_empty() && (self.input.capacity() == 0 || self.input.has_room()) {
            ready!(self.stream.poll_readable(cx));
            self.make_room(SMALL);
            if !matches!(ready!(self.poll_read(cx)), Ok(count) if count > 0) {
                return Poll::Ready(Gone);
            }
        }
        Poll::Pending
    }

    fn stay(&mut self, awaited: Option<Box<dyn Awaited>>) {
        self.awaited = awaited;
    }

    fn interim(&mut self, view: HeadView<'_>, skip: Skip) {
        if self.version == Version::Http10 {
            return;
        }
        write_status_line(&mut self.line.bytes, view.status());
        Edits::default().write(view, skip, &mut self.line.bytes);
        self.line.bytes.extend_from_slice(b"\r\n");
    }

    fn start(&mut self, head: &ResponseHead<'_>) {
        self.started = true;
        let status = head.view.status();
        write_status_line(&mut self.line.bytes, status);
        head.edits.write(head.view, head.skip, &mut self.line.bytes);
        // The gateway answers for itself without taking the body: unless the rest of it is here, nobody knows where the
        // next request would begin.
        // A client that asked first, and was answered instead, may send the body or the next request.
        if head.close || self.expects || head.from == Answerer::Gateway && !self.discard_rest() {
            self.keep_alive = false;
        }
        self.framing = match head.framing {
            Framing::Chunked | Framing::UntilClose if self.version == Version::Http11 => Framing::Chunked,
            Framing::Chunked => Framing::UntilClose,
            other => other,
        };
        match self.framing {
            Framing::Chunked if self.method != Method::Head => {
                self.line.bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            }
            Framing::UntilClose => self.keep_alive = false,
            _ => {}
        }
        match (self.keep_alive, self.version) {
            (false, _) => self.line.bytes.extend_from_slice(b"Connection: close\r\n"),
            (true, Version::Http10) => self.line.bytes.extend_from_slice(b"Connection: keep-alive\r\n"),
            (true, Version::Http11) => {}
        }
        self.line.bytes.extend_from_slice(b"\r\n");
    }

    fn switch(&mut self, view: HeadView<'_>, skip: Skip, edits: &Edits, chosen: &[u8]) {
        self.started = true;
        self.keep_alive = false;
        write_status_line(&mut self.line.bytes, view.status());
        edits.write(view, skip, &mut self.line.bytes);
        self.line.bytes.extend_from_slice(b"Connection: upgrade\r\nUpgrade: ");
        self.line.bytes.extend_from_slice(chosen);
        self.line.bytes.extend_from_slice(b"\r\n\r\n");
    }

    fn release(&mut self) -> Option<Side<S>> {
        let stream = self.stream.take()?;
        let line = take(&mut self.line);
        Some(Side::new(stream, take(&mut self.input), line, Rc::clone(self.local)))
    }

    fn restore(&mut self, side: Side<S>) {
        let (stream, input, line, gone) = side.into_parts();
        self.stream.put(stream);
        (self.input, self.line) = (input, line);
        self.gone |= gone;
    }

    fn push(&mut self, payload: &[u8]) {
        if !self.sends_body() || payload.is_empty() {
            return;
        }
        let chunked = self.framing == Framing::Chunked;
        if chunked {
            write_chunk_head(&mut self.line.bytes, payload.len());
        }
        self.line.bytes.extend_from_slice(payload);
        if chunked {
            self.line.bytes.extend_from_slice(CHUNK_END);
        }
    }

    fn finish(&mut self, trailers: &[u8]) {
        let again = std::mem::replace(&mut self.finished, true);
        if !again && self.sends_body() && self.framing == Framing::Chunked {
            write_last_chunk(&mut self.line.bytes, Some(trailers).filter(|trailers| !trailers.is_empty()));
        }
    }

    fn unconfirmed(&self) -> Option<u32> {
        self.stream.unconfirmed()
    }

    fn queued(&self) -> usize {
        self.line.queued()
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.queued() > 0 {
            ready!(self.poll_write(cx, &[]))?;
        }
        // A TLS stream may still hold what it was given.
        Pin::new(&mut **self.stream).poll_flush(cx)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, payload: &[u8]) -> Poll<io::Result<usize>> {
        if !self.sends_body() {
            return self.poll_flush(cx).map_ok(|()| payload.len());
        }
        if self.framing == Framing::Chunked {
            // A chunk's head, data and end must stay together: they are put in line whole.
            if self.queued() > DIRECT {
                ready!(self.poll_flush(cx))?;
            }
            self.push(payload);
            return Poll::Ready(Ok(payload.len()));
        }
        let taken = ready!(self.poll_write(cx, payload))?;
        Poll::Ready(Ok(taken))
    }
}
