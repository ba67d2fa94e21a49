//! Writing start lines and field lines.
//!
//! These functions trust their caller with the bytes: what came from a checked head or a [`Known`](crate::Known)
//! name is safe. Values from elsewhere go through [`Edits`](crate::Edits) or [`HeadBuf`](crate::HeadBuf), which refuse line breaks;
//! [`write_field`] refuses them too.

use crate::field::{BadField, is_field_name, is_field_value};
use crate::head::Known;

/// Writes `METHOD path?query HTTP/1.1` and its line end. The query is without its question mark.
#[inline]
pub fn write_request_line(out: &mut Vec<u8>, method: &[u8], path: &[u8], query: Option<&[u8]>) {
    out.reserve(method.len() + path.len() + query.map_or(0, |q| q.len() + 1) + 12);
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(path);
    if let Some(query) = query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Writes `HTTP/1.1 STATUS reason` and its line end. A status without a registered reason gets an empty one;
/// the space before it stays (RFC 9112 §4). A status outside 100 to 999 is written as 500.
#[inline]
pub fn write_status_line(out: &mut Vec<u8>, status: u16) {
    if status == 200 {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    let status = if (100..=999).contains(&status) { status } else { 500 };
    let digit = |n: u16| b'0' + (n % 10) as u8;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&[digit(status / 100), digit(status / 10), digit(status), b' ']);
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes one field line.
///
/// # Errors
/// [`BadField`] if it would not be one line; nothing is written then.
#[inline]
pub fn write_field(out: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), BadField> {
    if !is_field_name(name.as_bytes()) {
        return Err(BadField::Name);
    }
    if !is_field_value(value) {
        return Err(BadField::Value);
    }
    push_line(out, name.as_bytes(), value);
    Ok(())
}

/// Writes a `Content-Length` line.
#[inline]
pub fn write_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes a line whose parts were checked.
#[inline]
pub(crate) fn push_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes a line of a known name in its usual spelling, whose value was checked.
#[inline(always)]
pub(crate) fn push_known(out: &mut Vec<u8>, name: Known, value: &[u8]) {
    let (lead, len) = name.lead();
    out.reserve(lead.len() + value.len() + 2);
    let start = out.len();
    // All of a fixed length and then less of it: a copy of a varying length is a call.
    out.extend_from_slice(lead);
    out.truncate(start + len);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The reason phrase registered for a status; empty if there is none.
#[must_use]
pub const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_start_lines() {
        let mut out = Vec::new();
        write_request_line(&mut out, b"GET", b"/a", Some(b"b=c"));
        write_request_line(&mut out, b"PUT", b"/", None);
        for status in [200, 404, 299, 7] {
            write_status_line(&mut out, status);
        }
        let want = "GET /a?b=c HTTP/1.1\r\nPUT / HTTP/1.1\r\nHTTP/1.1 200 OK\r\nHTTP/1.1 404 Not Found\r\n\
                    HTTP/1.1 299 \r\nHTTP/1.1 500 Internal Server Error\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn writes_fields_and_refuses_what_would_split() {
        let mut out = Vec::new();
        write_field(&mut out, "A", b"b").unwrap();
        write_length(&mut out, u64::MAX);
        assert_eq!(write_field(&mut out, "A", b"b\r\nC: d"), Err(BadField::Value));
        assert_eq!(write_field(&mut out, "A\r\n", b""), Err(BadField::Name));
        assert_eq!(out, b"A: b\r\nContent-Length: 18446744073709551615\r\n");
    }
}
