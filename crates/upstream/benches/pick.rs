//! What a pick costs, by algorithm and number of endpoints: all of it, from the request to the endpoint; and what it costs to lay
//! out what picks go by.

#![allow(missing_docs, reason = "a benchmark has no users")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use sekisho_exchange::{Client, Exchange, Local, Scheme};
use sekisho_units::{Clock, Problems};
use sekisho_upstream::{Carry, Config, Fault, Files, Service, prepare};
use sekisho_wire::{Framing, Head, Limits, parse_request};

const BALANCES: [&str; 6] = [
    "weighted_round_robin",
    "least_requests",
    "ewma",
    "random",
    "{ algorithm: ring_hash, key: header.X-Session }",
    "{ algorithm: maglev, key: header.X-Session }",
];

fn name(balance: &str) -> &str {
    balance.split([':', ',']).nth(1).unwrap_or(balance).trim()
}

fn service(balance: &str, count: usize) -> Service {
    let mut text = format!("balance: {balance}\nendpoints:\n");
    for index in 0..count {
        let _ = writeln!(
            text,
            "  - {{ url: 'http://10.0.{}.{}:80', weight: {} }}",
            index / 250,
            index % 250,
            index % 3 + 1
        );
    }
    let mut problems = Problems::new();
    let node = sekisho_yaml::parse("bench.yaml", &text).expect("it is YAML");
    let config = sekisho_yaml::read::<Config>(&node, "", &mut problems).expect("it is a service");
    let prepared = prepare(&config, "", Files::none(), &mut problems).expect("it is in the clear");
    Service::new("orders", &config, prepared, &Carry::default(), Limits::default())
}

fn picks(c: &mut Criterion) {
    let request = "GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\nX-Session: 0123456789abcdef\r\n\r\n";
    let mut head = Head::default();
    parse_request(request.as_bytes(), &mut head, &Limits::default()).expect("the request is well-formed");
    let local = Local::new(0, Clock::system());
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Https);
    let view = head.view(request.as_bytes());
    let exchange = Exchange::new(
        view,
        ("/orders/7", None, "shop.example"),
        Framing::None,
        client,
        local.clock.now(),
        &local,
    );
    let now = local.clock.now();
    for balance in BALANCES {
        for count in [1, 3, 1_000] {
            let service = service(balance, count);
            let mut group = c.benchmark_group(name(balance));
            group.measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
            group.bench_function(format!("{count} endpoints"), |b| {
                b.iter(|| {
                    let asked = service.fleet.asked(black_box(&exchange), now);
                    black_box(service.fleet.pick(&asked))
                });
            });
            group.finish();
        }
    }
}

/// What it costs to lay out another rota, as when somebody's health or share has changed.
fn layouts(c: &mut Criterion) {
    let now = Clock::system().now();
    for balance in BALANCES {
        for count in [3, 1_000] {
            let service = service(balance, count);
            let (endpoint, mut out) = (Arc::clone(&service.fleet.endpoints()[0]), false);
            let mut group = c.benchmark_group(format!("lay out {}", name(balance)));
            group.measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
            group.sample_size(10);
            group.bench_function(format!("{count} endpoints"), |b| {
                b.iter(|| {
                    out = !out;
                    let reason = out.then_some("bench");
                    black_box(service.fleet.mark(&endpoint, Fault::Drained, reason, now))
                });
            });
            group.finish();
        }
    }
}

criterion_group!(benches, picks, layouts);
criterion_main!(benches);
