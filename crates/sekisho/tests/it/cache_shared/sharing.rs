//! What one gateway has fetched is there for the others.

use super::{World, ask, config, counting, hit, stored, word};
use crate::harness::{Client, Gateway, Service, said_of, until};
use crate::redis_server::RedisServer;

#[test]
fn what_one_gateway_has_fetched_the_other_sends_with_its_age_and_without_asking() {
    let world = World::start();
    let body = world.fill("/a?b=c");
    let answer = world.two.get("/a?b=c");
    assert_eq!((word(&answer), answer.text()), ("HIT", body.clone()));
    assert!(answer.header("age").is_some() && answer.header("cache-control").is_some());
    assert_eq!(answer.header("x-cache-key"), world.one.get("/a?b=c").header("x-cache-key"));
    assert_eq!(ask(&world.one, "/a?b=c"), hit(&body));
    assert_eq!(world.service.requests(), 1);
    assert_ne!(ask(&world.two, "/a?b=d"), hit(&body), "another query");
    let log = world.two.wait_log_of(&answer);
    assert_eq!((&log["cache"], &log["cacheReason"]), (&"HIT".into(), &"fresh".into()), "{log}");
}

#[test]
fn parts_conditions_and_heads_are_answered_of_what_is_shared() {
    let service = counting("Cache-Control: max-age=60\r\nETag: \"e\"\r\n");
    let world = World::start_with(service, "5s", "");
    let body = world.fill("/a");
    let ask =
        |line: &str| world.two.request(format!("GET /a HTTP/1.1\r\nHost: gateway.test\r\n{line}\r\n\r\n"));
    assert_eq!(ask("If-None-Match: \"e\"").status, 304);
    let part = ask("Range: bytes=0-0");
    assert_eq!((part.status, part.text()), (206, body[..1].to_owned()));
    let head = world.two.request("HEAD /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    assert_eq!((head.status, word(&head)), (200, "HIT"));
    assert_eq!(world.service.requests(), 1);
}

#[test]
fn variants_lie_side_by_side_for_all() {
    let world =
        World::start_with(counting("Cache-Control: max-age=60\r\nVary: Accept-Language\r\n"), "5s", "");
    let ask = |gateway: &Gateway, language: &str| {
        gateway
            .request(format!("GET /a HTTP/1.1\r\nHost: gateway.test\r\nAccept-Language: {language}\r\n\r\n"))
    };
    let bodies = ["en", "de"].map(|language| {
        let before = stored(&world.one);
        let answer = ask(&world.one, language);
        assert_eq!(word(&answer), "MISS");
        world.one.wait_metric("gateway_cache_fills_total", &[("result", "stored")], before + 1.0);
        answer.text()
    });
    for (language, body) in ["en", "de"].iter().zip(bodies) {
        let answer = ask(&world.two, language);
        assert_eq!((word(&answer), answer.text()), ("HIT", body));
    }
}

#[test]
fn a_stale_answer_is_confirmed_once_for_all() {
    let service = Service::answering(|request| match request.header("if-none-match") {
        Some("\"e\"") => {
            b"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nCache-Control: max-age=60\r\n\r\n".to_vec()
        }
        _ => b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nCache-Control: max-age=0\r\nContent-Length: 3\r\n\r\nold"
            .to_vec(),
    });
    let world = World::start_with(service, "5s", "");
    assert_eq!(ask(&world.one, "/a"), ("MISS".to_owned(), "old".to_owned()));
    world.one.wait_metric("gateway_cache_fills_total", &[("result", "stored")], 1.0);
    assert_eq!(ask(&world.two, "/a"), ("REVALIDATED".to_owned(), "old".to_owned()));
    until("the confirmed one to be there", || (ask(&world.one, "/a") == hit("old")).then_some(()));
}

#[test]
fn many_who_ask_at_once_make_one_request_at_each_gateway_at_most() {
    let world = World::start();
    let mut clients: Vec<Client> =
        (0..200).map(|at| if at % 2 == 0 { world.one.connect() } else { world.two.connect() }).collect();
    for client in &mut clients {
        client.send("GET /a HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    let asked = world.service.requests();
    assert!((1..=2).contains(&asked), "{asked}");
}

#[test]
fn what_is_too_large_for_it_is_sent_whole_and_not_stored() {
    let body = vec![b'x'; 1_500_000];
    let expected = body.clone();
    let service = Service::answering(move |_| {
        let head =
            format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), &body].concat()
    });
    let world = World::start_with(service, "5s", "");
    for _ in 0..2 {
        let answer = world.one.get("/a");
        assert_eq!(word(&answer), "MISS");
        assert!(answer.body == expected);
        let log = world.one.wait_log_of(&answer);
        assert_eq!(log["notStored"], "too-large", "{log}");
    }
}

#[test]
fn users_have_answers_of_their_own_there_too() {
    let (server, service) = (RedisServer::start(), counting("Cache-Control: max-age=60\r\n"));
    let policies = "api_key: { keys: [{ id: ann, key: '0123456789abcdef0123456789abcdef' }, { id: bob, \
                    key: 'fedcba9876543210fedcba9876543210' }] }, cache: { store: redis, authenticated: true }";
    let config = config(&service, &server, "5s", "")
        .replace("public: true, ", "")
        .replace("cache: { store: redis,  }", policies);
    let (one, two) = (Gateway::start(&config), Gateway::start(&config));
    let ask = |gateway: &Gateway, key: &str| {
        gateway.request(format!("GET /me HTTP/1.1\r\nHost: gateway.test\r\nX-API-Key: {key}\r\n\r\n"))
    };
    let (ann, bob) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
    let first = ask(&one, ann);
    assert_eq!((first.status, word(&first)), (200, "MISS"), "{}", first.text());
    one.wait_metric("gateway_cache_fills_total", &[("result", "stored")], 1.0);
    let other = ask(&two, bob);
    assert_eq!(word(&other), "MISS");
    assert_ne!(other.text(), first.text());
    let again = ask(&two, ann);
    assert_eq!((word(&again), again.text()), ("HIT", first.text()));
}

#[test]
fn without_a_store_at_the_top_the_setting_is_refused_with_a_remedy() {
    let (said, fine) = said_of(
        "listen: http://127.0.0.1:0\nservices: { a: { endpoints: [http://127.0.0.1:1] } }\n\
         routes: [{ path: /*, service: a, public: true, policies: { cache: { store: redis } } }]\n",
        &["check"],
    );
    assert!(!fine, "{said}");
    for part in [":3:", "no store is shared", "store: redis://"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
