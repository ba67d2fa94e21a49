//! What would become too large: refused in time, in little memory.

use super::{CODINGS, DECOMPRESS, assert_refused, chunk, chunked, counting, encoded, post};
use crate::framing::gateway;
use crate::harness::{Client, Service, ok, write_until_stuck};

/// What the gateway may hold of one body, whatever it becomes, in KiB.
const HELD: u64 = 24 * 1024;

/// Bytes that become ten billion: one part over and over, which Gzip and Zstandard take for one body.
fn bomb(coding: &str) -> Vec<u8> {
    encoded(coding, &vec![0; 8 << 20]).repeat(1_200)
}

#[test]
fn a_bomb_is_refused_in_little_memory() {
    for coding in ["gzip", "zstd"] {
        let service = counting();
        let gateway = gateway(&service, ", policies: { body_limit: off, decompress: on }", "");
        let before = gateway.rss_kb();
        let answer = gateway.request(post(coding, "", &bomb(coding)));
        assert_refused(&answer, 413, "BODY_TOO_LARGE");
        assert_eq!(answer.json()["ratio"], 100);
        let line = gateway.wait_log_of(&answer);
        assert_eq!(
            (&line["decided_by"], &line["reason"]),
            (&"decompress".into(), &"decompression_bomb".into())
        );
        let grown = gateway.peak_kb() - before;
        assert!(grown < HELD, "{coding}: the gateway grew by {grown} KiB");
        assert!(!service.seen().iter().any(|seen| seen.whole));
    }
}

#[test]
fn a_bomb_that_may_pass_waits_for_a_service_that_does_not_read() {
    for coding in CODINGS {
        let service = Service::raw(|mut conn| {
            while let Some(request) = conn.next_head() {
                if request.target == "/others" {
                    conn.write(ok("text/plain", "fine"));
                } else {
                    // As long as the gateway has more, and nobody reads it.
                    std::thread::park();
                }
            }
        });
        let settings = "{ body_limit: off, decompress: { ratio: off } }";
        let gateway = gateway(&service, &format!(", policies: {settings}"), "");
        let before = gateway.rss_kb();
        let client = Client::connect(gateway.addr);
        let body = match coding {
            "gzip" | "zstd" => bomb(coding),
            _ => encoded(coding, &vec![0; 32 << 20]),
        };
        write_until_stuck(client.stream(), &post(coding, "", &body));
        for _ in 0..8 {
            assert_eq!(gateway.get("/others").text(), "fine", "{coding}");
        }
        let grown = gateway.peak_kb() - before;
        assert!(grown < HELD, "{coding}: the gateway grew by {grown} KiB");
    }
}

#[test]
fn the_limit_of_bodies_counts_what_the_service_would_get() {
    let service = counting();
    let limited = ", policies: { body_limit: { max: 20000B }, decompress: on }";
    let gateway = gateway(&service, limited, "");
    let mut refused = Vec::new();
    for coding in CODINGS {
        for (len, fits) in [(20_000, true), (20_001, false), (900_000, false)] {
            let body = encoded(coding, &b"0123456789".repeat(90_000)[..len]);
            for request in [post(coding, "", &body), chunked(coding, "", &body)] {
                let answer = gateway.request(request);
                if fits {
                    assert_eq!((answer.status, answer.text()), (200, len.to_string()), "{coding}");
                    continue;
                }
                assert_refused(&answer, 413, "BODY_TOO_LARGE");
                assert_eq!(answer.json()["limit"], 20_000, "{coding}");
                refused.push(answer);
            }
        }
    }
    for answer in refused {
        let line = gateway.wait_log_of(&answer);
        let decided = (&line["decided_by"], &line["reason"]);
        assert_eq!(decided, (&"body_limit".into(), &"body_too_large".into()));
    }
    assert!(service.seen().iter().all(|seen| !seen.whole || seen.body.len() <= 20_000));
}

#[test]
fn plain_bodies_can_have_a_limit_of_their_own() {
    let service = counting();
    let gateway = gateway(&service, ", policies: { decompress: { max: 1KiB } }", "");
    let plain = vec![b'a'; 5_000];
    let answer = gateway.request(post("gzip", "", &encoded("gzip", &plain)));
    assert_refused(&answer, 413, "BODY_TOO_LARGE");
    assert_eq!(answer.json()["limit"], 1_024);
    assert_eq!(gateway.wait_log_of(&answer)["decided_by"], "decompress");
    let answer =
        gateway.request([b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", &plain[..]].concat());
    assert_eq!(answer.text(), "5000", "what was never encoded is not held to it");
}

#[test]
fn after_a_refusal_the_client_may_go_on_where_its_body_has_ended() {
    let service = counting();
    let gateway = gateway(&service, DECOMPRESS, "");
    let mut client = gateway.connect();
    client.send(post("gzip", "", b"nonsense"));
    assert_eq!(client.answer().status, 400);
    client.send(chunked("gzip", "", &encoded("gzip", b"plain")));
    assert_eq!(client.answer().text(), "5");
}

#[test]
fn all_bodies_under_way_share_a_bound_of_memory() {
    let service = counting();
    // Two windows of Brotli; each is asked for with the first bytes.
    let settings = ", policies: { decompress: { memory: 2500KiB, ratio: off } }";
    let gateway = gateway(&service, settings, "");
    let plain: Vec<u8> = crate::harness::pattern(600_000);
    let body = encoded("br", &plain);
    let begin = || {
        let mut client = gateway.connect();
        super::begun(&mut client, "br");
        client.send(chunk(&body[..300_000]));
        client
    };
    let mut held: Vec<Client> = (0..2).map(|_| begin()).collect();
    service.wait_seen(2);
    gateway.each_worker_answers();
    let answer = begin().answer();
    assert_refused(&answer, 503, "OVERLOADED");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(gateway.wait_log_of(&answer)["reason"], "decompress_memory");
    for client in &mut held {
        client.send(chunk(&body[300_000..]));
        client.send("0\r\n\r\n");
        assert_eq!(client.answer().text(), plain.len().to_string());
    }
    let answer = gateway.request(post("br", "", &body));
    assert_eq!(answer.text(), plain.len().to_string(), "they gave it back");
}
