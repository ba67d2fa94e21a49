//! Which answers are compressed, and what their heads say then.

use serde_json::json;

use super::encoder::tests::expanded;
use super::*;
use crate::fixture::{Fixture, answer, compile, lines, through};

const GZIP: &str = "Accept-Encoding: gzip\n";

/// The head that is sent for an answer, and whether its body is compressed.
fn sent(settings: serde_json::Value, request: &str, response: &str) -> (String, bool) {
    let policy = compile::<Config>(settings).unwrap();
    let fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a.example\n{request}"));
    let mut exchange = fixture.exchange();
    let response = answer(&format!("HTTP/1.1 {response}"));
    through(&policy, &mut exchange, &response);
    (lines(&exchange.to_client, response.view()), exchange.filters.is_some())
}

#[test]
fn a_large_text_goes_compressed_and_its_head_says_so() {
    let response = "200 OK\nContent-Type: application/json\nContent-Length: 5000\nETag: \"a\"\nAccept-Ranges: bytes\n\
        Content-Digest: sha-256=:x:\nX-Kept: 1\n";
    let want = "Content-Type: application/json\nX-Kept: 1\nVary: Accept-Encoding\nContent-Encoding: gzip\nETag: W/\"a\"\n";
    assert_eq!(sent(json!({}), GZIP, response), (want.to_owned(), true));
}

#[test]
fn what_is_not_to_be_compressed_passes_as_it_is() {
    let json = "Content-Type: application/json\n";
    for (request, response, varies) in [
        ("", format!("200 OK\n{json}"), true),
        ("Accept-Encoding: identity\n", format!("200 OK\n{json}"), true),
        (GZIP, format!("200 OK\n{json}Content-Length: 1023\n"), true),
        (GZIP, "200 OK\nContent-Type: image/png\n".into(), false),
        (GZIP, "200 OK\nX-Untyped: 1\n".into(), false),
        (GZIP, format!("200 OK\n{json}Content-Encoding: br\n"), false),
        (GZIP, format!("206 Partial Content\n{json}Content-Range: bytes 0-1/9000\n"), false),
        (GZIP, format!("200 OK\n{json}Content-Range: bytes 0-1/9000\n"), false),
        (GZIP, format!("200 OK\n{json}Cache-Control: max-age=5, No-Transform\n"), false),
        ("Accept-Encoding: gzip\nCache-Control: no-transform\n", format!("200 OK\n{json}"), false),
        (GZIP, format!("204 No Content\n{json}"), false),
        (GZIP, "200 OK\nContent-Type: text/event-stream\n".into(), false),
        (GZIP, "304 Not Modified\nETag: \"a\"\n".into(), false),
    ] {
        let (head, compressed) = sent(json!({}), request, &response);
        let own = response.split_once('\n').unwrap().1;
        let vary = if varies { "Vary: Accept-Encoding\n" } else { "" };
        assert_eq!((head, compressed), (format!("{own}{vary}"), false), "{request}{response}");
    }
}

#[test]
fn answers_of_unknown_length_and_errors_are_compressed_too() {
    for response in [
        "200 OK\nContent-Type: text/html; charset=utf-8\n",
        "500 X\nContent-Type: application/problem+json\n",
    ] {
        assert!(sent(json!({}), GZIP, response).1, "{response}");
    }
    let events = "200 OK\nContent-Type: text/event-stream\n";
    assert!(sent(json!({"types": ["text/event-stream"]}), GZIP, events).1);
    let small = "200 OK\nContent-Type: text/html\nContent-Length: 10\n";
    assert!(sent(json!({"min": "10B"}), GZIP, small).1);
}

#[test]
fn what_a_service_varies_by_stays() {
    let response = "200 OK\nContent-Type: text/html\nVary: Origin, accept-encoding\n";
    assert!(sent(json!({}), "", response).0.ends_with("Vary: Origin, accept-encoding\n"));
    let response = "200 OK\nContent-Type: text/html\nVary: Origin\n";
    assert!(sent(json!({}), "", response).0.ends_with("Vary: Origin, Accept-Encoding\n"));
}

