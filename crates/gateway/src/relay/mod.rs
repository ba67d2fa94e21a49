//! The answer's body, from the service to the client, while the rest of the request may still go the other way.
//!
//! Nothing is read from the service before the client has taken what was read: each side's pace holds the other.

mod through;

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Downstream, Ending, Exchange};
use sekisho_units::Tick;
use sekisho_upstream::{Call, Failure, Waiting as Waits};

use self::through::Through;
use crate::pace::Pace;
use crate::walk::Way;

/// Pieces of this size and more go to the client without being copied into its line.
const DIRECT: usize = 8 * 1024;
/// With so much in line, it is sent before more is put there.
const LINE: usize = 32 * 1024;

/// Sends the body of `call`'s answer to the client, to its end or to whatever breaks first.
pub(crate) async fn relay<D: Downstream>(
    mut call: Box<Call>,
    exchange: &mut Exchange<'_>,
    down: &mut D,
    way: &Way<'_>,
) -> Ending {
    let mut relay = Relay {
        waiting: None,
        pace: Pace::new(way.client.idle, call.moved()),
        progress: false,
        idle: way.idle(),
        uploads: if call.is_sent() { Waits::Nothing } else { Waits::Client },
        through: exchange.filters.take().map(Through::new),
    };
    let ending = poll_fn(|cx| relay.poll(cx, &mut call, exchange, down, way)).await;
    if ending == Ending::Complete {
        call.end();
    }
    ending
}

/// Sends what is in the client's line.
pub(crate) async fn flush<D: Downstream>(exchange: &Exchange<'_>, down: &mut D, way: &Way<'_>) -> Ending {
    let mut left = usize::MAX;
    let mut pace = None;
    poll_fn(|cx| match down.poll_flush(cx) {
        Poll::Ready(Ok(())) => Poll::Ready(Ending::Complete),
        Poll::Ready(Err(_)) => Poll::Ready(Ending::ClientGone),
        Poll::Pending => {
            let now = exchange.local.clock.now();
            let pace = pace.get_or_insert_with(|| Pace::new(way.client.idle, now));
            // A client that takes some of it has time for the rest.
            if down.queued() < left {
                left = down.queued();
                pace.moved(now);
                way.alarm.set(pace.due());
            }
            while way.alarm.poll(cx).is_ready() {
                if exchange.local.cut.get() || pace.is_over(now, || down.unconfirmed()) {
                    return Poll::Ready(Ending::ClientSlow);
                }
                way.alarm.set(pace.due());
            }
            Poll::Pending
        }
    })
    .await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Client,
    Service,
}

struct Relay {
    waiting: Option<Waiting>,
    /// How the client takes it, up to the poll before.
    pace: Pace,
    /// Whether it took something in this poll.
    progress: bool,
    /// How long the service may pause.
    idle: Duration,
    /// What the rest of the request waits for.
    uploads: Waits,
    /// What the body goes through, if anything.
    through: Option<Through>,
}

