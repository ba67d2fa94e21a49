//! The request on its way to the service: what of it is in line, and what the client still owes.

use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{BodyEvent, BrokenBody, DIGESTS, Downstream, Exchange, PORTION};
use sekisho_units::Tick;
use sekisho_wire::{CHUNK_END, Framing, filter_trailers, write_chunk_head, write_last_chunk};

use crate::call::{Call, broken};
use crate::failure::Failure;
use crate::send::Terms;

/// With so much in line, it is sent before more of the body is taken; a body that fits goes out with the head.
const LINE: usize = 32 * 1024;
/// Pieces of this size and more go to the service without being copied into the line.
const DIRECT: usize = 16 * 1024;
/// So much comes out of filters before other connections have their turn: decoding takes far longer than passing on.
const TURN: usize = 2 * PORTION;

/// How far the request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Upload {
    /// The body, delimited so, is not at its end.
    Body(Framing),
    /// All that is left is in line.
    Rest,
    /// Everything is sent.
    Done,
}

/// What a call waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// The client must send more of the body.
    Client,
    /// The client has asked first whether it may send the body (RFC 9110 §10.1.1): the service must say so, or answer.
    Consent,
    /// The service must take more of the request.
    Service,
    /// The request is sent.
    Nothing,
}

impl Call {
    /// Whether the whole request is sent.
    pub fn is_sent(&self) -> bool {
        self.upload == Upload::Done
    }

    /// Whether all that was taken of the request is still in line, so that it can be sent once more over another connection.
    pub(crate) fn can_repeat(&self) -> bool {
        self.whole
    }

    /// Whether what is in line stays there though it was sent, with so many bytes more.
    fn keeps(&self, more: usize) -> bool {
        self.whole && self.kit.out.len() + more <= self.keep
    }

