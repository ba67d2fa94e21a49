//! Which requests are taken and which refused, and why: one table for the grammar, one for the meaning.

use proptest::prelude::*;
use sekisho_wire::{
    Framing, Head, Known, Limits, Method, Parsed, Refusal, RequestFacts, Scheme, TargetForm, Version,
    check_request, origin_form, parse_request,
};

fn parse(bytes: &[u8]) -> Result<Parsed, Refusal> {
    parse_request(bytes, &mut Head::default(), &Limits::default())
}

fn check(bytes: &[u8]) -> Result<RequestFacts, Refusal> {
    let mut head = Head::default();
    match parse_request(bytes, &mut head, &Limits::default())? {
        Parsed::Complete(len) => assert_eq!(len, bytes.len()),
        Parsed::Partial => panic!("the head is whole: {:?}", String::from_utf8_lossy(bytes)),
    }
    check_request(head.view(bytes))
}

/// A request line and field lines, without their line ends.
fn get(lines: &[&str]) -> Vec<u8> {
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}

#[test]
fn reads_a_request_into_positions() {
    let bytes =
        b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nx_y:  v w\t \r\nCOOKIE: 1\r\ncookie: 2\r\n\r\nbody";
    let mut head = Head::default();
    let parsed = parse_request(bytes, &mut head, &Limits::default());
    assert_eq!(parsed, Ok(Parsed::Complete(bytes.len() - 4)));
    let view = head.view(bytes);
    assert_eq!((view.method(), view.method_bytes()), (Method::Post, &b"POST"[..]));
    assert_eq!((view.target(), view.version()), (&b"/a?b=c"[..], Version::Http11));
    assert_eq!((view.status(), view.reason()), (0, &b""[..]));
    let lines: Vec<_> = view.lines().collect();
    assert_eq!(
        lines,
        [
            (&b"Host"[..], &b"h"[..], Known::Host),
            (b"X-Empty", b"", Known::Unknown),
            (b"x_y", b"v w", Known::Unknown),
            (b"COOKIE", b"1", Known::Cookie),
            (b"cookie", b"2", Known::Cookie),
        ]
    );
    assert_eq!(view.get(Known::Cookie), Some(&b"1"[..]));
    assert_eq!(view.all(Known::Cookie).collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!((view.count(Known::Cookie), view.count(Known::Host), view.count(Known::Via)), (2, 1, 0));
    assert_eq!(
        (view.find("X_Y"), view.find("x-y"), view.find("cookie")),
        (Some(&b"v w"[..]), None, Some(&b"1"[..]))
    );
    assert_eq!((view.find_all("Cookie").count(), view.find_all("via").count()), (2, 0));
    assert!(view.has_odd_names() && view.len_lines() == 5);
    let text: Vec<_> =
        head.lines().iter().map(|l| &bytes[usize::from(l.name.start)..usize::from(l.end)]).collect();
    assert_eq!(text[2], b"x_y:  v w\t \r\n");
    assert_eq!(text.concat(), bytes[22..bytes.len() - 6]);
}

#[test]
fn a_head_can_be_reused_and_forgets_what_was_there() {
    let mut head = Head::default();
    let first = b"GET / HTTP/1.0\r\nHost: a\r\nCookie: a\r\nCookie: b\r\na_b: c\r\n\r\n";
    let second = b"PUT /x HTTP/1.1\r\nVia: a\r\n\r\n";
    for bytes in [&first[..], second] {
        assert_eq!(parse_request(bytes, &mut head, &Limits::default()), Ok(Parsed::Complete(bytes.len())));
    }
    let view = head.view(second);
    assert_eq!((view.get(Known::Host), view.count(Known::Cookie), view.has_odd_names()), (None, 0, false));
    assert_eq!((view.get(Known::Via), view.version()), (Some(&b"a"[..]), Version::Http11));
}

#[test]
fn refuses_what_is_not_strictly_http() {
    for (bytes, why) in [
        (&b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..], Refusal::BareLf),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", Refusal::BareLf),
        (b"GET / HTTP/1.1\r\nHost: a\r\nB: c\n\r\n", Refusal::BareLf),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", Refusal::BareLf),
        (b"GET / HTTP/1.1\nHost: a\n\n", Refusal::BareLf),
        (b"GET / HTTP/1.1\r\nA:\nHost: a\r\n\r\n", Refusal::BareLf),
        (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::BareLf),
        (b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", Refusal::BareCr),
        (b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", Refusal::BareCr),
        (b"GET / HTTP/1.1\rHost: a\r\n\r\n", Refusal::BareCr),
        (b"\rGET / HTTP/1.1\r\n\r\n", Refusal::BareCr),
        (b"\r\n\rGET / HTTP/1.1\r\n\r\n", Refusal::BareCr),
        (b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", Refusal::Folded),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n\r\n", Refusal::Folded),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", Refusal::Folded),
        (b"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", Refusal::Nul),
        (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::Nul),
        (b"GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n", Refusal::Nul),
        (b"GET / HTTP/1.1\r\nHost: a\x0bb\r\n\r\n", Refusal::ControlCharacter),
        (b"GET / HTTP/1.1\r\nHost: \x7f\r\n\r\n", Refusal::ControlCharacter),
        (b"GET /\x01 HTTP/1.1\r\n\r\n", Refusal::ControlCharacter),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", Refusal::SpaceBeforeColon),
        (b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", Refusal::SpaceBeforeColon),
        (b"GET / HTTP/1.1\r\n: a\r\n\r\n", Refusal::EmptyName),
        (b"GET / HTTP/1.1\r\nA B: a\r\n\r\n", Refusal::SpaceBeforeColon),
        (b"GET / HTTP/1.1\r\nA(B: a\r\n\r\n", Refusal::BadName),
        (b"GET / HTTP/1.1\r\nAB\r\n\r\n", Refusal::BadName),
        (b"GET / HTTP/1.1\r\n\xc3\xa9: a\r\n\r\n", Refusal::BadName),
        (b"G@T / HTTP/1.1\r\n\r\n", Refusal::BadMethod),
        (b"(GET) / HTTP/1.1\r\n\r\n", Refusal::BadMethod),
        (b" GET / HTTP/1.1\r\n\r\n", Refusal::BadMethod),
        (b"GET\r\n\r\n", Refusal::BadMethod),
        (b"GET  / HTTP/1.1\r\n\r\n", Refusal::ExtraSpace),
        (b"GET /  HTTP/1.1\r\n\r\n", Refusal::ExtraSpace),
        (b"GET / HTTP/1.1 \r\n\r\n", Refusal::ExtraSpace),
        (b"GET\t/ HTTP/1.1\r\n\r\n", Refusal::BadMethod),
        (b"GET /a b HTTP/1.1\r\n\r\n", Refusal::BadVersion),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::BadTarget),
        (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::BadTarget),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::BadTarget),
        (b"GET /\r\n", Refusal::Http09),
        (b"GET / \r\n\r\n", Refusal::Http09),
        (b"GET / HTTP/1.2\r\n\r\n", Refusal::BadVersion),
        (b"GET / HTTP/2.0\r\n\r\n", Refusal::BadVersion),
        (b"GET / HTTP/0.9\r\n\r\n", Refusal::BadVersion),
        (b"GET / http/1.1\r\n\r\n", Refusal::BadVersion),
        (b"GET / HTTP/1.10\r\n\r\n", Refusal::BadVersion),
        (b"GET / HTTP/1.1x\r\n\r\n", Refusal::BadVersion),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::EmptyLines),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refusal::Http2),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Refusal::Tls),
        (b"\x16", Refusal::Tls),
    ] {
        assert_eq!(parse(bytes), Err(why), "{}", bytes.escape_ascii());
        assert_eq!(why.status(), 400, "{why:?}");
    }
}

