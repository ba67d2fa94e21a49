//! The second request is the first one, at another place.

use super::{gateway, mute};
use crate::front::{assert_problem, logged};
use crate::harness::{Client, Service};

/// Posts a body in two pieces, the second once the service may have seen the first.
fn post(client: &mut Client, headers: &str, body: &str) {
    let (first, rest) = body.split_at(body.len() / 2);
    client.send(format!(
        "POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {}\r\n{headers}\r\n{first}",
        body.len()
    ));
    client.send(rest);
}

const KEYED: &str = "retry: { idempotency_key: Idempotency-Key, body: 64KiB }";

#[test]
fn a_request_with_a_key_is_sent_again_with_its_whole_body() {
    let (mute, echo) = (mute(), Service::echo());
    let gateway = gateway(&mute, &echo, KEYED);
    let mut client = gateway.connect();
    // Larger than what is sent at once, so that part of it has been sent and must still be there.
    let body = "0123456789abcdef".repeat(3_500);
    post(&mut client, "Idempotency-Key: once\r\n", &body);
    let answer = client.answer();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = answer.json();
    assert_eq!(seen["body"], body.as_str());
    let host = echo.last().header("host").map(str::to_owned);
    assert_eq!(host, Some(echo.addr.to_string()), "the head is written for the endpoint it goes to");
    assert_eq!(echo.last().headers.len(), mute.last().headers.len());
    assert_eq!(mute.last().header("host").map(str::to_owned), Some(mute.addr.to_string()));
}

#[test]
fn chunks_are_sent_again_as_well() {
    let (mute, echo) = (mute(), Service::echo());
    let gateway = gateway(&mute, &echo, KEYED);
    let mut client = gateway.connect();
    client.send(
        "POST /a HTTP/1.1\r\nHost: a\r\nIdempotency-Key: once\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
    );
    assert_eq!(client.answer().json()["body"], "hello, world");
}

#[test]
fn without_its_key_the_same_request_is_not_sent_again() {
    let (mute, echo) = (mute(), Service::echo());
    let gateway = gateway(&mute, &echo, KEYED);
    let mut client = gateway.connect();
    post(&mut client, "", "hi there");
    assert_problem(&client.answer(), 502, "BAD_GATEWAY");
    assert_eq!(echo.requests(), 0);
}

#[test]
fn a_body_larger_than_what_is_kept_is_not_sent_again() {
    let (mute, echo) = (mute(), Service::echo());
    let gateway = gateway(&mute, &echo, "retry: { idempotency_key: Idempotency-Key, body: 1KiB }");
    let mut client = gateway.connect();
    post(&mut client, "Idempotency-Key: once\r\n", &"x".repeat(200_000));
    assert_problem(&client.answer(), 502, "BAD_GATEWAY");
    assert_eq!((mute.requests(), echo.requests()), (1, 0));
}

#[test]
fn methods_are_repeated_that_are_listed() {
    let (mute, echo) = (mute(), Service::echo());
    let gateway = gateway(&mute, &echo, "retry: { methods: [PUT] }");
    let mut client = gateway.connect();
    client.send("PUT /put HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(client.answer().json()["body"], "hi");
    assert_eq!(logged(&gateway, "/put")["attempts"], 2);
    assert_eq!(gateway.get("/the-others-turn").status, 200);
    // The list is the whole list: GET is not in it.
    assert_problem(&gateway.get("/get"), 502, "BAD_GATEWAY");
}
