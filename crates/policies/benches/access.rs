//! What the policies cost that decide who may pass, for a request that does.

#![allow(missing_docs, reason = "a benchmark has no users")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use sekisho_exchange::{Client, Errands, Exchange, Identity, Local, NoErrands, Scheme, Verdict};
use sekisho_jose::{Algorithm, Key};
use sekisho_policies::access_log::Sinks;
use sekisho_policies::{Context, Here, Kept, NoPeers, Step, api_key};
use sekisho_store::{Memory, Store};
use sekisho_units::{Clock, Place, Problems};
use sekisho_wire::{Framing, Head, Limits, parse_request};

const KEY: &str = "sk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

fn step(name: &str, settings: &str) -> Step {
    let node = sekisho_yaml::parse("bench.yaml", settings).expect("the settings are YAML");
    let mut problems = Problems::new();
    let mut here = Here { place: Place::none(), path: name.into(), scope: "", problems: &mut problems };
    let ranges = (0..20_000).map(|n| format!("10.{}.{}.{}/31\n", n / 8192 + 7, n / 32 % 256, n % 32 * 8));
    let ranges: String = ranges.collect();
    let read_file = |_: &str| Ok(ranges.clone());
    let errands: Arc<dyn Errands> = Arc::new(NoErrands);
    let (sinks, kept, peers, errands) = (&Sinks::new(), &Kept::default(), &NoPeers, &errands);
    let store = &Arc::new(Store::memory(Memory::new(1_000)));
    let context = Context { workers: 1, sinks, kept, store, read_file: &read_file, peers, errands };
    let step = Step::compile(name, &node, &mut here, &context);
    step.unwrap_or_else(|| panic!("{problems}"))
}

fn access(c: &mut Criterion) {
    let request = format!("GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\nX-API-Key: {KEY}\r\n\r\n");
    let mut head = Head::default();
    parse_request(request.as_bytes(), &mut head, &Limits::default()).expect("the request is well-formed");
    let local = Local::new(0, Clock::system());
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Https);
    let described = Identity::of("jwt", "u-1", 64).expect("the subject is fine").roles(["customer"]);
    let who = described.permissions(["user:read", "user:write", "order:read", "order:write"]).done();
    let who = Arc::new(who);
    let key = format!("keys: [{{ id: u-1, hash: '{}' }}]", api_key::digest_text(KEY));
    let view = head.view(request.as_bytes());
    let target = ("/orders/7", None, "shop.example");
    // Each runs on an exchange of its own, whose making is measured by itself.
    let begin = || Exchange::new(view, target, Framing::None, client, local.clock.now(), &local);
    c.bench_function("an exchange alone", |b| b.iter(|| black_box(begin())));
    c.bench_function("an exchange with a user", |b| {
        b.iter(|| {
            let mut exchange = begin();
            exchange.identity = Some(Arc::clone(&who));
            black_box(&mut exchange);
        });
    });
    for (name, settings, known) in [
        ("authorize", "any: [order:read, order:write]", true),
        ("ip_filter", "deny_file: many.txt", false),
        ("api_key", key.as_str(), false),
        ("concurrency", "max: 100", false),
        ("concurrency", "{ max: 100, key: ip }", false),
    ] {
        let step = step(name, settings);
        c.bench_function(&format!("{name} {}", settings.get(..30).unwrap_or(settings)), |b| {
            b.iter(|| {
                let mut exchange = begin();
                exchange.identity = known.then(|| Arc::clone(&who));
                assert!(matches!(step.enter(black_box(&mut exchange)), Verdict::Proceed(_)));
            });
        });
    }
}

/// A token as issuers write it, on a route that verifies it each time, and on one that remembers it.
fn token(c: &mut Criterion) {
    let secret = "0123456789abcdef0123456789abcdef";
    let claims = r#"{"userId":"u-1","email":"ada@shop.example","permissions":["user:read","user:write","order:read"],"iat":1700000000,"exp":4000000000}"#;
    let key = Key::secret(secret.as_bytes()).expect("it is a secret");
    let token = key.sign(Algorithm::Hs256, br#"{"alg":"HS256","typ":"JWT"}"#, claims.as_bytes());
    let token = token.expect("a secret signs");
    let request =
        format!("GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut head = Head::default();
    parse_request(request.as_bytes(), &mut head, &Limits::default()).expect("the request is well-formed");
    let local = Local::new(0, Clock::system());
    let client = Client::direct(([192, 0, 2, 7], 4711).into(), Scheme::Https);
    let view = head.view(request.as_bytes());
    for remember in ["off", "10000"] {
        let settings =
            format!("{{ secret: {secret}, algorithms: [HS256], subject: userId, remember: {remember} }}");
        let step = step("jwt", &settings);
        c.bench_function(&format!("jwt, remember: {remember}"), |b| {
            b.iter(|| {
                let target = ("/orders/7", None, "shop.example");
                let mut exchange =
                    Exchange::new(view, target, Framing::None, client, local.clock.now(), &local);
                assert!(matches!(step.enter(black_box(&mut exchange)), Verdict::Proceed(_)));
            });
        });
    }
}

criterion_group!(benches, access, token);
criterion_main!(benches);