#[test]
fn refuses_a_bad_beginning_without_waiting_for_the_rest() {
    for (bytes, why) in [
        (&b"GET /\r\n"[..], Refusal::Http09),
        (b"GET  ", Refusal::ExtraSpace),
        (b"{", Refusal::BadMethod),
        (b"PRI * HTTP/2.0", Refusal::Http2),
        (b"GET / HTTP/3", Refusal::BadVersion),
        (b"GET / HTTP/1.1\r\n\t", Refusal::Folded),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA ", Refusal::SpaceBeforeColon),
        (b"GET /# HTTP", Refusal::BadTarget),
    ] {
        assert_eq!(parse(bytes), Err(why), "{}", bytes.escape_ascii());
    }
    for bytes in [
        &b""[..],
        b"\r",
        b"\r\n",
        b"G",
        b"GET",
        b"GET /",
        b"GET / HTTP/1.",
        b"GET / HTTP/1.1\r",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r",
    ] {
        assert_eq!(parse(bytes), Ok(Parsed::Partial), "{}", bytes.escape_ascii());
    }
}

#[test]
fn tolerates_one_empty_line_before_the_request_line() {
    let bytes = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(check(bytes).map(|facts| facts.host.map(|h| h.of(bytes))), Ok(Some(&b"a"[..])));
}

