//! Requests that two endpoints have at once, as the first was long in coming to its answer.

mod answers;
mod bounds;
mod elsewhere;
mod leaves;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::harness::{Conn, Gateway, Service, ok, until};

/// What a held service does once it is let go.
type Does = fn(&mut Conn, &'static str) -> bool;

/// A service that reads, and waits until it is let go or left.
struct Held {
    service: Service,
    lets_go: Arc<AtomicBool>,
    /// Connections that the gateway closed while their requests had no answer.
    left: Arc<AtomicUsize>,
}

impl Held {
    fn new(name: &'static str, does: Does) -> Self {
        let (lets_go, left) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (may, count) = (Arc::clone(&lets_go), Arc::clone(&left));
        let service = Service::raw(move |mut conn| {
            while conn.next_head().is_some() {
                conn.read_body();
                if until("leave to answer, or to be left", || may_go(&may, &conn)) {
                    if !does(&mut conn, name) {
                        return conn.reset();
                    }
                } else {
                    count.fetch_add(1, SeqCst);
                    return;
                }
            }
        });
        Self { service, lets_go, left }
    }

    /// Answers with its name.
    fn answering(name: &'static str) -> Self {
        Self::new(name, |conn, name| conn.write(ok("text/plain", name)))
    }

    /// Resets the connection.
    fn failing() -> Self {
        Self::new("", |_, _| false)
    }

    fn let_go(&self) {
        self.lets_go.store(true, SeqCst);
    }

    fn wait_left(&self, count: usize) {
        until("the gateway to close its connection", || (self.left.load(SeqCst) == count).then_some(()));
    }
}

/// Whether it may answer now; `false` if nobody waits for that any more.
fn may_go(may: &AtomicBool, conn: &Conn) -> Option<bool> {
    let stream = conn.stream();
    stream.set_nonblocking(true).unwrap();
    let closed =
        !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    if closed { Some(false) } else { may.load(SeqCst).then_some(true) }
}

/// A service that answers at once with its name.
fn quick(name: &'static str) -> Service {
    Service::answering(move |_| ok("text/plain", name))
}

/// A gateway in front of two endpoints of one service, the one that is asked first first; `words` are further words of the service.
fn gateway(first: &Service, second: &Service, words: &str) -> Gateway {
    let retry = if words.contains("retry:") { "" } else { "retry: off," };
    Gateway::start(&format!(
        "workers: 1\nservices:\n  s: {{ endpoints: [{}, {}], outlier: off, {retry} {words} }}\n\
         routes: [{{ path: /*, service: s, public: true }}]",
        first.url(),
        second.url(),
    ))
}

/// Waits until an endpoint has nothing to do any more.
fn wait_done(gateway: &Gateway, service: &Service) {
    let labels = [("service", "s"), ("endpoint", &*service.addr.to_string())];
    gateway.wait_metric("gateway_endpoint_requests_in_flight", &labels, 0.0);
}

/// Waits until so many requests have come to this.
fn wait_outcome(gateway: &Gateway, outcome: &str, count: usize) {
    gateway.wait_metric("gateway_hedges_total", &[("service", "s"), ("outcome", outcome)], count as f64);
}
