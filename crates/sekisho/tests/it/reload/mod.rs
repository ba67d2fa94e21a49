//! Another configuration in the place of the one in force: how it is asked for, what it keeps, and what it must not lose.

mod faults;
mod kept;
mod ports;
mod triggers;
mod under_load;

use std::net::{SocketAddr, TcpListener};

use crate::harness::Gateway;

/// A port that nobody had a moment ago.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A gateway whose only route answers `word`.
fn saying(word: &str) -> String {
    format!("routes:\n  - {{ path: /, respond: {word} }}\n")
}

/// What the route answers now.
#[track_caller]
fn said(gateway: &Gateway) -> String {
    let answer = gateway.get("/");
    assert_eq!(answer.status, 200);
    answer.text()
}
