//! Why a head was refused. Runs once a connection at most, since the connection is closed afterwards, so it
//! looks again from the start, line by line, and names the first thing that is wrong.

use crate::field::is_token_byte;
use crate::refusal::{Malformed, Refusal};

/// What is wrong with one line of a head, its line end included.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    BareLf,
    BareCr,
    Nul,
    Control,
    Folded,
    NoName,
    SpaceBeforeColon,
    BadName,
}

/// The reason to refuse a request head; `skip` bytes of empty line come before it.
#[cold]
pub(super) fn diagnose_request(bytes: &[u8], skip: usize) -> Refusal {
    let rest = bytes.get(skip..).unwrap_or_default();
    match rest {
        // A TLS record of type handshake, major version 3.
        [0x16, 0x03, ..] | [0x16] => return Refusal::Tls,
        [b'\n', ..] => return Refusal::BareLf,
        [b'\r', b'\n', ..] => return Refusal::EmptyLines,
        [b'\r', ..] => return Refusal::BareCr,
        _ if rest.starts_with(b"PRI * HTTP/2.0") => return Refusal::Http2,
        _ => {}
    }
    let (line, fields) = first_line(rest);
    if let Err(fault) = line_end(line) {
        return fault.into();
    }
    if let Some(refusal) = request_line(line) {
        return refusal;
    }
    field_fault(fields).map_or(Refusal::BadFieldLine, Refusal::from)
}

/// The reason to refuse a response head.
#[cold]
pub(super) fn diagnose_response(bytes: &[u8]) -> Malformed {
    let (line, fields) = first_line(bytes);
    if let Err(fault) = line_end(line) {
        return fault.into();
    }
    if !line.starts_with(b"HTTP/1.0 ") && !line.starts_with(b"HTTP/1.1 ") {
        return Malformed::BadStatusLine;
    }
    let code = &line[9..];
    let possible = matches!(code, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', ..]);
    if !possible || !matches!(code.get(3), Some(b' ' | b'\r' | b'\n')) {
        return Malformed::BadStatus;
    }
    field_fault(fields).map_or(Malformed::BadFieldLine, Malformed::from)
}

fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
    bytes.split_at(end)
}

/// What is wrong with a request line, its line end taken for good.
fn request_line(line: &[u8]) -> Option<Refusal> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    let method = line.iter().take_while(|&&b| is_token_byte(b)).count();
    let Some(rest) = line[method..].strip_prefix(b" ").filter(|_| method > 0) else {
        return Some(Refusal::BadMethod);
    };
    if rest.starts_with(b" ") || rest.starts_with(b"\t") {
        return Some(Refusal::ExtraSpace);
    }
    let target = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
    if target == 0 || !super::parse::is_target(&rest[..target]) {
        return Some(Refusal::BadTarget);
    }
    match rest.get(target + 1..) {
        None | Some([]) => Some(Refusal::Http09),
        Some([b' ' | b'\t', ..]) => Some(Refusal::ExtraSpace),
        Some(b"HTTP/1.0" | b"HTTP/1.1") => None,
        Some(other) if other.starts_with(b"HTTP/1.") && other.ends_with(b" ") => Some(Refusal::ExtraSpace),
        Some(_) => Some(Refusal::BadVersion),
    }
}

/// What is wrong with how a line ends, or with control characters within it.
fn line_end(line: &[u8]) -> Result<(), Fault> {
    let body = line.strip_suffix(b"\n").unwrap_or(line);
    if body.len() < line.len() && !body.ends_with(b"\r") {
        return Err(control(body).unwrap_or(Fault::BareLf));
    }
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    control(body).map_or(Ok(()), Err)
}

fn control(body: &[u8]) -> Option<Fault> {
    let at = body.iter().position(|&b| (b < 0x20 && b != b'\t') || b == 0x7f)?;
    Some(match body[at] {
        0 => Fault::Nul,
        b'\r' => Fault::BareCr,
        _ => Fault::Control,
    })
}

/// The first fault among field lines.
fn field_fault(mut bytes: &[u8]) -> Option<Fault> {
    while !bytes.is_empty() {
        let (line, rest) = first_line(bytes);
        if let Err(fault) = line_end(line) {
            return Some(fault);
        }
        if line == b"\r\n" {
            return None;
        }
        let name = line.iter().take_while(|&&b| is_token_byte(b)).count();
        match (name, line.get(name)) {
            (0, Some(b' ' | b'\t')) => return Some(Fault::Folded),
            (0, Some(b':')) => return Some(Fault::NoName),
            (_, Some(b':')) if name > 0 => {}
            (_, Some(b' ' | b'\t')) => return Some(Fault::SpaceBeforeColon),
            (_, None) => return None,
            _ => return Some(Fault::BadName),
        }
        bytes = rest;
    }
    None
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        match fault {
            Fault::BareLf => Refusal::BareLf,
            Fault::BareCr => Refusal::BareCr,
            Fault::Nul => Refusal::Nul,
            Fault::Control => Refusal::ControlCharacter,
            Fault::Folded => Refusal::Folded,
            Fault::NoName => Refusal::EmptyName,
            Fault::SpaceBeforeColon => Refusal::SpaceBeforeColon,
            Fault::BadName => Refusal::BadName,
        }
    }
}

impl From<Fault> for Malformed {
    fn from(fault: Fault) -> Malformed {
        match fault {
            Fault::BareLf => Malformed::BareLf,
            Fault::BareCr => Malformed::BareCr,
            Fault::Nul | Fault::Control => Malformed::ControlCharacter,
            Fault::Folded => Malformed::Folded,
            Fault::NoName | Fault::SpaceBeforeColon | Fault::BadName => Malformed::BadName,
        }
    }
}
