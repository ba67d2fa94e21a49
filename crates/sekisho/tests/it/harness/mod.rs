//! A real gateway, clients that write raw bytes, services under the test's control. Threads and blocking sockets; whatever
//! waits does so for a condition, until [`DEADLINE`].

#![allow(dead_code, reason = "tools for all test modules; not every one uses each")]

pub(crate) mod certificates;
mod client;
mod gateway;
mod lines;
pub(crate) mod message;
mod secure;
mod service;
mod tls_service;

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

pub(crate) use client::{Answer, Client};
pub(crate) use gateway::{Gateway, binary, said_of, temp_dir};
pub(crate) use lines::Lines;
pub(crate) use message::{Delimited, Headers, Request, headers_of};
pub(crate) use secure::{over, secure, trusting, unverified};
pub(crate) use service::{Conn, Service, ok};
pub(crate) use tls_service::{TlsConn, TlsService, tls_config};

/// How long a condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Asks again and again until there is a value; panics with `what` after [`DEADLINE`].
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = ask() {
            return value;
        }
        assert!(began.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain for {what}");
        // Nothing announces the condition, so it is looked for again shortly.
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Ends a load when it goes, also where a test fails: nobody else would.
pub(crate) struct Ends<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// Writes until nothing is taken for a while; gives how many bytes were.
pub(crate) fn write_until_stuck(mut stream: &TcpStream, body: &[u8]) -> usize {
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut sent = 0;
    while sent < body.len() {
        match stream.write(&body[sent..]) {
            Ok(count) => sent += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => panic!("{error} after {sent} bytes"),
        }
    }
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    sent
}

/// A body of `len` bytes in which every place differs from its neighbours, so that a loss or a swap shows.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as u8
        })
        .collect()
}
