//! base64url as RFC 7515 §2 has it: no padding, and one text for each sequence of bytes.
//!
//! The library decodes 32 letters at once, but has to find its way at the ends first, and most signatures and many
//! payloads are short: those are decoded by a table here, which the library's reading is held against.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::Simd;
use base64::engine::general_purpose::NO_PAD;

/// Refuses padding, white space, foreign letters and bits that are left over, so that no token has two spellings.
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

/// The text is not base64url in its one right spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misspelt;

/// Up to here a table is quicker than preparing for many bytes at once.
const SHORT: usize = 160;

/// A bit beyond the 24 that four letters stand for, wherever among them it comes from.
const FOREIGN: u32 = 1 << 24;

/// What each letter stands for, or that it is none.
static VALUES: [u32; 256] = {
    let mut values = [FOREIGN; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut value = 0;
    while value < letters.len() {
        values[letters[value] as usize] = value as u32;
        value += 1;
    }
    values
};

/// The bytes that `text` stands for.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, Misspelt> {
    if text.len() > SHORT {
        return ENGINE.decode(text).map_err(|_| Misspelt);
    }
    let mut bytes = vec![0; text.len() * 3 / 4];
    decode_short(text, &mut bytes)?;
    Ok(bytes)
}

/// As [`decode`], into the front of `into`; how many bytes, or an error if they do not fit.
pub(crate) fn decode_into(text: &[u8], into: &mut [u8]) -> Result<usize, Misspelt> {
    if text.len() > SHORT {
        return ENGINE.decode_slice(text, into).map_err(|_| Misspelt);
    }
    let length = text.len() * 3 / 4;
    decode_short(text, into.get_mut(..length).ok_or(Misspelt)?)?;
    Ok(length)
}

/// Decodes into exactly as many bytes as `text` stands for.
#[inline]
fn decode_short(text: &[u8], into: &mut [u8]) -> Result<(), Misspelt> {
    let (quads, tail) = text.as_chunks::<4>();
    let (triples, rest) = into.as_chunks_mut::<3>();
    let mut seen = 0;
    for (quad, triple) in quads.iter().zip(triples) {
        let bits = bits(quad);
        seen |= bits;
        *triple = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
    }
    // Of two or three letters the last has bits to spare, which must be zero.
    let (spare, last) = match *tail {
        [] => (0, 0),
        [one, two] => (0xFFFF, bits(&[one, two, b'A', b'A'])),
        [one, two, three] => (0xFF, bits(&[one, two, three, b'A'])),
        _ => return Err(Misspelt),
    };
    if (seen | last) >= u64::from(FOREIGN) || last & spare != 0 {
        return Err(Misspelt);
    }
    for (byte, shift) in rest.iter_mut().zip([16, 8]) {
        *byte = (last >> shift) as u8;
    }
    Ok(())
}

/// The 24 bits of four letters, and more if one is none.
#[inline]
fn bits(quad: &[u8; 4]) -> u64 {
    let [one, two, three, four] = quad.map(|letter| u64::from(VALUES[usize::from(letter)]));
    one << 18 | two << 12 | three << 6 | four
}

/// Appends the text for `bytes`.
pub(crate) fn encode(bytes: &[u8], text: &mut String) {
    ENGINE.encode_string(bytes, text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_one_right_spelling_is_taken() {
        for (text, want) in [
            ("", Some(&b""[..])),
            ("AA", Some(&[0])),
            ("_-8", Some(&[0xFF, 0xEF])),
            ("AAA", Some(&[0, 0])),
            ("A", None),
            ("AB", None),
            ("AAB", None),
            ("AA==", None),
            ("AAA=", None),
            ("+/8", None),
            ("AA ", None),
            (" AA", None),
            ("AA\n", None),
            ("A.A", None),
            ("AÄ", None),
        ] {
            assert_eq!(decode(text.as_bytes()).ok().as_deref(), want, "{text}");
            let mut room = [0; 16];
            let long = decode_into(text.as_bytes(), &mut room).ok();
            assert_eq!(long.map(|len| &room[..len]), want, "{text}");
        }
        assert_eq!(decode_into(b"AAAAAAAA", &mut [0; 5]), Err(Misspelt));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_spelt_as_it_would_be_written(text in "[A-Za-z0-9_=+-]{0,200}", cut in 0_usize..200) {
            for text in [&text[..], &text[..cut.min(text.len())]] {
                if let Ok(bytes) = decode(text.as_bytes()) {
                    let mut again = String::new();
                    encode(&bytes, &mut again);
                    prop_assert_eq!(&again, text);
                }
            }
        }

        #[test]
        fn short_and_long_texts_are_read_alike(text in "[A-Za-z0-9_-]{0,160}", at: prop::sample::Index, byte: u8) {
            let mut other = text.clone().into_bytes();
            if let Some(letter) = other.get_mut(at.index(text.len().max(1))) {
                *letter = byte;
            }
            for text in [text.as_bytes(), &other] {
                let theirs = ENGINE.decode(text).map_err(|_| Misspelt);
                prop_assert_eq!(decode(text), theirs.clone());
                let mut room = [0; 120];
                prop_assert_eq!(decode_into(text, &mut room).map(|length| room[..length].to_vec()), theirs);
            }
        }

        #[test]
        fn what_is_written_is_read_back(bytes: Vec<u8>) {
            let mut text = String::new();
            encode(&bytes, &mut text);
            prop_assert_eq!(decode(text.as_bytes()), Ok(bytes));
        }
    }
}
