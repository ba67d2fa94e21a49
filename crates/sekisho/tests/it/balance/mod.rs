//! How requests are spread over a service's endpoints, from outside.

mod keyed;
mod load;
mod priority;
mod spread;
mod sticky;

use std::fmt::Write as _;

use crate::harness::{Answer, Client, Gateway, Service, ok};

/// Services that tell their numbers.
fn numbered(count: usize) -> Vec<Service> {
    (0..count).map(|number| Service::answering(move |_| ok("text/plain", number.to_string()))).collect()
}

/// A gateway in front of them: `words` are further lines of the service, `each` further words of each endpoint, both in YAML.
fn config(services: &[Service], words: &str, each: impl Fn(usize) -> String) -> String {
    let mut text = format!("services:\n  up:\n    {}\n    endpoints:\n", words.replace('\n', "\n    "));
    for (number, service) in services.iter().enumerate() {
        let _ = writeln!(text, "      - {{ url: '{}', {} }}", service.url(), each(number));
    }
    text + "routes: [{ path: /*, service: up }]\n"
}

fn gateway(services: &[Service], words: &str) -> Gateway {
    Gateway::start(&config(services, words, |_| "weight: 1".to_owned()))
}

/// One request with further header lines, each with its line break.
fn ask(client: &mut Client, lines: &str) -> Answer {
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    let answer = client.answer();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

/// Whom one request reached.
fn reached(client: &mut Client, lines: &str) -> usize {
    ask(client, lines).text().parse().unwrap()
}
