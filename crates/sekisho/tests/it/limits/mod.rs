//! `rate_limit` and `quota`: what passes, what clients are told, in memory and over a real redis-server.

mod answers;
mod keys;
mod memory;
mod outage;
mod shared;
mod waits;

use crate::harness::{Answer, Client, Gateway, Service, until};
use crate::redis_server::RedisServer;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A gateway in front of `service` with these policies on its only route and these lines at the top.
#[track_caller]
fn gateway(service: &Service, policies: &str, top: &str) -> Gateway {
    Gateway::start(&config(service, policies, top))
}

fn config(service: &Service, policies: &str, top: &str) -> String {
    format!(
        "{top}\nservices: {{ a: {{ endpoints: [{}] }} }}\n\
         policies: {{ security_headers: {{}} }}\n\
         routes:\n- {{ path: /*, service: a, public: true, policies: {{ {policies} }} }}\n",
        service.url()
    )
}

/// A line at the top for a store; its answers have time enough on a busy machine.
fn store(server: &RedisServer) -> String {
    format!("store: {{ url: '{}', timeout: 5s }}", server.url())
}

/// How many of so many requests at once pass; all others are refused. Each comes over a connection of its own.
#[track_caller]
fn crowd(gateways: &[&Gateway], size: usize) -> usize {
    let mut clients: Vec<Client> =
        (0..size).map(|index| gateways[index % gateways.len()].connect()).collect();
    for client in &mut clients {
        client.send(GET);
    }
    let statuses: Vec<u16> = clients.iter_mut().map(|client| client.answer().status).collect();
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!(count(200) + count(429), size, "{statuses:?}");
    count(200)
}

/// The header fields by which clients are told of limits, in their order.
fn told(answer: &Answer) -> Vec<String> {
    let ours = answer.headers.iter().filter(|(name, _)| name.to_ascii_lowercase().starts_with("ratelimit"));
    ours.map(|(name, value)| format!("{name}: {value}")).collect()
}

/// A request with these lines from an address.
#[track_caller]
fn from(gateway: &Gateway, ip: &str, path: &str, lines: &str) -> Answer {
    let mut client = Client::connect_from(ip, gateway.addr);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    client.answer()
}

/// Waits until the gateway says so on standard error; gives how many lines said it.
#[track_caller]
fn wait_said(gateway: &Gateway, word: &str) -> usize {
    let count = || gateway.stderr.all().iter().filter(|line| line.contains(word)).count();
    until(word, || (count() > 0).then(count))
}
