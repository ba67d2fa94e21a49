//! Request bodies that the gateway decodes on their way: plain at the service, as they stream, and never whole if they are not.

mod again;
mod bounds;
mod broken;

use crate::framing::gateway;
use crate::harness::{Answer, Client, Service, ok, pattern, until};

const DECOMPRESS: &str = ", policies: { decompress: on }";
const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// `plain` in one of [`CODINGS`]; after the first piece all of it can be decoded that was given so far.
struct Encoder {
    kind: Kind,
    taken: usize,
}

enum Kind {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Deflate(flate2::write::ZlibEncoder<Vec<u8>>),
    Br(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    fn new(coding: &str) -> Self {
        let level = flate2::Compression::new(6);
        let kind = match coding {
            "gzip" => Kind::Gzip(flate2::write::GzEncoder::new(Vec::new(), level)),
            "deflate" => Kind::Deflate(flate2::write::ZlibEncoder::new(Vec::new(), level)),
            "br" => Kind::Br(Box::new(brotli::CompressorWriter::new(Vec::new(), 4096, 4, 20))),
            "zstd" => Kind::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap()),
            _ => panic!("no coding {coding}"),
        };
        Self { kind, taken: 0 }
    }

    /// What is to be sent of `piece`, so that it can be read at once.
    fn piece(&mut self, piece: &[u8]) -> Vec<u8> {
        let out = match &mut self.kind {
            Kind::Gzip(writer) => write(writer, piece, |writer| writer.get_ref().clone()),
            Kind::Deflate(writer) => write(writer, piece, |writer| writer.get_ref().clone()),
            Kind::Br(writer) => write(&mut **writer, piece, |writer| writer.get_ref().clone()),
            Kind::Zstd(writer) => write(writer, piece, |writer| writer.get_ref().clone()),
        };
        out[std::mem::replace(&mut self.taken, out.len())..].to_vec()
    }

    fn end(self) -> Vec<u8> {
        let out = match self.kind {
            Kind::Gzip(writer) => writer.finish().unwrap(),
            Kind::Deflate(writer) => writer.finish().unwrap(),
            Kind::Br(writer) => writer.into_inner(),
            Kind::Zstd(writer) => writer.finish().unwrap(),
        };
        out[self.taken..].to_vec()
    }
}

fn write<W: std::io::Write>(writer: &mut W, piece: &[u8], out: impl Fn(&W) -> Vec<u8>) -> Vec<u8> {
    writer.write_all(piece).unwrap();
    writer.flush().unwrap();
    out(writer)
}

/// All of it.
fn encoded(coding: &str, plain: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding);
    [encoder.piece(plain), encoder.end()].concat()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A request with a body in this coding, of a known length.
fn post(coding: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n{lines}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The same of unknown length.
fn chunked(coding: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n{lines}\r\n"
    );
    let chunks: Vec<u8> = body.chunks(10_000).flat_map(chunk).collect();
    [head.as_bytes(), &chunks, b"0\r\n\r\n"].concat()
}

/// A service that says how many bytes came.
fn counting() -> Service {
    Service::answering(|request| ok("text/plain", request.body.len().to_string()))
}

#[test]
fn the_service_gets_the_plain_body_and_is_told_of_no_coding() {
    let service = counting();
    let gateway = gateway(&service, DECOMPRESS, "");
    let plain: Vec<u8> = pattern(300_000).into_iter().chain(b"again and ".repeat(30_000)).collect();
    let digests = "Content-Digest: sha-256=:x:\r\nRepr-Digest: sha-256=:x:\r\nX-Kept: 1\r\n";
    let mut client = gateway.connect();
    let mut sent = Vec::new();
    for coding in CODINGS.into_iter().chain(["x-gzip", "GZIP"]) {
        let body = encoded(coding.trim_start_matches("x-").to_ascii_lowercase().as_str(), &plain);
        for request in [post(coding, digests, &body), chunked(coding, digests, &body)] {
            client.send(request);
            let answer = client.answer();
            assert_eq!((answer.status, answer.text()), (200, plain.len().to_string()), "{coding}");
            let seen = service.last();
            assert!(seen.whole && seen.body == plain, "{coding}");
            assert_eq!(seen.header("transfer-encoding"), Some("chunked"));
            for gone in ["content-encoding", "content-length", "content-digest", "repr-digest"] {
                assert_eq!(seen.header(gone), None, "{coding} {gone}");
            }
            assert_eq!(seen.header("x-kept"), Some("1"));
            sent.push((answer, body.len()));
        }
    }
    for (answer, size) in sent {
        assert_eq!(gateway.wait_log_of(&answer)["requestSize"], size, "as it came");
    }
    assert_eq!(service.connections(), 1, "connections on both sides are kept");
}

#[test]
fn codings_in_one_another_are_taken_off_in_their_order() {
    let service = Service::echo();
    let gateway = gateway(&service, DECOMPRESS, "");
    let plain = "once, twice, thrice ".repeat(1_000);
    let body = encoded("br", &encoded("gzip", &encoded("zstd", plain.as_bytes())));
    let answer = gateway.request(post("zstd, gzip\r\nContent-Encoding: identity, br", "", &body));
    assert_eq!(answer.json()["body"], plain.as_str());
}

#[test]
fn however_it_is_cut_the_same_arrives() {
    let service = Service::echo();
    let gateway = gateway(&service, DECOMPRESS, "");
    for coding in CODINGS {
        let request = chunked(coding, "", &encoded(coding, b"a short body"));
        let mut client = gateway.connect();
        for cut in 1..request.len() {
            client.send(&request[..cut]);
            client.send(&request[cut..]);
            assert_eq!(client.answer().json()["body"], "a short body", "{coding} cut at {cut}");
        }
    }
}

