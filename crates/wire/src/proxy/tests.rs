//! Headers of both versions: tables of what is taken and what is refused, and properties over what is nearly right.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::BadProxy::{
    Address, Character, Checksum, Command, Family, Fields, Length, LineEnd, Port, Signature, Tlv, TooLong,
    Transport, Version,
};
use super::checksum::Crc32c;
use super::{BadProxy, MAX_PROXY, ProxyHeader, ProxyParsed, parse_proxy};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn proxied(source: &str, destination: &str) -> ProxyHeader {
    ProxyHeader::Proxied { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

/// What a whole header says.
fn header(bytes: &[u8]) -> Result<ProxyHeader, BadProxy> {
    match parse_proxy(bytes)? {
        ProxyParsed::Complete { len, header } => {
            assert_eq!(len, bytes.len());
            Ok(header)
        }
        ProxyParsed::Partial => panic!("more is wanted after {:?}", bytes.escape_ascii().to_string()),
    }
}

/// A header of version 2.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let len = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &len, block].concat()
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind], &u16::try_from(value.len()).unwrap().to_be_bytes()[..], value].concat()
}

/// `192.0.2.1:56324` to `192.0.2.2:443`.
fn inet() -> Vec<u8> {
    [&[192, 0, 2, 1, 192, 0, 2, 2][..], &56324_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat()
}

/// A header with these additions and a right checksum between them.
fn summed(before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut bytes = binary(0x21, 0x11, &[&inet(), before, &tlv(3, &[0; 4]), after].concat());
    let sum = Crc32c::new().add(&bytes).value().to_be_bytes();
    let place = 16 + 12 + before.len() + 3;
    bytes[place..place + 4].copy_from_slice(&sum);
    bytes
}

#[test]
fn reads_lines() {
    let longest = format!("TCP6 {0} {0} 65535 65535", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    let all_ones = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
    for (line, want) in [
        ("TCP4 192.0.2.1 192.0.2.2 56324 443", Ok(proxied("192.0.2.1:56324", "192.0.2.2:443"))),
        ("TCP4 0.0.0.0 255.255.255.255 0 65535", Ok(proxied("0.0.0.0:0", "255.255.255.255:65535"))),
        ("TCP6 2001:db8::1 ::1 1 2", Ok(proxied("[2001:db8::1]:1", "[::1]:2"))),
        ("TCP6 ::ffff:192.0.2.1 ::FFFF:1 1 2", Ok(proxied("[::ffff:192.0.2.1]:1", "[::ffff:1]:2"))),
        (&longest, Ok(proxied(all_ones, all_ones))),
        ("UNKNOWN", Ok(ProxyHeader::Local)),
        ("UNKNOWN ffff::1 :::: 65535 ~", Ok(ProxyHeader::Local)),
        ("", Err(Family)),
        (" TCP4 192.0.2.1 192.0.2.2 1 2", Err(Family)),
        ("tcp4 192.0.2.1 192.0.2.2 1 2", Err(Family)),
        ("UDP4 192.0.2.1 192.0.2.2 1 2", Err(Family)),
        ("UNKNOWNS", Err(Family)),
        ("TCP4", Err(Fields)),
        ("TCP4 192.0.2.1 192.0.2.2 1", Err(Fields)),
        ("TCP4 192.0.2.1 192.0.2.2 1 2 ", Err(Fields)),
        ("TCP4 192.0.2.1 192.0.2.2 1 2 3", Err(Fields)),
        ("TCP4  192.0.2.1 192.0.2.2 1 2", Err(Fields)),
        ("TCP4 192.0.2.1 192.0.2.2  1", Err(Port)),
        ("TCP4 ::1 192.0.2.2 1 2", Err(Address)),
        ("TCP4 192.0.2.1 ::1 1 2", Err(Address)),
        ("TCP6 192.0.2.1 ::1 1 2", Err(Address)),
        ("TCP6 [::1] ::1 1 2", Err(Address)),
        ("TCP6 fe80::1%2 ::1 1 2", Err(Address)),
        ("TCP6 1::2::3 ::1 1 2", Err(Address)),
        ("TCP6 00001::2 ::1 1 2", Err(Address)),
        ("TCP6 ::ffff:192.0.2.01 ::1 1 2", Err(Address)),
        ("TCP4 192.0.2.01 192.0.2.2 1 2", Err(Address)),
        ("TCP4 192.0.2 192.0.2.2 1 2", Err(Address)),
        ("TCP4 192.0.2.256 192.0.2.2 1 2", Err(Address)),
        ("TCP4 0xc0.0.2.1 192.0.2.2 1 2", Err(Address)),
        ("TCP4 +192.0.2.1 192.0.2.2 1 2", Err(Address)),
        ("TCP4 a.example 192.0.2.2 1 2", Err(Address)),
        ("TCP4 192.0.2.1 192.0.2.2 01 2", Err(Port)),
        ("TCP4 192.0.2.1 192.0.2.2 00 2", Err(Port)),
        ("TCP4 192.0.2.1 192.0.2.2 +1 2", Err(Port)),
        ("TCP4 192.0.2.1 192.0.2.2 -1 2", Err(Port)),
        ("TCP4 192.0.2.1 192.0.2.2 1 65536", Err(Port)),
        ("TCP4 192.0.2.1 192.0.2.2 1 99999999999999999999", Err(Port)),
        ("TCP4 192.0.2.1 192.0.2.2 1 0x1", Err(Port)),
    ] {
        assert_eq!(header(format!("PROXY {line}\r\n").as_bytes()), want, "{line}");
    }
}

#[test]
fn a_line_ends_in_cr_lf_within_107_bytes() {
    let unknown = |len: usize| format!("PROXY UNKNOWN {:x<1$}", "", len - 14);
    for (text, want) in [
        (unknown(105) + "\r\n", Ok(ProxyHeader::Local)),
        (unknown(106) + "\r\n", Err(TooLong)),
        (unknown(107), Err(TooLong)),
        ("PROXY UNKNOWN\n".to_owned(), Err(LineEnd)),
        ("PROXY UNKNOWN\rG".to_owned(), Err(LineEnd)),
        ("PROXY UNKNOWN\r\r\n".to_owned(), Err(LineEnd)),
        ("PROXY UNKNOWN\t\r\n".to_owned(), Err(Character)),
        ("PROXY UNKNOWN \0".to_owned(), Err(Character)),
        ("PROXY UNKNOWN é\r\n".to_owned(), Err(Character)),
        ("PROXY TCP4\u{a0}1".to_owned(), Err(Character)),
    ] {
        assert_eq!(header(text.as_bytes()), want, "{text:?}");
    }
}

#[test]
fn the_first_byte_that_fits_no_signature_decides() {
    for (bytes, seen) in [
        (&b"GET / HTTP/1.1\r\n"[..], 1),
        (b"POST / HTTP/1.1\r\n", 2),
        (b"PRI * HTTP/2.0\r\n", 3),
        (b"PROPFIND / HTTP/1.1\r\n", 4),
        (b"PROXy ", 5),
        (b"PROXY\tTCP4", 6),
        (b"proxy TCP4", 1),
        (b"\x16\x03\x01\x02\x00", 1),
        (b"\n", 1),
        (b"\r\nGET / HTTP/1.1\r\n", 3),
        (b"\r\n\r\nGET", 5),
        (b"\r\n\r\n\0\r\nQUIT\r", 12),
        (b" PROXY UNKNOWN\r\n", 1),
    ] {
        let text = bytes.escape_ascii().to_string();
        assert_eq!(parse_proxy(&bytes[..seen - 1]), Ok(ProxyParsed::Partial), "{text}");
        assert_eq!(parse_proxy(&bytes[..seen]), Err(Signature), "{text}");
        assert_eq!(parse_proxy(bytes), Err(Signature), "{text}");
    }
}

#[test]
fn reads_binary_headers() {
    let inet6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 15], &[1], &[0, 80, 1, 0xbb]].concat();
    let most = [&inet()[..], &tlv(0xe0, &[7; 2048 - 12 - 3])].concat();
    let ordinary = proxied("192.0.2.1:56324", "192.0.2.2:443");
    for (what, bytes, want) in [
        ("over IPv4", binary(0x21, 0x11, &inet()), Ok(ordinary)),
        ("over IPv6", binary(0x21, 0x21, &inet6), Ok(proxied("[2001:db8::1]:80", "[::1]:443"))),
        ("over a Unix socket", binary(0x21, 0x31, &[b'/'; 216]), Ok(ProxyHeader::Local)),
        ("over something unknown", binary(0x21, 0, &[]), Ok(ProxyHeader::Local)),
        ("over something unknown, a block", binary(0x21, 0, &[9; 5]), Ok(ProxyHeader::Local)),
        ("its own", binary(0x20, 0, &[]), Ok(ProxyHeader::Local)),
        ("its own, a family to ignore", binary(0x20, 0x11, &inet()), Ok(ProxyHeader::Local)),
        ("its own, an unknown family", binary(0x20, 0xff, &[1, 2, 3]), Ok(ProxyHeader::Local)),
        ("the most there may be", binary(0x21, 0x11, &most), Ok(ordinary)),
        ("version 1", binary(0x11, 0x11, &inet()), Err(Version)),
        ("version 3", binary(0x31, 0x11, &inet()), Err(Version)),
        ("an unknown command", binary(0x22, 0x11, &inet()), Err(Command)),
        ("datagrams over IPv4", binary(0x21, 0x12, &inet()), Err(Transport)),
        ("datagrams over IPv6", binary(0x21, 0x22, &inet6), Err(Transport)),
        ("datagrams over a Unix socket", binary(0x21, 0x32, &[0; 216]), Err(Transport)),
        ("IPv4 without a transport", binary(0x21, 0x10, &inet()), Err(Family)),
        ("a transport without a family", binary(0x21, 0x01, &inet()), Err(Family)),
        ("an unknown transport", binary(0x21, 0x13, &inet()), Err(Family)),
        ("an unknown family", binary(0x21, 0x41, &inet()), Err(Family)),
        ("too short for IPv4", binary(0x21, 0x11, &inet()[..11]), Err(Length)),
        ("too short for IPv6", binary(0x21, 0x21, &inet6[..35]), Err(Length)),
        ("too short for a path", binary(0x21, 0x31, &[0; 215]), Err(Length)),
        ("more than the most", binary(0x20, 0, &[0; 2049]), Err(TooLong)),
    ] {
        assert_eq!(header(&bytes), want, "{what}");
    }
}

