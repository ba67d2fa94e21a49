//! Cases as data: each `tests/cases/*.yaml` has a configuration, exchanges, and what is to come of them.
//!
//! ```yaml
//! config: |             # `{echo}` is the URL of a service that answers 200 and remembers; `{NAME}` of one by that name
//!   services: …
//! services:             # further services, by name: the answer they give
//!   other: { status: 404, headers: { X: y }, body: text }
//! exchanges:            # in order, each over a connection of its own
//!   - name: what it shows
//!     send: { method: GET, path: /x, host: a.test, version: "1.1", headers: { X: y, Z: [a, b] }, body: text }
//!     raw: "GET / HTTP/1.1\r\n…"        # in place of `send`
//!     expect:
//!       status: 200
//!       headers: { X: y, Z: [a, b], Gone: null }   # all values, in order; `null`: not there
//!       json: { code: NO_ROUTE }        # members of the body
//!       body: text
//!       log: { decided_by: router }     # members of the access log's line
//!     seen: { service: echo, method: GET, path: /y, headers: { … }, body: text }   # or `nothing`
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use sekisho_yaml::{Kind, Node, Style, parse};
use serde_json::{Map, Value};

use crate::harness::{Answer, Gateway, Headers, Request, Service, headers_of};

/// Every case file; a file that is not here fails `every_file_is_run`.
macro_rules! files {
    ($($name:ident,)+) => {
        const FILES: &[&str] = &[$(stringify!($name)),+];
        $(#[test] fn $name() { run(stringify!($name)); })+
    };
}

files! {
    routing_headers,
    routing_hosts,
    routing_methods,
    routing_nesting,
    routing_params,
    routing_paths,
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

#[test]
fn every_file_is_run() {
    let mut found: Vec<String> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, FILES);
}

fn run(name: &str) {
    let path = Path::new(FOLDER).join(name).with_extension("yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let case = match parse(&format!("{name}.yaml"), &text) {
        Ok(node) => value(&node),
        Err(problems) => panic!("{problems}"),
    };
    known(&case, &["config", "services", "exchanges"], name);
    let mut services = BTreeMap::from([("echo".to_owned(), Service::echo())]);
    for (of, answer) in case["services"].as_object().unwrap_or(&Map::new()) {
        services.insert(of.clone(), Service::fixed(response(answer)));
    }
    let mut config = case["config"].as_str().expect("a case has a `config`").to_owned();
    for (of, service) in &services {
        config = config.replace(&format!("{{{of}}}"), &service.url());
    }
    let gateway = Gateway::start(&config);
    let exchanges = case["exchanges"].as_array().expect("a case has `exchanges`");
    assert!(!exchanges.is_empty(), "{name}: no exchanges");
    for exchange in exchanges {
        let name = format!("{name}: {}", exchange["name"].as_str().expect("an exchange has a `name`"));
        known(exchange, &["name", "send", "raw", "expect", "seen"], &name);
        one(&gateway, &services, exchange, &name);
    }
}

/// One exchange.
fn one(gateway: &Gateway, services: &BTreeMap<String, Service>, exchange: &Value, name: &str) {
    let before: usize = services.values().map(Service::requests).sum();
    let raw = match exchange["raw"].as_str() {
        Some(raw) => raw.to_owned(),
        None => request(&exchange["send"], name),
    };
    let answer = gateway.request(&raw);
    check_answer(gateway, &answer, &exchange["expect"], name);
    let came = services.values().map(Service::requests).sum::<usize>() - before;
    match &exchange["seen"] {
        Value::Null => {}
        Value::String(word) if word == "nothing" => assert_eq!(came, 0, "{name}: a service was asked"),
        seen => {
            let of = seen["service"].as_str().unwrap_or("echo");
            assert_eq!(came, 1, "{name}: requests that services saw");
            check_seen(&services[of].last(), seen, name);
        }
    }
}

fn check_answer(gateway: &Gateway, answer: &Answer, expect: &Value, name: &str) {
    known(expect, &["status", "headers", "json", "body", "log"], name);
    assert_eq!(Value::from(answer.status), expect["status"], "{name}: status; {}", answer.text());
    check_headers(&answer.headers, &expect["headers"], name);
    if let Some(body) = expect.get("body") {
        assert_eq!(Some(answer.text().as_str()), body.as_str(), "{name}: body");
    }
    for (member, want) in expect["json"].as_object().unwrap_or(&Map::new()) {
        assert_eq!(answer.json()[member], *want, "{name}: `{member}` of the body");
    }
    if let Some(log) = expect["log"].as_object() {
        let line = gateway.wait_log_of(answer);
        for (member, want) in log {
            assert_eq!(line[member], *want, "{name}: `{member}` of the log's line");
        }
    }
}

fn check_seen(request: &Request, seen: &Value, name: &str) {
    known(seen, &["service", "method", "path", "headers", "body"], name);
    for (member, got) in [("method", &request.method), ("path", &request.target), ("body", &request.text())] {
        if let Some(want) = seen.get(member) {
            assert_eq!(Some(got.as_str()), want.as_str(), "{name}: {member} as the service saw it");
        }
    }
    check_headers(&request.headers, &seen["headers"], name);
}

fn check_headers(headers: &Headers, want: &Value, name: &str) {
    for (header, want) in want.as_object().unwrap_or(&Map::new()) {
        assert_eq!(headers_of(headers, header), texts(want), "{name}: {header}");
    }
}

/// A request's bytes.
fn request(send: &Value, name: &str) -> String {
    known(send, &["method", "path", "host", "version", "headers", "body"], name);
    let word = |member: &str, usual: &str| send[member].as_str().unwrap_or(usual).to_owned();
    let mut raw =
        format!("{} {} HTTP/{}\r\n", word("method", "GET"), word("path", "/"), word("version", "1.1"));
    raw.push_str(&format!("Host: {}\r\n", word("host", "gateway.test")));
    raw.push_str(&lines(&send["headers"]));
    if let Some(body) = send["body"].as_str() {
        raw.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    } else {
        raw.push_str("\r\n");
    }
    raw
}

/// An answer's bytes.
fn response(answer: &Value) -> String {
    known(answer, &["status", "headers", "body"], "services");
    let body = answer["body"].as_str().unwrap_or_default();
    let status = answer["status"].as_u64().unwrap_or(200);
    format!(
        "HTTP/1.1 {status} x\r\n{}Content-Length: {}\r\n\r\n{body}",
        lines(&answer["headers"]),
        body.len()
    )
}

fn lines(headers: &Value) -> String {
    let headers = headers.as_object().cloned().unwrap_or_default();
    let fields = headers
        .iter()
        .flat_map(|(name, value)| texts(value).into_iter().map(move |text| format!("{name}: {text}\r\n")));
    fields.collect()
}

/// One text, a list of them, or none.
fn texts(value: &Value) -> Vec<String> {
    let text = |one: &Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
    match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

/// Fails for a word that means nothing, which would otherwise be a test of nothing.
#[track_caller]
fn known(value: &Value, words: &[&str], name: &str) {
    let object = value.as_object().unwrap_or_else(|| panic!("{name}: expected a map, found {value}"));
    for word in object.keys() {
        assert!(words.contains(&word.as_str()), "{name}: unknown word `{word}`");
    }
}

fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Scalar(scalar) if scalar.style == Style::Plain => {
            serde_json::from_str(&scalar.text).unwrap_or_else(|_| Value::from(&*scalar.text))
        }
        Kind::Scalar(scalar) => Value::from(&*scalar.text),
        Kind::List(_) => node.items().iter().map(value).collect(),
        Kind::Map(_) => node
            .entries()
            .iter()
            .map(|(key, node)| (key.text.to_string(), value(node)))
            .collect::<Map<_, _>>()
            .into(),
    }
}
