//! Finding a route: few routes, many, and many of one pattern; and laying many out.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sekisho_gateway::compile::{Carry, Source, compile};
use sekisho_gateway::route::{Ask, Entry, Lead, MethodSet, Methods, Router};
use sekisho_units::{HostPattern, Pattern};
use sekisho_wire::HeadBuf;

fn entry(plan: usize, pattern: &str) -> Entry {
    let pattern = Pattern::parse(pattern).expect("a pattern");
    Entry { plan, pattern, hosts: Vec::new(), methods: Methods::Any, headers: Vec::new(), lead: Lead::None }
}

/// Routes as a gateway has them: `count` services with a prefix each, and a few of each other kind.
fn routes(count: usize) -> Router {
    let mut entries: Vec<_> =
        (0..count - 3).map(|plan| entry(plan, &format!("/api/service-{plan}/*"))).collect();
    entries.push(entry(count - 3, "/health"));
    entries.push(entry(count - 2, "/api/orders/{order}/items/{item}"));
    entries.push(Entry {
        methods: Methods::Listed(MethodSet::of(["GET", "POST"])),
        ..entry(count - 1, "/graphql")
    });
    Router::new(entries)
}

fn find(c: &mut Criterion, name: &str, router: &Router, path: &str, host: &str) {
    let mut head = HeadBuf::default();
    head.request(b"GET", path.as_bytes()).expect("a target");
    let ask = Ask::new(head.view(), path, host);
    c.bench_function(name, |b| b.iter(|| router.find(black_box(&ask))));
}

fn benches(c: &mut Criterion) {
    let (ten, many) = (routes(10), routes(10_000));
    find(c, "10 routes, prefix", &ten, "/api/service-3/orders/17", "shop.example.com");
    find(c, "10 routes, two parameters", &ten, "/api/orders/17/items/3", "shop.example.com");
    find(c, "10 routes, exact, methods", &ten, "/graphql", "shop.example.com");
    find(c, "10 routes, none", &ten, "/favicon.ico", "shop.example.com");
    find(c, "10000 routes, prefix", &many, "/api/service-7777/orders/17", "shop.example.com");
    find(c, "10000 routes, two parameters", &many, "/api/orders/17/items/3", "shop.example.com");
    let hosts = (0..10_000).map(|plan| Entry {
        hosts: vec![HostPattern::parse(&format!("shop-{plan}.example.com")).expect("a host")],
        ..entry(plan, "/*")
    });
    let hosts = Router::new(hosts.collect());
    find(c, "10000 hosts of one pattern", &hosts, "/orders/17", "shop-7777.example.com");
}

fn compiling(c: &mut Criterion) {
    for count in [1_000, 10_000] {
        let text = document(count);
        let source = Source {
            name: "bench.yaml",
            text: &text,
            env: &|_| None,
            read_file: &|_| Ok(String::new()),
            folder: std::path::Path::new(""),
        };
        let mut group = c.benchmark_group("compile");
        group.sample_size(10);
        group.bench_function(format!("{count} routes"), |b| b.iter(|| compile(&source, &Carry::default())));
        group.finish();
    }
}

fn document(count: usize) -> String {
    let mut text = String::from(
        "workers: 4\nservices: { orders: { endpoints: [http://127.0.0.1:4001] } }\npolicies: { security_headers: on }\nroutes:\n",
    );
    for index in 0..count {
        text += &format!(
            "  - path: /api/r{index}/{{id}}\n    methods: [GET, POST]\n    service: orders\n    public: true\n"
        );
        if index % 10 == 0 {
            text += "    policies: { rewrite: { strip_prefix: /api } }\n";
        }
    }
    text
}

criterion_group!(all, benches, compiling);
criterion_main!(all);