#[test]
fn the_service_has_the_first_part_before_the_client_has_sent_the_rest() {
    let (told, heard) = std::sync::mpsc::channel();
    let service = Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            let mut came = Vec::new();
            while !came.ends_with(b"0\r\n\r\n") {
                came.extend(conn.read_some());
                let _ = told.send(came.clone());
            }
            conn.write(ok("text/plain", "all of it"));
        }
    });
    let gateway = gateway(&service, DECOMPRESS, "");
    let has = |text: &str| {
        let is_here = |came: Vec<u8>| came.windows(text.len()).any(|part| part == text.as_bytes());
        until(text, || heard.try_iter().any(is_here).then_some(()));
    };
    for coding in CODINGS {
        let mut client = gateway.connect();
        let mut encoder = Encoder::new(coding);
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        for part in ["first part", "second part"] {
            client.send(chunk(&encoder.piece(part.as_bytes())));
            has(part);
        }
        client.send(chunk(&encoder.end()));
        client.send("0\r\n\r\n");
        assert_eq!(client.answer().text(), "all of it", "{coding}");
    }
}

#[test]
fn what_has_no_body_or_no_coding_passes_untouched() {
    let service = counting();
    let gateway = gateway(&service, DECOMPRESS, "");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(service.last().header("content-encoding"), Some("gzip"));
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Encoding: nonsense\r\n\r\n");
    assert_eq!(client.answer_to_head().status, 200);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Digest: x\r\nContent-Length: 5\r\n\r\nplain");
    assert_eq!(client.answer().text(), "5");
    let seen = service.last();
    assert_eq!((seen.header("content-length"), seen.header("content-digest")), (Some("5"), Some("x")));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.answer().text(), "0");
    let seen = service.last();
    assert_eq!((seen.header("content-encoding"), seen.header("content-length")), (None, Some("0")));
    client.send(chunked("zstd", "", b""));
    assert_eq!(client.answer().text(), "0", "nothing is an empty body");
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let service = Service::echo();
    let gateway = gateway(&service, DECOMPRESS, "");
    let body = encoded("gzip", b"plain");
    let request = post("gzip", "Expect: 100-continue\r\n", &body);
    let mut client = gateway.connect();
    client.send(&request[..request.len() - body.len()]);
    assert_eq!(client.head_only().status, 100);
    client.send(&body);
    assert_eq!(client.answer().json()["body"], "plain");
    let request = post("compress", "Expect: 100-continue\r\n", &body);
    client.send(&request[..request.len() - body.len()]);
    let answer = client.answer();
    assert_eq!((answer.status, answer.interim.len()), (415, 0), "nothing need be sent");
}

#[test]
fn an_unknown_coding_is_refused_with_the_list_of_the_known_or_passes() {
    let service = Service::echo();
    for (settings, passes) in [("on", false), ("{ unknown: pass }", true)] {
        let gateway = gateway(&service, &format!(", policies: {{ decompress: {settings} }}"), "");
        for coding in ["compress", "gzip, nonsense", "gzip, gzip, gzip, gzip"] {
            let answer = gateway.request(post(coding, "", b"as it is"));
            if passes {
                assert_eq!(answer.json()["body"], "as it is", "{coding}");
                let seen = service.last();
                assert_eq!(seen.header("content-encoding"), Some(coding));
                assert_eq!(seen.header("content-length"), Some("8"));
            } else {
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (415, "UNSUPPORTED_ENCODING"),
                    "{coding}"
                );
                assert_eq!(answer.header("accept-encoding"), Some("gzip, deflate, br, zstd"));
                let line = gateway.wait_log_of(&answer);
                let many = coding.starts_with("gzip, gzip");
                let reason = if many { "too_many_content_codings" } else { "unknown_content_coding" };
                assert_eq!((&line["decided_by"], &line["reason"]), (&"decompress".into(), &reason.into()));
                assert_eq!(service.requests(), 0);
            }
        }
    }
}

#[test]
fn another_spelling_of_the_header_does_not_reach_the_service() {
    let service = Service::echo();
    let gateway = gateway(&service, DECOMPRESS, "");
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent_Encoding: gzip\r\nContent.Encoding: br\r\nContent-Length: 5\r\n\r\nplain";
    assert_eq!(gateway.request(request).json()["body"], "plain");
    let seen = service.last();
    let odd = seen.headers.iter().find(|(name, _)| name.to_ascii_lowercase().contains("encoding"));
    assert_eq!(odd, None, "what some services read as the header would say what nobody has looked into");
}

#[test]
fn trailers_pass_but_digests_of_what_is_gone() {
    let service = Service::echo();
    let gateway = gateway(&service, ", trailers: [X-Note, Content-Digest], policies: { decompress: on }", "");
    for (coding, want) in
        [("gzip", "[[\"X-Note\",\"1\"]]"), ("identity", "[[\"X-Note\",\"1\"],[\"Content-Digest\",\"x\"]]")]
    {
        let body = if coding == "gzip" { encoded("gzip", b"plain") } else { b"plain".to_vec() };
        let mut request = chunked(coding, "", &body);
        request.truncate(request.len() - 2);
        request.extend_from_slice(b"X-Note: 1\r\nContent-Digest: x\r\n\r\n");
        let seen = gateway.request(request).json();
        assert_eq!((&seen["body"], seen["trailers"].to_string().as_str()), (&"plain".into(), want));
    }
}

/// A client that has sent the head and nothing of the body.
fn begun(client: &mut Client, coding: &str) {
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
}

/// A problem document of the gateway's.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/problem+json")));
    assert_eq!(answer.code(), code);
}
