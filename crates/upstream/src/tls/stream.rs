//! The bytes of a connection, with TLS around them or without.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use sekisho_exchange::{Io, Tcp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

/// Reads for which an unused connection may have something to say of its own, such as session tickets: more is no service
/// that means well.
const MOST_READS: usize = 16;

/// A connection's stream.
pub(crate) enum Stream {
    /// To an `http://` endpoint.
    Plain(Tcp),
    /// To an `https://` endpoint.
    Tls(Box<TlsStream<Tcp>>),
}

impl Stream {
    /// Whether it is open and silent, as it should be while nobody asks. Costs no system call as long as nothing has happened
    /// to it, and leaves no waker behind.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Plain(tcp) => {
                let mut byte = [0];
                matches!(tcp.socket().try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Tls(tls) => {
                let (tcp, session) = tls.get_mut();
                for _ in 0..MOST_READS {
                    // False once there is something for us to read, or the service has said goodbye.
                    if !session.wants_read() {
                        return false;
                    }
                    match session.read_tls(&mut AtOnce(tcp)) {
                        Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
                        Ok(0) => return false,
                        // Tickets for sessions come when the service likes.
                        Ok(_) => {
                            if session.process_new_packets().is_err() {
                                return false;
                            }
                        }
                    }
                }
                false
            }
        }
    }

    /// Ready once a read would give bytes, the end of the stream, or an error. May be ready too early, never too late.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            // Bytes that were decrypted with those before them show on no socket.
            Self::Tls(tls) if !tls.get_ref().1.wants_read() => return Poll::Ready(()),
            Self::Tls(tls) => tls.get_mut().0,
        };
        tcp.poll_readable(cx)
    }

    /// As [`Io::is_readable`].
    pub(crate) fn is_readable(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_readable(),
            Self::Tls(tls) => !tls.get_ref().1.wants_read() || tls.get_ref().0.is_readable(),
        }
    }

    /// As [`Io::poll_receive`].
    #[inline]
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        free: &mut [u8],
        waits: &mut bool,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => tcp.poll_receive(cx, free, waits),
            Self::Tls(_) => self.poll_decrypted(cx, free, waits),
        }
    }

    fn poll_decrypted(
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

    /// As [`Io::poll_send`]; what is held back, as in [`Stream::poll_write`].
    #[inline]
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => tcp.poll_send(cx, bytes),
            Self::Tls(_) => self.poll_write(cx, bytes),
        }
    }

    /// Writes as much of `bytes` as is taken. With TLS some of it may still be held back: see [`Stream::poll_flush`].
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, bytes),
        }
    }

    /// Whether something may be held back of what was written.
    pub(crate) fn holds_back(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Sends what TLS holds back. `true` if there was something.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self {
            Self::Tls(tls) if tls.get_ref().1.wants_write() => {
                Pin::new(&mut **tls).poll_flush(cx).map_ok(|()| true)
            }
            _ => Poll::Ready(Ok(false)),
        }
    }

    /// Ends this side; the service can still send.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
        }
    }
}

/// With TLS an end that the service did not announce is an error: somebody else may have cut what it said.
impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, free: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, free),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, free),
        }
    }
}

impl Drop for Stream {
    /// Takes leave, as TLS asks (RFC 8446 §6.1), if the socket takes it at once.
    fn drop(&mut self) {
        if let Self::Tls(tls) = self {
            let (tcp, session) = tls.get_mut();
            session.send_close_notify();
            let _ = session.write_tls(&mut AtOnce(tcp));
        }
    }
}

/// Reads and writes what goes without waiting.
struct AtOnce<'a>(&'a Tcp);

impl Read for AtOnce<'_> {
    fn read(&mut self, free: &mut [u8]) -> io::Result<usize> {
        self.0.socket().try_read(free)
    }
}

impl Write for AtOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.socket().try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
