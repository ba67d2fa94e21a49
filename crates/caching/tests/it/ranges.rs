//! Range requests (RFC 9110 §14) and `If-Range` (§13.1.5), answered from whole stored answers.

use sekisho_caching::{Shape, Slice, shape};

use crate::heads::{SILENT, request, store};

const ANSWER: &str = "Cache-Control: max-age=999\nETag: \"a\"\nLast-Modified: {-60}\nDate: {0}";

fn part(first: u64, last: u64) -> Shape {
    Shape::Part(Slice { first, last })
}

fn parts(parts: &[(u64, u64)]) -> Shape {
    Shape::Parts(parts.iter().map(|&(first, last)| Slice { first, last }).collect())
}

#[test]
fn ranges_of_a_body_of_ten_bytes() {
    use Shape::{Unsatisfiable, Whole};
    for (paragraph, range, want) in [
        ("§14.1.2", "bytes=0-1", part(0, 1)),
        ("§14.1.2", "bytes=1-", part(1, 9)),
        ("§14.1.2", "bytes=-1", part(9, 9)),
        ("§14.1.2", "bytes=-10", part(0, 9)),
        ("§14.1.2", "bytes=-11", part(0, 9)),
        ("§14.1.2", "bytes=5-99", part(5, 9)),
        ("§14.1.2", "bytes=9-9", part(9, 9)),
        ("§14.1.2", "bytes=5-99999999999999999999999", part(5, 9)),
        ("§14.1 case", "Bytes=0-1", part(0, 1)),
        ("§14.1.2 lists", "bytes= 0-1 , ", part(0, 1)),
        ("§15.5.17", "bytes=10-", Unsatisfiable),
        ("§15.5.17", "bytes=10-20,30-", Unsatisfiable),
        ("§15.5.17", "bytes=-0", Unsatisfiable),
        ("§15.5.17", "bytes=99999999999999999999999-", Unsatisfiable),
        ("§14.1.1 invalid", "bytes=2-1", Whole),
        ("§14.1.1 invalid", "bytes=", Whole),
        ("§14.1.1 invalid", "bytes=,", Whole),
        ("§14.1.1 invalid", "bytes=a-b", Whole),
        ("§14.1.1 invalid", "bytes=1", Whole),
        ("§14.1.1 invalid", "bytes=-", Whole),
        ("§14.1.1 invalid", "bytes=1-2-3", Whole),
        ("§14.1.1 invalid", "bytes=0 - 1", Whole),
        ("§14.1.1 invalid", "bytes=0-1,x", Whole),
        ("§14.2 unit", "lines=0-1", Whole),
        ("§14.2 unit", "0-1", Whole),
        ("§14.6", "bytes=0-1,4-5", parts(&[(0, 1), (4, 5)])),
        ("§14.6", "bytes=-1,0-0", parts(&[(9, 9), (0, 0)])),
        ("§14.6", "bytes=0-1,20-30", part(0, 1)),
        ("§17.15 overlap", "bytes=0-5,3-9", Whole),
        ("§17.15 overlap", "bytes=0-,0-,0-", Whole),
    ] {
        let stored = store("", ANSWER, &SILENT).unwrap();
        let found = shape(request(&format!("Range: {range}")).view(), &stored, 10);
        assert_eq!(found, want, "RFC 9110 {paragraph}: {range}");
    }
}

#[test]
fn many_ranges_get_the_whole() {
    let stored = store("", ANSWER, &SILENT).unwrap();
    let range = |count: u64| {
        let list: Vec<_> = (0..count).map(|n| format!("{}-{}", n * 4, n * 4)).collect();
        shape(request(&format!("Range: bytes={}", list.join(","))).view(), &stored, 1_000)
    };
    assert!(matches!(range(16), Shape::Parts(parts) if parts.len() == 16));
    assert_eq!(range(17), Shape::Whole);
}

#[test]
fn ranges_are_for_whole_answers_to_get() {
    let stored = store("", ANSWER, &SILENT).unwrap();
    for (asked, length, want) in [
        ("HEAD /\nRange: bytes=0-1", 10, Shape::Whole),
        ("Range: bytes=0-1\nRange: bytes=2-3", 10, Shape::Whole),
        ("Range: bytes=0-", 0, Shape::Unsatisfiable),
        ("Range: bytes=-5", 0, Shape::Unsatisfiable),
        ("Range: bytes=0-1\nIf-None-Match: \"a\"", 10, Shape::NotModified),
        ("Range: bytes=0-1\nIf-None-Match: \"b\"", 10, part(0, 1)),
    ] {
        assert_eq!(shape(request(asked).view(), &stored, length), want, "{asked}");
    }
    let missing = store("", "404\nCache-Control: max-age=999", &SILENT).unwrap();
    assert_eq!(shape(request("Range: bytes=0-1").view(), &missing, 10), Shape::Whole);
}

#[test]
fn if_range_must_name_the_stored_answer_beyond_doubt() {
    for (answer, condition, want) in [
        (ANSWER, "\"a\"", true),
        (ANSWER, "\"b\"", false),
        (ANSWER, "W/\"a\"", false),
        (ANSWER, "{-60}", true),
        (ANSWER, "{-59}", false),
        (ANSWER, "{0}", false),
        (ANSWER, "oops", false),
        ("Cache-Control: max-age=999\nETag: W/\"a\"", "W/\"a\"", false),
        ("Cache-Control: max-age=999\nLast-Modified: {0}\nDate: {0}", "{0}", false),
        ("Cache-Control: max-age=999", "\"a\"", false),
    ] {
        let stored = store("", answer, &SILENT).unwrap();
        let found = shape(request(&format!("Range: bytes=0-1\nIf-Range: {condition}")).view(), &stored, 10);
        let want = if want { part(0, 1) } else { Shape::Whole };
        assert_eq!(found, want, "RFC 9110 §13.1.5: {answer} <- {condition}");
    }
}

#[test]
fn content_range_counts_from_zero() {
    let mut out = Vec::new();
    let slice = Slice { first: 2, last: 4 };
    slice.write_content_range(10, &mut out);
    assert_eq!((slice.length(), out.as_slice()), (3, &b"bytes 2-4/10"[..]));
}