    /// Goes on sending the request while the response streams; gives what that waits for.
    ///
    /// # Errors
    /// [`Failure`], if the request cannot be sent to its end.
    pub fn continue_request<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        trailers: &[Box<str>],
    ) -> Result<Waiting, Failure> {
        self.send_request(cx, exchange, down, trailers)
    }

    /// Sends what is there of the request. What it gives is what it waits for; [`Waiting::Nothing`] once all is sent.
    pub(crate) fn send_request<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        trailers: &[Box<str>],
    ) -> Result<Waiting, Failure> {
        let mut turn = 0;
        loop {
            let mut dry = false;
            if let Upload::Body(framing) = self.upload
                && self.kit.out.len() - self.sent < LINE
            {
                let taken = if exchange.request_filters.is_none() {
                    self.take_body(cx, framing, exchange, down, trailers)?
                } else if turn < TURN {
                    self.take_filtered(cx, framing, exchange, down, (trailers, &mut turn))?
                } else {
                    cx.waker().wake_by_ref();
                    return Ok(Waiting::Service);
                };
                match taken {
                    Taken::Some => continue,
                    Taken::Blocked => return Ok(Waiting::Service),
                    Taken::Dry => dry = true,
                    Taken::End => {}
                }
            }
            if self.poll_line(cx)?.is_pending() {
                return Ok(Waiting::Service);
            }
            match self.upload {
                Upload::Body(_) if dry => return Ok(self.for_client()),
                Upload::Body(_) if self.keeps(0) => {}
                Upload::Body(_) => self.clear_line(),
                Upload::Rest => self.all_sent(),
                Upload::Done => return Ok(Waiting::Nothing),
            }
        }
    }

    /// Sends what is there of a request without a body. What it gives is what it waits for.
    pub(crate) fn send_bodiless(&mut self, cx: &mut Context<'_>) -> Result<Waiting, Failure> {
        if self.poll_line(cx)?.is_pending() {
            return Ok(Waiting::Service);
        }
        if !self.is_sent() {
            self.all_sent();
        }
        Ok(Waiting::Nothing)
    }

    /// Takes what the client has sent of the body: into the line, or past it.
    fn take_body<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        framing: Framing,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        trailers: &[Box<str>],
    ) -> Result<Taken, Failure> {
        match down.poll_body(cx) {
            Poll::Pending => return Ok(Taken::Dry),
            Poll::Ready(Err(BrokenBody::Gone)) => return Err(Failure::ClientGone),
            Poll::Ready(Err(broken)) => return Err(Failure::Body(broken)),
            Poll::Ready(Ok(BodyEvent::End)) => {
                self.end_body(framing, down.trailers(), trailers);
                exchange.end_body();
                return Ok(Taken::End);
            }
            Poll::Ready(Ok(BodyEvent::Data)) => {}
        }
        let line_sent = self.sent == self.kit.out.len() && !self.keeps(down.body().len());
        if line_sent {
            self.clear_line();
        }
        let count = if line_sent && framing != Framing::Chunked && down.body().len() >= DIRECT {
            let Some(conn) = &mut self.conn else { return Err(Failure::Broke) };
            match conn.stream.poll_write(cx, down.body()) {
                Poll::Pending => return Ok(Taken::Blocked),
                Poll::Ready(Ok(count)) if count > 0 => count,
                Poll::Ready(_) => return Err(broken(conn, self.answered)),
            }
        } else {
            // What is too much must not even be in line: the service would get it, and with it the end of the body.
            let count = down.body().len();
            exchange.take_body(count).map_err(Failure::Refused)?;
            self.put_in_line(down.body(), framing);
            exchange.copy_body(down.body());
            self.took(count, down);
            return Ok(Taken::Some);
        };
        exchange.copy_body(&down.body()[..count]);
        self.took(count, down);
        exchange.take_body(count).map_err(Failure::Refused)?;
        Ok(Taken::Some)
    }

    /// Takes what the client has sent of the body into the line, by way of the exchange's filters: about a portion of what comes out.
    #[cold]
    fn take_filtered<D: Downstream>(
        &mut self,
        cx: &mut Context<'_>,
        framing: Framing,
        exchange: &mut Exchange<'_>,
        down: &mut D,
        (trailers, turn): (&[Box<str>], &mut usize),
    ) -> Result<Taken, Failure> {
        let (mut piece, mut last) = (&[][..], false);
        // What is in the filters goes on whether or not the client sends more.
        if !exchange.is_filtering() {
            match down.poll_body(cx) {
                Poll::Pending => return Ok(Taken::Dry),
                Poll::Ready(Err(BrokenBody::Gone)) => return Err(Failure::ClientGone),
                Poll::Ready(Err(broken)) => return Err(Failure::Body(broken)),
                Poll::Ready(Ok(BodyEvent::End)) => last = true,
                Poll::Ready(Ok(BodyEvent::Data)) => piece = down.body(),
            }
        }
        let mut out = Vec::with_capacity(PORTION);
        let count = exchange.filter_body(piece, last, &mut out).map_err(Failure::Refused)?;
        // What is too much must not even be in line: the service would get it, and with it the end of the body.
        exchange.take_body(count).map_err(Failure::Refused)?;
        if self.sent == self.kit.out.len() && !self.keeps(out.len()) {
            self.clear_line();
        }
        if !out.is_empty() {
            self.put_in_line(&out, framing);
        }
        exchange.copy_body(&out);
        if count > 0 {
            self.took(count, down);
        }
        *turn += count.max(out.len());
        if !last || !exchange.is_filtered() {
            return Ok(Taken::Some);
        }
        let mut allowed = trailers.to_vec();
        if exchange.is_decoded() {
            allowed.retain(|name| !DIGESTS.iter().any(|digest| digest.eq_ignore_ascii_case(name)));
        }
        self.end_body(framing, down.trailers(), &allowed);
        exchange.end_body();
        Ok(Taken::End)
    }

    /// Drops what was taken from the client's buffer. Only now has something moved: what lies there untaken must not hold off
    /// the deadline of a service that takes no more.
    fn took<D: Downstream>(&mut self, count: usize, down: &mut D) {
        self.moved = self.kit.pools.local.clock.now();
        self.pace.came(count, self.moved);
        down.consume(count);
    }

    /// The client is waited for; or the service, by a client that has asked first.
    pub(crate) fn for_client(&mut self) -> Waiting {
        if self.awaits_consent {
            return Waiting::Consent;
        }
        if self.pace.since.is_none() {
            self.pace.since = Some(self.kit.pools.local.clock.now());
        }
        Waiting::Client
    }

    /// Notes that the service has agreed to take the body.
    pub(crate) fn consented(&mut self) {
        self.awaits_consent = false;
    }

    /// When the client has kept its body waiting for too long, if it is waited for.
    pub fn client_due(&self) -> Option<Tick> {
        self.pace.due()
    }

    fn put_in_line(&mut self, piece: &[u8], framing: Framing) {
        let chunked = framing == Framing::Chunked;
        if chunked {
            write_chunk_head(&mut self.kit.out, piece.len());
        }
        self.kit.out.extend_from_slice(piece);
        if chunked {
            self.kit.out.extend_from_slice(CHUNK_END);
        }
    }

    /// The body is at its end, which goes into the line.
    fn end_body(&mut self, framing: Framing, trailers: &[u8], allowed: &[Box<str>]) {
        if framing == Framing::Chunked {
            let kept = passing(trailers, allowed);
            write_last_chunk(&mut self.kit.out, (!kept.is_empty()).then_some(kept.as_slice()));
        }
        self.upload = Upload::Rest;
    }

    /// Sends the line, and what TLS holds back of it and of what went past it.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Failure> {
        let Some(conn) = &mut self.conn else { return Err(Failure::Broke) };
        while self.sent < self.kit.out.len() {
            match conn.stream.poll_write(cx, &self.kit.out[self.sent..]) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Ok(count)) if count > 0 => self.sent += count,
                Poll::Ready(_) => return Err(broken(conn, self.answered)),
            }
            self.moved = self.kit.pools.local.clock.now();
        }
        match conn.stream.poll_flush(cx) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(Ok(false)) => {}
            Poll::Ready(Ok(true)) => self.moved = self.kit.pools.local.clock.now(),
            Poll::Ready(Err(_)) => return Err(broken(conn, self.answered)),
        }
        Ok(Poll::Ready(()))
    }

    /// Forgets what was sent.
    fn clear_line(&mut self) {
        if !self.kit.out.is_empty() {
            self.kit.out.clear();
            self.sent = 0;
            self.whole = false;
        }
    }
}

