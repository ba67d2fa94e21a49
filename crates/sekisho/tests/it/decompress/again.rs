//! What is sent a second time, or to somebody else as well, is plain, too; and what only watches changes nothing.

use super::{chunked, encoded, post};
use crate::harness::{Gateway, Service, ok, until};

#[test]
fn a_retry_sends_the_plain_body_again() {
    let mute = Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.read_body();
        }
    });
    let echo = Service::echo();
    let gateway = Gateway::start(&format!(
        "workers: 1\nservices:\n  s: {{ endpoints: [{}, {}], retry: {{ idempotency_key: Idempotency-Key, body: 64KiB }} }}\n\
         routes: [{{ path: /*, service: s, public: true, policies: {{ decompress: on }} }}]",
        mute.url(),
        echo.url(),
    ));
    // Sent in several portions, all of which must still be there; raw it is much smaller.
    let plain = "0123456789abcdef".repeat(3_500);
    let answer =
        gateway.request(post("gzip", "Idempotency-Key: once\r\n", &encoded("gzip", plain.as_bytes())));
    assert_eq!(answer.json()["body"], plain.as_str());
    assert_eq!((mute.requests(), mute.last().body.len()), (1, plain.len()));
    // What is too long to be kept, once it is plain, is not sent again.
    let gateway = Gateway::start(&format!(
        "workers: 1\nservices:\n  s: {{ endpoints: [{}, {}], retry: {{ idempotency_key: Idempotency-Key, body: 64KiB }} }}\n\
         routes: [{{ path: /*, service: s, public: true, policies: {{ decompress: on }} }}]",
        mute.url(),
        echo.url(),
    ));
    let plain = plain.repeat(3);
    let answer =
        gateway.request(post("gzip", "Idempotency-Key: once\r\n", &encoded("gzip", plain.as_bytes())));
    assert_eq!((answer.status, echo.requests()), (502, 1));
}

#[test]
fn a_mirror_is_shown_the_plain_body() {
    let (main, shown) = (Service::echo(), Service::answering(|_| ok("text/plain", "nobody sees this")));
    let gateway = Gateway::start(&format!(
        "services:\n  main: {{ endpoints: [{}] }}\n  shown: {{ endpoints: [{}] }}\n\
         routes: [{{ path: /*, service: main, mirror: shown, public: true, policies: {{ decompress: on }} }}]",
        main.url(),
        shown.url(),
    ));
    let plain = "shown to both ".repeat(2_000);
    let answer = gateway.request(chunked("zstd", "", &encoded("zstd", plain.as_bytes())));
    assert_eq!(answer.json()["body"], plain.as_str());
    let copy = until("the copy", || shown.seen().into_iter().find(|seen| seen.whole));
    assert_eq!((copy.text(), copy.header("content-encoding")), (plain, None));
}

#[test]
fn in_shadow_the_body_passes_as_it_is_and_what_would_be_refused_is_noted() {
    let service = Service::answering(|request| ok("text/plain", request.body.len().to_string()));
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: /*, service: a, public: true, policies: {{ decompress: {{ mode: shadow }} }} }}]",
        service.url()
    ));
    let mut cut = encoded("br", &b"plain ".repeat(20_000));
    cut.pop();
    let mut answers = Vec::new();
    for (coding, body, status) in [
        ("gzip", encoded("gzip", b"plain"), None),
        ("br", cut, Some(400)),
        ("gzip", encoded("gzip", &vec![0; 3 << 20]), Some(413)),
        ("nonsense", b"as it is".to_vec(), Some(415)),
    ] {
        for request in
            [post(coding, "Content-Digest: x\r\n", &body), chunked(coding, "Content-Digest: x\r\n", &body)]
        {
            let answer = gateway.request(request);
            assert_eq!((answer.status, answer.text()), (200, body.len().to_string()), "{coding}");
            let seen = service.last();
            assert!(seen.body == body, "{coding}");
            assert_eq!(seen.header("content-encoding"), Some(coding));
            assert_eq!(seen.header("content-digest"), Some("x"));
            assert!(seen.header("content-length").is_some() != seen.header("transfer-encoding").is_some());
            answers.push((answer, status));
        }
    }
    for (answer, status) in answers {
        assert_eq!(gateway.wait_log_of(&answer)["shadow"][0]["status"].as_u64(), status);
    }
    gateway.wait_metric(
        "gateway_policy_decisions_total",
        &[("policy", "decompress"), ("mode", "shadow"), ("decision", "shadowed")],
        6.0,
    );
}
