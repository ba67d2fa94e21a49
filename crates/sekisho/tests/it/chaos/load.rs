//! The clients' side: each request has a number of its own, and only the answer with that number is right.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Instant;

use super::SERVICES;
use super::plan::{answer, mix, upload};
use crate::harness::{Client, Delimited, Gateway, until};

/// How a request goes out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Get,
    Post,
    PostInChunks,
    /// With a key that makes it repeatable.
    PostWithKey,
}

/// What the client got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The right answer, whole.
    Whole,
    /// The service's 503, whole.
    Busy,
    /// An answer of the gateway's own: its status and code.
    Own(u16, String),
    /// A part of the right answer, and the connection's end.
    Cut,
    /// The connection's end.
    Ended,
}

/// One request and what came of it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) number: u64,
    /// Which of [`SERVICES`].
    pub(super) service: usize,
    pub(super) way: Way,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) outcome: Outcome,
}

/// Clients that ask without a pause until it is over.
pub(super) struct Load<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) seed: u64,
    pub(super) over: AtomicBool,
    next: AtomicU64,
    answered: [AtomicU64; SERVICES.len()],
    whole: [AtomicU64; SERVICES.len()],
}

impl<'a> Load<'a> {
    pub(super) fn new(gateway: &'a Gateway, seed: u64) -> Self {
        let (over, next) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { gateway, seed, over, next, answered: Default::default(), whole: Default::default() }
    }

    /// One client; gives all that it asked.
    pub(super) fn client(&self) -> Vec<Asked> {
        let mut client = self.gateway.connect();
        let mut all = Vec::new();
        while !self.over.load(SeqCst) {
            let number = self.next.fetch_add(1, SeqCst);
            let lot = mix(self.seed, number, u64::MAX);
            let service = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3][(lot % 10) as usize];
            let way = [Way::Get, Way::Get, Way::Get, Way::Post, Way::PostInChunks, Way::PostWithKey]
                [(lot >> 32) as usize % 6];
            let began = Instant::now();
            client.send(request(service, way, number));
            let (outcome, open) = outcome(&mut client, number);
            self.answered[service].fetch_add(1, SeqCst);
            if outcome == Outcome::Whole {
                self.whole[service].fetch_add(1, SeqCst);
            }
            all.push(Asked { number, service, way, began, ended: Instant::now(), outcome });
            if !open {
                client = self.gateway.connect();
            }
        }
        client.shutdown_write();
        assert!(client.closed(), "an answer that nobody asked for: {}", client.unread());
        all
    }

    /// Waits until a service has had so many more requests ended, well or not.
    #[track_caller]
    pub(super) fn wait_answered(&self, service: usize, more: u64) {
        wait_more(SERVICES[service], &self.answered[service], more);
    }

    /// Waits until a service has answered so many more.
    #[track_caller]
    pub(super) fn wait_whole(&self, service: usize, more: u64) {
        wait_more(SERVICES[service], &self.whole[service], more);
    }
}

#[track_caller]
fn wait_more(service: &str, count: &AtomicU64, more: u64) {
    let before = count.load(SeqCst);
    until(&format!("{more} more answers by {service}"), || {
        (count.load(SeqCst) >= before + more).then_some(())
    });
}

fn request(service: usize, way: Way, number: u64) -> Vec<u8> {
    let (service, body) = (SERVICES[service], upload(number));
    let head = |method: &str, fields: &str| {
        format!("{method} /{service}/{number} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()
    };
    let length = format!("Content-Length: {}\r\n", body.len());
    match way {
        Way::Get => head("GET", ""),
        Way::Post => [head("POST", &length), body].concat(),
        Way::PostWithKey => [head("POST", &format!("{length}Idempotency-Key: k{number}\r\n")), body].concat(),
        Way::PostInChunks => {
            let (first, rest) = body.split_at(body.len() / 3);
            let mut whole = head("POST", "Transfer-Encoding: chunked\r\n");
            for part in [first, rest, b""] {
                whole.extend([format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
            }
            whole
        }
    }
}

/// What came, and whether the connection can be used again.
fn outcome(client: &mut Client, number: u64) -> (Outcome, bool) {
    let Some(got) = client.try_answer() else { return (Outcome::Ended, false) };
    let right = answer(number);
    assert_ne!(got.delimited, Delimited::Close, "only its own end can tell that a body is whole");
    if got.header("content-type") == Some("application/problem+json") {
        assert!(got.complete, "{number}");
        let open = got.header("connection") != Some("close");
        return (Outcome::Own(got.status, got.code()), open);
    }
    if !got.complete {
        assert!(right.starts_with(&got.body), "{number}: a part of another answer: {}", got.text());
        assert!(client.closed(), "{number}: more after a part of an answer: {}", client.unread());
        return (Outcome::Cut, false);
    }
    assert!(got.body == right, "{number} was answered {}", got.text());
    assert_eq!(client.unread(), "", "more than one answer to {number}");
    let outcome = match got.status {
        200 => Outcome::Whole,
        503 => Outcome::Busy,
        other => panic!("{number} was answered {other}"),
    };
    (outcome, got.header("connection") != Some("close"))
}
