//! A byte stream to a client or a service: TCP, or TLS over it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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

    /// Reads once into `free`, which has room; 0 at the end of the stream. Whoever asks bounds how often: it may count as no turn.
    ///
    /// `waits`: whether the task is woken already once something comes, so that nobody need be told to. A stream that has given
    /// bytes says in it whether that is so from then on.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        free: &mut [u8],
        waits: &mut bool,
    ) -> Poll<io::Result<usize>> {
        if !self.is_readable() && (*waits || self.poll_readable(cx).is_pending()) {
            return Poll::Pending;
        }
        *waits = false;
        let mut free = ReadBuf::new(free);
        ready!(Pin::new(self).poll_read(cx, &mut free))?;
        Poll::Ready(Ok(free.filled().len()))
    }

    /// Writes of `bytes` what is taken. Whoever asks bounds how often: it may count as no turn.
    #[inline]
    fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write(cx, bytes)
    }

    /// Bytes that were written and that the other side has not confirmed, if the system says. Costs a system call.
    fn unconfirmed(&self) -> Option<u32> {
        None
    }

    /// Makes the end that follows an abrupt one (RST on TCP), so that the other side cannot take what it has for whole.
    fn abort(&mut self);
}
