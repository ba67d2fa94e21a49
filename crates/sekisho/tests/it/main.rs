//! The gateway as a process, from its sockets: one binary, so that it is linked once.
//!
//! Every test starts a gateway of its own on ports that the system chooses, with services under the test's control, and
//! waits for conditions, never for time to pass.

#![allow(clippy::unwrap_used, reason = "in a test a broken expectation is a failed test")]
#![allow(clippy::print_stderr, reason = "what a failed test has to say")]
#![allow(
    clippy::disallowed_methods,
    reason = "tests watch a real process by the real clock, with threads that block"
)]

mod front;
mod harness;
#[path = "../../../store/tests/server/mod.rs"]
mod redis_server;

mod access;
mod admin;
mod alerts;
mod attack;
mod balance;
mod breaker;
mod cache;
mod cache_shared;
mod cases;
mod chaos;
mod cli;
mod compress;
mod contract;
mod decompress;
mod demo;
mod discover;
mod drain;
mod faults;
mod flights;
mod forward_auth;
mod forwarding;
mod framing;
mod health;
mod hedge;
mod jwt;
mod limits;
mod mirror;
mod policies;
mod pool;
mod reload;
mod retry;
mod shed;
mod split;
mod strict;
mod systemd;
mod timeouts;
mod tls;
mod tunnels;
mod upstream_tls;
mod user_lookup;
mod version;
