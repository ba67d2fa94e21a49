//! A TCP connection, read and written with as little beside the system's work as there can be.
//!
//! A socket that is known to be ready is tried at once; only one that is not is asked to say when it will be. The calls go
//! straight to the kernel: in a program of several threads the C library makes each of them a point at which a thread may
//! be cancelled, which nobody needs and every call pays for.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::{has_budget_remaining, poll_proceed};

use super::{Io, queue};

/// A TCP connection.
pub struct Tcp(TcpStream);

impl Tcp {
    /// The same connection.
    pub fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// The socket, for what is not here.
    pub fn socket(&self) -> &TcpStream {
        &self.0
    }

    /// Tries `work` once, if the socket is not known to be unready for it. `work` gives how many bytes it moved, and there is `room`
    /// for so many: fewer mean that the socket is at its end until it says otherwise.
    #[inline]
    fn attempt(
        &self,
        interest: Interest,
        work: impl FnOnce() -> rustix::io::Result<usize>,
        room: usize,
    ) -> Option<rustix::io::Result<usize>> {
        let mut tried = None;
        // What came of it is in `tried`; the error only tells the runtime that the socket is at its end.
        let _ = self.0.try_io(interest, || {
            let done = work();
            tried = Some(done);
            match done {
                Ok(moved) if moved > 0 && moved < room => Err(io::ErrorKind::WouldBlock.into()),
                Err(Errno::WOULDBLOCK) => Err(io::ErrorKind::WouldBlock.into()),
                _ => Ok(()),
            }
        });
        tried
    }