impl Relay {
    fn poll<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        call: &mut Call,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        way: &Way<'_>,
    ) -> Poll<Ending> {
        if self.uploads != Waits::Nothing
            && let Some(ending) = self.upload(cx, call, exchange, down, way)
        {
            return Poll::Ready(ending);
        }
        let trailers = &way.plan.handed.trailers;
        let moved = match &mut self.through {
            None => self.stream(cx, call, exchange, down, trailers),
            Some(through) => through.stream(cx, call, exchange, down, trailers),
        };
        self.progress |= self.through.as_mut().is_some_and(Through::has_moved);
        let waiting = match moved {
            Ok(waiting) => waiting,
            Err(ending) => return Poll::Ready(ending),
        };
        if std::mem::take(&mut self.progress) {
            self.pace.moved(exchange.local.clock.now());
        }
        if waiting == Waiting::Service && self.uploads == Waits::Nothing && down.poll_gone(cx).is_ready() {
            return Poll::Ready(Ending::ClientGone);
        }
        if self.waiting != Some(waiting) {
            self.waiting = Some(waiting);
            way.alarm.set(self.due(waiting, call, exchange));
        }
        while way.alarm.poll(cx).is_ready() {
            let now = exchange.local.clock.now();
            if exchange.deadline.is_some_and(|deadline| deadline <= now) || exchange.local.cut.get() {
                return Poll::Ready(Ending::Expired);
            }
            if self.client_due(call).is_some_and(|due| due <= now) {
                return Poll::Ready(Ending::RequestBroke);
            }
            if waiting == Waiting::Client && self.pace.is_over(now, || down.unconfirmed()) {
                return Poll::Ready(Ending::ClientSlow);
            }
            let due = self.due(waiting, call, exchange);
            if due <= now {
                return Poll::Ready(Ending::UpstreamStalled);
            }
            way.alarm.set(due);
        }
        Poll::Pending
    }

    /// Sends more of the request.
    fn upload<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        call: &mut Call,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        way: &Way<'_>,
    ) -> Option<Ending> {
        match call.continue_request(cx, exchange, down, &way.plan.handed.trailers) {
            Ok(waits) => {
                // Another deadline may be the next one now.
                if self.uploads != waits {
                    self.waiting = None;
                }
                self.uploads = waits;
            }
            Err(Failure::ClientGone) => return Some(Ending::ClientGone),
            Err(Failure::Refused(_) | Failure::Body(_)) => return Some(Ending::RequestBroke),
            // The service takes no more of it; its answer still counts.
            Err(_) => self.uploads = Waits::Nothing,
        }
        None
    }

    /// Moves what can be moved to the client. Gives whom it waits for, or how it ended.
    fn stream<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        call: &mut Call,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        trailers: &[Box<str>],
    ) -> Result<Waiting, Ending> {
        loop {
            let ended = loop {
                match call.look().map_err(|_| Ending::UpstreamBroke)? {
                    Some(false) => {
                        down.finish(&call.trailers(trailers));
                        break true;
                    }
                    Some(true) if call.data().len() >= DIRECT => match down.poll_send(cx, call.data()) {
                        Poll::Ready(Ok(count)) => self.took(count, call, exchange),
                        Poll::Ready(Err(_)) => return Err(Ending::ClientGone),
                        Poll::Pending => return Ok(Waiting::Client),
                    },
                    Some(true) => {
                        down.push(call.data());
                        self.took(call.data().len(), call, exchange);
                        if down.queued() >= LINE {
                            break false;
                        }
                    }
                    None => break false,
                }
            };
            let before = down.queued();
            match down.poll_flush(cx) {
                Poll::Ready(Ok(())) if ended => return Err(Ending::Complete),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(Ending::ClientGone),
                Poll::Pending => {
                    self.progress |= down.queued() < before;
                    return Ok(Waiting::Client);
                }
            }
            match call.poll_data(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Err(Ending::UpstreamBroke),
                Poll::Pending => return Ok(Waiting::Service),
            }
        }
    }

    fn took(&mut self, count: usize, call: &mut Call, exchange: &mut Exchange<'_>) {
        call.consume(count);
        exchange.facts.response_bytes += count as u64;
        self.progress = true;
    }

    fn due(&self, waiting: Waiting, call: &Call, exchange: &Exchange<'_>) -> Tick {
        let due = match waiting {
            Waiting::Client => self.pace.due(),
            Waiting::Service => call.moved() + self.idle,
        };
        let due = self.client_due(call).map_or(due, |body| body.min(due));
        exchange.deadline.map_or(due, |deadline| deadline.min(due))
    }

    /// When the rest of the request has come too slowly, while it is waited for.
    fn client_due(&self, call: &Call) -> Option<Tick> {
        if self.uploads == Waits::Client { call.client_due() } else { None }
    }
}
