//! Requests that fail at one endpoint and are answered by another.

mod bounds;
mod causes;
mod requests;

use crate::harness::{Gateway, Service, ok};

/// A gateway in front of two endpoints of one service, the one that is asked first first; `words` are further words of the service.
fn gateway(first: &Service, second: &Service, words: &str) -> Gateway {
    Gateway::start(&format!(
        "workers: 1\nservices:\n  s: {{ endpoints: [{}, {}], {words} }}\n\
         routes: [{{ path: /*, service: s, public: true }}]",
        first.url(),
        second.url(),
    ))
}

/// A service that closes each connection once it has read a request, without a word.
fn mute() -> Service {
    Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.read_body();
        }
    })
}

/// A service that reads and never answers.
fn hanging() -> Service {
    Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.read_body();
            conn.wait_closed();
        }
    })
}

fn good() -> Service {
    Service::answering(|_| ok("text/plain", "good"))
}
