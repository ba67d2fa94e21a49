//! What people and programs read of a site.

use serde_json::json;

use super::*;
use crate::Site;
use crate::compile::{Carry, Source, compile};

const SHOP: &str = "services:
  orders: { endpoints: [http://127.0.0.1:1] }
  users: { endpoints: [http://127.0.0.1:2] }
routes:
  - path: /api/*
    hosts: [shop.test]
    timeout: 30s
    public: true
    policies: { access_log: off, body_limit: { max: 1KiB, mode: shadow } }
    routes:
      - { path: /api/*, service: users }
      - { path: '/api/orders/{id}', methods: [GET, POST], service: orders }
      - { path: '/api/orders/{id}', methods: [GET], headers: { x-beta: '1' }, service: users }
      - { path: /api/orders/new/form, methods: [GET], respond: form }
  - { path: /old, redirect: { to: / } }
";

fn site(text: &str) -> Site {
    let source = Source {
        name: "shop.yaml",
        text,
        env: &|_| None,
        read_file: &|_| Ok(String::new()),
        folder: std::path::Path::new(""),
    };
    let (site, problems) = compile(&source, &Carry::default());
    site.unwrap_or_else(|| panic!("{problems}"))
}

fn explained(method: &str, target: &str, headers: &[(&str, &str)]) -> Explanation {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    explain(&site(SHOP), method, target, &headers).unwrap()
}

#[test]
fn plans_print_each_route_with_its_steps_in_walking_order() {
    let want = "\
/api/*  (any method, on shop.test)
\x20 request_id → body_limit (shadow) → service users, within 30s
\x20 shop.yaml:11:9

/api/orders/new/form  (GET, on shop.test)
\x20 request_id → body_limit (shadow) → respond 200, within 30s
\x20 shop.yaml:14:9

/api/orders/{id}  (GET POST, on shop.test)
\x20 request_id → body_limit (shadow) → service orders, within 30s
\x20 shop.yaml:12:9

/api/orders/{id}  (GET, on shop.test, where x-beta is `1`)
\x20 request_id → body_limit (shadow) → service users, within 30s
\x20 shop.yaml:13:9

/old  (any method)
\x20 request_id → access_log → body_limit → redirect 308
\x20 shop.yaml:15:5

no route
\x20 request_id → access_log → body_limit → 404";
    assert_eq!(plans(&site(SHOP)).to_string(), want);
}

#[test]
fn plans_show_what_may_be_switched_to_where_it_is_not_the_usual() {
    let site = site(
        "services: { a: { endpoints: [http://127.0.0.1:1] } }
policies: { access_log: off, body_limit: off }
routes:
  - { path: /a, methods: [GET], service: a, upgrade: [chat, websocket] }
  - { path: /b, methods: [GET], service: a, upgrade: off, timeout: 1s }
  - { path: /c, methods: [GET], service: a, upgrade: [websocket] }
  - { path: /d, methods: [GET], respond: d, upgrade: off }
",
    );
    let text = plans(&site).to_string();
    for line in [
        "  request_id → service a, upgrade to chat or websocket\n",
        "  request_id → service a, within 1s, no upgrade\n",
        "  request_id → service a\n",
        "  request_id → respond 200\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let routes = &json!(plans(&site))["routes"];
    assert_eq!((&routes[0]["upgrade"], &routes[1]["upgrade"]), (&json!(["chat", "websocket"]), &json!([])));
    assert!(routes[2]["upgrade"].is_null() && routes[3]["upgrade"].is_null());
}

#[test]
fn plans_are_data() {
    let want = json!({
        "path": "/api/*",
        "hosts": ["shop.test"],
        "methods": [],
        "headers": [],
        "policies": [{ "policy": "request_id", "mode": "enforce" }, { "policy": "body_limit", "mode": "shadow" }],
        "target": { "kind": "service", "name": "users" },
        "timeout_ms": 30_000,
        "place": "shop.yaml:11:9",
    });
    assert_eq!(json!(plans(&site(SHOP)))["routes"][0], want);
}

#[test]
fn a_request_is_explained_with_its_route_and_those_that_came_near() {
    for ((method, target, headers), want) in [
        (
            ("GET", "http://shop.test/api/orders/7?a=b", &[][..]),
            "\
GET /api/orders/7 on shop.test
taken by /api/orders/{id}  (GET POST, on shop.test; shop.yaml:12:9)
\x20 id = 7
\x20 request_id → body_limit (shadow) → service orders
not taken by
\x20 /api/orders/{id}      header: asks that x-beta is `1`  (shop.yaml:13:9)
\x20 /api/*                less specific than /api/orders/{id}  (shop.yaml:11:9)
\x20 /api/orders/new/form  path: segment 3 is `7`, not `new`  (shop.yaml:14:9)",
        ),
        (
            ("DELETE", "http://shop.test/api/orders/7", &[]),
            "\
DELETE /api/orders/7 on shop.test
taken by /api/*  (any method, on shop.test; shop.yaml:11:9)
\x20 request_id → body_limit (shadow) → service users
not taken by
\x20 /api/orders/{id}      method: DELETE is not among GET, POST  (shop.yaml:12:9)
\x20 /api/orders/{id}      header: asks that x-beta is `1`  (shop.yaml:13:9)
\x20 /api/orders/new/form  path: segment 3 is `7`, not `new`  (shop.yaml:14:9)",
        ),
        (
            ("GET", "http://shop.test/api/orders/7", &[("X-Beta", "1")]),
            "\
GET /api/orders/7 on shop.test
taken by /api/orders/{id}  (GET, on shop.test, where x-beta is `1`; shop.yaml:13:9)
\x20 id = 7
\x20 request_id → body_limit (shadow) → service users
not taken by
\x20 /api/orders/{id}      asks less of the request than /api/orders/{id}  (shop.yaml:12:9)
\x20 /api/*                less specific than /api/orders/{id}  (shop.yaml:11:9)
\x20 /api/orders/new/form  path: segment 3 is `7`, not `new`  (shop.yaml:14:9)",
        ),
        (
            ("GET", "/api/orders/7", &[("Host", "other.test")]),
            "\
GET /api/orders/7 on other.test
no route: 404
\x20 request_id → access_log → body_limit → 404
not taken by
\x20 /api/orders/{id}      host: other.test, not shop.test  (shop.yaml:12:9)
\x20 /api/orders/{id}      host: other.test, not shop.test  (shop.yaml:13:9)
\x20 /api/*                host: other.test, not shop.test  (shop.yaml:11:9)
\x20 /api/orders/new/form  path: segment 3 is `7`, not `new`  (shop.yaml:14:9)",
        ),
        (
            ("GET", "http://shop.test/api/orders/a%2Fb", &[]),
            "\
GET /api/orders/a%2Fb on shop.test
refused with 400: the path holds an encoded slash, a backslash or a control character, and /api/orders/{id} (shop.yaml:12:9) does not say `risky_paths: true`
\x20 request_id → body_limit (shadow) → 400
not taken by
\x20 /api/orders/{id}      header: asks that x-beta is `1`  (shop.yaml:13:9)
\x20 /api/*                less specific than /api/orders/{id}  (shop.yaml:11:9)
\x20 /api/orders/new/form  path: segment 3 is `a%2Fb`, not `new`  (shop.yaml:14:9)",
        ),
        (
            ("GET", "http://shop.test/old/", &[]),
            "\
GET /old/ on shop.test
no route: 404
\x20 request_id → access_log → body_limit → 404
not taken by
\x20 /old  path: has a slash at its end  (shop.yaml:15:5)",
        ),
    ] {
        assert_eq!(explained(method, target, headers).to_string(), want);
    }
}

#[test]
fn an_explanation_is_data() {
    let explanation = json!(explained("POST", "http://shop.test/api/orders/7", &[]));
    assert_eq!(explanation["outcome"]["kind"], "route");
    assert_eq!(explanation["outcome"]["path"], "/api/orders/{id}");
    assert_eq!(explanation["outcome"]["params"], json!([{ "name": "id", "value": "7" }]));
    let explanation = json!(explained("GET", "http://shop.test/old/", &[]));
    assert_eq!(explanation["outcome"]["kind"], "no_route");
    let want =
        json!([{ "path": "/old", "place": "shop.yaml:15:5", "reason": "path: has a slash at its end" }]);
    assert_eq!(explanation["passed"], want);
}

#[test]
fn a_method_that_no_route_of_the_path_takes_is_explained() {
    let site = site("routes: [{ path: /a, methods: [GET], respond: x }]");
    let explanation = explain(&site, "POST", "/a", &[]).unwrap().to_string();
    assert!(explanation.contains("refused with 405: the path takes only GET, HEAD"), "{explanation}");
    assert!(explanation.contains("/a  method: POST is not among GET  ("), "{explanation}");
}

#[test]
fn what_could_not_be_sent_is_refused() {
    for (method, target, header, want) in [
        ("G T", "/", ("a", "b"), "`G T` is no method"),
        ("GET", "orders/7", ("a", "b"), "`orders/7` is no request target"),
        ("GET", "http://a b/", ("a", "b"), "`http://a b/` is no request target"),
        ("GET", "/a b", ("a", "b"), "`/a b` is no request target"),
        ("GET", "/../x", ("a", "b"), "the path of `/../x` is refused before any route is looked for: "),
        ("GET", "/", ("a b", "c"), "`a b: c` cannot be sent"),
        ("GET", "/", ("a", "b\n"), "`a: b\n` cannot be sent"),
    ] {
        let headers = [(header.0.to_owned(), header.1.to_owned())];
        let error = explain(&site(SHOP), method, target, &headers).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.starts_with(want)), "{method} {target}: {error:?}");
    }
}

#[test]
fn a_url_names_host_and_path() {
    for (url, want) in [
        ("http://Shop.test:8080/api/x#y", ("Shop.test", "/api/x")),
        ("https://shop.test", ("shop.test", "/")),
        ("http://shop.test?a=b", ("shop.test", "/")),
        ("/api//./x", ("", "/api/x")),
    ] {
        let explanation = explain(&site(SHOP), "GET", url, &[]).unwrap();
        assert_eq!((explanation.host.as_str(), explanation.path.as_str()), want, "{url}");
    }
}
