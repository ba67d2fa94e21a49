//! base64url as RFC 7515 §2 has it: no padding, and one text for each sequence of bytes.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::Simd;
use base64::engine::general_purpose::NO_PAD;

/// Refuses padding, white space, foreign letters and bits that are left over, so that no token has two spellings.
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

/// The text is not base64url in its one right spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misspelt;

/// The bytes that `text` stands for.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, Misspelt> {
    ENGINE.decode(text).map_err(|_| Misspelt)
}

/// As [`decode`], into the front of `into`; how many bytes, or an error if they do not fit.
pub(crate) fn decode_into(text: &[u8], into: &mut [u8]) -> Result<usize, Misspelt> {
    ENGINE.decode_slice(text, into).map_err(|_| Misspelt)
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
        fn what_is_written_is_read_back(bytes: Vec<u8>) {
            let mut text = String::new();
            encode(&bytes, &mut text);
            prop_assert_eq!(decode(text.as_bytes()), Ok(bytes));
        }
    }
}
