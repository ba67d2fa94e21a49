//! What the usual policies cost together, for a request as a browser sends it: enter, leave and account of `request_id`,
//! `access_log` (to /dev/null), `security_headers` and `cors`.

#![allow(missing_docs, reason = "a benchmark has no users")]

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use sekisho_exchange::{Answerer, Client, Errands, Exchange, Local, NoErrands, Outcome, Response, Scheme};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, Here, Kept, NoPeers, Pass, Step};
use sekisho_store::{Memory, Store};
use sekisho_units::{Clock, Place, Problems};
use sekisho_wire::{Edits, Framing, Head, HeadBuf, Limits, parse_request};

const BROWSER: &str = "GET /api/users/7?page=2 HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n\
    Accept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9\r\nOrigin: https://app.example\r\nReferer: https://app.example/users\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: cross-site\r\n\
    Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl\r\n\r\n";

fn step(name: &str, settings: &str, sinks: &Sinks) -> Step {
    let node = sekisho_yaml::parse("bench.yaml", settings).expect("the settings are YAML");
    let mut problems = Problems::new();
    let mut here = Here { place: Place::none(), path: name.into(), scope: "", problems: &mut problems };
    let read_file = |name: &str| Err(std::io::Error::other(name.to_owned()));
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (kept, peers, errands) = (&Kept::default(), &NoPeers, &errands);
    let store = &Arc::new(Store::memory(Memory::new(1_000)));
    let context = Context { workers: 1, sinks, kept, store, read_file: &read_file, peers, errands };
    let step = Step::compile(name, &node, &mut here, &context);
    step.unwrap_or_else(|| panic!("{problems}"))
}

fn walk(steps: &[Step], exchange: &mut Exchange<'_>, response: &Response<'_>, outcome: &Outcome) {
    let mut passes: [Pass; 4] = [const { Pass::NotEntered }; 4];
    for (step, pass) in steps.iter().zip(&mut passes) {
        let sekisho_exchange::Verdict::Proceed(given) = step.enter(exchange) else {
            panic!("nothing answers here")
        };
        *pass = given;
    }
    for (step, pass) in steps.iter().zip(passes).rev() {
        step.leave(pass, exchange, response);
    }
    for step in steps {
        step.account(exchange, outcome);
    }
}

fn chain(c: &mut Criterion) {
    let sinks = Sinks::new();
    let steps = [
        step("request_id", "{}", &sinks),
        step("access_log", "to: /dev/null", &sinks),
        step("security_headers", "{}", &sinks),
        step("cors", "origins: [https://app.example]", &sinks),
    ];
    sinks.open_all().expect("/dev/null can be opened");
    let mut head = Head::default();
    parse_request(BROWSER.as_bytes(), &mut head, &Limits::default()).expect("the request is well-formed");
    let view = head.view(BROWSER.as_bytes());
    let local: Rc<Local> = Local::new(0, Clock::system());
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Https);
    let mut answer = HeadBuf::default();
    answer.response(200);
    for (name, value) in
        [("Content-Type", "application/json"), ("Content-Length", "1024"), ("ETag", "\"abc\"")]
    {
        answer.push(name, value.as_bytes()).expect("the line is valid");
    }
    let response = Response { head: answer.view(), from: Answerer::Service };
    let outcome = Outcome { status: 200, duration: Duration::from_micros(12_345), reason: "ok".into() };
    // Connections reuse their edits' buffers, and so does this.
    let (mut to_service, mut to_client) = (Edits::default(), Edits::default());
    let mut run = |steps: &[Step]| {
        let target = ("/api/users/7", Some("page=2"), "shop.example");
        let mut exchange = Exchange::new(view, target, Framing::None, client, local.clock.now(), &local);
        to_service.clear();
        to_client.clear();
        exchange.to_service = std::mem::take(&mut to_service);
        exchange.to_client = std::mem::take(&mut to_client);
        exchange.route = "/api/users/{id}";
        exchange.facts.service = Some("user-service");
        exchange.facts.endpoint = Some("127.0.0.1:4001".into());
        exchange.facts.upstream_duration = Some(Duration::from_micros(9_876));
        walk(steps, black_box(&mut exchange), &response, &outcome);
        to_service = std::mem::take(&mut exchange.to_service);
        to_client = std::mem::take(&mut exchange.to_client);
    };
    c.bench_function("an exchange without policies", |b| b.iter(|| run(&[])));
    for step in &steps {
        c.bench_function(step.name(), |b| b.iter(|| run(std::slice::from_ref(step))));
    }
    c.bench_function("the whole chain", |b| b.iter(|| run(&steps)));
    sinks.flush_and_close();
}

criterion_group!(benches, chain);
criterion_main!(benches);
