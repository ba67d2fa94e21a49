//! How much is stored, and for how long.

use super::{answer, ask, counting, fresh, get, until_word, word};
use crate::framing::gateway;
use crate::harness::{Gateway, pattern};

#[test]
fn memory_is_bounded_and_what_is_asked_for_often_stays() {
    let body = pattern(100_000);
    let service = counting(move |_, _| fresh(&body));
    let gateway = gateway(&service, ", policies: { cache: { max: 8MiB, max_body: 1MiB } }", "");
    let mut client = gateway.connect();
    let mut hits = 0;
    for number in 0..1_000 {
        for path in [format!("/{number}"), "/wanted".to_owned()] {
            client.send(get(&path, ""));
            let answer = client.answer();
            assert_eq!(answer.body.len(), 100_000);
            hits += usize::from(word(&answer) == "HIT");
        }
        if number % 100 == 99 {
            let bytes = gateway.metric("gateway_cache_bytes ");
            assert!(bytes <= gateway.metric("gateway_cache_bytes_max "), "{bytes}");
        }
    }
    assert!(hits > 900, "{hits} of 1000");
    assert!((8_000_000.0..=8_500_000.0).contains(&gateway.metric("gateway_cache_bytes_max ")));
    assert!(gateway.metric("gateway_cache_bytes ") > 6e6, "and it is used");
    assert!((60.0..90.0).contains(&gateway.metric("gateway_cache_keys ")));
}

#[test]
fn what_is_stored_outlives_a_reload() {
    let service = counting(|times, _| fresh(times.to_string()));
    let config = |ttl: &str| {
        format!(
            "services: {{ a: {{ endpoints: [{}] }} }}\nroutes: [{{ path: /*, service: a, policies: {{ cache: {{ ttl: {ttl} }} }} }}]",
            service.url()
        )
    };
    let gateway = Gateway::start(&config("1m"));
    assert_eq!(word(&ask(&gateway, &get("/", ""))), "MISS");
    until_word(&gateway, &get("/", ""), "HIT");
    gateway.reconfigure(&config("2m"));
    assert_eq!(word(&ask(&gateway, &get("/", ""))), "HIT");
}

#[test]
fn one_that_varies_by_what_all_send_otherwise_keeps_few_variants() {
    let service = counting(|_, _| answer("Cache-Control: max-age=60\r\nVary: User-Agent\r\n", "x"));
    let gateway = gateway(&service, ", policies: { cache: {} }", "");
    let mut client = gateway.connect();
    let mut ask = |number: usize| {
        client.send(get("/", &format!("User-Agent: {number}\r\n")));
        word(&client.answer()).to_owned()
    };
    for number in 0..100 {
        assert_eq!(ask(number), "MISS");
    }
    // What came last is stored a moment after it was sent.
    for number in (85..99).rev() {
        assert_eq!(ask(number), "HIT", "{number}");
    }
    assert_eq!(ask(0), "MISS");
    assert_eq!(gateway.metric("gateway_cache_keys "), 1.0);
}
