//! The body of an answer that is at hand, or comes in for several clients at once, to this one.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use sekisho_exchange::{BrokeOff, Downstream, Ending, Exchange, Load};
use sekisho_units::Tick;
use sekisho_wire::Method;

use crate::pace::Pace;
use crate::walk::Way;

/// Pieces of this size and more go to the client without being copied into its line.
const DIRECT: usize = 8 * 1024;
/// With so much in line, it is sent before more is put there.
const LINE: usize = 32 * 1024;

/// Sends a body to its end, or to whatever breaks first.
pub(super) async fn send<D: Downstream>(
    load: Load,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    way: &Way<'_>,
) -> Ending {
    let load = match exchange.filters.take() {
        Some(filters) => load.through(*filters),
        None => load,
    };
    let mut sending = Sending { load, piece: Bytes::new(), ended: false, pace: None };
    poll_fn(|cx| sending.poll(cx, exchange, down, way)).await
}

struct Sending {
    load: Load,
    /// What is being sent.
    piece: Bytes,
    /// Whether nothing comes after that.
    ended: bool,
    /// How the client takes it, once it has been waited for.
    pace: Option<Pace>,
}

/// Who is waited for.
enum Waiting {
    Client,
    Service,
}

impl Sending {
    fn poll<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        way: &Way<'_>,
    ) -> Poll<Ending> {
        let (before, queued) = (exchange.facts.response_bytes, down.queued());
        let waiting = match self.stream(cx, exchange, down) {
            Ok(waiting) => waiting,
            Err(ending) => return Poll::Ready(ending),
        };
        let now = exchange.local.clock.now();
        let pace = self.pace.get_or_insert_with(|| Pace::new(way.client.idle, now));
        if exchange.facts.response_bytes > before || down.queued() < queued {
            pace.moved(now);
        }
        if matches!(waiting, Waiting::Service) && down.poll_gone(cx).is_ready() {
            return Poll::Ready(Ending::ClientGone);
        }
        let due = |pace: &Pace| match waiting {
            Waiting::Client => Some(exchange.deadline.map_or(pace.due(), |end| end.min(pace.due()))),
            // Whoever pours it in knows how long the service may pause.
            Waiting::Service => exchange.deadline,
        };
        set(way, due(pace));
        while way.alarm.poll(cx).is_ready() {
            let now = exchange.local.clock.now();
            if exchange.local.cut.get() || exchange.deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Ending::Expired);
            }
            if matches!(waiting, Waiting::Client) && pace.is_over(now, || down.unconfirmed()) {
                return Poll::Ready(Ending::ClientSlow);
            }
            set(way, due(pace));
        }
        Poll::Pending
    }

    /// Moves what can be moved. Gives who is waited for, or how it ended.
    fn stream<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
        down: &mut D,
    ) -> Result<Waiting, Ending> {
        loop {
            if self.piece.len() >= DIRECT {
                match down.poll_send(cx, &self.piece) {
                    Poll::Ready(Ok(count)) => self.took(count, exchange),
                    Poll::Ready(Err(_)) => return Err(Ending::ClientGone),
                    Poll::Pending => return Ok(Waiting::Client),
                }
                continue;
            }
            if !self.piece.is_empty() {
                down.push(&self.piece);
                self.took(self.piece.len(), exchange);
            }
            let mut waits = false;
            if down.queued() < LINE && !self.ended {
                match self.load.poll_piece(cx).map_err(|BrokeOff| Ending::UpstreamBroke)? {
                    Poll::Ready(Some(piece)) => {
                        self.piece = piece;
                        continue;
                    }
                    Poll::Ready(None) => {
                        self.ended = true;
                        if let (Some(why), Some(note)) = (self.load.not_stored(), &mut exchange.facts.cache) {
                            note.not_stored = Some(why);
                        }
                        down.finish(&[]);
                    }
                    Poll::Pending => waits = true,
                }
            }
            match down.poll_flush(cx) {
                Poll::Ready(Ok(())) if self.ended => return Err(Ending::Complete),
                Poll::Ready(Ok(())) if waits => return Ok(Waiting::Service),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(Ending::ClientGone),
                Poll::Pending => return Ok(Waiting::Client),
            }
        }
    }

    fn took(&mut self, count: usize, exchange: &mut Exchange<'_>) {
        self.piece.advance(count);
        if exchange.method != Method::Head {
            exchange.facts.response_bytes += count as u64;
        }
    }
}

fn set(way: &Way<'_>, due: Option<Tick>) {
    match due {
        Some(due) => way.alarm.set(due),
        // It rings all the same when the gateway stops.
        None => way.alarm.clear(),
    }
}
