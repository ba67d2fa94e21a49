//! `sekisho plan`: what each route does, and what becomes of one request.

use super::Folder;

const YAML: &str = "\
services:
  orders: { endpoints: ['http://127.0.0.1:4001'] }
policies:
  cors: { origins: ['https://shop.example'], mode: shadow }
routes:
  - path: /orders/*
    service: orders
    public: true
    routes:
      - { path: '/orders/{id}', methods: [GET], service: orders, policies: { cors: off }, timeout: 2s }
  - { path: /old, redirect: { to: /new } }
  - { path: /only, hosts: [shop.example], respond: hi }
";

fn folder() -> Folder {
    Folder::new(&[("sekisho.yaml", YAML)])
}

#[test]
fn every_route_is_shown_with_its_steps() {
    let said = folder().ask(&["plan"]);
    assert_eq!((said.code, said.err.len()), (Some(0), 0), "{said:?}");
    let text = said.out.join("\n");
    for part in [
        "/orders/*  (any method)\n  request_id → access_log → cors (shadow) → body_limit → service orders\n  sekisho.yaml:6:5",
        "/orders/{id}  (GET)\n  request_id → access_log → body_limit → service orders, within 2s\n  sekisho.yaml:10:9",
        "→ redirect 308",
        "/only  (any method, on shop.example)\n",
        "no route\n  request_id → access_log → cors (shadow) → body_limit → 404",
    ] {
        assert!(text.contains(part), "{part}\nin\n{text}");
    }
}

#[test]
fn programs_get_the_plans_as_json() {
    let plans = folder().ask(&["plan", "--format", "json"]).json();
    let routes = plans["routes"].as_array().unwrap();
    assert_eq!(routes.len(), 4);
    let one = routes.iter().find(|route| route["path"] == "/orders/{id}").unwrap();
    let policies: Vec<_> =
        one["policies"].as_array().unwrap().iter().map(|step| step["policy"].as_str().unwrap()).collect();
    assert_eq!(policies, ["request_id", "access_log", "body_limit"]);
    assert_eq!((&one["timeout_ms"], &one["target"]["name"]), (&2_000.into(), &"orders".into()));
    let above = routes.iter().find(|route| route["path"] == "/orders/*").unwrap();
    assert_eq!(
        (&above["policies"][2]["policy"], &above["policies"][2]["mode"]),
        (&"cors".into(), &"shadow".into())
    );
}

#[test]
fn one_request_is_followed_to_its_target() {
    for (arguments, code, parts) in [
        (
            &["GET", "/orders/7?x=1"][..],
            0,
            &["GET /orders/7", "taken by /orders/{id}", "id = 7", "service orders"][..],
        ),
        (&["POST", "/orders/7"], 0, &["taken by /orders/*", "cors (shadow)", "not taken by", "/orders/{id}"]),
        (&["GET", "/orders//%37"], 0, &["GET /orders/7", "taken by /orders/{id}"]),
        (&["GET", "/nothing"], 1, &["no route: 404"]),
        (&["GET", "/only"], 1, &["no route: 404", "/only"]),
        (&["GET", "/only", "-H", "Host: shop.example"], 0, &["taken by /only", "respond 200"]),
        (&["GET", "http://shop.example/only"], 0, &["taken by /only"]),
        (&["GET", "/orders/a%2Fb"], 1, &["refused with 400"]),
        (&["DELETE", "/old"], 0, &["redirect 308"]),
    ] {
        let said = folder().ask(&[&["plan"], arguments].concat());
        assert_eq!((said.code, said.err.len()), (Some(code), 0), "{arguments:?}: {said:?}");
        let text = said.out.join("\n");
        for part in parts {
            assert!(text.contains(part), "{arguments:?}: {part}\nin\n{text}");
        }
    }
}

#[test]
fn one_request_is_followed_in_json() {
    let said = folder().ask(&["plan", "GET", "/orders/7", "--format", "json"]);
    let explained = said.json();
    assert_eq!((&explained["method"], &explained["path"]), (&"GET".into(), &"/orders/7".into()));
    assert_eq!(
        (&explained["outcome"]["kind"], &explained["outcome"]["path"]),
        (&"route".into(), &"/orders/{id}".into())
    );
    assert_eq!(explained["outcome"]["params"][0]["value"], "7");
}

#[test]
fn what_could_not_be_sent_is_2() {
    for arguments in [&["GET", "nothing"][..], &["GE T", "/"], &["GET", "/a b"]] {
        let said = folder().ask(&[&["plan"], arguments].concat());
        assert_eq!((said.code, said.out.len(), said.err.len()), (Some(2), 0, 1), "{arguments:?}: {said:?}");
    }
}

#[test]
fn a_bad_configuration_has_no_plan() {
    let folder = Folder::new(&[("sekisho.yaml", "routes:\n  - { path: /, servce: a }\n")]);
    let said = folder.ask(&["plan"]);
    assert_eq!((said.code, said.out.len()), (Some(1), 0), "{said:?}");
    assert!(said.err[0].starts_with("sekisho.yaml:2:16: error: "), "{said:?}");
}
