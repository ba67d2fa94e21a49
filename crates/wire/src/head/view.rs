//! A head and its bytes together: what policies read, whatever protocol the message came by.

use super::{Head, Known, KnownSet, Line, Method, Version};

/// One head to read. HTTP/2 heads are laid out into the same form by [`HeadBuf`](crate::HeadBuf).
#[derive(Clone, Copy, Debug)]
pub struct HeadView<'a> {
    bytes: &'a [u8],
    head: &'a Head,
}

impl<'a> HeadView<'a> {
    /// `head` must have been parsed from the start of `bytes`. With other bytes values read as empty or
    /// wrong, but nothing panics.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8], head: &'a Head) -> HeadView<'a> {
        HeadView { bytes, head }
    }

    /// The buffer that positions refer to.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The field lines as positions.
    #[inline]
    #[must_use]
    pub fn raw_lines(&self) -> &'a [Line] {
        &self.head.lines
    }

    /// The value of the first line of that name.
    #[inline]
    #[must_use]
    pub fn get(&self, name: Known) -> Option<&'a [u8]> {
        self.first(name).map(|line| line.value.of(self.bytes))
    }

    /// The first line of that name.
    #[inline]
    #[must_use]
    pub fn first(&self, name: Known) -> Option<&'a Line> {
        if self.head.present.contains(name) {
            self.head.lines.get(usize::from(self.head.first[name as usize]))
        } else {
            None
        }
    }

    /// The values of all lines of that name, in order.
    pub fn all(&self, name: Known) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.lines_of(name).map(move |(_, line)| line.value.of(bytes))
    }

    /// How many lines have that name.
    #[inline]
    #[must_use]
    pub fn count(&self, name: Known) -> usize {
        if self.head.repeated.contains(name) {
            self.lines_of(name).count()
        } else {
            usize::from(self.head.present.contains(name))
        }
    }

    /// The values of the cookies `name` (RFC 6265 §5.4), without quotation marks; the name's case counts. Empty ones are none.
    pub fn cookies<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let pairs = self.all(Known::Cookie).flat_map(|line| line.split(|byte| *byte == b';'));
        pairs.filter_map(move |pair| {
            let (own, value) = pair.trim_ascii().split_at_checked(name.len())?;
            let value = value.strip_prefix(b"=")?;
            let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
            (own == name.as_bytes() && !bare.is_empty()).then_some(bare)
        })
    }

    /// The value of the first line of that name, in any case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'a [u8]> {
        self.find_all(name).next()
    }

    /// The values of all lines of that name, in any case, in order.
    pub fn find_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let bytes = self.bytes;
        let known = Known::of(name.as_bytes());
        let possible = known == Known::Unknown || self.head.present.contains(known);
        let lines: &[Line] = if possible { &self.head.lines } else { &[] };
        lines
            .iter()
            .filter(move |line| {
                line.known == known
                    && (known != Known::Unknown || line.name.of(bytes).eq_ignore_ascii_case(name.as_bytes()))
            })
            .map(move |line| line.value.of(bytes))
    }

    /// Every line: name as received, value, and what the name is.
    pub fn lines(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8], Known)> + use<'a> {
        let bytes = self.bytes;
        self.head.lines.iter().map(move |line| (line.name.of(bytes), line.value.of(bytes), line.known))
    }

    /// How many field lines there are.
    #[inline]
    #[must_use]
    pub fn len_lines(&self) -> usize {
        self.head.lines.len()
    }

    /// Whether some name holds `_` or `.`, which servers behind may read as `-`.
    #[inline]
    #[must_use]
    pub fn has_odd_names(&self) -> bool {
        self.head.odd
    }

    /// The known names that occur.
    #[inline]
    #[must_use]
    pub fn present(&self) -> KnownSet {
        self.head.present
    }

    /// Method of a request.
    #[inline]
    #[must_use]
    pub fn method(&self) -> Method {
        self.head.method
    }

    /// Method of a request as received; empty for a response.
    #[inline]
    #[must_use]
    pub fn method_bytes(&self) -> &'a [u8] {
        self.head.method_at.of(self.bytes)
    }

    /// Target of a request as received: bytes 0x21 to 0x7e without `#`.
    #[inline]
    #[must_use]
    pub fn target(&self) -> &'a [u8] {
        if self.head.status == 0 { self.head.text.of(self.bytes) } else { &[] }
    }

    /// Status of a response, 100 to 599; 0 for a request.
    #[inline]
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// Reason phrase of a response; may be empty.
    #[inline]
    #[must_use]
    pub fn reason(&self) -> &'a [u8] {
        if self.head.status == 0 { &[] } else { self.head.text.of(self.bytes) }
    }

    /// Version of the message.
    #[inline]
    #[must_use]
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// Index of the line of that name if there is one and no other.
    #[inline]
    pub(crate) fn only(&self, name: Known) -> Option<usize> {
        let once = self.head.present.contains(name) && !self.head.repeated.contains(name);
        once.then(|| usize::from(self.head.first[name as usize]))
    }

    /// Lines of that name with their indices.
    pub(crate) fn lines_of(&self, name: Known) -> impl Iterator<Item = (usize, &'a Line)> + use<'a> {
        let (from, to) = if !self.head.present.contains(name) {
            (0, 0)
        } else {
            let first = usize::from(self.head.first[name as usize]);
            let repeated = self.head.repeated.contains(name);
            (first, if repeated { self.head.lines.len() } else { first + 1 })
        };
        let lines = self.head.lines.get(from..to).unwrap_or_default();
        lines
            .iter()
            .enumerate()
            .filter(move |(_, line)| line.known == name)
            .map(move |(i, line)| (from + i, line))
    }

    /// The start line's target as a place in the bytes.
    pub(crate) fn target_span(&self) -> super::Span {
        self.head.text
    }
}
