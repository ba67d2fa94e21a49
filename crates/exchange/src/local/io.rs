//! A byte stream to a client or a service: TCP, or TLS over it.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream that can say that something is to be read before a buffer is spent on it.
///
/// That is what lets an idle connection own no buffer: it waits by [`Io::poll_readable`] and takes one only then.
pub trait Io: AsyncRead + AsyncWrite + Unpin {
    /// Whether what was written may wait for a flush.
    const HOLDS_BACK: bool = true;

    /// Ready once a read would give bytes, the end of the stream, or an error. May be ready too early, never too late.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether a read would give something, as far as is known without asking the system. May be `true` in vain, but `false`
    /// only if [`Io::poll_readable`] would be pending; leaves no waker.
    fn is_readable(&self) -> bool;

    /// Bytes that were written and that the other side has not confirmed, if the system says. Costs a system call.
    fn unconfirmed(&self) -> Option<u32> {
        None
    }

    /// Makes the end that follows an abrupt one (RST on TCP), so that the other side cannot take what it has for whole.
    fn abort(&mut self);
}
