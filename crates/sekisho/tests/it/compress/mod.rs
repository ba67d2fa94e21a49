//! Answers that are made smaller on their way: whole, in time, and only for those who can read them.

mod memory;

use std::io::Read as _;

use crate::framing::gateway;
use crate::harness::{Answer, Client, Delimited, Gateway, Service, ok, pattern, until};

const COMPRESS: &str = ", policies: { compress: {} }";

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn accepting(coding: &str) -> String {
    get("/", &format!("Accept-Encoding: {coding}\r\n"))
}

/// What the body says, by the coding that the head names.
fn plain(answer: &Answer) -> Vec<u8> {
    let (bytes, mut out) = (&answer.body[..], Vec::new());
    match answer.header("content-encoding") {
        Some("gzip") => flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
        Some("br") => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out).unwrap(),
        Some("zstd") => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut out).unwrap(),
        Some(other) => panic!("an unknown coding: {other}"),
        None => bytes.to_vec().as_slice().read_to_end(&mut out).unwrap(),
    };
    out
}

/// Half of it is worth compressing.
fn large() -> Vec<u8> {
    pattern(700_000).into_iter().chain(b"again and ".repeat(70_000)).collect()
}

#[test]
fn each_client_gets_a_coding_that_it_takes_and_the_whole_body() {
    let body = large();
    let answers = ok("text/plain; charset=utf-8", &body);
    let service = Service::answering(move |_| answers.clone());
    let gateway = gateway(&service, COMPRESS, "");
    let mut client = gateway.connect();
    for (takes, coding) in [
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip, deflate, br", Some("br")),
        ("gzip", Some("gzip")),
        ("br;q=0.1, gzip", Some("gzip")),
        ("identity", None),
        ("deflate", None),
    ] {
        // Twice, since a compressor is used again.
        for _ in 0..2 {
            client.send(accepting(takes));
            let answer = client.answer();
            assert_eq!(answer.header("content-encoding"), coding, "{takes}");
            assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{takes}");
            assert!(answer.complete && plain(&answer) == body, "{takes}");
            if coding.is_some() {
                assert!(answer.body.len() < body.len() * 2 / 3, "{takes}: {}", answer.body.len());
                assert_eq!((answer.delimited, answer.header("content-length")), (Delimited::Chunked, None));
            }
            let line = gateway.wait_log_of(&answer);
            assert_eq!(line["responseSize"], answer.body.len(), "what was sent is logged");
        }
    }
    assert_eq!(service.connections(), 1, "connections on both sides are kept");
}

#[test]
fn who_takes_it_slowly_gets_it_whole_and_the_next_answer_behind_it() {
    let body = large().repeat(4);
    let answers = ok("text/plain", &body);
    let service = Service::answering(move |request| match &request.target[..] {
        "/next" => ok("text/plain", "next"),
        _ => answers.clone(),
    });
    let gateway = gateway(&service, COMPRESS, "workers: 1");
    for coding in ["gzip", "br", "zstd"] {
        let mut client = Client::connect_narrow(gateway.addr);
        client.send(accepting(coding));
        let head = client.head_only();
        assert_eq!(gateway.request(get("/next", "")).text(), "next", "nobody waits for one who is slow");
        let answer = client.body_of(head);
        assert!(plain(&answer) == body, "{coding}");
        client.send(get("/next", ""));
        assert_eq!(client.answer().text(), "next", "{coding}");
    }
}

#[test]
fn what_the_service_has_sent_reaches_the_client_while_it_pauses() {
    let (go_on, waits) = std::sync::mpsc::sync_channel::<()>(0);
    let waits = std::sync::Mutex::new(waits);
    let service = Service::raw(move |mut conn| {
        conn.read_head();
        conn.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
        for piece in ["5\r\nfirst\r\n", "6\r\nsecond\r\n", "0\r\n\r\n"] {
            conn.write(piece);
            let told = waits.lock().unwrap().recv();
            assert!(told.is_ok(), "the client has said that it has it");
        }
    });
    let gateway = gateway(&service, COMPRESS, "");
    // HTTP/1.0 knows no chunks: what comes is the compressed body.
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_eq!(client.head_only().header("content-encoding"), Some("gzip"));
    let mut bytes = Vec::new();
    for said in ["first", "firstsecond", "firstsecond"] {
        until("what was said", || {
            let mut read = vec![0; said.len()];
            let is_here = flate2::read::GzDecoder::new(&bytes[..]).read_exact(&mut read).is_ok();
            if !is_here {
                bytes.extend(client.read_some());
            }
            is_here.then(|| assert_eq!(read, said.as_bytes()))
        });
        go_on.send(()).unwrap();
    }
    bytes.extend(client.read_to_end());
    let mut whole = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut whole).unwrap();
    assert_eq!(whole, "firstsecond");
}

#[test]
fn a_body_that_breaks_off_is_never_taken_for_whole() {
    let service = Service::raw(|mut conn| {
        conn.read_head();
        conn.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 90000\r\n\r\n");
        conn.write(b"half of it ".repeat(1_000));
        conn.close();
    });
    let gateway = gateway(&service, COMPRESS, "");
    for coding in ["gzip", "br", "zstd"] {
        let answer = gateway.request(accepting(coding));
        assert_eq!((answer.status, answer.complete), (200, false), "{coding}");
        let line = gateway.wait_log_of(&answer);
        assert_eq!(line["reason"], "upstream_broke", "{coding}");
    }
}

#[test]
fn heads_and_the_gateways_own_answers_agree() {
    let text = "worth it ".repeat(500);
    let service =
        Service::fixed("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5000\r\n\r\n");
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: ['{}'] }} }}\npolicies: {{ compress: {{}} }}\nroutes:\n  - {{ path: /own, respond: '{text}' }}\n  - {{ path: /*, service: a, public: true }}\n",
        service.url()
    ));
    let mut client = gateway.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    let head = client.answer_to_head();
    assert_eq!((head.header("content-encoding"), head.header("content-length")), (Some("gzip"), None));
    client.send(get("/own", "Accept-Encoding: gzip\r\n"));
    let own = client.answer();
    assert_eq!(
        (own.header("content-encoding"), own.delimited),
        (Some("gzip"), Delimited::Length(own.body.len()))
    );
    assert_eq!(plain(&own), text.as_bytes());
    client.send(get("/own", ""));
    assert_eq!(client.answer().text(), text);
}

#[test]
fn in_shadow_and_switched_off_all_pass_as_they_are() {
    let service = Service::answering(|_| ok("text/plain", "x".repeat(5_000)));
    for settings in ["{ mode: shadow }", "off"] {
        let gateway = gateway(&service, &format!(", policies: {{ compress: {settings} }}"), "");
        let answer = gateway.request(accepting("gzip"));
        assert_eq!(
            (answer.header("content-encoding"), answer.header("vary"), answer.body.len()),
            (None, None, 5_000)
        );
        assert_eq!(answer.delimited, Delimited::Length(5_000), "{settings}");
    }
}
