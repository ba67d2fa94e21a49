//! Where nobody waits any more, both endpoints are let go of.

use super::{Held, gateway, wait_done, wait_outcome};

#[test]
fn a_client_that_leaves_ends_both() {
    let (one, other) = (Held::answering("one"), Held::answering("other"));
    let gateway = gateway(&one.service, &other.service, "hedge: { after: 20ms }");
    let mut client = gateway.connect();
    client.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n");
    other.service.wait_seen(1);
    drop(client);
    one.wait_left(1);
    other.wait_left(1);
    wait_outcome(&gateway, "given_up", 1);
    let line = gateway.wait_log(|line| line["event"] == "request_end" && line["path"] == "/left");
    assert_eq!((&line["statusCode"], &line["attempts"]), (&499.into(), &2.into()));
}

#[test]
fn a_client_that_leaves_after_the_first_has_failed_ends_the_second() {
    let (bad, other) = (Held::failing(), Held::answering("other"));
    let gateway = gateway(&bad.service, &other.service, "hedge: { after: 20ms }");
    let mut client = gateway.connect();
    client.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n");
    other.service.wait_seen(1);
    bad.let_go();
    wait_done(&gateway, &bad.service);
    drop(client);
    other.wait_left(1);
    wait_outcome(&gateway, "given_up", 1);
}

#[test]
fn the_end_of_its_time_ends_both() {
    let (one, other) = (Held::answering("one"), Held::answering("other"));
    let words = "hedge: { after: 20ms }, timeouts: { total: 3s }";
    let gateway = gateway(&one.service, &other.service, words);
    let answer = gateway.get("/");
    assert_eq!((answer.status, answer.code().as_str()), (504, "UPSTREAM_TIMEOUT"));
    one.wait_left(1);
    other.wait_left(1);
    wait_outcome(&gateway, "given_up", 1);
}
