//! Bodies that are not what they say: refused, and never whole at the service.

use super::{CODINGS, DECOMPRESS, Encoder, assert_refused, begun, chunk, chunked, counting, encoded, post};
use crate::framing::gateway;
use crate::harness::{Service, until};

#[test]
fn what_is_small_and_broken_is_refused_before_the_service_knows_of_it() {
    let service = counting();
    let gateway = gateway(&service, DECOMPRESS, "");
    let mut refused = Vec::new();
    let mut refuse = |request: Vec<u8>, reason: &'static str| {
        let answer = gateway.request(request);
        assert_refused(&answer, 400, "BAD_REQUEST");
        refused.push((answer, reason));
    };
    for coding in CODINGS {
        let body = encoded(coding, &b"something ".repeat(300));
        let cut = &body[..body.len() - 1];
        refuse(post(coding, "", cut), "truncated_content_coding");
        refuse(chunked(coding, "", cut), "truncated_content_coding");
        // Which is what garbage may be taken for where another frame may follow.
        refuse(post(coding, "", &[&body[..], b"and garbage"].concat()), "");
    }
    refuse(post("gzip", "", b"plain text"), "malformed_content_coding");
    refuse(
        post("gzip", "", &[&encoded("gzip", b"x")[..], b"garbage"].concat()),
        "bytes_behind_content_coding",
    );
    for (answer, reason) in refused {
        let line = gateway.wait_log_of(&answer);
        assert_eq!(line["decided_by"], "decompress");
        assert!(reason.is_empty() || line["reason"] == reason, "{reason}: {line}");
    }
    assert_eq!(service.seen().iter().filter(|seen| seen.whole).count(), 0);
}

#[test]
fn what_breaks_in_the_middle_is_never_whole_at_the_service() {
    for coding in CODINGS {
        // It ends its chunks in good order, but not its coding; or goes away.
        for ends_well in [true, false] {
            let service = Service::raw(|mut conn| {
                if conn.next_head().is_some() {
                    conn.read_body();
                }
            });
            let gateway = gateway(&service, DECOMPRESS, "");
            let mut client = gateway.connect();
            begun(&mut client, coding);
            client.send(chunk(&Encoder::new(coding).piece(b"the first part")));
            service.wait_seen(1);
            if ends_well {
                client.send("0\r\n\r\n");
                assert_refused(&client.answer(), 400, "BAD_REQUEST");
            } else {
                drop(client);
            }
            let seen = until("the service to hear of it", || (service.open() == 0).then(|| service.last()));
            assert!(!seen.whole, "{coding}, {ends_well}: {seen:?}");
        }
    }
}

#[test]
fn once_an_answer_has_begun_both_connections_are_cut() {
    let service = Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
            conn.read_body();
        }
    });
    let gateway = gateway(&service, DECOMPRESS, "");
    for coding in CODINGS {
        let mut client = gateway.connect();
        begun(&mut client, coding);
        client.send(chunk(&Encoder::new(coding).piece(b"the first part")));
        let head = client.head_only();
        client.send("0\r\n\r\n");
        let answer = client.body_of(head);
        assert_eq!((answer.status, answer.complete), (200, false), "{coding}");
        assert_eq!(gateway.wait_log_of(&answer)["reason"], "request_broke", "{coding}");
        until("the service to hear of it", || (service.open() == 0).then_some(()));
        assert!(!service.last().whole, "{coding}");
    }
}
