//! Connections to services and of clients: kept and used again, bounded, queued for, and given back.

mod bounds;
mod kept;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

use crate::harness::{Client, Gateway, Service, ok};

/// Asks `count` times at the same moment, each over a connection of its own, while `meanwhile` is done; gives statuses in no order.
fn at_once(gateway: &Gateway, count: usize, meanwhile: impl FnOnce()) -> Vec<u16> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..count)
            .map(|index| {
                let start = &start;
                scope.spawn(move || {
                    let mut client = gateway.connect();
                    start.wait();
                    client.send(format!("GET /{index} HTTP/1.1\r\nHost: a\r\n\r\n"));
                    let answer = client.answer();
                    assert!(answer.complete);
                    if answer.status == 200 {
                        assert_eq!(answer.text(), format!("/{index}"), "somebody else's answer");
                    }
                    answer.status
                })
            })
            .collect();
        meanwhile();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

/// A service that holds every request until it is told to go on, and counts how many it has at once.
pub(crate) struct Gate {
    pub(crate) service: Service,
    open: Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>,
    pub(crate) most: Arc<AtomicUsize>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let open: Arc<(std::sync::Mutex<bool>, std::sync::Condvar)> = Arc::default();
        let (most, now) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let (gate, peak) = (Arc::clone(&open), Arc::clone(&most));
        let service = Service::answering(move |request| {
            peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            drop(gate.1.wait_while(gate.0.lock().unwrap(), |open| !*open).unwrap());
            now.fetch_sub(1, SeqCst);
            ok("text/plain", &request.target)
        });
        Self { service, open, most }
    }

    pub(crate) fn open(&self) {
        *self.open.0.lock().unwrap() = true;
        self.open.1.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

pub(crate) fn ask(gateway: &Gateway, path: &str) -> Client {
    let mut client = gateway.connect();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client
}
