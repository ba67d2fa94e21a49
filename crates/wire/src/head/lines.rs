//! Field lines in one pass: each byte of a value is looked at once, and a name that is known needs no look at
//! its characters, as the comparison that recognised it was one.

use super::{Head, Known, KnownSet, Line, Span, scan};
use crate::field::{token_class, trim};

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

/// Files the lines from `start` on, at most `most` of them, into `head`, which was cleared.
#[inline]
pub(super) fn take_lines(window: &[u8], start: usize, most: usize, head: &mut Head) -> Lines {
    let (mut present, mut repeated, mut odd) = ([0u64; 2], [0u64; 2], false);
    let mut rest = window.get(start..).unwrap_or_default();
    let end = loop {
        let at = window.len() - rest.len();
        if let [b'\r', b'\n', ..] = rest {
            break Lines::Whole(at + 2);
        }
        let colon = scan::colon(rest);
        let Some((name, [b':', line @ ..])) = rest.split_at_checked(colon) else {
            break without_colon(rest);
        };
        let known = Known::of(name);
        let index = head.lines.len();
        if known == Known::Unknown {
            let class = token_class(name);
            if !class.is_name() {
                break Lines::Bad;
            }
            odd |= class.is_odd();
        } else {
            // A `KnownSet` in halves.
            let (half, bit) = (usize::from(known as u8 / 64 % 2), 1 << (known as u8 % 64));
            if present[half] & bit == 0 {
                present[half] |= bit;
                head.first[known as usize] = index as u8;
            } else {
                repeated[half] |= bit;
            }
        }
        let value = match usual_value(line) {
            Some(value) => value,
            None => match any_value(line) {
                Ok(value) => value,
                Err(why) => break why,
            },
        };
        if index >= most {
            break Lines::TooMany;
        }
        rest = value.rest;
        head.lines.push(Line {
            name: Span { start: at as u16, len: colon as u16 },
            value: Span { start: (at + colon + 1 + value.from) as u16, len: value.len as u16 },
            end: (window.len() - rest.len()) as u16,
            known,
        });
    };
    head.present = KnownSet::from_halves(present);
    head.repeated = KnownSet::from_halves(repeated);
    head.odd = odd;
    end
}

/// The value of a line, measured from behind the colon.
struct Value<'a> {
    from: usize,
    len: usize,
    /// What follows the line.
    rest: &'a [u8],
}

/// The value of a line that is `value CR LF`, with one space or none before it and none behind it, and without
/// tabs: what nearly all lines are.
#[inline(always)]
fn usual_value(line: &[u8]) -> Option<Value<'_>> {
    let (from, text) = match line {
        [b' ', text @ ..] => (1, text),
        _ => (0, line),
    };
    let (text, [b'\r', b'\n', rest @ ..]) = text.split_at_checked(scan::control(text))? else { return None };
    if let [b' ', ..] | [.., b' '] = text {
        return None;
    }
    Some(Value { from, len: text.len(), rest })
}

/// The value of any line there can be.
#[cold]
fn any_value(line: &[u8]) -> Result<Value<'_>, Lines> {
    let end = line.iter().position(|&b| (b < 0x20 && b != b'\t') || b == 0x7f).unwrap_or(line.len());
    let (text, rest) = line.split_at(end);
    match rest {
        [b'\r', b'\n', rest @ ..] => {
            let from = text.iter().take_while(|&&b| matches!(b, b' ' | b'\t')).count();
            Ok(Value { from, len: trim(text).len(), rest })
        }
        [] | [b'\r'] => Err(Lines::Partial),
        _ => Err(Lines::Bad),
    }
}

/// What a rest that does not begin with a name and a colon can still become.
#[cold]
fn without_colon(rest: &[u8]) -> Lines {
    if matches!(rest, [] | [b'\r']) || token_class(rest).is_name() { Lines::Partial } else { Lines::Bad }
}
