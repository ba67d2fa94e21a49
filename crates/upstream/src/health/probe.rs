//! One check of one endpoint, over a connection of its own.

use std::borrow::Cow;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sekisho_exchange::{Client, Exchange, Permits, Scheme};
use sekisho_wire::{Framing, HeadBuf, Limits};

use super::check::Check;
use super::config::CheckKind;
use crate::call::Call;
use crate::conn::Conn;
use crate::failure::Failure;
use crate::fleet::Endpoint;
use crate::peer::{Nobody, TERMS, USER_AGENT, unanswered};
use crate::pool::Pools;
use crate::upload::Pace;

/// What is wrong with an endpoint, in a word.
pub(super) type Wrong = Cow<'static, str>;

/// Most bytes of a body that are looked at.
const BODY: usize = 64 * 1024;

/// An endpoint as it is checked.
pub(super) struct Probe {
    endpoint: Arc<Endpoint>,
    check: Arc<Check>,
    limits: Limits,
    pools: Rc<Pools>,
    /// A place for one connection: one whose name is still being looked up after its time is not made again meanwhile.
    place: Arc<Permits>,
}

impl Probe {
    pub(super) fn new(endpoint: &Endpoint, check: Arc<Check>, limits: Limits, pools: Rc<Pools>) -> Self {
        let endpoint = Arc::new(endpoint.to_check(check.port, check.kind == CheckKind::Http));
        Self { endpoint, check, limits, pools, place: Permits::new(1) }
    }

    /// Checks it, for no longer than `timeout`.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) async fn ask(&self, timeout: Duration) -> Result<(), Wrong> {
        let asked = tokio::time::timeout(timeout, self.asked()).await;
        asked.unwrap_or(Err("timeout".into()))
    }

    async fn asked(&self) -> Result<(), Wrong> {
        let permit = self.place.try_take().ok_or("name_not_resolved")?;
        let opened = Conn::open(Arc::clone(&self.endpoint), permit).await;
        let conn = opened.map_err(|failure| unanswered(&failure).reason())?;
        if self.check.kind == CheckKind::Tcp {
            return Ok(());
        }
        let mut head = HeadBuf::default();
        head.request(self.check.method.as_bytes(), self.check.target.as_bytes())
            .map_err(|_| "bad_request")?;
        let (path, query) = self
            .check
            .target
            .split_once('?')
            .map_or((&*self.check.target, None), |(path, query)| (path, Some(query)));
        let local = &*self.pools.local;
        let client = Client::direct(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), Scheme::Http);
        let began = local.clock.now();
        let mut exchange = Exchange::new(head.view(), (path, query, ""), Framing::None, client, began, local);
        let pace = Pace::new(&TERMS, Duration::MAX);
        let mut call =
            Call::new(conn, &self.pools, &exchange, (self.limits, pace, 0), |out| self.compose(out));
        let mut nobody = Nobody::with(Vec::new());
        let answered = poll_fn(|cx| poll_answer(cx, &mut call, &mut exchange, &mut nobody)).await;
        answered.map_err(|failure| unanswered(&failure).reason())?;
        let status = call.head().status();
        if !self.check.statuses.has(status) {
            return Err(format!("health_check_status_{status}").into());
        }
        match &self.check.body {
            Some(text) => holds(&mut call, text).await,
            None => Ok(()),
        }
    }

    fn compose(&self, out: &mut Vec<u8>) {
        let Check { method, target, host, lines, .. } = &*self.check;
        let host = host.as_deref().unwrap_or(&self.endpoint.authority);
        out.extend_from_slice(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n").as_bytes());
        let said = |name: &str| lines.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        for (name, value) in [("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Connection", "close")] {
            if !said(name) {
                out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        for (name, value) in lines {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Sends the request and waits for the head of the answer.
fn poll_answer(
    cx: &mut Context<'_>,
    call: &mut Call,
    exchange: &mut Exchange<'_>,
    nobody: &mut Nobody,
) -> Poll<Result<(), Failure>> {
    match call.send_request(cx, exchange, nobody, &[]) {
        // Whoever answers before it has read all has answered.
        Ok(_) | Err(Failure::Broke | Failure::Stale) => call.poll_head(cx, nobody),
        Err(failure) => Poll::Ready(Err(failure)),
    }
}

/// Reads the body as far as needed.
async fn holds(call: &mut Call, text: &[u8]) -> Result<(), Wrong> {
    call.end_head();
    let mut body = Vec::new();
    while body.len() < BODY {
        let more = poll_fn(|cx| call.poll_data(cx)).await.map_err(|_| "broke_off")?;
        if !more {
            break;
        }
        let count = call.data().len().min(BODY - body.len());
        // A text may stand across two pieces.
        let from = body.len().saturating_sub(text.len() - 1);
        body.extend_from_slice(&call.data()[..count]);
        if body[from..].windows(text.len()).any(|part| part == text) {
            return Ok(());
        }
        call.consume(count);
    }
    Err("health_check_body".into())
}