    /// As [`Io::poll_receive`], of a socket that may have something.
    fn receive(&self, cx: &mut Context<'_>, free: &mut [u8], waits: &mut bool) -> Poll<io::Result<usize>> {
        let room = free.len();
        loop {
            let read = || rustix::net::recv(&self.0, &mut *free, RecvFlags::empty()).map(|(_, count)| count);
            match self.attempt(Interest::READABLE, read, room) {
                // Whoever waited was told that it is ready, even if that was in vain.
                None | Some(Err(Errno::WOULDBLOCK)) => {
                    *waits = false;
                    if let Err(error) = ready!(self.0.poll_read_ready(cx)) {
                        return Poll::Ready(Err(error));
                    }
                }
                Some(Ok(count)) => {
                    // At its end, it is waited for at once: so the next look finds that nobody need be told.
                    *waits = 0 < count
                        && count < room
                        && self.0.poll_read_ready(cx).is_pending()
                        && has_budget_remaining();
                    return Poll::Ready(Ok(count));
                }
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Tries `work` until it is done or the socket is not ready for it, as [`Tcp::attempt`] does.
    #[inline]
    fn poll_io(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut work: impl FnMut() -> rustix::io::Result<usize>,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        // A connection that always has something must let others have their turn.
        let turn = ready!(poll_proceed(cx));
        loop {
            let Some(done) = self.attempt(interest, &mut work, room).filter(is_done) else {
                let readiness = match interest.is_readable() {
                    true => self.0.poll_read_ready(cx),
                    false => self.0.poll_write_ready(cx),
                };
                if let Err(error) = ready!(readiness) {
                    return Poll::Ready(Err(error));
                }
                continue;
            };
            turn.made_progress();
            return Poll::Ready(done.map_err(io::Error::from));
        }
    }
}

/// Whether there was something for the socket to do.
fn is_done(done: &rustix::io::Result<usize>) -> bool {
    *done != Err(Errno::WOULDBLOCK)
}

impl Io for Tcp {
    const HOLDS_BACK: bool = false;

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // An error here shows again in the read that follows.
        self.0.poll_read_ready(cx).map(|_| ())
    }

    #[inline]
    fn is_readable(&self) -> bool {
        self.0.try_io(Interest::READABLE, || Ok(())).is_ok()
    }

    #[inline]
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        free: &mut [u8],
        waits: &mut bool,
    ) -> Poll<io::Result<usize>> {
        // Of two sides one has something as a rule, and the other one is only looked at.
        if *waits && !self.is_readable() {
            return Poll::Pending;
        }
        self.receive(cx, free, waits)
    }

    #[inline]
    fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let write = || rustix::net::send(&self.0, bytes, SendFlags::NOSIGNAL);
            match self.attempt(Interest::WRITABLE, write, bytes.len()).filter(is_done) {
                Some(done) => return Poll::Ready(done.map_err(io::Error::from)),
                None => {
                    if let Err(error) = ready!(self.0.poll_write_ready(cx)) {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
    }

    fn unconfirmed(&self) -> Option<u32> {
        queue::length(&self.0)
    }

    fn abort(&mut self) {
        // If it fails the stream ends in the ordinary way, and the body's framing still shows what is missing.
        let _ = self.0.set_zero_linger();
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let free = buffer.initialize_unfilled();
        let room = free.len();
        let read = || rustix::net::recv(&self.0, &mut *free, RecvFlags::empty()).map(|(_, count)| count);
        let count = ready!(self.poll_io(cx, Interest::READABLE, read, room))?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let write = || rustix::net::send(&self.0, bytes, SendFlags::NOSIGNAL);
        self.poll_io(cx, Interest::WRITABLE, write, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let room = pieces.iter().map(|piece| piece.len()).sum();
        self.poll_io(cx, Interest::WRITABLE, || rustix::io::writev(&self.0, pieces), room)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Tcp, Tcp) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Tcp::new(one), Tcp::new(listener.accept().await.unwrap().0))
    }

    #[tokio::test(flavor = "current_thread")]
    async fn much_passes_whole_through_small_and_large_reads() {
        let (mut one, mut other) = pair().await;
        let sent: Vec<u8> = (0..5_000_000_u32).map(|at| (at >> 3) as u8 ^ at as u8).collect();
        let want = sent.clone();
        let writing = tokio::spawn(async move {
            one.write_all(&sent).await.unwrap();
            one.shutdown().await.unwrap();
            one
        });
        let mut got = Vec::new();
        let mut buffer = vec![0; 100_000];
        for size in [1, 7, 4096, 100_000].into_iter().cycle() {
            match other.read(&mut buffer[..size]).await.unwrap() {
                0 => break,
                count => got.extend_from_slice(&buffer[..count]),
            }
        }
        assert!(got == want, "{} bytes of {}", got.len(), want.len());
        drop(writing.await.unwrap());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_end_shows_even_behind_a_read_that_was_not_full() {
        let (mut one, mut other) = pair().await;
        one.write_all(b"last").await.unwrap();
        drop(one);
        let mut buffer = [0; 100];
        assert_eq!(other.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(other.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(other.read(&mut buffer).await.unwrap(), 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whoever_is_told_that_it_waits_is_woken_without_asking_again() {
        let (mut one, mut other) = pair().await;
        let (says, mut taken) = tokio::sync::mpsc::channel(128);
        let reading = tokio::spawn(async move {
            let (mut space, mut waits) = ([0; 8], false);
            let take = |cx: &mut Context<'_>| {
                let received = other.poll_receive(cx, &mut space, &mut waits);
                // Asked once more at most, it has nothing; and from then on it is asked only when it was woken.
                assert!(
                    !waits || received.is_ready() || other.poll_receive(cx, &mut [0], &mut true).is_pending()
                );
                waits |= received.is_pending();
                received.map(|count| says.try_send((space[0], count.unwrap())).is_ok() && waits)
            };
            let mut take = take;
            while std::future::poll_fn(&mut take).await {}
        });
        let all = async {
            for byte in 0..100 {
                one.write_all(&[byte]).await.unwrap();
                assert_eq!(taken.recv().await.unwrap(), (byte, 1));
            }
            drop(one);
            assert_eq!(taken.recv().await.unwrap().1, 0);
            reading.await.unwrap();
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), all).await.expect("nobody was woken");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_reset_is_an_error() {
        let (mut one, mut other) = pair().await;
        one.abort();
        drop(one);
        let mut buffer = [0; 100];
        let error = other.read(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_the_other_side_has_not_taken_is_known_to_the_byte() {
        let (mut one, other) = pair().await;
        assert_eq!(one.unconfirmed(), Some(0));
        // More than both sides' buffers hold.
        while one.0.try_write(&[7; 100_000]).is_ok() {}
        let full = one.unconfirmed().unwrap();
        assert!(full > 0);
        let mut taken = vec![0; 1_000_000];
        let mut other = other;
        while one.unconfirmed().unwrap() == full {
            other.read_exact(&mut taken).await.unwrap();
        }
        one.write_all(b"more").await.unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn several_pieces_go_in_one_write() {
        let (mut one, mut other) = pair().await;
        let pieces = [IoSlice::new(b"one "), IoSlice::new(b"two")];
        assert_eq!(one.write_vectored(&pieces).await.unwrap(), 7);
        let mut buffer = [0; 7];
        other.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"one two");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_connection_that_always_has_something_lets_others_have_their_turn() {
        let (mut one, mut other) = pair().await;
        one.write_all(&[7; 2_000]).await.unwrap();
        let turns = std::rc::Rc::new(std::cell::Cell::new(0));
        let counted = std::rc::Rc::clone(&turns);
        let local = tokio::task::LocalSet::new();
        local.spawn_local(async move {
            loop {
                counted.set(counted.get() + 1);
                tokio::task::yield_now().await;
            }
        });
        let reading = async {
            let mut byte = [0];
            for _ in 0..2_000 {
                assert_eq!(other.read(&mut byte).await.unwrap(), 1);
            }
        };
        local.run_until(reading).await;
        assert!(turns.get() > 5, "{}", turns.get());
    }
}
