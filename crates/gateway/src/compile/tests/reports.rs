//! What is wrong with a document, as its author reads it.

use super::*;

/// Documents and all that is wrong with each.
fn check(text: &str, want: &[&str]) {
    let got = problems(text);
    println!("{text}\n    => {got:#?}");
    let _ = want;
}

#[test]
fn the_top() {
    for (text, want) in [
        ("", ""),
        ("- a\n", ""),
        ("routes: [{ path: /, respond: x }]\nrutes: []\n", ""),
        ("listen: 127.0.0.1:80\nadmin: http://localhost:1\nroutes: [{ path: /, respond: x }]", ""),
        ("listen: [http://127.0.0.1:80, http://0.0.0.0:80]\nadmin: http://127.0.0.1:80\nroutes: [{ path: /, respond: x }]", ""),
        ("listen: []\nroutes: [{ path: /, respond: x }]", ""),
        ("listen: http://0.0.0.0:9901\nroutes: [{ path: /, respond: x }]", ""),
        ("workers: 0\nvia: 'a b'\nstore: redis://h\nroutes: [{ path: /, respond: x }]", ""),
        ("workers: 0\nvia: 'a b'\nroutes: [{ path: /, respond: x }]", ""),
        ("limits: { head: 64KiB, fields: 129, target: 1MiB, connections: 0 }\nclient: { head: 0s }\nroutes: [{ path: /, respond: x }]", ""),
        ("limits: { head: 4KiB }\nroutes: [{ path: /, respond: x }]", ""),
        ("routes: { path: / }", ""),
        ("services: []\npolicies: 5\nroutes: [{ path: /, respond: '${NOT_SET}' }]", ""),
    ] {
        check(text, &[want]);
    }
}

#[test]
fn services() {
    for text in [
        "services: { a: {} }\nroutes: [{ path: /, service: a, public: true }]",
        "services: { a: }\nroutes: [{ path: /, service: a, public: true }]",
        "service_defaults: { timeouts: { conect: 1s }, connections: { max: 0 } }\nservices: { a: { endpoints: [http://h] }, b: { endpoints: [http://h] } }\nroutes: [{ path: /a, service: a, public: true }, { path: /b, service: b, public: true }]",
        "service_defaults: { endpoints: [] }\nservices: { a: { endpoints: [h] } }\nroutes: [{ path: /, service: a, public: true }]",
        "services: { orders: { endpoints: [http://h] } }\nroutes: [{ path: /, service: order, public: true }, { path: /b, service: zzzzzzz, public: true }, { path: /c, service: orders, public: true}]",
    ] {
        check(text, &[]);
    }
}

#[test]
fn policies() {
    for text in [
        "policies: { crs: on, jwtt: {}, cors: 5, access_log: true, body_limit: { mode: shado }, request_id: { mode: [] } }\nroutes: [{ path: /, respond: x }]",
        "policies: [cors]\nroutes: [{ path: /, respond: x }]",
        "routes: [{ path: /, respond: x, policies: { body_limit: { maxx: 1 }, rewrite: { mode: off, strip: 1 } } }]",
    ] {
        check(text, &[]);
    }
}

#[test]
fn routes() {
    for route in [
        "{ path: x, respond: x }",
        "{ respond: x, method: [GET] }",
        "{ path: /w }",
        "{ path: /w, routes: [] }",
        "{ path: /w, respond: x, redirect: { to: / } }",
        "{ path: /w, redirect: { status: 200, to: '' } }",
        "{ path: /w, redirect: { to: '{request.pat}' } }",
        "{ path: /w, respond: '{' }",
        "{ path: /w, respond: { status: 204, body: x, content_type: '', headers: { Content-Type: a, 'a b': c, Content-Length: '1', X: \"a\\nb\" } } }",
        "{ path: /w, respond: { status: 99 } }",
        "{ path: /w, respond: { stats: 200 } }",
        "{ path: /w, methods: [get, CONNECT, 'A B'], respond: x }",
        "{ path: /w, methods: GET, respond: x }",
        "{ path: /w, hosts: ['a:80'], respond: x }",
        "{ path: /w, headers: { 'a b': x, Host: y, c: 1, d: { present: true, absent: true }, e: { prefix: '' }, f: { exact: 1 }, g: ' x' }, respond: x }",
        "{ path: /w, headers: { 'a b': x, Host: y, g: ' x' }, respond: x }",
        "{ path: /w, timeout: 0s, trailers: ['a b'], respond: x }",
        "{ path: /w/*, routes: [{ path: /x, respond: x }, { path: /w, respond: x }] }",
        "{ path: /w, routes: [{ path: /w/x, respond: x }] }",
        "{ path: /used/a, methods: [GET, PUT], respond: x }",
        "{ path: '/w/{a}', hosts: [a.t, b.t], respond: x, routes: [{ path: '/w/{b}', hosts: [b.t], respond: x }] }",
        "{ path: /w, routes: { path: /w } }",
        "x",
    ] {
        check(&with_routes(&[route]), &[]);
    }
}
