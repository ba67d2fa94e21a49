//! A byte stream to a client or a service: TCP today, TLS over it as well.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream that can say that something is to be read before a buffer is spent on it.
///
/// That is what lets an idle connection own no buffer: it waits by [`Io::poll_readable`] and takes one only then.
pub trait Io: AsyncRead + AsyncWrite + Unpin {
    /// Ready once a read would give bytes, the end of the stream, or an error. May be ready too early, never too late.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Makes the end that follows an abrupt one (RST on TCP), so that the other side cannot take what it has for whole.
    fn abort(&mut self);
}

impl Io for TcpStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // An error here shows again in the read that follows.
        self.poll_read_ready(cx).map(|_| ())
    }

    fn abort(&mut self) {
        // If it fails the stream ends in the ordinary way, and the body's framing still shows what is missing.
        let _ = self.set_zero_linger();
    }
}
