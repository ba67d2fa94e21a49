//! One line in each of the formats, written by hand: a serializer would cost more than all the rest of the policy.

use std::time::Duration;

use sekisho_exchange::{Exchange, Id, Ids, Outcome, Shadowed};
use sekisho_units::Tick;
use sekisho_wire::{Known, Version};

use super::redact::Redact;
use super::text;

/// Most bytes of a `User-Agent` or `Referer` that are logged.
const LONGEST: usize = 1_024;
/// Room that nearly every line fits in.
const USUAL: usize = 1_024;

/// Appends the line of a request that is over, as JSON.
pub(super) fn end(out: &mut Vec<u8>, exchange: &Exchange<'_>, outcome: &Outcome, redact: &Redact) {
    let facts = &exchange.facts;
    out.reserve(USUAL);
    out.extend_from_slice(br#"{"event":"request_end","timestamp":""#);
    request(out, ended(exchange, outcome), exchange, redact);
    out.extend_from_slice(br#","statusCode":"#);
    text::number(out, outcome.status.into());
    out.extend_from_slice(br#","duration":"#);
    text::millis(out, outcome.duration);
    out.extend_from_slice(br#","requestSize":"#);
    text::number(out, facts.request_bytes);
    out.extend_from_slice(br#","responseSize":"#);
    text::number(out, facts.response_bytes);
    client(out, exchange);
    if let Some(identity) = &exchange.identity {
        member(out, br#","userId":""#, identity.subject().as_bytes());
    }
    member(out, br#","service":""#, facts.service.unwrap_or_default().as_bytes());
    member(out, br#","endpoint":""#, facts.endpoint.as_deref().unwrap_or_default().as_bytes());
    upstream(out, facts.upstream_duration);
    out.extend_from_slice(br#","attempts":"#);
    text::number(out, facts.attempts.into());
    member(out, br#","decided_by":""#, facts.decided_by.as_str().as_bytes());
    member(out, br#","reason":""#, outcome.reason.as_bytes());
    if let Some(cache) = &facts.cache {
        member(out, br#","cache":""#, cache.word.as_bytes());
        member(out, br#","cacheReason":""#, cache.reason.as_bytes());
        member(out, br#","notStored":""#, cache.not_stored.unwrap_or_default().as_bytes());
    }
    if !facts.shadowed.is_empty() {
        shadow(out, &facts.shadowed);
    }
    out.extend_from_slice(b"}\n");
}

/// Appends the line of a request that has just come, as JSON.
pub(super) fn start(out: &mut Vec<u8>, exchange: &Exchange<'_>, redact: &Redact) {
    out.reserve(USUAL);
    out.extend_from_slice(br#"{"event":"request_start","timestamp":""#);
    request(out, exchange.started, exchange, redact);
    client(out, exchange);
    out.extend_from_slice(b"}\n");
}

/// Time, ids and what was asked for.
#[inline]
fn request(out: &mut Vec<u8>, moment: Tick, exchange: &Exchange<'_>, redact: &Redact) {
    exchange.local.stamped(moment, |stamp, wall| out.extend_from_slice(stamp.rfc3339(wall)));
    out.push(b'"');
    if let Some(Ids { request, correlation }) = &exchange.ids {
        id(out, br#","requestId":""#, request);
        id(out, br#","correlationId":""#, correlation);
    }
    member(out, br#","method":""#, exchange.head.method_bytes());
    member(out, br#","path":""#, exchange.path.as_bytes());
    if let Some(query) = exchange.query {
        out.extend_from_slice(br#","query":""#);
        redact.query(query.as_bytes(), |part| text::json(out, part));
        out.push(b'"');
    }
    member(out, br#","route":""#, exchange.route.as_bytes());
    member(out, br#","version":""#, exchange.facts.version.as_bytes());
}

#[inline]
fn client(out: &mut Vec<u8>, exchange: &Exchange<'_>) {
    member(out, br#","userAgent":""#, header(exchange, Known::UserAgent));
    out.extend_from_slice(br#","ip":""#);
    text::ip(out, exchange.client.ip);
    out.push(b'"');
}

/// `key` is everything up to the value's opening quote, of a known length, so that its copy is no call. A value that is not
/// there is left out.
#[inline(always)]
fn member<const N: usize>(out: &mut Vec<u8>, key: &[u8; N], value: &[u8]) {
    if !value.is_empty() {
        out.extend_from_slice(key);
        text::json(out, value);
        out.push(b'"');
    }
}

/// An id of our own needs no look at its text.
#[inline(always)]
fn id<const N: usize>(out: &mut Vec<u8>, key: &[u8; N], id: &Id<'_>) {
    match id {
        Id::Own(text) => {
            out.extend_from_slice(key);
            out.extend_from_slice(text);
            out.push(b'"');
        }
        Id::Given(text) => member(out, key, text.as_bytes()),
    }
}

/// When the last byte of the answer was sent.
#[inline]
fn ended(exchange: &Exchange<'_>, outcome: &Outcome) -> Tick {
    exchange.started + outcome.duration
}

#[inline]
fn upstream(out: &mut Vec<u8>, duration: Option<Duration>) {
    if let Some(duration) = duration {
        out.extend_from_slice(br#","upstreamDuration":"#);
        text::millis(out, duration);
    }
}

#[cold]
fn shadow(out: &mut Vec<u8>, shadowed: &[Shadowed]) {
    out.extend_from_slice(br#","shadow":["#);
    for (index, Shadowed { policy, status, code }) in shadowed.iter().enumerate() {
        out.extend_from_slice(if index == 0 { br#"{"policy":""# } else { br#",{"policy":""# });
        text::json(out, policy.as_bytes());
        out.extend_from_slice(br#"","status":"#);
        text::number(out, (*status).into());
        member(out, br#","code":""#, code.as_bytes());
        out.push(b'}');
    }
    out.push(b']');
}

/// Appends the line of a request that is over in the combined format of Apache and NGINX, times in UTC.
pub(super) fn combined(out: &mut Vec<u8>, exchange: &Exchange<'_>, outcome: &Outcome, redact: &Redact) {
    text::ip(out, exchange.client.ip);
    out.extend_from_slice(b" - - [");
    exchange.local.stamped(ended(exchange, outcome), |stamp, wall| clf_time(out, stamp.http_date(wall)));
    out.extend_from_slice(b"] \"");
    text::combined(out, exchange.head.method_bytes());
    out.push(b' ');
    text::combined(out, exchange.path.as_bytes());
    if let Some(query) = exchange.query {
        out.push(b'?');
        redact.query(query.as_bytes(), |part| text::combined(out, part));
    }
    out.extend_from_slice(match exchange.head.version() {
        Version::Http10 => b" HTTP/1.0\" ",
        Version::Http11 => b" HTTP/1.1\" ",
    });
    text::number(out, outcome.status.into());
    out.push(b' ');
    text::number(out, exchange.facts.response_bytes);
    out.extend_from_slice(b" \"");
    match header(exchange, Known::Referer) {
        b"" => out.push(b'-'),
        referer => redact.uri(referer, |part| text::combined(out, part)),
    }
    out.extend_from_slice(b"\" \"");
    match header(exchange, Known::UserAgent) {
        b"" => out.push(b'-'),
        agent => text::combined(out, agent),
    }
    out.extend_from_slice(b"\"\n");
}

/// `01/Jan/2026:00:00:00 +0000` of `Thu, 01 Jan 2026 00:00:00 GMT`.
fn clf_time(out: &mut Vec<u8>, date: &[u8; 29]) {
    for (part, behind) in [(5..7, "/"), (8..11, "/"), (12..16, ":"), (17..25, " +0000")] {
        out.extend_from_slice(&date[part]);
        out.extend_from_slice(behind.as_bytes());
    }
}

#[inline]
pub(super) fn header<'a>(exchange: &Exchange<'a>, name: Known) -> &'a [u8] {
    let value = exchange.head.get(name).unwrap_or_default();
    &value[..value.len().min(LONGEST)]
}
