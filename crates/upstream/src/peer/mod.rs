//! Calls of the gateway's own: what policies ask services goes the way of every request, through balancing, pools and
//! deadlines, with nobody on the client's side.

mod mirror;
mod nobody;
#[cfg(test)]
mod tests;
mod url;

use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use sekisho_exchange::{Alarm, Answered, Ask, Asking, Client, Exchange, Local, Peer, Unanswered};
use sekisho_wire::{Framing, HeadBuf, HeadView, split_target};

pub use self::mirror::Mirror;
pub(crate) use self::mirror::MirrorMeter;
pub use self::nobody::Nobody;
pub use self::url::{AtUrl, Dialer, Over, peer_at, peer_over};
use crate::call::Call;
use crate::compose::is_identity;
use crate::failure::Failure;
use crate::pool::Pools;
use crate::send::{Terms, send};
use crate::service::Service;

/// What the gateway calls itself (RFC 9110 §10.1.5).
pub(crate) const USER_AGENT: &str = concat!("sekisho/", env!("CARGO_PKG_VERSION"));

/// The body is at hand, so that its pace does not matter.
pub(crate) const TERMS: Terms<'_> = Terms { body_grace: Duration::MAX, body_rate: 0, trailers: &[] };

impl Peer for Service {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(self: Arc<Self>, local: &Local, ask: Ask) -> Asking {
        let pools = local.lent::<Pools>();
        Box::pin(async move {
            let pools = pools.ok_or(Unanswered::Absent("gateway_stopping"))?;
            asked(&self, ask, Lines::Own, &pools).await
        })
    }
}

/// One call from its head to the last byte of the answer. Redirections are answers like others, and whoever answers before it
/// has taken the whole body has answered.
async fn asked(service: &Service, ask: Ask, lines: Lines, pools: &Rc<Pools>) -> Result<Answered, Unanswered> {
    let head = request(&ask, lines).ok_or(Unanswered::Unclear("bad_request"))?;
    let local = &*pools.local;
    let began = local.clock.now();
    let (path, query) =
        ask.target.split_once('?').map_or((&*ask.target, None), |(path, query)| (path, Some(query)));
    let client = Client::direct(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), sekisho_exchange::Scheme::Http);
    let framing = match ask.body.len() {
        0 => Framing::None,
        length => Framing::Length(length as u64),
    };
    let mut exchange = Exchange::new(head.view(), (path, query, ""), framing, client, began, local);
    exchange.deadline = Some(began + ask.timeout);
    for (name, value) in ask.headers.iter().filter(|(name, _)| is_identity(name)) {
        // As the gateway's own word: a client's would not pass.
        exchange.to_service.set(name.as_str(), value).map_err(|_| Unanswered::Unclear("bad_request"))?;
    }
    let alarm = local.alarms.alarm();
    // In a box, since it is large and rare.
    let mut nobody = Nobody::with(ask.body);
    let sent = Box::pin(send(service, &mut exchange, &mut nobody, &alarm, pools, &TERMS)).await;
    let mut call = sent.map_err(|failure| unanswered(&failure))?;
    let head = copied(call.head())?;
    if matches!(call.framing(), Framing::Length(length) if length > ask.max as u64) {
        return Err(TOO_LARGE);
    }
    call.end_head();
    alarm.set(exchange.deadline.unwrap_or(began + ask.timeout));
    let body = whole_body(&mut call, ask.max, &alarm, local).await?;
    call.end();
    Ok(Answered { head, body })
}

const TOO_LARGE: Unanswered = Unanswered::Unclear("answer_too_large");

/// Whose header lines a request has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// The gateway's own, which says what it is.
    Own,
    /// Somebody else's: there are no others.
    Whole,
}

/// The head of the request but for what names and delimits, or `None` if it would be none.
fn request(ask: &Ask, lines: Lines) -> Option<HeadBuf> {
    let mut head = HeadBuf::default();
    let (path, _) = split_target(ask.target.as_bytes());
    if !path.starts_with(b"/") || head.request(ask.method.as_bytes(), ask.target.as_bytes()).is_err() {
        return None;
    }
    let usual = [("User-Agent", USER_AGENT), ("Accept", "*/*")];
    let said = |name: &str| ask.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let left = |name: &str| lines == Lines::Own && !said(name);
    for (name, value) in usual.into_iter().filter(|(name, _)| left(name)) {
        head.push(name, value.as_bytes()).ok()?;
    }
    for (name, value) in ask.headers.iter().filter(|(name, _)| !is_identity(name)) {
        head.push(name, value).ok()?;
    }
    // Without a body only the methods that are meant to have one say so (RFC 9110 §8.6).
    if !ask.body.is_empty() || matches!(ask.method, "POST" | "PUT" | "PATCH") {
        head.push("Content-Length", ask.body.len().to_string().as_bytes()).ok()?;
    }
    Some(head)
}

/// The answer's head, apart from the buffer in which it came.
fn copied(view: HeadView<'_>) -> Result<HeadBuf, Unanswered> {
    let mut head = HeadBuf::default();
    head.response(view.status());
    for (name, value, _) in view.lines() {
        let name = std::str::from_utf8(name).map_err(|_| Unanswered::Unclear("malformed_answer"))?;
        head.push(name, value).map_err(|_| Unanswered::Unclear("malformed_answer"))?;
    }
    Ok(head)
}

/// Reads the body to its end, unless it is longer than `max` bytes or the alarm rings first.
async fn whole_body(
    call: &mut Call,
    max: usize,
    alarm: &Alarm,
    local: &Local,
) -> Result<Vec<u8>, Unanswered> {
    let mut body = Vec::new();
    loop {
        let more = poll_fn(|cx| {
            if let Poll::Ready(more) = call.poll_data(cx) {
                return Poll::Ready(more.map_err(|_| Unanswered::Unclear("broke_off")));
            }
            let late = if local.cut.get() { "gateway_stopping" } else { "timeout" };
            alarm.poll(cx).map(|()| Err(Unanswered::Absent(late)))
        });
        if !more.await? {
            return Ok(body);
        }
        let data = call.data();
        if body.len() + data.len() > max {
            return Err(TOO_LARGE);
        }
        body.extend_from_slice(data);
        let count = data.len();
        call.consume(count);
    }
}

/// The log's word for a call that failed before its answer's head.
pub(crate) fn unanswered(failure: &Failure) -> Unanswered {
    use Unanswered::{Absent, Unclear};
    match failure {
        Failure::Unreachable(reason)
        | Failure::Overloaded(reason)
        | Failure::Shed(reason, _)
        | Failure::Slow(reason) => Absent(reason),
        Failure::NoHealthyEndpoint => Absent("no_healthy_endpoint"),
        Failure::CircuitOpen(_) => Absent("circuit_open"),
        Failure::Expired => Absent("timeout"),
        Failure::Broke | Failure::Stale => Absent("closed_before_head"),
        Failure::Garbage(_) => Unclear("malformed_answer"),
        Failure::Switched | Failure::WrongProtocol => Unclear("switched_protocols_unasked"),
        Failure::Stopping => Absent("gateway_stopping"),
        // There is no client that could fail.
        Failure::ClientGone | Failure::ClientSlow | Failure::Refused(_) | Failure::Body(_) => {
            Unclear("bad_request")
        }
    }
}
