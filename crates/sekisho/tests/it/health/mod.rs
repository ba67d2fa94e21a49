//! Endpoints that are not well: found by checks and by requests, left alone, and asked again.

mod checks;
mod expectations;
mod outliers;
mod page;
mod reload;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use crate::harness::{Gateway, Service};

/// A service that answers requests for `/health` with whatever status it holds, and all others with its name; 0 hangs.
struct Moody {
    service: Service,
    health: Arc<AtomicU16>,
}

impl Moody {
    fn new(name: &'static str) -> Self {
        let health = Arc::new(AtomicU16::new(200));
        let now = Arc::clone(&health);
        let service = Service::raw(move |mut conn| {
            while let Some(request) = conn.next_head() {
                let status = if request.target == "/health" { now.load(SeqCst) } else { 200 };
                if status == 0 {
                    conn.wait_closed();
                    return;
                }
                let length = name.len();
                conn.write(format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{name}"));
            }
        });
        Self { service, health }
    }

    fn turns(&self, status: u16) {
        self.health.store(status, SeqCst);
    }

    /// How many checks have come.
    fn checks(&self) -> usize {
        self.service.seen().iter().filter(|request| request.target == "/health").count()
    }
}

/// A gateway in front of one service `up` with these endpoints and words.
fn config(services: &[&Service], words: &str) -> String {
    let urls: Vec<_> = services.iter().map(|service| service.url()).collect();
    format!(
        "workers: 1\nservices:\n  up: {{ endpoints: [{}], {words} }}\n\
         routes: [{{ path: /*, service: up, public: true }}]",
        urls.join(", ")
    )
}

/// The endpoints that answer a number of requests, by the bodies of their answers.
#[track_caller]
fn who(gateway: &Gateway) -> String {
    let mut client = gateway.connect();
    let mut who: Vec<_> = (0..12)
        .map(|_| {
            client.send("GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
            let answer = client.answer();
            assert_eq!(answer.status, 200, "{}", gateway.wait_log_of(&answer));
            answer.text()
        })
        .collect();
    who.sort();
    who.dedup();
    who.concat()
}

/// Waits for a line about an event.
#[track_caller]
fn told(gateway: &Gateway, event: &str, about: &str) -> String {
    let line = gateway
        .stderr
        .find(|line| (line.contains(&format!("{event}: ")) && line.contains(about)).then(|| line.to_owned()));
    line.unwrap_or_else(|| panic!("nobody told of {event} {about}"))
}
