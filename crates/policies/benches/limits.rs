//! What a limit in memory costs a request: the decision alone, with what is told to clients, by user and tier, and with a second
//! worker at the same limit.

#![allow(missing_docs, reason = "a benchmark has no users")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use criterion::{Criterion, criterion_group, criterion_main};
use sekisho_exchange::{Client, Errands, Exchange, Identity, Local, NoErrands, Scheme, Verdict};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, Here, Kept, NoPeers, Step};
use sekisho_store::{Memory, Store};
use sekisho_units::{Clock, Place, Problems};
use sekisho_wire::{Framing, Head, Limits, parse_request};

const REQUEST: &[u8] = b"GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\nX-Tenant: t-17\r\n\r\n";
/// Addresses that take turns.
const CLIENTS: u32 = 1_000;

fn step(name: &str, settings: &str) -> Step {
    let node = sekisho_yaml::parse("bench.yaml", settings).expect("the settings are YAML");
    let mut problems = Problems::new();
    let mut here = Here { place: Place::none(), path: name.into(), scope: "", problems: &mut problems };
    let read_file = |name: &str| Err(std::io::Error::other(name.to_owned()));
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (sinks, kept, peers, errands) = (&Sinks::new(), &Kept::default(), &NoPeers, &errands);
    let store = &Arc::new(Store::memory(Memory::new(Memory::ENTRIES)));
    let context = Context { workers: 2, sinks, kept, store, read_file: &read_file, peers, errands };
    let step = Step::compile(name, &node, &mut here, &context);
    step.unwrap_or_else(|| panic!("{problems}"))
}

/// A worker that sends one request after another through a step; `None` to see what the requests alone cost.
struct Worker<'a> {
    step: Option<&'a Step>,
    head: Head,
    local: std::rc::Rc<Local>,
    who: Arc<Identity>,
    edits: sekisho_wire::Edits,
    turn: u32,
}

impl<'a> Worker<'a> {
    fn new(step: Option<&'a Step>, first: u32) -> Self {
        let mut head = Head::default();
        parse_request(REQUEST, &mut head, &Limits::default()).expect("the request is well-formed");
        let who = Identity::of("jwt", "u-1", 64).expect("the subject is fine").tier("premium").done();
        let local = Local::new(0, Clock::system());
        Self { step, head, local, who: Arc::new(who), edits: Default::default(), turn: first }
    }

    fn turn(&mut self) {
        self.turn = self.turn.wrapping_add(0x9E37_79B1);
        let ip = 0x0A00_0000 + self.turn % CLIENTS;
        let client = Client::direct((ip.to_be_bytes(), 4711).into(), Scheme::Https);
        let target = ("/orders/7", None, "shop.example");
        let started = self.local.clock.now();
        let view = self.head.view(REQUEST);
        let mut exchange = Exchange::new(view, target, Framing::None, client, started, &self.local);
        exchange.identity = Some(Arc::clone(&self.who));
        // As in a connection, whose exchanges take turns with one buffer.
        exchange.to_client = std::mem::take(&mut self.edits);
        if let Some(step) = self.step {
            assert!(matches!(step.enter(black_box(&mut exchange)), Verdict::Proceed(_)));
        }
        black_box(&mut exchange);
        self.edits = std::mem::take(&mut exchange.to_client);
        self.edits.clear();
    }
}

fn limits(c: &mut Criterion) {
    let mut bare = Worker::new(None, 0);
    c.bench_function("an exchange alone", |b| b.iter(|| bare.turn()));
    for (name, settings) in [
        ("rate_limit", "{ rate: 1000000000/15m, headers: off }"),
        ("rate_limit", "{ rate: 1000000000/15m, headers: draft6 }"),
        ("rate_limit", "{ rate: 1000000000/15m, headers: current }"),
        ("rate_limit", "{ rate: 1000000000/15m }"),
        ("rate_limit", "{ rate: 1000000000/15m, headers: off, key: header.X-Tenant }"),
        ("rate_limit", "{ rate: 1000000000/15m, headers: off, key: [ip, route] }"),
        ("quota", "{ rate: 1/15m, headers: off, tiers: { premium: 1000000000/15m } }"),
    ] {
        let step = step(name, settings);
        let mut worker = Worker::new(Some(&step), 0);
        c.bench_function(&format!("{name} {settings}"), |b| b.iter(|| worker.turn()));
    }
}

fn contended(c: &mut Criterion) {
    let step = step("rate_limit", "{ rate: 1000000000/15m, headers: off }");
    for (name, limited) in [("an exchange alone, 2 threads", None), ("memory limit, 2 threads", Some(&step))]
    {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let done = &done;
            scope.spawn(move || {
                let mut worker = Worker::new(limited, 500);
                while !done.load(Relaxed) {
                    worker.turn();
                }
            });
            let mut worker = Worker::new(limited, 0);
            c.bench_function(name, |b| b.iter(|| worker.turn()));
            done.store(true, Relaxed);
        });
    }
}

criterion_group!(benches, limits, contended);
criterion_main!(benches);
