//! A client's stream over TLS, as the connection sees any stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use sekisho_exchange::{Io, Tcp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

/// TLS over TCP.
pub(super) struct Secure(pub(super) TlsStream<Tcp>);

impl Io for Secure {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (tcp, session) = self.0.get_mut();
        // Bytes that were decrypted with those before them show on no socket.
        if !session.wants_read() {
            return Poll::Ready(());
        }
        tcp.poll_readable(cx)
    }

    fn is_readable(&self) -> bool {
        let (tcp, session) = self.0.get_ref();
        !session.wants_read() || tcp.is_readable()
    }

    fn unconfirmed(&self) -> Option<u32> {
        self.0.get_ref().0.unconfirmed()
    }

    fn abort(&mut self) {
        self.0.get_mut().0.abort();
    }
}

impl AsyncRead for Secure {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Secure {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
