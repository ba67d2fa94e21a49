//! What the field line scanner takes is what httparse takes too, read alike, and what it refuses beyond that is
//! only what httparse is known to let pass: a bare LF.

use httparse::{EMPTY_HEADER, Status};
use proptest::prelude::*;
use sekisho_wire::{Head, Limits, Parsed, parse_request, parse_response};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// How a head was read: the length it takes and its fields, `None` if it is unfinished, an error if refused.
type Reading = Result<Option<(usize, Fields)>, ()>;

fn ours(parsed: Result<Parsed, ()>, head: &Head, bytes: &[u8]) -> Reading {
    Ok(match parsed? {
        Parsed::Partial => None,
        Parsed::Complete(len) => {
            let lines = head.view(bytes).lines().map(|(name, value, _)| (name.to_vec(), value.to_vec()));
            Some((len, lines.collect()))
        }
    })
}

fn theirs(parsed: httparse::Result<usize>, headers: &[httparse::Header<'_>]) -> Reading {
    Ok(match parsed.map_err(|_| ())? {
        Status::Partial => None,
        Status::Complete(len) => {
            let lines = headers.iter().map(|header| (header.name.as_bytes().to_vec(), header.value.to_vec()));
            Some((len, lines.collect()))
        }
    })
}

/// Compares readings of lines put behind a request line and behind a status line.
fn compare(lines: &[u8]) -> Result<(), String> {
    let limits = Limits::default();
    let (mut head, mut slots) = (Head::default(), [EMPTY_HEADER; 100]);
    let request = [b"GET / HTTP/1.1\r\n", lines].concat();
    let mut other = httparse::Request::new(&mut slots);
    let parsed = other.parse(&request);
    let theirs_request = theirs(parsed, other.headers);
    let parsed = parse_request(&request, &mut head, &limits).map_err(|_| ());
    agree(&request, &ours(parsed, &head, &request), &theirs_request)?;

    let response = [b"HTTP/1.1 200 OK\r\n", lines].concat();
    let mut slots = [EMPTY_HEADER; 100];
    let mut other = httparse::Response::new(&mut slots);
    let parsed = other.parse(&response);
    let theirs_response = theirs(parsed, other.headers);
    let parsed = parse_response(&response, &mut head, &limits).map_err(|_| ());
    agree(&response, &ours(parsed, &head, &response), &theirs_response)
}

fn agree(bytes: &[u8], ours: &Reading, theirs: &Reading) -> Result<(), String> {
    let bare_lf = bytes.iter().enumerate().any(|(i, &b)| b == b'\n' && (i == 0 || bytes[i - 1] != b'\r'));
    if ours == theirs || (bare_lf && ours.is_err()) {
        return Ok(());
    }
    Err(format!("{}: {ours:?} here, {theirs:?} for httparse", bytes.escape_ascii()))
}

#[test]
fn every_byte_at_every_place_of_a_line_is_judged_alike() {
    for line in [
        "Host: a.example\r\n\r\n",
        "Content-Type:application/json \t\r\nX-Long-Unknown-Name: \t a  b\t\r\n\r\n",
        "A:\r\nx_y: \u{e9}\r\nEtag: \"0123456789abcdef0123456789abcdef\"\r\n\r\n",
        "Access-Control-Request-Private-Network: true\r\nTE: \r\n\r\nbody: of it\r\n",
    ] {
        for at in 0..line.len() {
            for b in 0..=u8::MAX {
                let mut replaced = line.as_bytes().to_vec();
                replaced[at] = b;
                compare(&replaced).unwrap();
                replaced[at] = line.as_bytes()[at];
                replaced.insert(at, b);
                compare(&replaced).unwrap();
                // The same byte where the bytes end.
                compare(&replaced[..=at]).unwrap();
            }
            compare(&line.as_bytes()[..at]).unwrap();
        }
    }
}

#[test]
fn names_and_values_of_every_length_are_read_alike() {
    for len in 0..80 {
        for (name, value) in [
            ("n".repeat(len), "v".to_owned()),
            ("n".to_owned(), "v".repeat(len)),
            ("n".to_owned(), " v".repeat(len)),
            ("n".to_owned(), "\t".repeat(len) + "v" + &" ".repeat(len)),
            ("n".to_owned(), "~".repeat(len) + "\t~"),
            ("n_".repeat(len), "\u{ff}~".repeat(len)),
        ] {
            let lines = format!("{name}: {value}\r\nHost:{value}\r\n\r\n").into_bytes();
            compare(&lines).unwrap();
            // The last byte there is, followed by the one that looks like a control character to a fast search.
            let latin: Vec<u8> = lines.iter().map(|&b| if b == 0xc3 { 0xff } else { b }).collect();
            compare(&latin).unwrap();
            for cut in lines.len().saturating_sub(20)..lines.len() {
                compare(&lines[..cut]).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn lines_at_random_are_read_alike(
        lines in prop::collection::vec(prop_oneof![
            4 => "(Host|Cookie|X-A|x_b|Content-Length|[!-9;-~]{1,20}):[ \t]{0,2}[ -~\u{80}-\u{ff}\t]{0,40}\r\n",
            1 => "[ -~\t]{0,20}\r\n",
            1 => ".{0,8}\r?\n?",
        ], 0..6),
        noise in prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut bytes = (lines.concat() + "\r\n").into_bytes();
        if let Some((at, b)) = noise {
            let at = at.index(bytes.len());
            bytes[at] = b;
        }
        prop_assert_eq!(compare(&bytes), Ok(()));
    }
}