#[test]
fn additions_must_fit_and_a_checksum_must_be_right() {
    let with = |additions: &[u8]| binary(0x21, 0x11, &[&inet(), additions].concat());
    let ordinary = proxied("192.0.2.1:56324", "192.0.2.2:443");
    let mut bent = summed(&[], &[]);
    bent[16] ^= 1;
    let twice = summed(&tlv(3, &[0; 4]), &[]);
    for (what, bytes, want) in [
        ("one", with(&tlv(1, b"h2")), Ok(ordinary)),
        ("several", with(&[tlv(2, b"a.example"), tlv(4, &[]), tlv(0xea, &[1])].concat()), Ok(ordinary)),
        ("part of a head", with(&[4, 0]), Err(Tlv)),
        ("a value too long by one", with(&[4, 0, 1]), Err(Tlv)),
        ("a value far too long", with(&[4, 0xff, 0xff, 1]), Err(Tlv)),
        ("a second that does not fit", with(&[4, 0, 0, 4, 0, 2, 1]), Err(Tlv)),
        ("behind a path", binary(0x21, 0x31, &[&[0; 216][..], &[4]].concat()), Err(Tlv)),
        ("a checksum", summed(&[], &[]), Ok(ordinary)),
        ("a checksum among others", summed(&tlv(1, b"h2"), &tlv(4, &[0; 9])), Ok(ordinary)),
        ("a wrong checksum", with(&tlv(3, &[1, 2, 3, 4])), Err(Checksum)),
        ("a checksum of other addresses", bent, Err(Checksum)),
        ("a checksum too short", with(&tlv(3, &[0; 3])), Err(Tlv)),
        ("a checksum too long", with(&tlv(3, &[0; 5])), Err(Tlv)),
        ("two checksums", twice, Err(Tlv)),
    ] {
        assert_eq!(header(&bytes), want, "{what}");
    }
}

