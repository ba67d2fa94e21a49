//! A body that is changed on its way.

use std::task::{Context, Poll};

use sekisho_exchange::{Downstream, Ending, Exchange, Filters};
use sekisho_upstream::Call;

use super::Waiting;

/// So much at a time goes in, so that what comes out stays small.
const PIECE: usize = 16 * 1024;
/// So much goes in before other connections have their turn: changing bytes takes far longer than passing them on.
const TURN: usize = 64 * 1024;

/// What a body goes through, and what has come out of it and is not sent yet.
pub(super) struct Through {
    filters: Box<Filters>,
    out: Vec<u8>,
    /// Bytes of `out` that the client has taken.
    sent: usize,
    /// Whether something may be held back.
    held: bool,
    ended: bool,
    moved: bool,
}

impl Through {
    pub(super) fn new(filters: Box<Filters>) -> Self {
        Self { filters, out: Vec::new(), sent: 0, held: false, ended: false, moved: false }
    }

    /// Whether the client has taken something since this was last asked.
    pub(super) fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Moves what can be moved to the client. Gives whom it waits for, or how it ended.
    pub(super) fn stream<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        call: &mut Call,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        trailers: &[Box<str>],
    ) -> Result<Waiting, Ending> {
        let mut turn = TURN;
        loop {
            if self.send(cx, exchange, down)?.is_pending() {
                return Ok(Waiting::Client);
            }
            if self.ended {
                down.finish(&call.trailers(trailers));
                return match down.poll_flush(cx) {
                    Poll::Ready(Ok(())) => Err(Ending::Complete),
                    Poll::Ready(Err(_)) => Err(Ending::ClientGone),
                    Poll::Pending => Ok(Waiting::Client),
                };
            }
            match call.look().map_err(|_| Ending::UpstreamBroke)? {
                Some(false) => {
                    self.filters.end(&mut self.out);
                    self.ended = true;
                }
                Some(true) if turn == 0 => {
                    cx.waker().wake_by_ref();
                    return Ok(Waiting::Service);
                }
                Some(true) => {
                    let count = call.data().len().min(PIECE).min(turn);
                    self.filters.take(&call.data()[..count], &mut self.out);
                    call.consume(count);
                    (self.held, turn) = (true, turn - count);
                }
                None => {
                    match down.poll_flush(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => return Err(Ending::ClientGone),
                        Poll::Pending => return Ok(Waiting::Client),
                    }
                    match call.poll_data(cx) {
                        Poll::Ready(Ok(_)) => {}
                        Poll::Ready(Err(_)) => return Err(Ending::UpstreamBroke),
                        Poll::Pending if std::mem::take(&mut self.held) => self.filters.pause(&mut self.out),
                        Poll::Pending => return Ok(Waiting::Service),
                    }
                }
            }
        }
    }

    /// Sends what has come out.
    fn send<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
        down: &mut D,
    ) -> Result<Poll<()>, Ending> {
        while self.sent < self.out.len() {
            match down.poll_send(cx, &self.out[self.sent..]) {
                Poll::Ready(Ok(count)) => {
                    self.sent += count;
                    exchange.facts.response_bytes += count as u64;
                    self.moved = true;
                }
                Poll::Ready(Err(_)) => return Err(Ending::ClientGone),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(Poll::Ready(()))
    }
}
