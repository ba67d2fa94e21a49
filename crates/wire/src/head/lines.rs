//! Field lines in one pass: each byte of a value is looked at once, and a name that is known needs no look at
//! its characters, as the comparison that recognised it was one.

use super::{Head, Known, KnownSet, Line, Span, scan};
use crate::field::token_class;

/// What was found where field lines begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lines {
    /// Lines up to and with the blank one; where the head ends.
    Whole(usize),
    /// The blank line has not come yet.
    Partial,
    /// More lines than allowed.
    TooMany,
    /// Something that is no field line.
    Bad,
}

/// One line, or why there is none.
enum Next {
    Line(Line),
    Other(Lines),
}

/// Files the lines from `start` on, at most `most` of them, into `head`, which was cleared.
#[inline]
pub(super) fn take_lines(window: &[u8], start: usize, most: usize, head: &mut Head) -> Lines {
    let (mut present, mut repeated, mut odd) = (KnownSet::empty(), KnownSet::empty(), false);
    let mut at = start;
    let end = loop {
        let line = match next_line(window, at, &mut odd) {
            Next::Line(line) => line,
            Next::Other(end) => break end,
        };
        let index = head.lines.len();
        if index >= most {
            break Lines::TooMany;
        }
        if line.known != Known::Unknown {
            if present.contains(line.known) {
                repeated.insert(line.known);
            } else {
                present.insert(line.known);
                head.first[line.known as usize] = index as u8;
            }
        }
        at = usize::from(line.end);
        head.lines.push(line);
    };
    head.present = present;
    head.repeated = repeated;
    head.odd = odd;
    end
}

#[inline(always)]
fn next_line(window: &[u8], start: usize, odd: &mut bool) -> Next {
    if window.get(start) == Some(&b'\r') {
        return Next::Other(match window.get(start + 1) {
            Some(b'\n') => Lines::Whole(start + 2),
            None => Lines::Partial,
            Some(_) => Lines::Bad,
        });
    }
    let colon = scan::colon(window, start);
    let Some(name) = window.get(start..colon).filter(|_| colon < window.len()) else {
        return Next::Other(unfinished_name(&window[start..]));
    };
    let known = Known::of(name);
    if known == Known::Unknown {
        let class = token_class(name);
        if !class.is_name() {
            return Next::Other(Lines::Bad);
        }
        *odd |= class.is_odd();
    }
    let mut from = colon + 1;
    while let Some(b' ' | b'\t') = window.get(from) {
        from += 1;
    }
    let mut to = scan::control(window, from);
    while window.get(to) == Some(&b'\t') {
        to = scan::control(window, to + 1);
    }
    match window.get(to..) {
        Some([b'\r', b'\n', ..]) => {}
        Some([] | [b'\r']) => return Next::Other(Lines::Partial),
        _ => return Next::Other(Lines::Bad),
    }
    let end = to + 2;
    while to > from && matches!(window.get(to - 1), Some(b' ' | b'\t')) {
        to -= 1;
    }
    Next::Line(Line {
        name: Span::between(start, colon),
        value: Span::between(from, to),
        end: end as u16,
        known,
    })
}

/// What a rest without a colon can still become.
#[cold]
fn unfinished_name(rest: &[u8]) -> Lines {
    if rest.is_empty() || token_class(rest).is_name() { Lines::Partial } else { Lines::Bad }
}
