//! Bodies in every framing, at every split, and broken in every way.

use super::*;
use crate::{CHUNK_END, filter_trailers, write_chunk_head, write_last_chunk};
use proptest::prelude::*;

/// Reads a body that arrives in pieces ending at `cuts`, taking at most `bite` bytes of payload at once. The
/// result is the payload and how many bytes were used; `None` if more is needed.
fn read(
    reader: &mut BodyReader,
    bytes: &[u8],
    cuts: &[usize],
    bite: usize,
) -> Result<Option<(Vec<u8>, usize)>, BadBody> {
    let (mut at, mut body) = (0, Vec::new());
    for &end in cuts.iter().chain([&bytes.len()]) {
        loop {
            match reader.next(&bytes[at..end.max(at).min(bytes.len())])? {
                Step::Data { skip, len } => {
                    at += skip;
                    let n = len.min(bite);
                    body.extend_from_slice(&bytes[at..at + n]);
                    reader.consumed(n);
                    at += n;
                }
                Step::More { skip } => {
                    at += skip;
                    break;
                }
                Step::Done { skip } => return Ok(Some((body, at + skip))),
            }
        }
    }
    Ok(None)
}

fn chunked(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, BadBody> {
    read(&mut BodyReader::new(Framing::Chunked), bytes, &[], usize::MAX)
}

#[test]
fn reads_bodies_of_every_framing() {
    for (framing, bytes, want) in [
        (Framing::None, "GET", Some(("", 0))),
        (Framing::Length(0), "GET", Some(("", 0))),
        (Framing::Length(3), "abcGET", Some(("abc", 3))),
        (Framing::Length(9), "abc", None),
        (Framing::UntilClose, "abc", None),
        (Framing::Chunked, "0\r\n\r\nGET", Some(("", 5))),
        (Framing::Chunked, "3\r\nabc\r\n0\r\n\r\nGET", Some(("abc", 13))),
        (Framing::Chunked, "003\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n", Some(("abc0123456789", 32))),
        (Framing::Chunked, "3;a=b;c=\"d e\"\r\nabc\r\n0;x\r\nA: b\r\n\r\n", Some(("abc", 33))),
        (Framing::Chunked, "3\r\nabc", None),
        (Framing::Chunked, "3\r\nabc\r\n0\r\n", None),
    ] {
        let mut reader = BodyReader::new(framing);
        let got = read(&mut reader, bytes.as_bytes(), &[], usize::MAX).unwrap();
        assert_eq!(got, want.map(|(body, used)| (body.as_bytes().to_vec(), used)), "{framing:?} {bytes:?}");
        assert_eq!(reader.is_done(), want.is_some(), "{framing:?} {bytes:?}");
        let closed = reader.end();
        assert_eq!(closed.is_ok(), want.is_some() || framing == Framing::UntilClose, "{framing:?} {bytes:?}");
    }
}

#[test]
fn refuses_chunks_that_could_be_read_otherwise() {
    let long_extension = format!("1;{}\r\n", "x".repeat(300));
    let endless_extension = format!("1;{}", "x".repeat(300));
    let flood = "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n".repeat(100);
    let long_trailer = format!("0\r\nA: {}\r\n\r\n", "x".repeat(9_000));
    let endless_name = format!("0\r\n{}", "x".repeat(9_000));
    let many_trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(101));
    let large_trailers = format!("0\r\n{}\r\n", format!("a: {}\r\n", "b".repeat(200)).repeat(50));
    for (bytes, why) in [
        ("", None),
        ("g", Some(BadBody::Size)),
        ("\r\n", Some(BadBody::Size)),
        (" 3\r\n", Some(BadBody::Size)),
        ("+3\r\n", Some(BadBody::Size)),
        ("0x3\r\n", Some(BadBody::Size)),
        ("-1\r\n", Some(BadBody::Size)),
        ("3 \r\n", Some(BadBody::Size)),
        ("3 ;a\r\n", Some(BadBody::Size)),
        ("3_\r\n", Some(BadBody::Size)),
        ("00000000000000003", Some(BadBody::Size)),
        ("0000000000000003", None),
        ("ffffffffffffffff\r\n", None),
        ("1ffffffffffffffff\r\n", Some(BadBody::Size)),
        ("3\n", Some(BadBody::LineEnd)),
        ("3\rx", Some(BadBody::LineEnd)),
        ("3;a\nabc", Some(BadBody::LineEnd)),
        ("3;a\rb\r\n", Some(BadBody::LineEnd)),
        ("3;a\0\r\n", Some(BadBody::Extension)),
        ("3;a\u{1b}\r\n", Some(BadBody::Extension)),
        ("3;é\r\n", Some(BadBody::Extension)),
        (&long_extension, Some(BadBody::Extension)),
        (&endless_extension, Some(BadBody::Extension)),
        (&flood, Some(BadBody::Extension)),
        ("3\r\nabcd", Some(BadBody::ChunkEnd)),
        ("3\r\nabc\n", Some(BadBody::ChunkEnd)),
        ("3\r\nabc\rx", Some(BadBody::ChunkEnd)),
        ("3\r\nabc0\r\n", Some(BadBody::ChunkEnd)),
        ("0\r\n\n", Some(BadBody::Trailer)),
        ("0\r\nA\r\n", Some(BadBody::Trailer)),
        ("0\r\nA : b\r\n", Some(BadBody::Trailer)),
        ("0\r\n: b\r\n", Some(BadBody::Trailer)),
        ("0\r\nA: b\r\n c\r\n\r\n", Some(BadBody::Trailer)),
        ("0\r\nA: b\n\r\n", Some(BadBody::LineEnd)),
        ("0\r\nA: b\rc\r\n", Some(BadBody::LineEnd)),
        ("0\r\nA: \0\r\n", Some(BadBody::Trailer)),
        ("0\r\n\rx", Some(BadBody::Trailer)),
        (&long_trailer, Some(BadBody::TrailersTooLarge)),
        (&endless_name, Some(BadBody::TrailersTooLarge)),
        (&many_trailers, Some(BadBody::TrailersTooLarge)),
        (&large_trailers, Some(BadBody::TrailersTooLarge)),
    ] {
        let mut reader = BodyReader::new(Framing::Chunked);
        let got = read(&mut reader, bytes.as_bytes(), &[], usize::MAX);
        assert_eq!(got.err(), why, "{}", &bytes[..bytes.len().min(40)]);
        if let Some(why) = why {
            assert_eq!((reader.next(b"0\r\n\r\n"), reader.end()), (Err(why), Err(why)), "an error stays");
        } else {
            assert_eq!(reader.end(), Err(BadBody::Truncated));
        }
    }
}

