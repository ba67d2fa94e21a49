//! The client's side of an exchange, whatever protocol it speaks: the request's body comes from it, the answer goes to it.

use std::io;
use std::task::{Context, Poll};

use sekisho_wire::{BadBody, Edits, Framing, HeadView, Skip};

#[cfg(doc)]
use crate::Io;
use crate::{Answerer, Awaited};

/// What came of waiting for the request's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyEvent {
    /// [`Downstream::body`] holds bytes.
    Data,
    /// The body has ended; [`Downstream::trailers`] holds its trailers.
    End,
}

/// Why the request's body cannot be read to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokenBody {
    /// The client closed or reset its connection.
    Gone,
    /// The bytes are no well-formed body.
    Malformed(BadBody),
}

/// The client has closed its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

/// The head of an answer as it is to be written.
pub struct ResponseHead<'a> {
    /// The service's head, or the one composed for the gateway's own answer.
    pub view: HeadView<'a>,
    /// Lines of `view` that stay behind.
    pub skip: Skip,
    /// What policies change.
    pub edits: &'a Edits,
    /// How the body that follows is delimited. The protocol may choose another framing for the same body.
    pub framing: Framing,
    /// Who gives the answer.
    pub from: Answerer,
    /// Whether the client's connection ends after it.
    pub close: bool,
}

/// One side of a tunnel: a connection whose protocol is no longer known, so that its bytes pass as they are.
///
/// Both directions have a buffer at most while they have bytes.
pub trait Raw {
    /// Bytes that came from this side and that nobody has taken.
    fn unread(&self) -> &[u8];
    /// Drops the first `count` bytes of [`Raw::unread`].
    fn take(&mut self, count: usize);
    /// Reads once into `space`, when nothing is unread; 0 at the end of what this side sends. `waits`: as [`Io::poll_receive`].
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut [u8],
        waits: &mut bool,
    ) -> Poll<io::Result<usize>>;
    /// Makes `bytes`, which came last and could not be passed on, unread.
    fn keep(&mut self, bytes: &[u8]);
    /// Reads once into a large buffer, when nothing is unread; what comes is unread then. `waits`: the task is woken already
    /// once something comes, so that nobody need be told to.
    fn poll_more(&mut self, cx: &mut Context<'_>, waits: bool) -> Poll<io::Result<usize>>;
    /// Sends of `bytes`, of which there is one at least, as many as this side takes.
    fn poll_put(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;
    /// Whether something may be held back of what was put.
    fn holds_back(&self) -> bool;
    /// Sends whatever is held back of what was put.
    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Says that nothing more will be put.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// One client, in the middle of one exchange.
///
/// Poll functions, because an exchange streams both ways at once from one task.
pub trait Downstream {
    /// The client's side of a tunnel.
    type Side: Raw + 'static;

    /// Waits until bytes of the request's body are at hand, or its end. Reads from the client only when none are.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<BodyEvent, BrokenBody>>;
    /// The bytes of the body at hand.
    fn body(&self) -> &[u8];
    /// Bytes that came behind the request's head and that nobody has taken.
    fn unread(&self) -> &[u8];
    /// Drops the first `count` bytes of [`Downstream::body`].
    fn consume(&mut self, count: usize);
    /// The trailer lines that ended the request's body, raw.
    fn trailers(&self) -> &[u8];
    /// Ready once the client has left. Keeps what the client sends meanwhile, within its buffer.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone>;
    /// From now on a client that has left does not count as gone as long as others wait for the same answer.
    fn stay(&mut self, awaited: Option<Box<dyn Awaited>>);

    /// Passes on an interim answer (1xx), unless the client cannot understand one.
    fn interim(&mut self, view: HeadView<'_>, skip: Skip);
    /// Puts the answer's head in line to be sent.
    fn start(&mut self, head: &ResponseHead<'_>);
    /// Puts the head of a 101 (RFC 9110 §15.2.2) with the lines of `view` but those of `skip` in line, and the protocols that
    /// the service has chosen.
    fn switch(&mut self, view: HeadView<'_>, skip: Skip, edits: &Edits, chosen: &[u8]);
    /// Gives away the client's side behind [`Downstream::switch`], if it has not been given away before. Until it is back
    /// nothing can be read or sent here.
    fn release(&mut self) -> Option<Self::Side>;
    /// Takes it back.
    fn restore(&mut self, side: Self::Side);
    /// Puts bytes of the answer's body in line. For small pieces: what is in line is held in memory.
    fn push(&mut self, payload: &[u8]);
    /// Puts the body's end in line, with `trailers` (raw lines) where the framing has a place for them. Does nothing the second
    /// time, so that whoever waits for the rest to be sent may come by again.
    fn finish(&mut self, trailers: &[u8]);
    /// Bytes in line.
    fn queued(&self) -> usize;
    /// Bytes that were sent and that the client's system has not confirmed, if ours says. Costs a system call.
    fn unconfirmed(&self) -> Option<u32>;
    /// Sends all that is in line.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Sends all that is in line and then of `payload` as much as the client takes, without keeping any of it; gives how
    /// many of its bytes were taken. For large pieces.
    fn poll_send(&mut self, cx: &mut Context<'_>, payload: &[u8]) -> Poll<io::Result<usize>>;
}
