//! Which bodies are too large.

use serde_json::json;

use super::*;
use crate::fixture::{Fixture, answer, compile, through};

#[test]
fn refuses_an_announced_body_that_is_too_long() {
    let policy = compile::<Config>(json!({"max": "1KiB"})).unwrap();
    for (header, refused) in
        [("", false), ("Content-Length: 1024\n", false), ("Content-Length: 1025\n", true)]
    {
        let fixture = Fixture::new(&format!("POST / HTTP/1.1\nHost: a.example\n{header}"));
        let mut exchange = fixture.exchange();
        let reply = through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n"));
        assert_eq!(
            reply.map(|reply| (reply.status, reply.code)),
            refused.then_some((413, "BODY_TOO_LARGE")),
            "{header}"
        );
    }
}

#[test]
fn counts_a_chunked_body_while_it_streams() {
    let policy = compile::<Config>(json!({"max": "10"})).unwrap();
    let fixture = Fixture::new("POST / HTTP/1.1\nHost: a.example\nTransfer-Encoding: chunked\n");
    let mut exchange = fixture.exchange();
    assert_eq!(through(&policy, &mut exchange, &answer("HTTP/1.1 200 OK\n")), None);
    assert!(exchange.take_body(10).is_ok());
    assert_eq!(exchange.take_body(1).unwrap_err().reply.status, 413);
}

#[test]
fn the_default_is_ten_mebibytes() {
    assert_eq!(compile::<Config>(json!({})).unwrap().max, 10 * 1024 * 1024);
    assert!(compile::<Config>(json!({"maximum": "1KiB"})).unwrap_err().contains("unknown field"));
}
