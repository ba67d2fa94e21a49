//! A request's head, from the first byte to what it means or why it is refused.

use std::future::poll_fn;
use std::task::{Context, Poll};

use sekisho_exchange::{Alarm, Buffer, Io, Reply, RequestBody};
use sekisho_units::Tick;
use sekisho_wire::{
    Framing, Head, HeadBuf, HeadView, Normal, Parsed, Refusal, RequestFacts, TargetForm, check_request,
    normalise, origin_form, parse_request,
};

use super::Caller;
use crate::site::Site;
use crate::worker::Worker;

/// How the reading of a head ended.
pub(super) enum Arrived {
    /// So many bytes of the buffer are a head.
    Whole(usize),
    /// It is none.
    Refused(Refusal),
    /// Nothing was read: whatever comes gets this answer.
    Never(Box<Reply>),
    /// It took too long.
    Slow,
    /// The client left.
    Gone,
}

/// A request as it is understood: all of it, or little more than that it is refused.
pub(super) struct Request<'a> {
    /// The head, or what stands in for one that could not be read.
    pub(super) view: HeadView<'a>,
    /// What came behind the head in the same read.
    pub(super) early: &'a [u8],
    /// The normalised target.
    pub(super) target: Normal<'a>,
    /// The authority that the client named; empty if it named none.
    pub(super) host: &'a str,
    /// How the body is delimited.
    pub(super) body: RequestBody,
    /// Whether another request may come.
    pub(super) keep_alive: bool,
    /// Whether the client asks before it sends the body.
    pub(super) expects: bool,
    /// Whether it is `OPTIONS *`.
    pub(super) whole_server: bool,
    /// The answer, if it is refused.
    pub(super) refusal: Option<Box<Reply>>,
}

/// How a TLS client begins: a record of a handshake, version 3.x (RFC 8446 §5.1).
const HELLO: &[u8] = &[22, 3];

/// The target of a request that was refused before it was understood.
const NOWHERE: Normal<'static> = Normal { path: "-", query: None, risky: false };

impl<'a> Request<'a> {
    /// What `arrived` means; `None` if the client left.
    ///
    /// `bytes` hold the head that was parsed into `head`; `scratch` takes the path if it must be normalised.
    pub(super) fn understand(
        arrived: Arrived,
        bytes: &'a [u8],
        (head, stand_in): (&'a Head, &'a mut HeadBuf),
        site: &Site,
        scratch: &'a mut String,
    ) -> Option<Self> {
        let len = match arrived {
            Arrived::Gone => return None,
            Arrived::Whole(len) => len,
            Arrived::Slow => return Some(Self::unread(stand_in, Reply::request_timeout("slow_head"))),
            Arrived::Never(reply) => return Some(Self::unread(stand_in, *reply)),
            Arrived::Refused(_) if bytes.starts_with(HELLO) => {
                return Some(Self::unread(stand_in, Reply::tls_on_plain_port()));
            }
            Arrived::Refused(refusal) => return Some(Self::unread(stand_in, Reply::refused(refusal))),
        };
        let view = head.view(bytes);
        let understood =
            check_request(view).and_then(|facts| Ok((facts, target(view.target(), &facts, site, scratch)?)));
        Some(match understood {
            Err(refusal) => Self::refused(view, Reply::refused(refusal)),
            Ok((facts, target)) => Self {
                view,
                early: &bytes[len..],
                target,
                host: authority(&facts, view),
                body: facts.framing,
                keep_alive: facts.keep_alive,
                expects: facts.expect_continue,
                whole_server: facts.form == TargetForm::Asterisk,
                refusal: None,
            },
        })
    }

    fn unread(stand_in: &'a mut HeadBuf, reply: Reply) -> Self {
        let laid = stand_in.request(b"-", b"-");
        debug_assert!(laid.is_ok(), "a hyphen is a method and a target");
        Self::refused(stand_in.view(), reply)
    }

    fn refused(view: HeadView<'a>, reply: Reply) -> Self {
        Self {
            view,
            early: &[],
            target: NOWHERE,
            host: "",
            body: Framing::None,
            keep_alive: false,
            expects: false,
            whole_server: false,
            refusal: Some(Box::new(reply)),
        }
    }
}

/// The normalised target. A target in asterisk-form is its own.
fn target<'a>(
    received: &'a [u8],
    facts: &RequestFacts,
    site: &Site,
    scratch: &'a mut String,
) -> Result<Normal<'a>, Refusal> {
    if facts.form == TargetForm::Asterisk {
        return Ok(Normal { path: "*", query: None, risky: false });
    }
    normalise(origin_form(received, facts.form), site.settings.paths, scratch)
}

/// The authority that the client named; empty if it named none.
fn authority<'a>(facts: &RequestFacts, view: HeadView<'a>) -> &'a str {
    let named = facts.host.map_or(&[][..], |host| host.of(view.bytes()));
    // An authority was checked to be ASCII.
    std::str::from_utf8(named).unwrap_or_default()
}

/// Reads until the buffer holds a head. The time for it runs from `started`.
pub(super) async fn read_head<S: Io>(
    stream: &mut S,
    input: &mut Buffer,
    head: &mut Head,
    alarm: &Alarm,
    (started, site, caller, worker): (Tick, &Site, &Caller, &Worker),
) -> Arrived {
    let settings = &site.settings;
    let mut armed = None;
    poll_fn(|cx| {
        loop {
            if !input.is_empty() {
                match parse_request(input.data(), head, &settings.head_limits) {
                    Ok(Parsed::Complete(len)) => return Poll::Ready(Arrived::Whole(len)),
                    Err(refusal) => return Poll::Ready(Arrived::Refused(refusal)),
                    Ok(Parsed::Partial) => {}
                }
            }
            match more(stream, input, cx, worker) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Arrived::Gone),
                Poll::Pending => break,
            }
        }
        // A client that has sent nothing yet, or an empty line after its last request, is idle, not slow: it owes no head.
        let begun = !matches!(input.data(), b"" | b"\r" | b"\r\n");
        if !begun && caller.is_leaving(worker) {
            return Poll::Ready(Arrived::Gone);
        }
        if armed.replace(begun) != Some(begun) {
            alarm.set_waiting(started, if begun { settings.client.head } else { settings.client.idle });
        }
        alarm.poll(cx).map(|()| if begun { Arrived::Slow } else { Arrived::Gone })
    })
    .await
}

/// Reads once. `false`: the client left.
fn more<S: Io>(stream: &mut S, input: &mut Buffer, cx: &mut Context<'_>, worker: &Worker) -> Poll<bool> {
    let stash = &worker.local.stash;
    if input.capacity() == 0 {
        *input = stash.small();
    } else if !input.has_room() {
        // The parser refuses a head over its limit long before this one is full.
        let mut large = stash.large();
        input.move_into(&mut large);
        stash.give_back(std::mem::replace(input, large));
    }
    input.poll_fill(stream, cx).map(|read| matches!(read, Ok(count) if count > 0))
}
