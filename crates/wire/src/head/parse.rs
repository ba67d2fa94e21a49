//! From bytes to positions, strictly (RFC 9112 §2, §3, §4, §5).
//!
//! A head that arrives in pieces is parsed again from its start, but not for each piece: only when the blank
//! line that ends it has come, or when the bytes have doubled since the last try. So the work stays linear in
//! the bytes received, a bad first line is still refused early, and the answer for given bytes never depends
//! on how they were split, except that an error in the middle of an unfinished head may be reported later.

use std::mem::MaybeUninit;
use std::ops::RangeInclusive;

use httparse::{Error, Header, Status};

use super::diagnose::{diagnose_request, diagnose_response};
use super::{Head, Known, KnownSet, Line, MAX_HEAD, MAX_LINES, Method, Span, Version, is_odd};
use crate::field::is_token_byte;
use crate::refusal::{Malformed, Refusal};

/// What a head may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most bytes of a head, blank line included. Default 32 KiB; more than [`MAX_HEAD`] counts as that.
    pub head: usize,
    /// Most field lines. Default 100; more than [`MAX_LINES`] counts as that.
    pub fields: usize,
    /// Most bytes of a request target. Default 8 KiB.
    pub target: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { head: 32 * 1024, fields: 100, target: 8 * 1024 }
    }
}

/// How far a head could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// More bytes are needed; nothing wrong was seen so far.
    Partial,
    /// The head is whole and takes this many bytes, blank line included.
    Complete(usize),
}

/// Statuses there can be (RFC 9110 §15).
const STATUS: RangeInclusive<u16> = 100..=599;

/// Heads shorter than this are parsed again whenever bytes arrive.
const ALWAYS_TRY: usize = 512;

