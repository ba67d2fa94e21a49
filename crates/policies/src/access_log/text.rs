//! Values as they stand in a line: escaped so that nothing a client sends can end a value or a line.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Whether no byte needs an escape in either format.
#[inline]
fn is_plain(value: &[u8]) -> bool {
    // Blocks of a fixed length are vectorised, and the last one may overlap the one before it: a loop over what is left
    // would cost more than all the blocks.
    if let Some(last) = value.last_chunk::<16>() {
        !(value.as_chunks::<16>().0.iter().fold(false, |bad, block| bad | is_odd(block)) | is_odd(last))
    } else if let (Some(first), Some(last)) = (value.first_chunk::<8>(), value.last_chunk::<8>()) {
        !(is_odd(first) | is_odd(last))
    } else if let (Some(first), Some(last)) = (value.first_chunk::<4>(), value.last_chunk::<4>()) {
        !(is_odd(first) | is_odd(last))
    } else {
        !is_odd(value)
    }
}

/// Whether some byte is a control character, a quote, a backslash or not ASCII.
#[inline(always)]
fn is_odd(value: &[u8]) -> bool {
    let odd = |b: u8| !(0x20..0x7f).contains(&b) | (b == b'"') | (b == b'\\');
    value.iter().fold(false, |bad, &b| bad | odd(b))
}

/// Appends the inside of a JSON string (RFC 8259 §7). Bytes that are no UTF-8 become U+FFFD.
#[inline]
pub(super) fn json(out: &mut Vec<u8>, value: &[u8]) {
    if is_plain(value) {
        out.extend_from_slice(value);
    } else {
        json_escaped(out, value);
    }
}

#[cold]
fn json_escaped(out: &mut Vec<u8>, value: &[u8]) {
    for chunk in value.utf8_chunks() {
        for &b in chunk.valid().as_bytes() {
            match b {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', b]),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0..0x20 | 0x7f => {
                    out.extend_from_slice(b"\\u00");
                    out.extend_from_slice(&hex(b));
                }
                _ => out.push(b),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Appends a value of the combined format: quotes, backslashes and all that is not visible ASCII become `\xHH`.
#[inline]
pub(super) fn combined(out: &mut Vec<u8>, value: &[u8]) {
    if is_plain(value) {
        out.extend_from_slice(value);
        return;
    }
    for &b in value {
        if is_plain(&[b]) {
            out.push(b);
        } else {
            out.extend_from_slice(b"\\x");
            out.extend_from_slice(&hex(b));
        }
    }
}

/// Appends what cannot end a line: control characters are left out, bytes that are no UTF-8 become U+FFFD.
pub(super) fn plain(out: &mut Vec<u8>, value: &[u8]) {
    let text = String::from_utf8_lossy(value);
    for c in text.chars().filter(|c| !c.is_control()) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Appends a number.
#[inline]
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    // Most numbers of a line are so small: attempts, milliseconds, the size of no body.
    if value < 10 {
        out.push(b'0' + value as u8);
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}

/// Appends milliseconds with three decimals.
#[inline]
pub(super) fn millis(out: &mut Vec<u8>, duration: Duration) {
    let micros = duration.subsec_micros();
    number(out, duration.as_secs().saturating_mul(1_000).saturating_add(u64::from(micros / 1_000)));
    let rest = micros % 1_000;
    let digit = |number: u32| b'0' + (number % 10) as u8;
    out.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
}

/// Appends an address.
#[inline]
pub(super) fn ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => {
            let (mut text, mut len) = ([b'.'; 16], 0);
            for octet in v4.octets() {
                for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
                    if octet >= least {
                        text[len] = b'0' + octet / unit % 10;
                        len += 1;
                    }
                }
                len += 1;
            }
            out.extend_from_slice(&text[..len - 1]);
        }
        IpAddr::V6(v6) => write!(out, "{v6}").expect("writing to a vector cannot fail"),
    }
}

fn hex(b: u8) -> [u8; 2] {
    [HEX[usize::from(b >> 4)], HEX[usize::from(b & 0xf)]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn one_odd_byte_is_found_wherever_it_stands(len in 1_usize..80, at in any::<prop::sample::Index>(), odd in any::<u8>()) {
            let mut value = vec![b'a'; len];
            prop_assert!(is_plain(&value));
            value[at.index(len)] = odd;
            let plain = (b' '..=b'~').contains(&odd) && odd != b'"' && odd != b'\\';
            prop_assert_eq!(is_plain(&value), plain);
        }

        #[test]
        fn json_reads_back(value in prop::collection::vec(any::<u8>(), 0..60)) {
            let text = with(|out| { out.push(b'"'); json(out, &value); out.push(b'"'); });
            prop_assert!(!text.bytes().any(|b| b < 0x20 || b == 0x7f));
            let back: String = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back, String::from_utf8_lossy(&value).into_owned());
        }

        #[test]
        fn combined_is_visible_ascii_without_quotes(value in prop::collection::vec(any::<u8>(), 0..60)) {
            let text = with(|out| combined(out, &value));
            prop_assert!(text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"'));
        }

        #[test]
        fn numbers_print_as_std_prints_them(value in prop_oneof![0..20_u64, any::<u64>()]) {
            prop_assert_eq!(with(|out| number(out, value)), value.to_string());
        }

        #[test]
        fn addresses_print_as_std_prints_them(bits in any::<u32>()) {
            let address = IpAddr::V4(bits.into());
            prop_assert_eq!(with(|out| ip(out, address)), address.to_string());
        }
    }

    #[test]
    fn durations_are_milliseconds_with_three_decimals() {
        for (duration, want) in [
            (Duration::ZERO, "0.000"),
            (Duration::from_nanos(1_999), "0.001"),
            (Duration::from_micros(12_345), "12.345"),
            (Duration::new(61, 7_000_000), "61007.000"),
        ] {
            assert_eq!(with(|out| millis(out, duration)), want);
        }
        assert!(with(|out| millis(out, Duration::MAX)).ends_with(".999"));
    }

    #[test]
    fn plain_text_holds_no_line_end() {
        assert_eq!(with(|out| plain(out, b"a\r\nb\xffc")), "ab\u{fffd}c");
        assert_eq!(with(|out| combined(out, b"a\"b\n\xff")), "a\\x22b\\x0A\\xFF");
    }
}