#[test]
fn holds_the_limits_exactly() {
    let head = |target: usize, fields: usize| {
        let mut head = format!("GET /{} HTTP/1.1\r\n", "x".repeat(target - 1));
        head.extend((0..fields).map(|i| format!("f{i}: v\r\n")));
        (head + "\r\n").into_bytes()
    };
    let parse = |bytes: &[u8], limits: &Limits| parse_request(bytes, &mut Head::default(), limits);
    let limits = Limits { target: 100, fields: 10, ..Limits::default() };
    for (target, fields, want) in [
        (100, 10, None),
        (101, 10, Some((Refusal::TargetTooLong, 414))),
        (100, 11, Some((Refusal::TooManyFields, 431))),
    ] {
        let bytes = head(target, fields);
        let got = parse(&bytes, &limits);
        assert_eq!(got.err().map(|why| (why, why.status())), want, "{target} {fields}");
        assert_eq!(got.is_ok(), want.is_none());
    }
    let bytes = head(10, 3);
    for (room, want) in
        [(bytes.len(), Ok(Parsed::Complete(bytes.len()))), (bytes.len() - 1, Err(Refusal::HeadTooLarge))]
    {
        assert_eq!(parse(&bytes, &Limits { head: room, ..limits }), want);
    }
    // Refused as soon as it is seen, not when the head ends.
    let long = [b"GET /", &[b'x'; 101][..]].concat();
    assert_eq!(parse(&long, &limits), Err(Refusal::TargetTooLong));
    assert_eq!(parse(&long[..104], &limits), Ok(Parsed::Partial));
    assert_eq!(parse(&head(10, 3)[..40], &Limits { head: 30, ..limits }), Err(Refusal::HeadTooLarge));
    // A limit below the empty line that is tolerated.
    let late = [b"\r\n", &head(10, 3)[..]].concat();
    assert_eq!(parse(&late, &Limits { head: 1, ..limits }), Err(Refusal::HeadTooLarge));
    // Limits beyond what positions can hold count as the most there can be.
    let huge = Limits { head: usize::MAX, fields: usize::MAX, target: usize::MAX };
    assert_eq!(parse(&head(10, 128), &huge).map(|p| p == Parsed::Partial), Ok(false));
    assert_eq!(parse(&head(10, 129), &huge), Err(Refusal::TooManyFields));
    assert!(matches!(parse(&head(70_000, 0), &huge), Err(Refusal::TargetTooLong | Refusal::HeadTooLarge)));
}

#[test]
fn decides_framing_and_persistence() {
    use Framing::{Chunked, Length, None};
    for (version, fields, framing, keep_alive) in [
        ("1.1", &["Host: a"][..], None, true),
        ("1.1", &["Host: a", "Connection: close"], None, false),
        ("1.1", &["Host: a", "Connection: keep-alive, Close"], None, false),
        ("1.1", &["Host: a", "Connection: x", "Connection: ,, ,close"], None, false),
        ("1.0", &[], None, false),
        ("1.0", &["Connection: Keep-Alive"], None, true),
        ("1.0", &["Host: a", "Content-Length: 5"], Length(5), false),
        ("1.1", &["Host: a", "Content-Length: 0"], Length(0), true),
        ("1.1", &["Host: a", "Content-Length: 9999999999999999999"], Length(9_999_999_999_999_999_999), true),
        ("1.1", &["Host: a", "content-length: 007"], Length(7), true),
        ("1.1", &["Host: a", "Transfer-Encoding: chunked"], Chunked, true),
        ("1.1", &["Host: a", "transfer-encoding: CHUNKED"], Chunked, true),
    ] {
        let line = format!("POST / HTTP/{version}");
        let lines: Vec<&str> = [&line[..]].iter().chain(fields).copied().collect();
        let facts = check(&get(&lines)).unwrap_or_else(|why| panic!("{fields:?}: {why}"));
        assert_eq!((facts.framing, facts.keep_alive), (framing, keep_alive), "{fields:?}");
    }
}

