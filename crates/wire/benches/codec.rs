//! What the codec costs for each message: parsing heads, checking them, copying them with edits, paths.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sekisho_wire::{
    Blob, Edits, Head, Known, Limits, Method, Parsed, PathRules, check_request, check_response, hop_by_hop,
    normalise, parse_request, parse_response,
};

const SMALL: &[u8] = b"GET /api/orders/42 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: wrk/4\r\n\
    Accept: */*\r\nAuthorization: Bearer abc.def.ghi\r\n\r\n";

const BROWSER: &[u8] = b"GET /api/products?page=2&sort=price HTTP/1.1\r\nHost: shop.example\r\n\
    Connection: keep-alive\r\nsec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
    Referer: https://shop.example/products\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";

const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n\
    Content-Length: 1024\r\nServer: orders/3\r\nX-Powered-By: Express\r\nConnection: keep-alive\r\n\r\n";

fn requests(c: &mut Criterion) {
    let limits = Limits::default();
    let mut group = c.benchmark_group("request");
    for (name, bytes) in [("small", SMALL), ("browser", BROWSER)] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let mut head = Head::default();
        group.bench_function(format!("parse {name}"), |b| {
            b.iter(|| parse_request(black_box(bytes), &mut head, &limits));
        });
        group.bench_function(format!("check {name}"), |b| {
            b.iter(|| check_request(black_box(head.view(bytes))));
        });
    }
    group.finish();
}

fn responses(c: &mut Criterion) {
    let limits = Limits::default();
    let mut head = Head::default();
    let mut group = c.benchmark_group("response");
    group.bench_function("parse", |b| b.iter(|| parse_response(black_box(RESPONSE), &mut head, &limits)));
    group.bench_function("check", |b| {
        b.iter(|| check_response(black_box(head.view(RESPONSE)), Method::Get));
    });
    let security = Blob::new(&[
        ("Content-Security-Policy", "default-src 'self'"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Origin-Agent-Cluster", "?1"),
        ("Referrer-Policy", "no-referrer"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "SAMEORIGIN"),
    ])
    .expect("the fields are well-formed");
    let (mut edits, mut out) = (Edits::default(), Vec::new());
    group.bench_function("write with edits", |b| {
        b.iter(|| {
            let view = black_box(head.view(RESPONSE));
            edits.clear();
            edits.apply(&security);
            edits.remove(Known::Server);
            edits.remove(Known::XPoweredBy);
            edits.set(Known::XRequestId, b"0190e1a0-0000-7000-8000-000000000000").expect("a good value");
            out.clear();
            edits.write(view, hop_by_hop(view), &mut out);
            black_box(out.len())
        });
    });
    group.finish();
}

fn request_edits(c: &mut Criterion) {
    let limits = Limits::default();
    let mut group = c.benchmark_group("request");
    for (name, bytes) in [("small", SMALL), ("browser", BROWSER)] {
        let mut head = Head::default();
        assert_eq!(parse_request(bytes, &mut head, &limits), Ok(Parsed::Complete(bytes.len())));
        let (mut edits, mut out) = (Edits::default(), Vec::new());
        group.bench_function(format!("write {name} with edits"), |b| {
            b.iter(|| {
                let view = black_box(head.view(bytes));
                edits.clear();
                edits.set(Known::Host, b"10.0.0.7:8080").expect("a good value");
                edits.set(Known::XRequestId, b"0190e1a0-0000-7000-8000-000000000000").expect("a good value");
                edits.set(Known::XForwardedFor, b"192.0.2.1").expect("a good value");
                edits.set(Known::XUserId, b"42").expect("a good value");
                out.clear();
                edits.write(view, hop_by_hop(view), &mut out);
                black_box(out.len())
            });
        });
    }
    group.finish();
}

fn paths(c: &mut Criterion) {
    let mut scratch = String::new();
    let mut group = c.benchmark_group("path");
    for (name, target) in [
        ("plain", &b"/api/orders/42?expand=items"[..]),
        ("dirty", b"/api//%6frders/./x/../%e4%b8%ad?expand=items"),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| normalise(black_box(target), PathRules::default(), &mut scratch).map(|n| n.path.len()));
        });
    }
    let names: Vec<_> = Known::all().map(Known::name).collect();
    group.bench_function("all known names", |b| {
        b.iter(|| names.iter().filter(|n| Known::of(black_box(n.as_bytes())) != Known::Unknown).count());
    });
    group.finish();
}

criterion_group!(benches, requests, responses, request_edits, paths);
criterion_main!(benches);
