//! The client's side of one HTTP/1 exchange: reads the request's body in place, frames the answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use sekisho_exchange::{
    Answerer, BodyEvent, BrokenBody, Buffer, Downstream, Gone, Io, LARGE, Local, Raw, ResponseHead, SMALL,
};
use sekisho_wire::{
    BodyReader, CHUNK_END, Edits, Framing, HeadView, Method, Skip, Step, Version, write_chunk_head,
    write_last_chunk, write_status_line,
};

/// Bytes in line that are sent before a piece goes past them.
const DIRECT: usize = 4 * 1024;

/// One exchange's view of its connection.
pub(super) struct Http1<'a, S> {
    stream: &'a mut S,
    local: &'a Local,
    /// What came in one read with the head: body bytes, pipelined requests. Used up before `input`.
    early: &'a [u8],
    /// What was read since.
    input: Buffer,
    reader: BodyReader,
    /// Bytes of the request's payload at the front.
    payload: usize,
    ended: bool,
    gone: bool,
    /// What is to be sent, and how much of it was.
    out: Vec<u8>,
    sent: usize,
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

impl<'a, S: Io> Http1<'a, S> {
    /// `early` is what follows the head in its buffer; `out` an empty buffer to write into.
    pub(super) fn new(
        stream: &'a mut S,
        local: &'a Local,
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
            out,
            sent: 0,
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
        self.finished && self.sent == self.out.len() && !self.gone
    }

    /// Ends the exchange.
    pub(super) fn end(mut self) -> Left {
        let again = self.keep_alive && self.discard_rest();
        let next = match (self.is_whole(), again) {
            (false, _) => Next::Cut,
            (true, true) => Next::KeepAlive,
            (true, false) => Next::Close,
        };
        Left { early: self.early.len(), input: self.input, out: self.out, next }
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

    fn give_back(&mut self) {
        if self.input.capacity() > 0 {
            self.local.stash.give_back(std::mem::take(&mut self.input));
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = ready!(self.input.poll_fill(self.stream, cx));
        if matches!(read, Ok(0) | Err(_)) {
            self.gone = true;
        }
        Poll::Ready(read)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, payload: &[u8]) -> Poll<io::Result<usize>> {
        let queued = &self.out[self.sent..];
        let written = match (queued.is_empty(), payload.is_empty()) {
            (true, _) => ready!(Pin::new(&mut *self.stream).poll_write(cx, payload)),
            (false, true) => ready!(Pin::new(&mut *self.stream).poll_write(cx, queued)),
            (false, false) => {
                let both = [IoSlice::new(queued), IoSlice::new(payload)];
                ready!(Pin::new(&mut *self.stream).poll_write_vectored(cx, &both))
            }
        };
        match written {
            Ok(0) => {
                self.gone = true;
                Poll::Ready(Err(io::ErrorKind::WriteZero.into()))
            }
            Ok(count) => {
                let of_queued = count.min(self.out.len() - self.sent);
                self.sent += of_queued;
                if self.sent == self.out.len() {
                    self.out.clear();
                    self.sent = 0;
                }
                Poll::Ready(Ok(count - of_queued))
            }
            Err(error) => {
                self.gone = true;
                Poll::Ready(Err(error))
            }
        }
    }

    /// Whether the answer's body is sent at all.
    fn sends_body(&self) -> bool {
        self.method != Method::Head && self.framing != Framing::None
    }
}

impl<S: Io> Raw for Http1<'_, S> {
    fn unread(&self) -> &[u8] {
        if self.early.is_empty() { self.input.data() } else { self.early }
    }

    fn take(&mut self, count: usize) {
        self.skip(count);
    }

    fn is_readable(&self) -> bool {
        self.stream.is_readable()
    }

    fn poll_more(&mut self, cx: &mut Context<'_>, large: bool) -> Poll<io::Result<usize>> {
        // A side that is silent costs no buffer, not even for the moment of looking.
        if !self.stream.is_readable() && self.stream.poll_readable(cx).is_pending() {
            self.give_back();
            return Poll::Pending;
        }
        self.make_room(if large { LARGE } else { SMALL });
        let filled = self.input.poll_fill(self.stream, cx);
        if !matches!(filled, Poll::Ready(Ok(1..))) {
            self.give_back();
        }
        self.gone |= matches!(filled, Poll::Ready(Err(_)));
        filled
    }

    fn poll_put(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write(cx, bytes)
    }

    fn holds_back(&self) -> bool {
        S::HOLDS_BACK || self.queued() > 0
    }

    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}

impl<S: Io> Downstream for Http1<'_, S> {
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

    fn interim(&mut self, view: HeadView<'_>, skip: Skip) {
        if self.version == Version::Http10 {
            return;
        }
        write_status_line(&mut self.out, view.status());
        Edits::default().write(view, skip, &mut self.out);
        self.out.extend_from_slice(b"\r\n");
    }

    fn start(&mut self, head: &ResponseHead<'_>) {
        self.started = true;
        let status = head.view.status();
        write_status_line(&mut self.out, status);
        head.edits.write(head.view, head.skip, &mut self.out);
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
                self.out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            }
            Framing::UntilClose => self.keep_alive = false,
            _ => {}
        }
        match (self.keep_alive, self.version) {
            (false, _) => self.out.extend_from_slice(b"Connection: close\r\n"),
            (true, Version::Http10) => self.out.extend_from_slice(b"Connection: keep-alive\r\n"),
            (true, Version::Http11) => {}
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn switch(&mut self, view: HeadView<'_>, skip: Skip, edits: &Edits, chosen: &[u8]) {
        self.started = true;
        self.keep_alive = false;
        write_status_line(&mut self.out, view.status());
        edits.write(view, skip, &mut self.out);
        self.out.extend_from_slice(b"Connection: upgrade\r\nUpgrade: ");
        self.out.extend_from_slice(chosen);
        self.out.extend_from_slice(b"\r\n\r\n");
    }

    fn push(&mut self, payload: &[u8]) {
        if !self.sends_body() || payload.is_empty() {
            return;
        }
        let chunked = self.framing == Framing::Chunked;
        if chunked {
            write_chunk_head(&mut self.out, payload.len());
        }
        self.out.extend_from_slice(payload);
        if chunked {
            self.out.extend_from_slice(CHUNK_END);
        }
    }

    fn finish(&mut self, trailers: &[u8]) {
        if self.sends_body() && self.framing == Framing::Chunked {
            write_last_chunk(&mut self.out, Some(trailers).filter(|trailers| !trailers.is_empty()));
        }
        self.finished = true;
    }

    fn queued(&self) -> usize {
        self.out.len() - self.sent
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.queued() > 0 {
            ready!(self.poll_write(cx, &[]))?;
        }
        // A TLS stream may still hold what it was given.
        Pin::new(&mut *self.stream).poll_flush(cx)
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