#[test]
fn refuses_what_two_servers_could_read_differently() {
    for (line, fields, why) in [
        ("GET / HTTP/1.1", &[][..], Refusal::NoHost),
        ("GET / HTTP/1.1", &["Host: a", "Host: a"], Refusal::ManyHosts),
        ("GET / HTTP/1.0", &["Host: a", "Host: b"], Refusal::ManyHosts),
        ("GET / HTTP/1.1", &["Host:"], Refusal::BadHost),
        ("GET / HTTP/1.1", &["Host: a/b"], Refusal::BadHost),
        ("GET / HTTP/1.1", &["Host: u@a"], Refusal::BadHost),
        ("GET / HTTP/1.1", &["Host: a:99999"], Refusal::BadHost),
        ("GET / HTTP/1.1", &["Host: a, b"], Refusal::BadHost),
        ("GET http://b/ HTTP/1.1", &["Host: a"], Refusal::HostMismatch),
        ("GET http://a:81/ HTTP/1.1", &["Host: a"], Refusal::HostMismatch),
        ("GET https://a:80/ HTTP/1.1", &["Host: a"], Refusal::HostMismatch),
        ("GET ftp://a/ HTTP/1.1", &["Host: a"], Refusal::BadScheme),
        ("GET http://u@a/ HTTP/1.1", &["Host: a"], Refusal::UserInfo),
        ("GET http://u:p@a/ HTTP/1.1", &["Host: a"], Refusal::UserInfo),
        ("GET http:///x HTTP/1.1", &["Host: a"], Refusal::BadForm),
        ("GET http://a\\b/ HTTP/1.1", &["Host: a"], Refusal::BadForm),
        ("GET a:80 HTTP/1.1", &["Host: a"], Refusal::BadForm),
        ("GET x HTTP/1.1", &["Host: a"], Refusal::BadForm),
        ("GET ?x HTTP/1.1", &["Host: a"], Refusal::BadForm),
        ("GET * HTTP/1.1", &["Host: a"], Refusal::BadAsterisk),
        ("CONNECT a:443 HTTP/1.1", &["Host: a"], Refusal::Connect),
        ("TRACE / HTTP/1.1", &["Host: a"], Refusal::Trace),
        (
            "POST / HTTP/1.1",
            &["Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"],
            Refusal::LengthAndCoding,
        ),
        (
            "POST / HTTP/1.1",
            &["Host: a", "Content-Length: 0", "Transfer-Encoding: x"],
            Refusal::LengthAndCoding,
        ),
        ("POST / HTTP/1.1", &["Host: a", "Content-Length: 1", "Content-Length: 1"], Refusal::ManyLengths),
        ("POST / HTTP/1.1", &["Host: a", "Content-Length: 1, 1"], Refusal::BadLength),
        ("POST / HTTP/1.1", &["Host: a", "Content-Length: +1"], Refusal::BadLength),
        ("POST / HTTP/1.1", &["Host: a", "Content-Length: -1"], Refusal::BadLength),
        ("POST / HTTP/1.1", &["Host: a", "Content-Length: 1 1"], Refusal::BadLength),
        ("POST / HTTP/1.1", &["Host: a", "Content-Length: 0x1"], Refusal::BadLength),
        ("POST / HTTP/1.1", &["Host: a", "Content-Length:"], Refusal::BadLength),
        ("POST / HTTP/1.1", &["Host: a", "Content-Length: 18446744073709551616"], Refusal::BadLength),
        ("POST / HTTP/1.1", &["Host: a", "Transfer-Encoding: gzip, chunked"], Refusal::UnknownCoding),
        ("POST / HTTP/1.1", &["Host: a", "Transfer-Encoding: identity"], Refusal::UnknownCoding),
        ("POST / HTTP/1.1", &["Host: a", "Transfer-Encoding: xchunked"], Refusal::UnknownCoding),
        (
            "POST / HTTP/1.1",
            &["Host: a", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
            Refusal::UnknownCoding,
        ),
        (
            "POST / HTTP/1.1",
            &["Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            Refusal::BadCoding,
        ),
        ("POST / HTTP/1.1", &["Host: a", "Transfer-Encoding: chunked, chunked"], Refusal::BadCoding),
        ("POST / HTTP/1.1", &["Host: a", "Transfer-Encoding: chunked,"], Refusal::BadCoding),
        ("POST / HTTP/1.1", &["Host: a", "Transfer-Encoding: chunked;a=b"], Refusal::BadCoding),
        ("POST / HTTP/1.1", &["Host: a", "Transfer-Encoding: \"chunked\""], Refusal::BadCoding),
        ("POST / HTTP/1.1", &["Host: a", "Transfer-Encoding:"], Refusal::BadCoding),
        ("POST / HTTP/1.0", &["Host: a", "Transfer-Encoding: chunked"], Refusal::CodingInHttp10),
        ("POST / HTTP/1.1", &["Host: a", "Expect: 200-ok"], Refusal::BadExpect),
        ("POST / HTTP/1.1", &["Host: a", "Expect: 100-continue, x"], Refusal::BadExpect),
        ("GET / HTTP/1.1", &["Host: a", "Connection: close x"], Refusal::BadConnection),
        ("GET / HTTP/1.1", &["Host: a", "Connection: \"close\""], Refusal::BadConnection),
        ("GET / HTTP/1.1", &["Host: a", "Connection: close, content-length"], Refusal::ProtectedNomination),
        ("GET / HTTP/1.1", &["Host: a", "Connection: Transfer-Encoding"], Refusal::ProtectedNomination),
        ("GET / HTTP/1.1", &["Host: a", "Connection: host"], Refusal::ProtectedNomination),
        ("GET / HTTP/1.1", &["Host: a", "Connection: authorization"], Refusal::ProtectedNomination),
        (
            "GET / HTTP/1.1",
            &["Host: a", "Connection: x", "Connection: X-USER-ID"],
            Refusal::ProtectedNomination,
        ),
        ("GET / HTTP/1.1", &["Host: a", "Connection: x-forwarded-for"], Refusal::ProtectedNomination),
    ] {
        let lines: Vec<&str> = [line].iter().chain(fields).copied().collect();
        assert_eq!(check(&get(&lines)).err(), Some(why), "{line} {fields:?}");
        let status = match why {
            Refusal::Connect | Refusal::Trace => 405,
            Refusal::UnknownCoding => 501,
            Refusal::BadExpect => 417,
            _ => 400,
        };
        assert_eq!(why.status(), status, "{why:?}");
    }
}

#[test]
fn knows_the_forms_of_a_target() {
    for (line, host, form, origin) in [
        ("GET /a?b HTTP/1.1", "Host: x", TargetForm::Origin, "/a?b"),
        ("OPTIONS * HTTP/1.1", "Host: x", TargetForm::Asterisk, "*"),
        (
            "GET http://x/a HTTP/1.1",
            "Host: X:80",
            TargetForm::Absolute { path_start: 8, scheme: Scheme::Http },
            "/a",
        ),
        (
            "GET HTTPS://x:443 HTTP/1.1",
            "Host: x",
            TargetForm::Absolute { path_start: 13, scheme: Scheme::Https },
            "/",
        ),
        (
            "GET http://x?b HTTP/1.1",
            "Host: x",
            TargetForm::Absolute { path_start: 8, scheme: Scheme::Http },
            "?b",
        ),
        (
            "GET http://[::1]:8/a HTTP/1.1",
            "Host: [::1]:8",
            TargetForm::Absolute { path_start: 14, scheme: Scheme::Http },
            "/a",
        ),
    ] {
        let facts = check(&get(&[line, host])).unwrap_or_else(|why| panic!("{line}: {why}"));
        assert_eq!(facts.form, form, "{line}");
        let target = line.split(' ').nth(1).unwrap();
        assert_eq!(origin_form(target.as_bytes(), facts.form), origin.as_bytes(), "{line}");
    }
}

#[test]
fn http_1_0_takes_its_authority_from_an_absolute_target() {
    for (bytes, host) in [
        (get(&["GET http://x:8/a HTTP/1.0"]), Some(&b"x:8"[..])),
        (get(&["GET / HTTP/1.0"]), None),
        (get(&["GET / HTTP/1.0", "Host: y"]), Some(b"y")),
    ] {
        let facts = check(&bytes).unwrap();
        assert_eq!(facts.host.map(|h| h.of(&bytes)), host);
    }
}

#[test]
fn sees_expectations_and_upgrades_only_where_they_hold() {
    let facts = |fields: &[&str], version: &str| {
        let line = format!("POST / HTTP/{version}");
        let lines: Vec<&str> = [&line[..], "Host: a"].iter().chain(fields).copied().collect();
        let facts = check(&get(&lines)).unwrap();
        (facts.expect_continue, facts.upgrade)
    };
    assert_eq!(facts(&["Expect: 100-Continue", "Content-Length: 3"], "1.1"), (true, false));
    assert_eq!(facts(&["Expect: 100-continue", "Transfer-Encoding: chunked"], "1.1"), (true, false));
    assert_eq!(facts(&["Expect: 100-continue"], "1.1"), (false, false));
    assert_eq!(facts(&["Expect: 100-continue", "Content-Length: 3"], "1.0"), (false, false));
    assert_eq!(facts(&["Connection: keep-alive, Upgrade", "Upgrade: websocket"], "1.1"), (false, true));
    assert_eq!(facts(&["Connection: upgrade"], "1.1"), (false, false));
    assert_eq!(facts(&["Upgrade: websocket"], "1.1"), (false, false));
    assert_eq!(facts(&["Connection: upgrade", "Upgrade: websocket"], "1.0"), (false, false));
}

#[test]
fn every_reason_has_its_own_sentence() {
    let mut sentences: Vec<_> = Refusal::ALL.iter().map(|why| why.detail()).collect();
    sentences.sort_unstable();
    sentences.dedup();
    assert_eq!(sentences.len(), Refusal::ALL.len());
    assert!(Refusal::ALL.iter().all(|why| (400..=501).contains(&why.status())));
}

#[test]
fn a_head_sent_byte_by_byte_reads_the_same_and_costs_little() {
    let mut bytes = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    for i in 0..90 {
        bytes.extend_from_slice(format!("f{i}: {}\r\n", "v".repeat(80)).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    let mut head = Head::default();
    for len in 0..bytes.len() {
        assert_eq!(parse_request(&bytes[..len], &mut head, &Limits::default()), Ok(Parsed::Partial), "{len}");
    }
    assert_eq!(parse_request(&bytes, &mut head, &Limits::default()), Ok(Parsed::Complete(bytes.len())));
    assert_eq!(head.lines().len(), 91);
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "(Host|Cookie|X-A|x_b|Content-Length|Connection): ?[a-z0-9, ]{0,12}\r\n",
        1 => "[ -~\t]{0,20}\r\n",
        1 => ".{0,8}\r?\n?",
    ]
}

fn nearly_a_head() -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![
        6 => "(\r\n)?(GET|POST|X) /[a-z?%]{0,9} HTTP/1\\.[01]\r\n",
        1 => "[ -~]{0,20}\r\n",
    ];
    (start, prop::collection::vec(line(), 0..8), prop::option::weighted(0.9, Just("\r\n")), any::<[u8; 3]>())
        .prop_map(|(start, lines, end, tail)| {
            let mut bytes = (start + &lines.concat() + end.unwrap_or_default()).into_bytes();
            bytes.extend_from_slice(&tail);
            bytes
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), head in nearly_a_head()) {
        for bytes in [bytes, head] {
            let mut head = Head::default();
            if let Ok(Parsed::Complete(len)) = parse_request(&bytes, &mut head, &Limits::default()) {
                prop_assert!(len <= bytes.len());
                let _ = check_request(head.view(&bytes));
            }
        }
    }

    #[test]
    fn reads_the_same_however_it_is_split(bytes in nearly_a_head(), mut cuts in prop::collection::vec(0usize..200, 0..6)) {
        let mut whole = Head::default();
        let want = parse_request(&bytes, &mut whole, &Limits::default());
        cuts.retain(|&cut| cut < bytes.len());
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let mut head = Head::default();
        let mut got = Ok(Parsed::Partial);
        for cut in cuts {
            got = parse_request(&bytes[..cut], &mut head, &Limits::default());
            if got != Ok(Parsed::Partial) {
                break;
            }
        }
        // An error may be named more vaguely by the first bytes of a line than by the whole of it.
        prop_assert_eq!(got.ok(), want.ok());
        if let Ok(Parsed::Complete(_)) = want {
            prop_assert_eq!(head.view(&bytes).lines().collect::<Vec<_>>(), whole.view(&bytes).lines().collect::<Vec<_>>());
            prop_assert_eq!(head.view(&bytes).target(), whole.view(&bytes).target());
        }
    }
}
