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

/// Position of the first colon, or of a byte from 0x80 on other than 0xba if that comes before it; the length
/// if there is neither. Those bytes are in no name, and not to tell them apart saves instructions.
#[inline(always)]
pub(super) fn colon(bytes: &[u8]) -> usize {
    let stop = |word: u64| (word ^ all(b':')).wrapping_sub(all(1)) & all(0x80);
    // Most names are shorter than this.
    let Some((chunk, rest)) = bytes.split_first_chunk::<16>() else { return first(bytes, stop) };
    let (start, end) = halves(chunk);
    match (stop(start), stop(end)) {
        (0, 0) => 16 + first(rest, stop),
        (0, flags) => 8 + lowest(flags),
        (flags, _) => lowest(flags),
    }
}

/// Position of the first control character, tab included, or of a `~` that comes right after a byte 0xff; the
/// length if there is neither. The latter is what a shorter computation costs.
#[inline(always)]
pub(super) fn control(bytes: &[u8]) -> usize {
    let stop = |word: u64| (word.wrapping_sub(all(0x20)) | word.wrapping_add(all(1))) & !word & all(0x80);
    let mut rest = bytes;
    while let Some((chunk, more)) = rest.split_first_chunk::<16>() {
        // One vector comparison; where the byte is, words tell faster.
        if chunk.iter().fold(false, |bad, &b| bad | (b < 0x20) | (b == 0x7f)) {
            let (start, end) = halves(chunk);
            let at = match stop(start) {
                0 => 8 + lowest(stop(end)),
                flags => lowest(flags),
            };
            return bytes.len() - rest.len() + at;
        }
        rest = more;
    }
    bytes.len() - rest.len() + first(rest, stop)
}

/// Position of the first byte that no request target may hold; the length if there is none.
#[inline(always)]
pub(super) fn target_end(bytes: &[u8]) -> usize {
    first(bytes, |word| below(word, 0x21) | equal(word, 0x7f) | equal(word, b'#') | (word & all(0x80)))
}

/// Position of the first byte that `stop` flags; the length if there is none.
#[inline(always)]
fn first(bytes: &[u8], stop: impl Fn(u64) -> u64) -> usize {
    let mut rest = bytes;
    while let Some((word, more)) = rest.split_first_chunk::<8>() {
        let flags = stop(u64::from_le_bytes(*word));
        if flags != 0 {
            return bytes.len() - rest.len() + lowest(flags);
        }
        rest = more;
    }
    // What fills the word up may be flagged, but lies behind the rest.
    bytes.len() - rest.len() + lowest(stop(last_word(rest))).min(rest.len())
}

/// [`word`] apart from the loops, which run faster without its preparations in them.
#[inline(never)]
fn last_word(rest: &[u8]) -> u64 {
    word(rest)
}

/// Sixteen bytes as two words.
#[inline]
const fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*chunk);
    (both as u64, (both >> 64) as u64)
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
    fn check(name: &str, scan: fn(&[u8]) -> usize, stops: fn(u8) -> bool, plain: &[u8]) {
        for len in 0..70 {
            for at in 0..=len {
                for odd in 0..=u8::MAX {
                    let mut bytes: Vec<u8> = plain.iter().copied().cycle().take(len).collect();
                    if let Some(b) = bytes.get_mut(at) {
                        *b = odd;
                    }
                    // Behind the first stop more of them must not matter.
                    bytes.extend_from_slice(if at % 2 == 0 { b"" } else { b"\r\n:\0\x7f#\xff" });
                    let want = bytes.iter().position(|&b| stops(b)).unwrap_or(bytes.len());
                    assert_eq!(scan(&bytes), want, "{name} {bytes:?}");
                }
            }
        }
    }

    #[test]
    fn finds_the_first_stop_at_every_place() {
        check("colon", colon, |b| b == b':' || (b >= 0x80 && b != 0xba), b"a;9\x7f-\xba");
        check("control", control, |b| b.is_ascii_control(), b" z\x80\xfe\x9f\xa0");
        check("target", target_end, |b| !b.is_ascii_graphic() || b == b'#', b"/\"$~!");
    }

    #[test]
    fn a_tilde_may_count_as_control_only_after_the_last_byte_there_is() {
        assert_eq!(control(b"ab\xff~\r"), 3);
        assert_eq!(control(b"ab\xfe~\xff\x7d\r"), 6);
    }
}
