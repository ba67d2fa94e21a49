//! The client's side of a tunnel: its connection, apart from the exchange that made it one.

use std::io::{self, IoSlice};
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use sekisho_exchange::{Buffer, Io, LARGE, Local, Raw};

/// A connection's stream, which a tunnel may have for itself as long as it lasts.
pub(super) struct Slot<S>(Option<S>);

/// What is to be sent, and how much of it was.
#[derive(Default)]
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    sent: usize,
}

/// A client, as a tunnel sees it.
pub(crate) struct Side<S> {
    stream: S,
    input: Buffer,
    /// What was in line when the tunnel began.
    line: Line,
    gone: bool,
    local: Rc<Local>,
}

impl<S> Slot<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(Some(stream))
    }

    /// The stream, unless a tunnel has it.
    pub(super) fn take(&mut self) -> Option<S> {
        self.0.take()
    }

    /// Puts it back.
    pub(super) fn put(&mut self, stream: S) {
        self.0 = Some(stream);
    }
}

/// Nothing is asked of a stream while a tunnel has it.
const LENT: &str = "a tunnel gives the stream back before it ends";

impl<S> Deref for Slot<S> {
    type Target = S;
    #[inline]
    fn deref(&self) -> &S {
        self.0.as_ref().expect(LENT)
    }
}

impl<S> DerefMut for Slot<S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S {
        self.0.as_mut().expect(LENT)
    }
}

impl Line {
    /// Nothing in line, in `bytes`, which are empty.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0 }
    }

    /// Bytes in line.
    #[inline]
    pub(super) fn queued(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Sends what is in line and then of `payload`, one of which is something; gives how many bytes of the latter were taken.
    #[inline]
    pub(super) fn poll_write<S: Io>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        payload: &[u8],
    ) -> Poll<io::Result<usize>> {
        let queued = &self.bytes[self.sent..];
        let written = match (queued.is_empty(), payload.is_empty()) {
            (true, _) => ready!(Pin::new(stream).poll_write(cx, payload)),
            (false, true) => ready!(Pin::new(stream).poll_write(cx, queued)),
            (false, false) => {
                let both = [IoSlice::new(queued), IoSlice::new(payload)];
                ready!(Pin::new(stream).poll_write_vectored(cx, &both))
            }
        };
        let count = something(written)?;
        let of_queued = count.min(self.queued());
        self.sent += of_queued;
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        }
        Poll::Ready(Ok(count - of_queued))
    }
}

/// What was written, which is something.
#[inline]
fn something(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        written => written,
    }
}

impl<S> Side<S> {
    pub(super) fn new(stream: S, input: Buffer, line: Line, local: Rc<Local>) -> Self {
        Self { stream, input, line, gone: false, local }
    }

    /// The stream, what was read, what is in line, and whether the client is gone.
    pub(super) fn into_parts(self) -> (S, Buffer, Line, bool) {
        (self.stream, self.input, self.line, self.gone)
    }
}

impl<S: Io + 'static> Raw for Side<S> {
    fn unread(&self) -> &[u8] {
        self.input.data()
    }

    fn take(&mut self, count: usize) {
        self.input.consume(count);
    }

    #[inline]
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut [u8],
        waits: &mut bool,
    ) -> Poll<io::Result<usize>> {
        self.local.stash.take_back(&mut self.input);
        let received = self.stream.poll_receive(cx, space, waits);
        self.gone |= matches!(received, Poll::Ready(Err(_)));
        received
    }

    #[cold]
    fn keep(&mut self, bytes: &[u8]) {
        self.input = self.local.stash.small();
        self.input.extend(bytes);
    }

    fn poll_more(&mut self, cx: &mut Context<'_>, waits: bool) -> Poll<io::Result<usize>> {
        let stash = &self.local.stash;
        // A side that is silent costs no buffer, not even for the moment of looking.
        if !self.stream.is_readable() && (waits || self.stream.poll_readable(cx).is_pending()) {
            stash.take_back(&mut self.input);
            return Poll::Pending;
        }
        if self.input.capacity() < LARGE {
            stash.take_back(&mut self.input);
            self.input = stash.large();
        }
        let filled = self.input.poll_fill(&mut self.stream, cx);
        if !matches!(filled, Poll::Ready(Ok(1..))) {
            stash.take_back(&mut self.input);
        }
        self.gone |= matches!(filled, Poll::Ready(Err(_)));
        filled
    }

    #[inline]
    fn poll_put(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = match self.line.queued() {
            0 => self.stream.poll_send(cx, bytes).map(something),
            _ => self.line.poll_write(&mut self.stream, cx, bytes),
        };
        self.gone |= matches!(taken, Poll::Ready(Err(_)));
        taken
    }

    fn holds_back(&self) -> bool {
        S::HOLDS_BACK || self.line.queued() > 0
    }

    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.line.queued() > 0 {
            ready!(self.poll_put(cx, &[]))?;
        }
        // A TLS stream may still hold what it was given.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
