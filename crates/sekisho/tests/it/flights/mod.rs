//! The policy `cache` while answers come in: one fetch for all who want the same, which streams, outlives its client, and leaves
//! nothing behind that is not whole; and stale answers that are renewed or stand in.

mod apart;
mod bounds;
mod kept;
mod stale;
mod streams;
mod together;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use crate::harness::{Answer, Client, Conn, Gateway, Request, Service, until};

/// What the service does next.
enum Deed {
    /// Writes the beginning of an answer, or more of it.
    Write(Vec<u8>),
    /// Writes the end of an answer, or the whole.
    Last(Vec<u8>),
    /// Ends the connection, as a process that is killed does.
    Close,
    Reset,
}

/// A gateway with a cache in front of a service that does what the test says, and nothing else, once it has a request.
struct World {
    gateway: Gateway,
    service: Service,
    deeds: SyncSender<Deed>,
}

impl World {
    /// With these settings of the policy.
    #[track_caller]
    fn start(cache: &str) -> Self {
        Self::start_with(&format!("cache: {{ {cache} }}"), "")
    }

    /// With these policies, and lines at the top.
    #[track_caller]
    fn start_with(policies: &str, top: &str) -> Self {
        let (deeds, next) = sync_channel(64);
        let next = Arc::new(Mutex::new(next));
        let service = Service::raw(move |conn| obey(conn, &next));
        let gateway = Gateway::start(&format!(
            "services: {{ a: {{ endpoints: [{}], retry: off }} }}\nroutes: [{{ path: /*, service: a, policies: {{ {policies} }} }}]\n{top}",
            service.url()
        ));
        Self { gateway, service, deeds }
    }

    /// The service writes the beginning of an answer, or more of it. Only one request may be with the service then.
    fn write(&self, bytes: impl AsRef<[u8]>) {
        self.deed(Deed::Write(bytes.as_ref().to_vec()));
    }

    /// It writes the end of an answer, or the whole, and waits for the next request.
    fn last(&self, bytes: impl AsRef<[u8]>) {
        self.deed(Deed::Last(bytes.as_ref().to_vec()));
    }

    fn deed(&self, deed: Deed) {
        self.deeds.send(deed).unwrap();
    }

    /// A client that has asked for `path`.
    fn ask(&self, path: &str) -> Client {
        self.ask_with(path, "")
    }

    /// The same with more header lines.
    fn ask_with(&self, path: &str, lines: &str) -> Client {
        let mut client = self.gateway.connect();
        client.send(get(path, lines));
        client
    }

    /// Waits until so many requests are under way, each where it will wait.
    #[track_caller]
    fn wait_under_way(&self, count: usize) {
        self.gateway.wait_metric("http_server_active_requests", &[], count as f64);
        self.gateway.each_worker_answers();
    }
}

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")
}

/// Reads one request after another, and does with each connection what is said. A connection that has no request takes no deed.
fn obey(mut conn: Conn, next: &Mutex<Receiver<Deed>>) {
    while conn.next_head().is_some() {
        loop {
            // The test may be over.
            let Ok(deed) = next.lock().unwrap().recv() else { return };
            match deed {
                Deed::Write(bytes) => drop(conn.write(bytes)),
                Deed::Last(bytes) => {
                    conn.write(bytes);
                    break;
                }
                Deed::Close => return conn.close(),
                Deed::Reset => return conn.reset(),
            }
        }
    }
}

/// An answer that may be stored for a minute.
fn fresh(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("Cache-Control: max-age=60\r\n", body)
}

/// An answer with these lines.
fn answer(lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// One request over a new connection, and its answer.
fn ask(gateway: &Gateway, request: &str) -> Answer {
    let mut client = gateway.connect();
    client.send(request);
    client.answer()
}

/// The word of `X-Cache`.
fn word(answer: &Answer) -> &str {
    answer.header("x-cache").unwrap_or("none")
}

/// Asks until the answer has that word: what came in is stored a moment after it was sent.
#[track_caller]
fn until_word(gateway: &Gateway, request: &str, wanted: &str) -> Answer {
    until(&format!("an answer that is {wanted}"), || {
        Some(ask(gateway, request)).filter(|answer| word(answer) == wanted)
    })
}

/// A service that answers each request by its number, from 1.
fn counting(answer: impl Fn(usize, &Request) -> Vec<u8> + Send + Sync + 'static) -> Service {
    let count = Mutex::new(0);
    Service::answering(move |request| {
        let mut count = count.lock().unwrap();
        *count += 1;
        answer(*count, request)
    })
}

/// A service that does something with each request by its number, from 1.
fn counting_conns(serve: impl Fn(usize, &mut Conn) + Send + Sync + 'static) -> Service {
    let count = AtomicUsize::new(0);
    Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            serve(1 + count.fetch_add(1, SeqCst), &mut conn);
        }
    })
}