/// Reads a request head from the start of `bytes`, which may go on after it.
///
/// One CRLF before the request line is tolerated and counted as part of the head (RFC 9112 §2.2). When
/// [`Parsed::Partial`] is returned, call again with the same bytes and more, and with the same `head`.
///
/// # Errors
/// [`Refusal`], after which the connection must be closed: where the next message begins is not known.
pub fn parse_request(bytes: &[u8], head: &mut Head, limits: &Limits) -> Result<Parsed, Refusal> {
    let max = limits.head.min(MAX_HEAD);
    let skip = match bytes {
        [b'\r', b'\n', ..] => 2,
        [] | [b'\r'] => return Ok(Parsed::Partial),
        _ => 0,
    };
    if bytes.get(skip).is_some_and(|&b| !is_token_byte(b)) {
        return Err(diagnose_request(bytes, skip));
    }
    if not_worth_trying(bytes, head, max) {
        return Ok(Parsed::Partial);
    }
    let window = &bytes[..bytes.len().min(max)];
    let mut slots = [const { MaybeUninit::<Header<'_>>::uninit() }; MAX_LINES];
    let mut parsed = httparse::Request::new(&mut []);
    let fields = limits.fields.min(MAX_LINES);
    match parsed.parse_with_uninit_headers(&window[skip..], &mut slots[..fields]) {
        Ok(Status::Complete(len)) => {
            let method = parsed.method.unwrap_or_default();
            let target = parsed.path.unwrap_or_default();
            if target.len() > limits.target {
                return Err(Refusal::TargetTooLong);
            }
            let target_at = skip + method.len() + 1;
            let line_end = target_at + target.len() + " HTTP/1.1\r\n".len();
            head.clear();
            head.status = 0;
            head.method = Method::of(method.as_bytes());
            head.method_at = Span::between(skip, skip + method.len());
            head.text = Span::between(target_at, target_at + target.len());
            head.version = version(parsed.version);
            let whole = &window[..skip + len];
            if !is_target(target.as_bytes()) || !take_lines(whole, line_end, parsed.headers, head) {
                return Err(diagnose_request(bytes, skip));
            }
            Ok(Parsed::Complete(skip + len))
        }
        Ok(Status::Partial) => {
            head.tried = bytes.len() as u32;
            check_beginning(&parsed, window.len() - skip, limits)?;
            if bytes.len() >= max { Err(Refusal::HeadTooLarge) } else { Ok(Parsed::Partial) }
        }
        Err(Error::TooManyHeaders) => Err(Refusal::TooManyFields),
        Err(_) => Err(diagnose_request(bytes, skip)),
    }
}

/// What can be said of the target in `seen` bytes of an unfinished head.
fn check_beginning(parsed: &httparse::Request<'_, '_>, seen: usize, limits: &Limits) -> Result<(), Refusal> {
    let Some(method) = parsed.method else { return Ok(()) };
    let len = parsed.path.map_or_else(|| seen.saturating_sub(method.len() + 1), str::len);
    if len > limits.target {
        return Err(Refusal::TargetTooLong);
    }
    match parsed.path {
        Some(target) if !is_target(target.as_bytes()) => Err(Refusal::BadTarget),
        _ => Ok(()),
    }
}

/// Reads a response head from the start of `bytes`, which may go on after it.
///
/// [`Limits::target`] has no meaning here. See [`parse_request`] for heads that arrive in pieces.
///
/// # Errors
/// [`Malformed`], after which the connection must be closed.
pub fn parse_response(bytes: &[u8], head: &mut Head, limits: &Limits) -> Result<Parsed, Malformed> {
    let max = limits.head.min(MAX_HEAD);
    if bytes.first().is_some_and(|&b| b != b'H') {
        return Err(diagnose_response(bytes));
    }
    if bytes.is_empty() || not_worth_trying(bytes, head, max) {
        return Ok(Parsed::Partial);
    }
    let window = &bytes[..bytes.len().min(max)];
    let mut slots = [const { MaybeUninit::<Header<'_>>::uninit() }; MAX_LINES];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let fields = limits.fields.min(MAX_LINES);
    match config.parse_response_with_uninit_headers(&mut parsed, window, &mut slots[..fields]) {
        Ok(Status::Complete(len)) => {
            let whole = &window[..len];
            // The phrase is looked for rather than taken from the parser, which hides one that is not ASCII.
            let line_end = match parsed.headers.first() {
                Some(first) => offset(whole, first.name.as_bytes()),
                None => len.saturating_sub(2),
            };
            head.clear();
            head.method = Method::Other;
            head.method_at = Span::default();
            head.status = parsed.code.unwrap_or_default();
            head.version = version(parsed.version);
            let reason_at = "HTTP/1.1 200 ".len();
            head.text = Span::between(
                reason_at.min(line_end),
                line_end.saturating_sub(2).max(reason_at.min(line_end)),
            );
            if !STATUS.contains(&head.status) {
                return Err(Malformed::BadStatus);
            }
            if !take_lines(whole, line_end, parsed.headers, head) {
                return Err(diagnose_response(bytes));
            }
            Ok(Parsed::Complete(len))
        }
        Ok(Status::Partial) => {
            head.tried = bytes.len() as u32;
            if parsed.code.is_some_and(|code| !STATUS.contains(&code)) {
                return Err(Malformed::BadStatus);
            }
            if bytes.len() >= max { Err(Malformed::HeadTooLarge) } else { Ok(Parsed::Partial) }
        }
        Err(Error::TooManyHeaders) => Err(Malformed::TooManyFields),
        Err(_) => Err(diagnose_response(bytes)),
    }
}

/// Whether every byte is visible ASCII and none is `#`, which begins a fragment and is never sent.
#[inline]
pub(crate) fn is_target(target: &[u8]) -> bool {
    !target.iter().fold(false, |bad, &b| bad | (b.wrapping_sub(0x21) > 0x7e - 0x21) | (b == b'#'))
}

fn version(minor: Option<u8>) -> Version {
    if minor == Some(0) { Version::Http10 } else { Version::Http11 }
}

/// Where `part`, a slice of `whole`, begins.
#[inline]
fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize)
}

/// Files the lines into `head`. False if a line, the start line or the blank line ends in a bare LF: `whole`
/// is a head that the parser took, so a line feed is there in any case.
#[inline]
fn take_lines(whole: &[u8], line_end: usize, headers: &[Header<'_>], head: &mut Head) -> bool {
    let blank = whole.len().wrapping_sub(2);
    let mut crlf = whole.get(line_end.wrapping_sub(2)) == Some(&b'\r') && whole.get(blank) == Some(&b'\r');
    let (mut present, mut repeated, mut odd) = (KnownSet::empty(), KnownSet::empty(), false);
    let first = &mut head.first;
    let mut start = line_end;
    head.lines.extend(headers.iter().enumerate().map(|(i, header)| {
        // Lines follow each other without a gap, as folding is refused.
        let end = headers.get(i + 1).map_or(blank, |next| offset(whole, next.name.as_bytes()));
        let name = header.name.as_bytes();
        let known = Known::of(name);
        odd |= known == Known::Unknown && is_odd(name);
        present.tally(&mut repeated, known);
        let earliest = &mut first[known as usize];
        *earliest = (*earliest).min(i as u8);
        let value = offset(whole, header.value);
        crlf &= whole.get(end.wrapping_sub(2)) == Some(&b'\r');
        let line = Line {
            name: Span::between(start, start + name.len()),
            value: Span::between(value, value + header.value.len()),
            end: end as u16,
            known,
        };
        start = end;
        line
    }));
    head.present = present.without_unknown();
    head.repeated = repeated.without_unknown();
    head.odd = odd;
    crlf
}

/// Whether a head that was not whole last time is surely not whole now either.
#[inline]
fn not_worth_trying(bytes: &[u8], head: &Head, max: usize) -> bool {
    let tried = head.tried as usize;
    tried >= ALWAYS_TRY
        && bytes.len() >= tried
        && bytes.len() < 2 * tried
        && bytes.len() < max
        && !has_blank_line(bytes)
}

#[cold]
fn has_blank_line(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes).any(|at| matches!(bytes[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}