#[test]
fn the_fixed_part_is_refused_before_the_rest_has_come() {
    for (bytes, seen, want) in [
        (binary(0x11, 0x11, &inet()), 13, Version),
        (binary(0x2f, 0x11, &inet()), 13, Command),
        (binary(0x21, 0x12, &inet()), 14, Transport),
        (binary(0x21, 0x11, &[]), 16, Length),
        (binary(0x21, 0x11, &[0; 60_000]), 16, TooLong),
    ] {
        assert_eq!(parse_proxy(&bytes[..seen - 1]), Ok(ProxyParsed::Partial), "{want:?}");
        assert_eq!(parse_proxy(&bytes[..seen]), Err(want));
    }
}

#[test]
fn every_reason_is_one_word_of_its_own() {
    let mut words: Vec<_> = BadProxy::ALL.iter().map(|bad| bad.reason()).collect();
    assert!(words.iter().all(|word| word.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())), "{words:?}");
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), BadProxy::ALL.len());
}

/// Two addresses of one family.
fn addresses() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    let four = any::<([u8; 4], [u8; 4], u16, u16)>();
    let six = any::<([u8; 16], [u8; 16], u16, u16)>();
    prop_oneof![
        four.prop_map(|(a, b, p, q)| (SocketAddr::from((a, p)), SocketAddr::from((b, q)))),
        six.prop_map(|(a, b, p, q)| (SocketAddr::from((a, p)), SocketAddr::from((b, q)))),
    ]
}

