//! Answers in a real redis-server: records, sharing, purges, and a server that fails or holds what nobody of us wrote.

#![allow(
    clippy::disallowed_methods,
    reason = "tests watch a real process by the real clock, with threads that block"
)]

mod faults;
mod purging;
mod records;
#[path = "../../../../../store/tests/server/mod.rs"]
mod server;
mod sharing;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use sekisho_caching::{Key, KeyParts, Policy, Sharing, Stored, Times, admit};
use sekisho_store::redis::{Address, Away, Link, Options};
use sekisho_units::{Pattern, Wall};
use sekisho_wire::{Edits, HeadBuf};

use super::super::entry::{Entry, Target};
use super::super::purge::Purge;
use super::{Found, Put, Redis, Ticket};

/// How long a condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long most of it is kept.
const KEEP: Duration = Duration::from_secs(600);

/// Time enough for a busy machine, where the time itself is not tested.
fn patient() -> Options {
    Options { timeout: Duration::from_secs(5), ..Options::default() }
}

fn redis_with(url: &str, options: Options) -> Redis {
    Redis::new(&Link::new(&Address::parse(url).unwrap(), options, 2).unwrap())
}

/// What a gateway has.
fn redis(url: &str) -> Redis {
    redis_with(url, patient())
}

fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
}

/// The key of a path, for a user or for all.
fn key(path: &str, user: Option<&str>) -> Key {
    Key::of(&KeyParts { host: b"shop.example", path, user, ..KeyParts::default() })
}

/// An answer of the host `shop.example`, for a request that said this of `Accept-Language`.
fn entry(path: &str, language: &str, body: impl Into<Bytes>, tags: &[&str]) -> Entry {
    let mut head = HeadBuf::default();
    head.response(200);
    for (name, value) in [("cache-control", "max-age=600"), ("vary", "accept-language"), ("etag", "\"e\"")] {
        head.push(name, value.as_bytes()).unwrap();
    }
    let facts = facts(&head, language);
    let target = Target { host: "shop.example".into(), path: path.into() };
    Entry { head, facts, body: body.into(), target, tags: tags.iter().map(|tag| (*tag).into()).collect() }
}

fn facts(head: &HeadBuf, language: &str) -> Stored {
    let mut request = HeadBuf::default();
    request.request(b"GET", b"/").unwrap();
    request.push("accept-language", language.as_bytes()).unwrap();
    let now = Wall::from_secs(1_764_335_000);
    let times = Times { asked: now, received: now };
    admit(request.view(), &Edits::default(), head.view(), times, Sharing::Everyone, &Policy::default())
        .unwrap()
}

impl Redis {
    async fn found(&self, path: &str) -> Found {
        self.look(0, &key(path, None), &key(path, None)).await.unwrap()
    }

    /// The bodies under a path, sorted.
    async fn bodies(&self, path: &str) -> Vec<String> {
        let found = self.found(path).await;
        let text = |entry: &std::sync::Arc<Entry>| String::from_utf8(entry.body.to_vec()).unwrap();
        let mut bodies: Vec<_> = found.entries.iter().map(text).collect();
        bodies.sort();
        bodies
    }

    async fn forget(&self, worker: usize, uri: &Key) -> Result<(), Away> {
        self.owe(*uri);
        self.settle(worker).await
    }

    async fn store(&self, path: &str, entry: &Entry, ticket: &Ticket) -> Put {
        self.put(0, &key(path, None), &key(path, None), entry, KEEP, ticket).await.unwrap()
    }

    /// Looks, as everybody does before anything is stored, and stores.
    async fn fill(&self, path: &str, body: &str, tags: &[&str]) -> Put {
        let ticket = self.found(path).await.ticket;
        self.store(path, &entry(path, "en", body.to_owned(), tags), &ticket).await
    }
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

fn path(host: Option<&str>, text: &str) -> Purge {
    Purge::Path { host: host.map(Into::into), pattern: pattern(text) }
}
