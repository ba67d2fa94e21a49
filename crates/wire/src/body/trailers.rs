//! Fields after a chunked body (RFC 9110 §6.5, RFC 9112 §7.1.2).

use super::chunk::Found;
use super::reader::BadBody;
use crate::field::{is_token_byte, trim};
use crate::{Known, KnownSet};

/// Names that no trailer may carry, whatever is allowed: who reads trailers would take them for the head's.
const NEVER: KnownSet = KnownSet::of(&[
    // Framing and the connection.
    Known::ContentLength,
    Known::TransferEncoding,
    Known::Connection,
    Known::KeepAlive,
    Known::ProxyConnection,
    Known::Te,
    Known::Trailer,
    Known::Upgrade,
    Known::Expect,
    // Routing.
    Known::Host,
    Known::ApiVersion,
    Known::Location,
    Known::Via,
    Known::Forwarded,
    Known::XForwardedFor,
    Known::XForwardedProto,
    Known::XForwardedHost,
    Known::XForwardedPort,
    Known::XRealIp,
    Known::XClientIp,
    // Identity and authentication.
    Known::Authorization,
    Known::ProxyAuthorization,
    Known::ProxyAuthenticate,
    Known::WwwAuthenticate,
    Known::Cookie,
    Known::SetCookie,
    Known::XApiKey,
    Known::XUserId,
    Known::XUserEmail,
    Known::XUserRoles,
    Known::XUserPermissions,
    Known::XRequestId,
    Known::XCorrelationId,
    Known::XGatewayTimestamp,
    Known::Origin,
    Known::AccessControlAllowOrigin,
    Known::AccessControlAllowCredentials,
    // What the content is and how long it may be kept.
    Known::ContentType,
    Known::ContentEncoding,
    Known::ContentRange,
    Known::CacheControl,
    Known::Vary,
    Known::Age,
    Known::Range,
]);

/// Length of the trailer line at the start of `bytes`, its end included; 2 is the empty line after the last.
/// Lines longer than `room` are too large.
pub(super) fn trailer_line(bytes: &[u8], room: usize) -> Result<Found<usize>, BadBody> {
    match bytes {
        [b'\r', b'\n', ..] => return Ok(Found::Whole(2)),
        [] | [b'\r'] => return Ok(Found::Partial),
        _ => {}
    }
    let name = bytes.iter().take_while(|&&b| is_token_byte(b)).count();
    if name > room {
        return Err(BadBody::TrailersTooLarge);
    }
    match bytes.get(name) {
        None => return Ok(Found::Partial),
        Some(b':') if name > 0 => {}
        Some(_) => return Err(BadBody::Trailer),
    }
    let value = &bytes[name + 1..];
    let len = value.iter().take_while(|&&b| b == b'\t' || (b >= b' ' && b != 0x7f)).count();
    let end = name + 1 + len;
    if end + 2 > room {
        return Err(BadBody::TrailersTooLarge);
    }
    match bytes[end..] {
        [] | [b'\r'] => Ok(Found::Partial),
        [b'\r', b'\n', ..] => Ok(Found::Whole(end + 2)),
        [b'\r' | b'\n', ..] => Err(BadBody::LineEnd),
        _ => Err(BadBody::Trailer),
    }
}

/// The trailer lines of [`BodyReader::trailers`](crate::BodyReader::trailers) whose name is in `allowed`, in any
/// case. Names of framing, routing, identity and authentication never pass, nor do their spellings with `_` or
/// `.`, whatever is allowed.
#[must_use]
pub fn filter_trailers(raw: &[u8], allowed: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in raw.split_inclusive(|&b| b == b'\n') {
        let Some((line, colon)) =
            line.strip_suffix(b"\r\n").and_then(|l| Some((l, memchr::memchr(b':', l)?)))
        else {
            continue;
        };
        let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
        let plain: Vec<u8> = name.iter().map(|&b| if matches!(b, b'_' | b'.') { b'-' } else { b }).collect();
        let allowed = allowed.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(name));
        if allowed && !NEVER.contains(Known::of(&plain)) {
            // A no-op for what is no field line, as a caller might pass other bytes.
            let name = std::str::from_utf8(name).unwrap_or_default();
            let _ = crate::write::write_field(&mut out, name, value);
        }
    }
    out
}
