//! Which responses are believed, and where their bodies end.

use proptest::prelude::*;
use sekisho_wire::{
    Framing, Head, Known, Limits, Malformed, Method, Parsed, ResponseFacts, Version, check_response,
    parse_response,
};

fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
    parse_response(bytes, &mut Head::default(), &Limits::default())
}

fn check(method: Method, line: &str, fields: &[&str]) -> Result<ResponseFacts, Malformed> {
    let bytes = ([&[line][..], fields].concat().join("\r\n") + "\r\n\r\n").into_bytes();
    let mut head = Head::default();
    assert_eq!(parse_response(&bytes, &mut head, &Limits::default())?, Parsed::Complete(bytes.len()));
    check_response(head.view(&bytes), method)
}

#[test]
fn reads_a_response_into_positions() {
    for (bytes, status, reason, version) in [
        (&b"HTTP/1.1 200 OK\r\nAge: 1\r\n\r\n"[..], 200, &b"OK"[..], Version::Http11),
        (b"HTTP/1.0 404 Not Found\r\nAge: 1\r\n\r\n", 404, b"Not Found", Version::Http10),
        (b"HTTP/1.1 599 \r\nAge: 1\r\n\r\n", 599, b"", Version::Http11),
        (b"HTTP/1.1 100\r\nAge: 1\r\n\r\n", 100, b"", Version::Http11),
        (b"HTTP/1.1 200 \xc3\xa9t\xe9\r\nAge: 1\r\n\r\n", 200, b"\xc3\xa9t\xe9", Version::Http11),
    ] {
        let mut head = Head::default();
        let parsed = parse_response(bytes, &mut head, &Limits::default());
        assert_eq!(parsed, Ok(Parsed::Complete(bytes.len())), "{}", bytes.escape_ascii());
        let view = head.view(bytes);
        assert_eq!((view.status(), view.reason(), view.version()), (status, reason, version));
        assert_eq!(
            (view.get(Known::Age), view.target(), view.method_bytes()),
            (Some(&b"1"[..]), &b""[..], &b""[..])
        );
    }
    let mut head = Head::default();
    for (bytes, reason) in
        [(&b"HTTP/1.1 204 No Content\r\n\r\n"[..], &b"No Content"[..]), (b"HTTP/1.1 204\r\n\r\n", b"")]
    {
        assert_eq!(parse_response(bytes, &mut head, &Limits::default()), Ok(Parsed::Complete(bytes.len())));
        assert_eq!((head.view(bytes).reason(), head.lines().len()), (reason, 0));
    }
}