fn line_of(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let family = if source.is_ipv4() { 4 } else { 6 };
    let (from, to) = (source.ip(), destination.ip());
    format!("PROXY TCP{family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
}

fn binary_of(source: SocketAddr, destination: SocketAddr, additions: &[u8]) -> Vec<u8> {
    let octets = |address: SocketAddr| match address {
        SocketAddr::V4(v4) => v4.ip().octets().to_vec(),
        SocketAddr::V6(v6) => v6.ip().octets().to_vec(),
    };
    let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    let block = [octets(source), octets(destination), ports, additions.to_vec()].concat();
    binary(0x21, if source.is_ipv4() { 0x11 } else { 0x21 }, &block)
}

/// A header of either version, often bent in one place.
fn nearly_header() -> impl Strategy<Value = Vec<u8>> {
    let additions = prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..4);
    let whole =
        (addresses(), additions, any::<bool>()).prop_map(|((from, to), additions, text)| match text {
            true => line_of(from, to),
            false => {
                let additions: Vec<_> = additions.iter().map(|(kind, value)| tlv(*kind, value)).collect();
                binary_of(from, to, &additions.concat())
            }
        });
    let bend = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (whole, bend, prop::collection::vec(any::<u8>(), 0..5)).prop_map(|(mut bytes, bend, rest)| {
        if let Some((at, to)) = bend {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        bytes.extend(rest);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_reads_back((source, destination) in addresses(), kind in 4u8.., value in prop::collection::vec(any::<u8>(), 0..200)) {
        let want = Ok(ProxyHeader::Proxied { source, destination });
        prop_assert_eq!(header(&line_of(source, destination)), want);
        prop_assert_eq!(header(&binary_of(source, destination, &tlv(kind, &value))), want);
    }

    #[test]
    fn more_bytes_change_no_verdict(bytes in nearly_header()) {
        let want = parse_proxy(&bytes);
        let first = (0..=bytes.len()).map(|len| parse_proxy(&bytes[..len])).find(|one| *one != Ok(ProxyParsed::Partial));
        // All from the first verdict on must be the last one.
        prop_assert_eq!(first.unwrap_or(Ok(ProxyParsed::Partial)), want);
        let begin = (0..=bytes.len()).find(|len| parse_proxy(&bytes[..*len]) == want).unwrap_or_default();
        for len in begin..=bytes.len() {
            prop_assert_eq!(parse_proxy(&bytes[..len]), want);
        }
    }

    #[test]
    fn never_panics_and_never_reads_past_the_bound(
        begin in prop::sample::select(vec![&b""[..], b"PROXY ", b"PROXY TCP4 ", SIGNATURE, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00"]),
        bytes in prop::collection::vec(any::<u8>(), 0..2100),
    ) {
        let bytes = [begin, &bytes].concat();
        match parse_proxy(&bytes) {
            Ok(ProxyParsed::Complete { len, .. }) => prop_assert!(len <= bytes.len() && len <= MAX_PROXY),
            Ok(ProxyParsed::Partial) => prop_assert!(bytes.len() < MAX_PROXY),
            Err(_) => {}
        }
    }
}
