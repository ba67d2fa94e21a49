//! Content-Length and Transfer-Encoding (RFC 9110 §8.6, RFC 9112 §6), for both sides.

use crate::body::Framing;
use crate::field::{is_field_name, list_items, trim};
use crate::{HeadView, Known, KnownSet, Version};

/// What is wrong with the framing fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    LengthAndCoding,
    ManyLengths,
    BadLength,
    BadCoding,
    UnknownCoding,
    CodingInHttp10,
}

/// The framing the fields declare; `None` if they declare none.
#[inline]
pub(super) fn declared(view: HeadView<'_>) -> Result<Option<Framing>, Fault> {
    const FIELDS: KnownSet = KnownSet::of(&[Known::ContentLength, Known::TransferEncoding]);
    if view.present().intersection(FIELDS).is_empty() { Ok(None) } else { read(view) }
}

#[inline]
fn read(view: HeadView<'_>) -> Result<Option<Framing>, Fault> {
    let (length, coding) = (view.first(Known::ContentLength), view.first(Known::TransferEncoding));
    match (length, coding) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Fault::LengthAndCoding),
        (Some(line), None) => {
            if view.count(Known::ContentLength) > 1 {
                return Err(Fault::ManyLengths);
            }
            let length = decimal(line.value.of(view.bytes())).ok_or(Fault::BadLength)?;
            Ok(Some(Framing::Length(length)))
        }
        (None, Some(line)) => {
            if view.version() == Version::Http10 {
                return Err(Fault::CodingInHttp10);
            }
            if view.count(Known::TransferEncoding) == 1
                && line.value.of(view.bytes()).eq_ignore_ascii_case(b"chunked")
            {
                return Ok(Some(Framing::Chunked));
            }
            Err(coding_fault(view))
        }
    }
}

/// 1 to 19 digits that fit.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut number: u64 = 0;
    for &b in digits {
        if !b.is_ascii_digit() {
            return None;
        }
        // 19 digits are below 2^64.
        number = number * 10 + u64::from(b - b'0');
    }
    Some(number)
}

/// Anything but one `chunked`: a coding nobody understands here if each item is one, else nonsense.
#[cold]
fn coding_fault(view: HeadView<'_>) -> Fault {
    let mut unknown = false;
    for value in view.all(Known::TransferEncoding) {
        for item in list_items(value) {
            let name = trim(item.split(|&b| b == b';').next().unwrap_or_default());
            if !is_field_name(name) {
                return Fault::BadCoding;
            }
            unknown |= !name.eq_ignore_ascii_case(b"chunked");
        }
    }
    if unknown { Fault::UnknownCoding } else { Fault::BadCoding }
}
