//! Connections that change protocols (RFC 9110 §7.8): what a service may switch to, how many may, and what is left of the call
//! once it has.

mod config;
mod offer;
mod seat;

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use sekisho_exchange::{LARGE, Raw};

use crate::call::Call;
use crate::conn::Conn;
use crate::fleet::Flight;
use crate::pool::Pools;

pub use config::TunnelsConfig;
pub(crate) use offer::agrees;
pub use offer::{chosen, offer};
pub use seat::{Seat, TUNNEL_ENDINGS, TunnelMeter, Tunnels};

/// A connection to a service that has changed protocols. It never returns to the pool.
pub struct Switched {
    conn: Box<Conn>,
    pools: Rc<Pools>,
    /// It is the endpoint's to serve, as long as it is open.
    _flight: Option<Flight>,
}

impl Call {
    /// Lets the connection go on in another protocol, after a 101.
    pub fn switch(mut self) -> Option<Switched> {
        self.end_head();
        let pools = Rc::clone(&self.kit.pools);
        let _flight = self.flight.take();
        self.conn.take().map(|conn| Switched { conn, pools, _flight })
    }
}

impl Raw for Switched {
    fn unread(&self) -> &[u8] {
        self.conn.input.data()
    }

    fn take(&mut self, count: usize) {
        self.conn.input.consume(count);
    }

    #[inline]
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut [u8],
        waits: &mut bool,
    ) -> Poll<io::Result<usize>> {
        self.pools.local.stash.take_back(&mut self.conn.input);
        self.conn.stream.poll_receive(cx, space, waits)
    }

    #[cold]
    fn keep(&mut self, bytes: &[u8]) {
        self.conn.input = self.pools.local.stash.small();
        self.conn.input.extend(bytes);
    }

    fn poll_more(&mut self, cx: &mut Context<'_>, waits: bool) -> Poll<io::Result<usize>> {
        let stash = &self.pools.local.stash;
        let Conn { stream, input, .. } = &mut *self.conn;
        // A side that is silent costs no buffer, not even for the moment of looking.
        if !stream.is_readable() && (waits || stream.poll_readable(cx).is_pending()) {
            stash.take_back(input);
            return Poll::Pending;
        }
        if input.capacity() < LARGE {
            stash.take_back(input);
            *input = stash.large();
        }
        let filled = input.poll_fill(stream, cx);
        if !matches!(filled, Poll::Ready(Ok(1..))) {
            stash.take_back(input);
        }
        filled
    }

    #[inline]
    fn poll_put(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(match ready!(self.conn.stream.poll_send(cx, bytes)) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        })
    }

    fn holds_back(&self) -> bool {
        self.conn.stream.holds_back()
    }

    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conn.stream.poll_flush(cx).map_ok(|_| ())
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conn.stream.poll_shutdown(cx)
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        self.pools.local.stash.give_back(std::mem::take(&mut self.conn.input));
    }
}
