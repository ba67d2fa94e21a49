//! From bytes to positions, strictly (RFC 9112 §2, §3, §4, §5).
//!
//! A head that arrives in pieces is parsed again from its start, but not for each piece: only when the blank
//! line that ends it has come, or when the bytes have doubled since the last try. So the work stays linear in
//! the bytes received, a bad first line is still refused early, and the answer for given bytes never depends
//! on how they were split, except that an error in the middle of an unfinished head may be reported later.

use super::diagnose::{diagnose_request, diagnose_response};
use super::lines::{Lines, take_lines};
use super::{Head, MAX_HEAD, MAX_LINES, Method, Span, Version, scan};
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
    head.clear();
    head.status = 0;
    head.text = Span::default();
    let lines = match request_line(window, skip, head) {
        Start::Whole(end) => take_lines(window, end, limits.fields.min(MAX_LINES), head),
        Start::Partial => Lines::Partial,
        Start::Bad => Lines::Bad,
    };
    let too_long = usize::from(head.text.len) > limits.target;
    match lines {
        Lines::Whole(_) | Lines::Partial if too_long => Err(Refusal::TargetTooLong),
        Lines::Whole(len) => Ok(Parsed::Complete(len)),
        Lines::Partial => {
            unfinished(head, bytes.len());
            if bytes.len() >= max { Err(Refusal::HeadTooLarge) } else { Ok(Parsed::Partial) }
        }
        Lines::TooMany => Err(Refusal::TooManyFields),
        Lines::Bad => Err(diagnose_request(bytes, skip)),
    }
}

/// What was found where a start line begins.
enum Start {
    /// A line that ends here.
    Whole(usize),
    Partial,
    Bad,
}

/// Files method, target and version into `head`; of an unfinished line, what there is.
#[inline]
fn request_line(window: &[u8], start: usize, head: &mut Head) -> Start {
    let rest = window.get(start..).unwrap_or_default();
    let method = match rest {
        [b'G', b'E', b'T', b' ', ..] => 3,
        _ => match rest.iter().position(|&b| !is_token_byte(b)) {
            Some(len) if len > 0 && rest[len] == b' ' => len,
            None => return Start::Partial,
            Some(_) => return Start::Bad,
        },
    };
    head.method = Method::of(&rest[..method]);
    head.method_at = Span::between(start, start + method);
    let target = start + method + 1;
    let end = target + scan::target_end(&rest[method + 1..]);
    head.text = Span::between(target, end);
    let Some(rest) = window.get(end..).filter(|rest| !rest.is_empty()) else { return Start::Partial };
    if end == target {
        return Start::Bad;
    }
    match rest.first_chunk::<11>() {
        Some(b" HTTP/1.1\r\n") => head.version = Version::Http11,
        Some(b" HTTP/1.0\r\n") => head.version = Version::Http10,
        Some(_) => return Start::Bad,
        None if b" HTTP/1.1\r\n".starts_with(rest) || b" HTTP/1.0\r\n".starts_with(rest) => {
            return Start::Partial;
        }
        None => return Start::Bad,
    }
    Start::Whole(end + 11)
}

/// Forgets what was read of a head that has not ended within `len` bytes, but not that it was.
#[cold]
fn unfinished(head: &mut Head, len: usize) {
    head.clear();
    head.tried = len as u32;
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
    head.clear();
    head.method = Method::Other;
    head.method_at = Span::default();
    let lines = match status_line(window, head) {
        Start::Whole(end) => take_lines(window, end, limits.fields.min(MAX_LINES), head),
        Start::Partial => Lines::Partial,
        Start::Bad => Lines::Bad,
    };
    match lines {
        Lines::Whole(len) => Ok(Parsed::Complete(len)),
        Lines::Partial => {
            unfinished(head, bytes.len());
            if bytes.len() >= max { Err(Malformed::HeadTooLarge) } else { Ok(Parsed::Partial) }
        }
        Lines::TooMany => Err(Malformed::TooManyFields),
        Lines::Bad => Err(diagnose_response(bytes)),
    }
}

/// Files version, status and reason into `head`; of an unfinished line, what there is.
#[inline]
fn status_line(window: &[u8], head: &mut Head) -> Start {
    const USUAL: &[u8] = b"HTTP/1.1 200 OK\r\n";
    if window.starts_with(USUAL) {
        (head.version, head.status) = (Version::Http11, 200);
        head.text = Span::between(USUAL.len() - 4, USUAL.len() - 2);
        return Start::Whole(USUAL.len());
    }
    head.version = match window.first_chunk::<9>() {
        Some(b"HTTP/1.1 ") => Version::Http11,
        Some(b"HTTP/1.0 ") => Version::Http10,
        None if b"HTTP/1.1 ".starts_with(window) || b"HTTP/1.0 ".starts_with(window) => {
            return Start::Partial;
        }
        _ => return Start::Bad,
    };
    let code = &window[9..];
    let Some((code, rest)) = code.split_first_chunk::<3>() else {
        return if code.iter().all(u8::is_ascii_digit) { Start::Partial } else { Start::Bad };
    };
    // RFC 9110 §15: 100 to 599.
    let [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] = code else { return Start::Bad };
    head.status = code.iter().fold(0, |status, &b| status * 10 + u16::from(b - b'0'));
    let mut end = "HTTP/1.1 200".len();
    let from = end + 1;
    match rest.first() {
        Some(b' ') => {
            // Tabs and what only looks like a control character are for the loop.
            end = from + scan::control(&window[from..]);
            while window.get(end).is_some_and(|&b| b == b'\t' || b == b'~') {
                end += 1 + scan::control(&window[end + 1..]);
            }
        }
        Some(b'\r') => {}
        Some(_) => return Start::Bad,
        None => return Start::Partial,
    }
    match window.get(end..) {
        Some([b'\r', b'\n', ..]) => {
            head.text = Span::between(from, end.max(from));
            Start::Whole(end + 2)
        }
        Some([] | [b'\r']) => Start::Partial,
        _ => Start::Bad,
    }
}

/// Whether every byte is visible ASCII and none is `#`, which begins a fragment and is never sent.
#[inline]
pub(crate) fn is_target(target: &[u8]) -> bool {
    !target.iter().fold(false, |bad, &b| bad | (b.wrapping_sub(0x21) > 0x7e - 0x21) | (b == b'#'))
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
