//! The policy `cache` with `store: redis`: gateways that share answers over a real redis-server, purges, and a server that fails.

mod faults;
mod purging;
mod sharing;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::harness::{Answer, Client, Gateway, Request, Service, until};
use crate::redis_server::RedisServer;

/// Two gateways of one configuration, what they share, and the service behind them.
struct World {
    server: RedisServer,
    service: Service,
    one: Gateway,
    two: Gateway,
}

impl World {
    /// A service whose answers may be stored for a minute. Redis has time enough on a busy machine.
    #[track_caller]
    fn start() -> Self {
        Self::start_with(counting("Cache-Control: max-age=60\r\n"), "5s", "")
    }

    /// With this service, this much time for Redis, and more settings of the policy.
    #[track_caller]
    fn start_with(service: Service, timeout: &str, cache: &str) -> Self {
        let server = RedisServer::start();
        let config = config(&service, &server, timeout, cache);
        let (one, two) = (Gateway::start(&config), Gateway::start(&config));
        Self { server, service, one, two }
    }

    /// The first gateway stores the answer for a path; gives its body.
    #[track_caller]
    fn fill(&self, path: &str) -> String {
        assert_eq!(ask(&self.one, path).0, "MISS", "{path}");
        // Until it is stored, all get the one that has come in.
        until("a stored answer", || {
            let (word, body) = ask(&self.one, path);
            (word == "HIT").then_some(body)
        })
    }

    /// Waits until all that the service has sent is stored, or dropped.
    #[track_caller]
    fn settle(&self) {
        until("all that came in to be stored", || {
            let landed = [&self.one, &self.two].map(|gateway| gateway.metric("gateway_cache_fills_total{"));
            (landed[0] + landed[1] == self.service.requests() as f64).then_some(())
        });
    }
}

fn config(service: &Service, server: &RedisServer, timeout: &str, cache: &str) -> String {
    format!(
        "workers: 2\nstore: {{ url: '{}', timeout: {timeout} }}\n\
         services: {{ a: {{ endpoints: [{}], retry: off }} }}\n\
         routes: [{{ path: /*, service: a, public: true, policies: {{ cache: {{ store: redis, {cache} }} }} }}]\n",
        server.url(),
        service.url()
    )
}

/// A service whose answers are numbered, from 1, with these lines; `Cache-Tag` names the path's segments.
fn counting(lines: &'static str) -> Service {
    let count = AtomicUsize::new(0);
    Service::answering(move |request: &Request| {
        let number = 1 + count.fetch_add(1, SeqCst);
        let tags: Vec<&str> =
            request.target.split(['?', '/']).filter(|segment| !segment.is_empty()).collect();
        let body = number.to_string();
        format!(
            "HTTP/1.1 200 OK\r\n{lines}Cache-Tag: {}\r\nContent-Length: {}\r\n\r\n{body}",
            tags.join(","),
            body.len()
        )
        .into_bytes()
    })
}

/// The word of `X-Cache`.
fn word(answer: &Answer) -> &str {
    answer.header("x-cache").unwrap_or("none")
}

/// What became of a request for a path: the word, and the body.
#[track_caller]
fn ask(gateway: &Gateway, path: &str) -> (String, String) {
    let answer = gateway.get(path);
    assert_eq!(answer.status, 200, "{}", answer.text());
    (word(&answer).to_owned(), answer.text())
}

fn hit(body: &str) -> (String, String) {
    ("HIT".to_owned(), body.to_owned())
}

/// Answers that a gateway has stored.
#[track_caller]
fn stored(gateway: &Gateway) -> f64 {
    gateway.metric_where("gateway_cache_fills_total", &[("result", "stored")])
}

/// Failures of the store at a gateway.
#[track_caller]
fn failures(gateway: &Gateway) -> f64 {
    gateway.metric("gateway_cache_store_errors_total{")
}

/// Asks the admin port to purge; gives status and document.
#[track_caller]
pub(crate) fn purge(gateway: &Gateway, body: &str) -> (u16, serde_json::Value) {
    let mut client = Client::connect(gateway.admin);
    client.send(format!(
        "POST /api/cache/purge HTTP/1.1\r\nHost: admin.test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let answer = client.answer();
    (answer.status, answer.json())
}

/// Waits until the gateway says so on standard error.
#[track_caller]
fn wait_said(gateway: &Gateway, word: &str) {
    until(word, || gateway.stderr.all().iter().any(|line| line.contains(word)).then_some(()));
}