#[test]
fn believes_nothing_that_is_not_strictly_http() {
    for (bytes, why) in [
        (&b"HTTP/1.1 200 OK\nA: b\r\n\r\n"[..], Malformed::BareLf),
        (b"HTTP/1.1 200\nA: b\r\n\r\n", Malformed::BareLf),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\n", Malformed::BareLf),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\n", Malformed::BareLf),
        (b"HTTP/1.1 200 OK\r\n\n", Malformed::BareLf),
        (b"HTTP/1.1 200 O\rK\r\n\r\n", Malformed::BareCr),
        (b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", Malformed::BareCr),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Malformed::Folded),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Malformed::BadName),
        (b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", Malformed::BadName),
        (b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", Malformed::ControlCharacter),
        (b"HTTP/1.1 200 \x01\r\n\r\n", Malformed::ControlCharacter),
        (b"HTTP/1.1 099 OK\r\n\r\n", Malformed::BadStatus),
        (b"HTTP/1.1 600 OK\r\n\r\n", Malformed::BadStatus),
        (b"HTTP/1.1 20 OK\r\n\r\n", Malformed::BadStatus),
        (b"HTTP/1.1 2000 OK\r\n\r\n", Malformed::BadStatus),
        (b"HTTP/1.1 +20 OK\r\n\r\n", Malformed::BadStatus),
        (b"HTTP/1.1  200 OK\r\n\r\n", Malformed::BadStatus),
        (b"HTTP/2.0 200 OK\r\n\r\n", Malformed::BadStatusLine),
        (b"HTTP/1.2 200 OK\r\n\r\n", Malformed::BadStatusLine),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", Malformed::BadStatusLine),
        (b"<html>", Malformed::BadStatusLine),
        (b"ICY 200 OK\r\n\r\n", Malformed::BadStatusLine),
    ] {
        assert_eq!(parse(bytes), Err(why), "{}", bytes.escape_ascii());
    }
    let long = [b"HTTP/1.1 200 OK\r\nA: ", &[b'x'; 40_000][..]].concat();
    assert_eq!(parse(&long), Err(Malformed::HeadTooLarge));
    let many = ["HTTP/1.1 200 OK\r\n", &"a: b\r\n".repeat(101), "\r\n"].concat();
    assert_eq!(parse(many.as_bytes()), Err(Malformed::TooManyFields));
    assert!(Malformed::ALL.iter().all(|why| why.status() == 502 && !why.detail().is_empty()));
}

#[test]
fn decides_where_the_body_ends() {
    use Framing::{Chunked, Length, None, UntilClose};
    use Method::{Get, Head};
    for (method, line, fields, framing, keep_alive) in [
        (Get, "HTTP/1.1 200 OK", &["Content-Length: 7"][..], Length(7), true),
        (Get, "HTTP/1.1 200 OK", &["Transfer-Encoding: Chunked"], Chunked, true),
        (Get, "HTTP/1.1 200 OK", &[], UntilClose, false),
        (Get, "HTTP/1.1 200 OK", &["Connection: keep-alive"], UntilClose, false),
        (Get, "HTTP/1.1 200 OK", &["Content-Length: 7", "Connection: close"], Length(7), false),
        (Get, "HTTP/1.0 200 OK", &["Content-Length: 7"], Length(7), false),
        (Get, "HTTP/1.0 200 OK", &["Content-Length: 7", "Connection: keep-alive"], Length(7), true),
        (Head, "HTTP/1.1 200 OK", &["Content-Length: 7"], None, true),
        (Head, "HTTP/1.1 200 OK", &["Transfer-Encoding: chunked"], None, true),
        (Head, "HTTP/1.1 200 OK", &[], None, true),
        (Get, "HTTP/1.1 304 Not Modified", &["Content-Length: 7"], None, true),
        (Get, "HTTP/1.1 204 No Content", &[], None, true),
        (Get, "HTTP/1.1 204 No Content", &["Content-Length: 0"], None, true),
        (Get, "HTTP/1.1 204 No Content", &["Content-Length: 7"], None, false),
        (Get, "HTTP/1.1 103 Early Hints", &["Transfer-Encoding: chunked"], None, false),
        (Get, "HTTP/1.1 101 Switching Protocols", &["Connection: upgrade", "Upgrade: websocket"], None, true),
        (Get, "HTTP/1.1 205 Reset Content", &["Content-Length: 0"], Length(0), true),
    ] {
        let facts = check(method, line, fields).unwrap_or_else(|why| panic!("{line} {fields:?}: {why}"));
        assert_eq!(facts, ResponseFacts { framing, keep_alive }, "{line} {fields:?}");
    }
}

#[test]
fn believes_no_ambiguous_framing_even_without_a_body() {
    for (line, fields, why) in [
        (
            "HTTP/1.1 200 OK",
            &["Content-Length: 1", "Transfer-Encoding: chunked"][..],
            Malformed::LengthAndCoding,
        ),
        ("HTTP/1.1 304 OK", &["Content-Length: 1", "Content-Length: 1"], Malformed::ManyLengths),
        ("HTTP/1.1 204 OK", &["Content-Length: 1,1"], Malformed::BadLength),
        ("HTTP/1.1 200 OK", &["Content-Length: x"], Malformed::BadLength),
        ("HTTP/1.1 200 OK", &["Transfer-Encoding: gzip, chunked"], Malformed::BadCoding),
        ("HTTP/1.1 200 OK", &["Transfer-Encoding: identity"], Malformed::BadCoding),
        (
            "HTTP/1.1 200 OK",
            &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            Malformed::BadCoding,
        ),
        ("HTTP/1.0 200 OK", &["Transfer-Encoding: chunked"], Malformed::CodingInHttp10),
        ("HTTP/1.1 200 OK", &["Connection: a b"], Malformed::BadConnection),
    ] {
        for method in [Method::Get, Method::Head] {
            assert_eq!(check(method, line, fields), Err(why), "{line} {fields:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn never_panics_and_reads_the_same_however_it_is_split(
        text in "HTTP/1\\.[01] [1-6][0-9]{2}( [a-zé]{0,5})?\r\n((Content-Length|Age|x_y): ?[a-z0-9]{0,3}\r\n|[ -~]{0,9}\r?\n){0,5}\r\n",
        noise in prop::collection::vec(any::<u8>(), 0..40),
        cut in 0usize..100,
    ) {
        for bytes in [text.into_bytes(), noise] {
            let want = parse(&bytes);
            let mut head = Head::default();
            let first = parse_response(&bytes[..cut.min(bytes.len())], &mut head, &Limits::default());
            let got = match first {
                Ok(Parsed::Partial) => parse_response(&bytes, &mut head, &Limits::default()),
                other => other,
            };
            prop_assert_eq!(got.ok(), want.ok());
            if let Ok(Parsed::Complete(_)) = got {
                let _ = check_response(head.view(&bytes), Method::Get);
            }
        }
    }
}