#[test]
fn tells_how_much_is_left() {
    let mut reader = BodyReader::new(Framing::Length(5));
    assert_eq!(reader.next(b"abc"), Ok(Step::Data { skip: 0, len: 3 }));
    reader.consumed(3);
    assert_eq!((reader.remaining_length(), reader.is_done()), (Some(2), false));
    reader.consumed(2);
    assert_eq!((reader.remaining_length(), reader.is_done()), (Some(0), true));
    reader.consumed(9);
    assert!(reader.is_done());
    assert_eq!(BodyReader::new(Framing::Chunked).remaining_length(), None);
    assert_eq!(BodyReader::new(Framing::UntilClose).remaining_length(), None);
}

#[test]
fn hands_over_only_trailers_that_are_allowed_and_harmless() {
    let bytes = b"0\r\nETag: \"a\"\r\nX-Sum:  1 \r\nHost: evil\r\nx_user_id: evil\r\nx-sum: 2\r\n\r\n";
    let mut reader = BodyReader::new(Framing::Chunked);
    assert_eq!(read(&mut reader, bytes, &[], 1), Ok(Some((Vec::new(), bytes.len()))));
    let raw = reader.trailers();
    assert_eq!(raw, &bytes[3..bytes.len() - 2]);
    assert_eq!(filter_trailers(raw, &[]), b"");
    assert_eq!(filter_trailers(raw, &["x-sum"]), b"X-Sum: 1\r\nx-sum: 2\r\n");
    assert_eq!(filter_trailers(raw, &["host", "X_User_ID", "etag"]), b"ETag: \"a\"\r\n");
    for name in
        ["Content-Length", "Transfer-Encoding", "Authorization", "Cookie", "X-Forwarded-For", "x.user.id"]
    {
        assert_eq!(filter_trailers(format!("{name}: x\r\n").as_bytes(), &[name]), b"", "{name}");
    }
    assert_eq!(filter_trailers(b"no line", &["no line"]), b"");
}

#[test]
fn writes_chunks_in_hexadecimal() {
    for (len, want) in [(0, ""), (1, "1\r\n"), (255, "ff\r\n"), (0x1_0000, "10000\r\n")] {
        let mut out = Vec::new();
        write_chunk_head(&mut out, len);
        assert_eq!(out, want.as_bytes());
    }
    let mut out = Vec::new();
    write_chunk_head(&mut out, usize::MAX);
    write_last_chunk(&mut out, Some(b"A: b\r\n"));
    write_last_chunk(&mut out, None);
    assert_eq!(out, b"ffffffffffffffff\r\n0\r\nA: b\r\n\r\n0\r\n\r\n");
}

fn nearly_chunked() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z]{1,12}".prop_map(|data| format!("{:x}\r\n{data}\r\n", data.len())),
        1 => "[a-z]{1,3}".prop_map(|data| format!("{:X};e={data}\r\n{data}\r\n", data.len())),
        1 => "[0-9a-f]{0,2}[;\r\n]{0,3}",
    ];
    let end =
        prop_oneof![3 => Just("0\r\n\r\n".to_owned()), 1 => "0\r\n([a-z]{1,3}: [a-z]{0,3}\r\n){0,3}\r\n"];
    (prop::collection::vec(piece, 0..6), end).prop_map(|(pieces, end)| pieces.concat() + &end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_in_chunks_reads_back(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..8)) {
        let mut bytes = Vec::new();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            write_chunk_head(&mut bytes, part.len());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(CHUNK_END);
        }
        write_last_chunk(&mut bytes, None);
        let len = bytes.len();
        bytes.extend_from_slice(b"next");
        prop_assert_eq!(chunked(&bytes), Ok(Some((parts.concat(), len))));
    }

    #[test]
    fn reads_the_same_however_it_is_split(
        text in nearly_chunked(),
        mut cuts in prop::collection::vec(0usize..60, 0..8),
        bite in 1usize..9,
    ) {
        cuts.sort_unstable();
        let want = chunked(text.as_bytes());
        let mut reader = BodyReader::new(Framing::Chunked);
        prop_assert_eq!(read(&mut reader, text.as_bytes(), &cuts, bite), want);
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80), length in any::<u64>()) {
        let _ = chunked(&bytes);
        let _ = read(&mut BodyReader::new(Framing::Length(length)), &bytes, &[3, 9], 5);
        let _ = filter_trailers(&bytes, &["a"]);
    }
}
