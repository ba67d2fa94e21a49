//! What the cache's decisions cost on a request, without looking up and without sending: a hit must not cost more than
//! 150 ns.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sekisho_caching::{Asked, Choice, Key, KeyParts, Policy, Sharing, Stored, Times, admit, shape};
use sekisho_units::Wall;
use sekisho_wire::{Edits, HeadBuf};

const NOW: Wall = Wall::from_secs(1_767_225_600);

/// Names and values.
type Fields<'f> = &'f [(&'f str, &'f str)];

/// A browser's request.
fn browser(more: Fields<'_>) -> HeadBuf {
    let mut head = HeadBuf::default();
    head.request(b"GET", b"/api/products?page=2").expect("a good request");
    let usual = [
        ("Host", "shop.example"),
        (
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
        ),
        ("Accept", "application/json, text/plain, */*"),
        ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Referer", "https://shop.example/products"),
        ("Cookie", "session=0123456789abcdef"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-mode", "cors"),
    ];
    for (name, value) in usual.iter().chain(more) {
        head.push(name, value.as_bytes()).expect("a good field");
    }
    head
}

fn answer(fields: Fields<'_>) -> HeadBuf {
    let mut head = HeadBuf::default();
    head.response(200);
    let usual = [
        ("Content-Type", "application/json"),
        ("Date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("ETag", "\"abcdef\""),
    ];
    for (name, value) in usual.iter().chain(fields) {
        head.push(name, value.as_bytes()).expect("a good field");
    }
    head
}

fn stored(request: &HeadBuf, fields: Fields<'_>) -> Stored {
    let times = Times { asked: NOW, received: NOW };
    let head = answer(fields);
    admit(request.view(), &Edits::default(), head.view(), times, Sharing::Everyone, &Policy::default())
        .expect("it may be stored")
}

/// The whole decision for a hit.
fn hit(request: &HeadBuf, stored: &[Stored], policy: &Policy) -> bool {
    let Ok(asked) = Asked::read(request.view(), policy) else { return false };
    match asked.choose(stored, NOW) {
        Choice::Serve { index, .. } => stored
            .get(index)
            .is_some_and(|one| matches!(shape(request.view(), one, 1_024), sekisho_caching::Shape::Whole)),
        _ => false,
    }
}

fn decide(c: &mut Criterion) {
    let policy = Policy::default();
    let fresh = ("Cache-Control", "max-age=600, stale-while-revalidate=60");
    let mut group = c.benchmark_group("cache");
    let cases: [(_, _, Fields<'_>); 4] = [
        ("hit", browser(&[]), &[fresh]),
        ("hit, varying by encoding", browser(&[]), &[fresh, ("Vary", "Accept-Encoding")]),
        (
            "hit, varying by three",
            browser(&[]),
            &[fresh, ("Vary", "Accept-Encoding, Origin, Accept-Language")],
        ),
        ("hit, with directives", browser(&[("Cache-Control", "max-age=60")]), &[fresh]),
    ];
    for (name, request, fields) in &cases {
        let stored = [stored(request, fields)];
        assert!(hit(request, &stored, &policy), "{name}");
        group.bench_function(*name, |b| b.iter(|| hit(black_box(request), black_box(&stored), &policy)));
    }
    let (request, response) = (browser(&[]), answer(&[fresh, ("Vary", "Accept-Encoding")]));
    group.bench_function("admit", |b| {
        let times = Times { asked: NOW, received: NOW };
        let edits = Edits::default();
        b.iter(|| {
            admit(black_box(request.view()), &edits, response.view(), times, Sharing::Everyone, &policy)
        });
    });
    let parts = KeyParts {
        host: b"shop.example",
        path: "/api/products",
        query: Some("page=2"),
        version: Some("v1"),
        user: None,
        more: &[b"catalog", b"shop"],
    };
    group.bench_function("key", |b| b.iter(|| Key::of(black_box(&parts))));
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
