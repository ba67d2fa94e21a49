//! Limits over a real redis-server.

#![allow(clippy::unwrap_used, reason = "in a test a broken expectation is a failed test")]
#![allow(
    clippy::disallowed_methods,
    reason = "tests watch a real process by the real clock, with threads that block"
)]

mod agree;
mod faults;
mod kinds;
#[path = "../server/mod.rs"]
mod server;
mod shared;
mod together;

use std::future::Future;
use std::time::Duration;

use sekisho_store::redis::{Address, Limits, Link, Options, Presence};
use sekisho_store::{Algorithm, Key, Rule, Space};
use sekisho_units::{Rate, Span};
use tokio::runtime::Runtime;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::SlidingWindow, Algorithm::TokenBucket, Algorithm::FixedWindow];

/// How long a condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);

fn rule(algorithm: Algorithm, count: u64, millis: u64) -> Rule {
    Rule::new(algorithm, Rate::new(count, Span::from_millis(millis)).unwrap(), None).unwrap()
}

fn key(name: &str) -> Key<'_> {
    Key { space: Space::of("test"), name: name.as_bytes() }
}

/// Time enough for a busy machine, where the time itself is not tested.
fn patient() -> Options {
    Options { timeout: Duration::from_secs(5), ..Options::default() }
}

fn link(url: &str, options: Options) -> Link {
    Link::new(&Address::parse(url).unwrap(), options, 2).unwrap()
}

fn limits(url: &str) -> Limits {
    Limits::new(link(url, patient()))
}

/// A runtime like a worker's.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn run<T>(what: impl Future<Output = T>) -> T {
    runtime().block_on(what)
}

/// Waits until the server is known to be there, or gone.
async fn until(link: &Link, what: &str, is: impl FnMut(&Presence) -> bool) {
    let mut presence = link.presence();
    let waited = tokio::time::timeout(DEADLINE, presence.wait_for(is)).await;
    assert!(waited.is_ok(), "waited in vain until the server is {what}");
}
