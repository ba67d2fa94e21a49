//! Those rows after which the connection is over: the gateway is full, or it ends.

use super::rows::{AWAY, BUSY};
use crate::contract::rows::Row;
use crate::contract::{assert_body, assert_head, assert_head_with, assert_lines};
use crate::front::config;
use crate::harness::{Gateway, Service};
use crate::pool::{Gate, ask};

const POLICIES: &str = "policies: { security_headers: {} }";

#[test]
fn a_client_beyond_the_limit_is_told_so_whole_without_a_service() {
    let gate = Gate::new();
    let limits = format!("limits: {{ connections: 1, connections_per_address: 9 }}\n{POLICIES}");
    let gateway = Gateway::start(&config(gate.service.addr, "", &limits));
    let _first = ask(&gateway, "/");
    gate.service.wait_seen(1);
    let answer = gateway.connect().answer();
    let kind = (BUSY.0, BUSY.1, BUSY.2, "Too many connections are open; try again shortly.");
    let row = Row::of(kind, "too much in flight: in all of the gateway", "");
    assert_eq!(answer.status, 503);
    assert_body(&answer, &row);
    let kind = [("content-type", "application/problem+json"), ("cache-control", "no-store")];
    let lines = [&kind[..], &[("connection", "close"), ("retry-after", "1")]].concat();
    assert_head_with(&answer, row.says, &lines);
    // What the top level says of its headers, it says of this answer from now on.
    gateway.reconfigure(&config(gate.service.addr, "", &limits.replace("{}", "off")));
    let answer = gateway.connect().answer();
    assert_eq!(answer.status, 503);
    assert_lines(&answer, row.says, &lines);
}

#[test]
fn a_client_whose_request_is_cut_at_the_end_of_the_gateway_is_told_so_whole() {
    let mute = Service::raw(|mut conn| {
        conn.next_head();
        conn.wait_closed();
    });
    let mut gateway = Gateway::start(&config(mute.addr, "", &format!("drain: {{ grace: 0s }}\n{POLICIES}")));
    let mut client = ask(&gateway, "/cut");
    mute.wait_seen(1);
    gateway.signal("TERM");
    let answer = client.answer();
    let row = Row::of(AWAY, "upstream cannot be reached: the gateway ends", "/cut");
    let row = Row { members: vec![("service", "s".into())], closes: true, ..row };
    assert_eq!(answer.status, 503);
    assert_body(&answer, &row);
    assert_head(&answer, &row);
    assert_eq!(gateway.wait_exit().code(), Some(0));
    let lines = gateway.stdout.to_end();
    assert!(lines.iter().any(|line| line.contains(r#""reason":"gateway_stopping""#)), "{lines:?}");
}