#[test]
fn a_304_names_the_tag_by_which_the_client_knows_the_answer() {
    let request = "Accept-Encoding: gzip\nIf-None-Match: \"b\", W/\"a\"\n";
    let want = "ETag: W/\"a\"\nVary: Accept-Encoding\n";
    assert_eq!(sent(json!({}), request, "304 Not Modified\nETag: \"a\"\n"), (want.to_owned(), false));
    let own = "ETag: W/\"a\"\n";
    assert_eq!(sent(json!({}), request, &format!("304 Not Modified\n{own}")).0, own);
}

#[test]
fn an_answer_to_head_says_what_that_to_get_would() {
    let policy = compile::<Config>(json!({})).unwrap();
    let fixture = Fixture::new(&format!("HEAD / HTTP/1.1\nHost: a.example\n{GZIP}"));
    let mut exchange = fixture.exchange();
    let response = answer("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 5000\n");
    through(&policy, &mut exchange, &response);
    let want = "Content-Type: text/html\nVary: Accept-Encoding\nContent-Encoding: gzip\n";
    assert_eq!(
        (lines(&exchange.to_client, response.view()), exchange.filters.is_some()),
        (want.to_owned(), false)
    );
}

#[test]
fn with_no_memory_left_answers_go_as_they_are() {
    let response = "200 OK\nContent-Type: text/html\n";
    let want = (format!("{}Vary: Accept-Encoding\n", response.split_once('\n').unwrap().1), false);
    assert_eq!(sent(json!({"memory": "700KiB"}), GZIP, response), want);
}

#[test]
fn in_shadow_nothing_changes() {
    let policy = compile::<Config>(json!({})).unwrap();
    let fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a.example\n{GZIP}"));
    let mut exchange = fixture.exchange();
    let mark = exchange.mark();
    let response = answer("HTTP/1.1 200 OK\nContent-Type: text/html\n");
    through(&policy, &mut exchange, &response);
    exchange.rollback(mark);
    assert!(exchange.filters.is_none());
    assert_eq!(lines(&exchange.to_client, response.view()), "Content-Type: text/html\n");
}

#[test]
fn the_body_is_what_the_head_says() {
    for (accepts, coding) in [("gzip", Coding::Gzip), ("br", Coding::Br), ("zstd", Coding::Zstd)] {
        let policy = compile::<Config>(json!({})).unwrap();
        let fixture = Fixture::new(&format!("GET / HTTP/1.1\nHost: a.example\nAccept-Encoding: {accepts}\n"));
        let mut exchange = fixture.exchange();
        through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\nContent-Type: text/html\n"));
        assert_eq!(exchange.to_client.get(Known::ContentEncoding), Some(accepts.as_bytes()));
        let (filters, mut out) = (exchange.filters.as_mut().unwrap(), Vec::new());
        filters.take(&b"the same again and again ".repeat(1_000), &mut out);
        filters.end(&mut out);
        assert!(out.len() < 1_000, "{accepts}: {}", out.len());
        assert_eq!(expanded(coding, &out), b"the same again and again ".repeat(1_000));
    }
}

#[test]
fn what_is_wrong_with_the_settings_is_told_with_its_remedy() {
    for (settings, field, remedy) in [
        (json!({"codings": []}), "codings", "off"),
        (json!({"codings": ["br", "gzip", "br"]}), "codings", "leave one"),
        (json!({"types": ["text/*", "json"]}), "types", "application/json"),
        (json!({"levels": {"gzip": 0}}), "levels.gzip", "1 to 9"),
        (json!({"levels": {"br": 12}}), "levels.br", "0 to 11"),
        (json!({"levels": {"zstd": 20}}), "levels.zstd", "1 to 19"),
        (json!({"memory": 0}), "memory", "256MiB"),
    ] {
        let text = compile::<Config>(settings.clone()).unwrap_err();
        assert!(text.contains(field) && text.contains(remedy), "{settings}: {text}");
    }
}
