//! Clients come back by a cookie.

use super::{ask, config, gateway, numbered, reached};
use crate::harness::{Gateway, Service};

/// Name and value, and the rest, of the cookie that a client without one is given.
fn given(gateway: &Gateway, lines: &str) -> (String, String, usize) {
    let answer = ask(&mut gateway.connect(), lines);
    let [cookie] = answer.headers_all("set-cookie")[..] else { panic!("{answer:?}") };
    let (pair, rest) = cookie.split_once("; ").unwrap();
    (pair.to_owned(), rest.to_owned(), answer.text().parse().unwrap())
}

#[test]
fn a_client_comes_back_to_the_endpoint_that_it_had() {
    let services = numbered(3);
    let gateway = gateway(&services, "sticky: { cookie: at, ttl: 1h, path: /shop }");
    let (pair, rest, first) = given(&gateway, "");
    assert_eq!(rest, "Path=/shop; Max-Age=3600; HttpOnly; SameSite=Lax");
    let token = pair.strip_prefix("at=").unwrap();
    assert!(token.len() == 16 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    let line = format!("Cookie: other=1; {pair}\r\n");
    for _ in 0..9 {
        let answer = ask(&mut gateway.connect(), &line);
        assert_eq!(answer.text(), first.to_string());
        assert_eq!(answer.header("set-cookie"), None, "it has one already");
    }
    let others: Vec<_> = (0..3).map(|_| given(&gateway, "").2).collect();
    assert!(others.contains(&((first + 1) % 3)), "those without one are spread: {others:?}");
    given(&gateway, "Cookie: at=0123456789abcdef\r\n");
    given(&gateway, "Cookie: at=127.0.0.1\r\n");
}

#[test]
fn one_whose_endpoint_has_gone_gets_another_and_a_new_cookie() {
    let mut services = numbered(3);
    let words = "sticky: { cookie: at, secure: true, same_site: none, secret: hush }";
    let gateway = gateway(&services, words);
    let (pair, rest, first) = given(&gateway, "");
    assert_eq!(rest, "Path=/; HttpOnly; Secure; SameSite=None");
    let line = format!("Cookie: {pair}\r\n");
    let gone = services.remove(first);
    let plain = |_| "weight: 1".to_owned();
    gateway.reconfigure(&config(&services, words, plain));
    let (again, _, second) = given(&gateway, &line);
    assert!(again != pair && second != first);
    let line = format!("Cookie: {again}\r\n");
    let mut client = gateway.connect();
    assert!((0..6).all(|_| reached(&mut client, &line) == second));
    drop(gone);

    // Drained by its weight, it keeps those who were there.
    gateway.reconfigure(&config(&services, words, |number| {
        format!("weight: {}", u8::from(!serves(&services[number], second)))
    }));
    assert!((0..6).all(|_| reached(&mut client, &line) == second));
    assert!((0..6).all(|_| reached(&mut client, "") != second));
}

/// Whether it is the service of this number.
fn serves(service: &Service, number: usize) -> bool {
    let mut client = crate::harness::Client::connect(service.addr);
    reached(&mut client, "") == number
}
