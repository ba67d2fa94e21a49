//! Range requests (RFC 9110 §14) answered from a whole stored answer.

use sekisho_wire::{HeadView, Known, list_items};

use super::Shape;

/// Most parts of one answer; who asks for more gets the whole (RFC 9110 §14.2, §17.15).
const MOST_PARTS: usize = 16;

/// Some consecutive bytes of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slice {
    /// The first one, counted from 0.
    pub first: u64,
    /// The last one, which belongs to it.
    pub last: u64,
}

impl Slice {
    /// How many bytes.
    #[must_use]
    pub fn length(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// Appends the value of its `Content-Range` (RFC 9110 §14.4), of a body of `length` bytes.
    pub fn write_content_range(self, length: u64, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(b"bytes ");
        out.extend_from_slice(digits.format(self.first).as_bytes());
        out.push(b'-');
        out.extend_from_slice(digits.format(self.last).as_bytes());
        out.push(b'/');
        out.extend_from_slice(digits.format(length).as_bytes());
    }
}

/// What one item of the list comes to.
enum Item {
    Slice(Slice),
    /// Well-formed, but the body has no such bytes.
    Beyond,
}

/// What a request with `Range` gets of a body of `length` bytes. A field that is malformed, of another unit, or wasteful
/// is ignored, as the RFC allows: the client gets the whole.
pub(super) fn shape(request: HeadView<'_>, length: u64) -> Shape {
    if request.count(Known::Range) != 1 {
        return Shape::Whole;
    }
    let value = request.get(Known::Range).unwrap_or_default();
    let Some((unit, list)) = value.split_at_checked(6) else { return Shape::Whole };
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return Shape::Whole;
    }
    // One range is what nearly all ask for.
    let mut items = list_items(list);
    let (Some(one), None) = (items.next(), items.next()) else { return several(list, length) };
    match item(one, length) {
        Some(Item::Slice(slice)) => Shape::Part(slice),
        Some(Item::Beyond) => Shape::Unsatisfiable,
        None => Shape::Whole,
    }
}

fn several(list: &[u8], length: u64) -> Shape {
    let mut parts: Vec<Slice> = Vec::new();
    let mut any = false;
    for (count, text) in list_items(list).enumerate() {
        if count == MOST_PARTS {
            return Shape::Whole;
        }
        any = true;
        match item(text, length) {
            Some(Item::Slice(slice)) if parts.iter().any(|part| overlap(*part, slice)) => {
                return Shape::Whole;
            }
            Some(Item::Slice(slice)) => parts.push(slice),
            Some(Item::Beyond) => {}
            None => return Shape::Whole,
        }
    }
    match *parts {
        [] if any => Shape::Unsatisfiable,
        [] => Shape::Whole,
        [one] => Shape::Part(one),
        _ => Shape::Parts(parts),
    }
}

fn overlap(a: Slice, b: Slice) -> bool {
    a.first <= b.last && b.first <= a.last
}

/// One range of a body of `length` bytes; `None` if it is malformed.
fn item(text: &[u8], length: u64) -> Option<Item> {
    let dash = text.iter().position(|&b| b == b'-')?;
    let (first, last) = (text.get(..dash)?, text.get(dash + 1..)?);
    let end = length.checked_sub(1);
    if first.is_empty() {
        // The last so many bytes.
        let count = number(last)?;
        return Some(match end {
            Some(end) if count > 0 => Item::Slice(Slice { first: length.saturating_sub(count), last: end }),
            _ => Item::Beyond,
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(match end {
        Some(end) if first <= end => Item::Slice(Slice { first, last: last.min(end) }),
        _ => Item::Beyond,
    })
}

/// Digits as a number; one too large for us lies beyond every body.
fn number(digits: &[u8]) -> Option<u64> {
    let good = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    good.then(|| {
        digits.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}
