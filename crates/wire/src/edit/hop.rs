//! Lines that must not travel on: those of one hop only, and disguised spellings of protected names.

use crate::field::list_items;
use crate::head::{HeadView, Known, KnownSet, MAX_LINES, bits};

/// Lines not to copy, by their index in the head.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Skip(u128);

const _: () = assert!(MAX_LINES <= 128, "a Skip has one bit for each line");

impl Skip {
    /// Adds a line; an index of [`MAX_LINES`] or more is no line.
    #[inline]
    pub fn insert(&mut self, line: usize) {
        if line < MAX_LINES {
            // Halves, since shifting the whole costs twice as much.
            let bit = u128::from(1u64 << (line % 64));
            self.0 |= if line < 64 { bit } else { bit << 64 };
        }
    }

    /// Adds every line of that name.
    #[inline]
    pub fn insert_name(&mut self, view: HeadView<'_>, name: Known) {
        match view.only(name) {
            Some(line) => self.insert(line),
            None => view.lines_of(name).for_each(|(i, _)| self.insert(i)),
        }
    }

    /// Whether the line is not to be copied.
    #[inline]
    #[must_use]
    pub fn contains(self, line: usize) -> bool {
        line < MAX_LINES && (self.0 >> line) & 1 == 1
    }

    /// Lines of either.
    #[inline]
    #[must_use]
    pub fn union(self, other: Skip) -> Skip {
        Skip(self.0 | other.0)
    }

    /// Whether every line is copied.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The indices, ascending.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = usize> {
        bits(self.0)
    }
}

/// Names that concern one connection only (RFC 9110 §7.6.1, §11.7; `Proxy-Connection` is of no standard).
const HOP: KnownSet = KnownSet::of(&[
    Known::Connection,
    Known::KeepAlive,
    Known::ProxyConnection,
    Known::ProxyAuthenticate,
    Known::ProxyAuthorization,
    Known::Te,
    Known::Trailer,
    Known::TransferEncoding,
    Known::Upgrade,
]);

/// The lines that concern one connection only, and those which `Connection` nominates. Content-Length and Host
/// are never marked: the caller decides about framing, and [`check_request`](crate::check_request) has refused
/// to have them nominated.
#[must_use]
pub fn hop_by_hop(view: HeadView<'_>) -> Skip {
    let mut skip = Skip::default();
    let present = view.present().intersection(HOP);
    for name in present.iter() {
        skip.insert_name(view, name);
    }
    if present.contains(Known::Connection) {
        for value in view.all(Known::Connection) {
            if value != b"keep-alive" && value != b"close" {
                nominated(view, value, &mut skip);
            }
        }
    }
    skip
}

fn nominated(view: HeadView<'_>, value: &[u8], skip: &mut Skip) {
    for item in list_items(value) {
        match Known::of(item) {
            Known::ContentLength | Known::Host => {}
            Known::Unknown => {
                for (i, line) in view.raw_lines().iter().enumerate() {
                    if line.known == Known::Unknown && line.name.of(view.bytes()).eq_ignore_ascii_case(item) {
                        skip.insert(i);
                    }
                }
            }
            known => skip.insert_name(view, known),
        }
    }
}

/// The lines whose name becomes a protected one when `_` and `.` are read as `-`, as many servers do, but is
/// spelled otherwise: a client may send `X_User_ID` past a gateway that looks for `X-User-ID` only. `more` are
/// protected names that are not known. Lines spelled rightly, in whatever case, are not marked.
#[must_use]
pub fn odd_spellings(view: HeadView<'_>, protected: KnownSet, more: &[&str]) -> Skip {
    let mut skip = Skip::default();
    if !view.has_odd_names() {
        return skip;
    }
    for (i, line) in view.raw_lines().iter().enumerate() {
        let name = line.name.of(view.bytes());
        if line.known == Known::Unknown
            && name.iter().any(|&b| is_odd(b))
            && is_disguised(name, protected, more)
        {
            skip.insert(i);
        }
    }
    skip
}

fn is_odd(b: u8) -> bool {
    matches!(b, b'_' | b'.')
}

fn is_disguised(name: &[u8], protected: KnownSet, more: &[&str]) -> bool {
    let plain = |b: u8| if is_odd(b) { b'-' } else { b.to_ascii_lowercase() };
    let same = |wanted: &str| {
        wanted.len() == name.len() && wanted.bytes().map(plain).eq(name.iter().copied().map(plain))
    };
    protected.iter().any(|known| same(known.name()))
        || more.iter().any(|wanted| same(wanted) && !wanted.as_bytes().eq_ignore_ascii_case(name))
}
