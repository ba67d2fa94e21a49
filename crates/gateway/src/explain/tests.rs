//! What people and programs read of a site.

use serde_json::json;

use super::*;
use crate::Site;
use crate::compile::{Parts, Source, compile};

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
    let source = Source { name: "shop.yaml", text, env: &|_| None, read_file: &|_| Ok(String::new()) };
    let (site, problems) = compile(&source, &Parts::default());
    site.unwrap_or_else(|| panic!("{problems}"))
}

fn explained(method: &str, target: &str, headers: &[(&str, &str)]) -> Explanation {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    explain(&site(SHOP), method, target, &headers).unwrap()
}

#[test]
fn plans_print_each_route_with_its_steps_in_walking_order() {
    println!("{}", plans(&site(SHOP)));
    println!("{:#}", json!(plans(&site(SHOP)))["routes"][0]);
}

#[test]
fn a_request_is_explained_with_its_route_and_those_that_came_near() {
    println!("{}", explained("GET", "http://shop.test/api/orders/7?a=b", &[]));
    println!("{}", explained("DELETE", "http://shop.test/api/orders/7", &[]));
    println!("{}", explained("GET", "http://shop.test/api/orders/7", &[("X-Beta", "1")]));
    println!("{}", explained("GET", "/api/orders/7", &[("Host", "other.test")]));
    println!("{}", explained("GET", "http://shop.test/api/orders/a%2Fb", &[]));
    println!("{}", explained("GET", "http://shop.test/old/", &[]));
    println!("{}", json!(explained("GET", "http://shop.test/old/", &[])));
}