/// How fast the client's body comes. Only the time in which it was waited for counts against the client: the service's own
/// pauses do not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    grace: Duration,
    /// Fewest bytes a second, on average, after the grace; 0 for no limit.
    rate: u64,
    idle: Duration,
    bytes: u64,
    /// How long the client was waited for, up to its last byte.
    waited: Duration,
    /// Since when it is waited for.
    since: Option<Tick>,
}

impl Pace {
    pub(crate) fn new(terms: &Terms<'_>, idle: Duration) -> Self {
        Self {
            grace: terms.body_grace,
            rate: terms.body_rate,
            idle,
            bytes: 0,
            waited: Duration::ZERO,
            since: None,
        }
    }

    fn came(&mut self, bytes: usize, now: Tick) {
        self.bytes += bytes as u64;
        if let Some(since) = self.since.take() {
            self.waited += now.since(since);
        }
    }

    fn due(&self) -> Option<Tick> {
        let since = self.since?;
        let idle = since + self.idle;
        if self.rate == 0 {
            return Some(idle);
        }
        let allowed = self.grace + Duration::from_secs_f64(self.bytes as f64 / self.rate as f64);
        Some(idle.min(since + allowed.saturating_sub(self.waited)))
    }
}

/// The trailer lines of `raw` that may pass.
pub(crate) fn passing(raw: &[u8], allowed: &[Box<str>]) -> Vec<u8> {
    if raw.is_empty() || allowed.is_empty() {
        return Vec::new();
    }
    let allowed: Vec<&str> = allowed.iter().map(AsRef::as_ref).collect();
    filter_trailers(raw, &allowed)
}

/// What came of looking for more of the body.
enum Taken {
    /// Some was taken; there may be more.
    Some,
    /// The client has sent no more yet.
    Dry,
    /// The service takes no more at the moment.
    Blocked,
    /// The body is at its end.
    End,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_in_which_the_client_is_waited_for_counts() {
        let (second, start) = (Duration::from_secs(1), Tick::ZERO);
        let terms = Terms { body_grace: 10 * second, body_rate: 100, trailers: &[] };
        let mut pace = Pace::new(&terms, 60 * second);
        assert_eq!(pace.due(), None);
        pace.since = Some(start);
        assert_eq!(pace.due(), Some(start + 10 * second));
        pace.came(200, start + 9 * second);
        assert_eq!(pace.due(), None, "the service has it now, however long it takes");
        pace.since = Some(start + 500 * second);
        assert_eq!(
            pace.due(),
            Some(start + 503 * second),
            "10 s of grace and 2 s earned, less the 9 s it took"
        );
        let mut unlimited = Pace { rate: 0, ..pace };
        unlimited.since = Some(start);
        assert_eq!(unlimited.due(), Some(start + 60 * second));
    }
}
