//! Finding where parts of a head end, a word of eight bytes at a time.
//!
//! The names and values of a head are short, so neither a byte at a time nor a call of a vectorised search is
//! cheap: the one spends instructions on each byte, the other on its preparation.

use crate::field::word;

/// Every byte of a word set to `b`.
const fn all(b: u8) -> u64 {
    u64::from_le_bytes([b; 8])
}

/// Flags bytes below `n`, which is at most 0x80. A flag above the first one may be wrong: a borrow went there.
#[inline]
const fn below(word: u64, n: u8) -> u64 {
    word.wrapping_sub(all(n)) & !word & all(0x80)
}

/// Flags bytes equal to `b`. As with [`below`], only the first flag counts.
#[inline]
const fn equal(word: u64, b: u8) -> u64 {
    below(word ^ all(b), 1)
}

/// Flags control characters, tab included: a byte that no field value may hold, or that needs a second look.
#[inline]
pub(crate) const fn controls(word: u64) -> u64 {
    below(word, 0x20) | equal(word, 0x7f)
}

/// Position of the first colon at or after `from`; the length if there is none.
#[inline]
pub(super) fn colon(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |word| equal(word, b':'))
}

/// Position of the first control character, tab included, at or after `from`; the length if there is none.
#[inline]
pub(super) fn control(bytes: &[u8], from: usize) -> usize {
    // Short values, which are most, end in the first words; long ones are worth a vector loop.
    let rest = bytes.get(from..).unwrap_or_default();
    let mut at = from;
    if let Some(start) = rest.first_chunk::<16>() {
        let (a, b) = start.split_at(8);
        let (a, b) = (controls(word(a)), controls(word(b)));
        if a != 0 {
            return at + lowest(a);
        }
        if b != 0 {
            return at + 8 + lowest(b);
        }
        at += 16;
        for chunk in rest[16..].as_chunks::<16>().0 {
            if chunk.iter().fold(false, |bad, &b| bad | (b < 0x20) | (b == 0x7f)) {
                break;
            }
            at += 16;
        }
    }
    first(bytes, at, controls)
}

/// Position of the first byte at or after `from` that no request target may hold; the length if there is none.
#[inline]
pub(super) fn target_end(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |word| below(word, 0x21) | equal(word, 0x7f) | equal(word, b'#') | (word & all(0x80)))
}

/// Position of the first byte at or after `from` that `stop` flags; the length if there is none.
#[inline(always)]
fn first(bytes: &[u8], from: usize, stop: impl Fn(u64) -> u64) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let flags = stop(u64::from_le_bytes(*chunk));
        if flags != 0 {
            return at + lowest(flags);
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    // What fills the word up may be flagged, but lies behind the rest.
    bytes.len().min(at + lowest(stop(word(rest))))
}

/// Index of the first flagged byte; 8 if none is.
#[inline]
const fn lowest(flags: u64) -> usize {
    (flags.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One odd byte at every place of texts of every length up to some words, between bytes of every kind.
    fn check(name: &str, scan: fn(&[u8], usize) -> usize, stops: fn(u8) -> bool, plain: &[u8]) {
        for len in 0..70 {
            for at in 0..=len {
                for odd in 0..=u8::MAX {
                    let mut bytes: Vec<u8> = plain.iter().copied().cycle().take(len).collect();
                    if let Some(b) = bytes.get_mut(at) {
                        *b = odd;
                    }
                    // Behind the first stop more of them must not matter.
                    bytes.extend_from_slice(if at % 2 == 0 { b"" } else { b"\r\n:\0\x7f#\xff" });
                    for from in [0, 1, at.saturating_sub(3), at, len] {
                        let want = bytes.iter().skip(from).position(|&b| stops(b));
                        let want = want.map_or(bytes.len().max(from), |i| from + i);
                        assert_eq!(scan(&bytes, from), want.min(bytes.len()), "{name} {from} {bytes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn finds_the_first_stop_at_every_place() {
        check("colon", colon, |b| b == b':', b"a;9\x80-\xba");
        check("control", control, |b| b.is_ascii_control(), b" ~\x80\xff\x9f\xa0");
        check("target", target_end, |b| !b.is_ascii_graphic() || b == b'#', b"/\"$~!");
    }
}
