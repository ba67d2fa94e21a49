//! One message head as positions into a buffer that somebody else owns.

mod compose;
mod diagnose;
mod known;
mod lines;
mod method;
mod parse;
mod scan;
mod view;

pub use compose::HeadBuf;
pub(crate) use known::bits;
pub use known::{Known, KnownSet};
pub use method::{Method, Version};
pub(crate) use parse::is_target;
pub use parse::{Limits, Parsed, parse_request, parse_response};
pub(crate) use scan::controls;
pub use view::HeadView;

use crate::field::token_class;

/// Most field lines of one head: each has a bit in a [`Skip`](crate::Skip).
pub const MAX_LINES: usize = 128;
/// Most bytes of one head: positions are `u16`.
pub const MAX_HEAD: usize = 65_535;

/// A place in the bytes of a head.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// Where it starts, in bytes.
    pub start: u16,
    /// How long it is, in bytes.
    pub len: u16,
}

impl Span {
    /// The place from `start` to `end`; both must be at most [`MAX_HEAD`].
    #[inline]
    pub(crate) fn between(start: usize, end: usize) -> Span {
        debug_assert!(start <= end && end <= MAX_HEAD);
        Span { start: start as u16, len: (end - start) as u16 }
    }

    /// The place as a range.
    #[inline]
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        usize::from(self.start)..self.end()
    }

    /// The first position after it.
    #[inline]
    #[must_use]
    pub fn end(self) -> usize {
        usize::from(self.start) + usize::from(self.len)
    }

    /// The bytes there; none if `bytes` are not those the span was measured in.
    #[inline]
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.range()).unwrap_or_default()
    }
}

/// One field line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// The name, which begins the line.
    pub name: Span,
    /// The value, without the white space around it.
    pub value: Span,
    /// Position after the line's CRLF.
    pub end: u16,
    /// What the name is.
    pub known: Known,
}

/// Positions of one parsed head. It owns no bytes of the message and is meant to be reused: its list of lines
/// keeps its capacity.
#[derive(Clone, Debug)]
pub struct Head {
    /// Method, or nothing in a response.
    method_at: Span,
    /// Target in a request, reason phrase in a response.
    text: Span,
    method: Method,
    version: Version,
    status: u16,
    lines: Vec<Line>,
    /// Names that occur, and those that occur more than once.
    present: KnownSet,
    repeated: KnownSet,
    /// Index of the first line of each name that is `present`; of no meaning for others.
    first: [u8; 128],
    odd: bool,
    /// Bytes that were in the buffer when it was last parsed in full without finding the head's end.
    tried: u32,
}

impl Default for Head {
    fn default() -> Head {
        Head {
            method_at: Span::default(),
            text: Span::default(),
            method: Method::default(),
            version: Version::default(),
            status: 0,
            lines: Vec::new(),
            present: KnownSet::empty(),
            repeated: KnownSet::empty(),
            first: [0; 128],
            odd: false,
            tried: 0,
        }
    }
}

impl Head {
    /// This head together with the bytes it was parsed from.
    #[inline]
    #[must_use]
    pub fn view<'a>(&'a self, bytes: &'a [u8]) -> HeadView<'a> {
        HeadView::new(bytes, self)
    }

    /// The field lines in the order received.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Forgets the head; capacity stays.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.present = KnownSet::empty();
        self.repeated = KnownSet::empty();
        self.odd = false;
        self.tried = 0;
    }

    /// Appends a line. The caller keeps their number at or below [`MAX_LINES`].
    #[inline]
    fn push_line(&mut self, name_bytes: &[u8], name: Span, value: Span, end: usize) {
        let known = Known::of(name_bytes);
        self.odd |= known == Known::Unknown && token_class(name_bytes).is_odd();
        if self.present.contains(known) {
            self.repeated.insert(known);
        } else {
            self.present.insert(known);
            self.first[known as usize] = self.lines.len() as u8;
        }
        self.lines.push(Line { name, value, end: end as u16, known });
    }
}
