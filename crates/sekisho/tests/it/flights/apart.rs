//! Whose answers are kept apart, and what is left out.

use super::{answer, ask, counting, fresh, get, until_word, word};
use crate::framing::gateway;
use crate::harness::Gateway;

const KEYS: &str =
    "api_key: { keys: [{ id: ann, key: ann-ann-ann-ann-1 }, { id: bob, key: bob-bob-bob-bob-1 }] }";

#[test]
fn known_users_pass_it_by_unless_each_is_to_have_answers_of_its_own() {
    let service = counting(|times, _| fresh(times.to_string()));
    let as_user = |user: &str| get("/me", &format!("X-API-Key: {user}-{user}-{user}-{user}-1\r\n"));
    let alone = gateway(&service, &format!(", policies: {{ cache: {{}}, {KEYS} }}"), "");
    for _ in 0..2 {
        let answer = ask(&alone, &as_user("ann"));
        assert_eq!((answer.status, word(&answer)), (200, "BYPASS"));
        assert_eq!(alone.wait_log_of(&answer)["cacheReason"], "policy");
    }
    let each = gateway(&service, &format!(", policies: {{ cache: {{ authenticated: true }}, {KEYS} }}"), "");
    let (ann, bob) = (ask(&each, &as_user("ann")).text(), ask(&each, &as_user("bob")).text());
    assert_ne!(ann, bob);
    assert_eq!(until_word(&each, &as_user("ann"), "HIT").text(), ann);
    assert_eq!(until_word(&each, &as_user("bob"), "HIT").text(), bob);
    assert_eq!(ask(&each, &get("/me", "")).status, 401, "what is stored is for nobody else");
    assert_eq!(service.requests(), 4);
}

#[test]
fn exceptions_go_by_whole_segments() {
    let service = counting(|times, _| fresh(times.to_string()));
    let gateway = gateway(&service, ", policies: { cache: { except: [/api/pay, /x/] } }", "");
    for (path, want) in [
        ("/api/pay", "BYPASS"),
        ("/api/pay/7?a", "BYPASS"),
        ("/api/payments", "MISS"),
        ("/x/y", "BYPASS"),
        ("/x", "BYPASS"),
        ("/api/%70ay", "BYPASS"),
        ("/api/q/../pay", "BYPASS"),
    ] {
        assert_eq!(word(&ask(&gateway, &get(path, ""))), want, "{path}");
    }
}

#[test]
fn what_is_part_of_the_key_is_the_operators_to_say() {
    let service = counting(|times, _| fresh(times.to_string()));
    let settings = ", policies: { cache: { ignore_query: [utm_*, ref], vary_by: [X-Country] } }";
    let gateway = gateway(&service, settings, "");
    let request = |query: &str, country: &str| get(&format!("/a{query}"), country);
    let one = ask(&gateway, &request("?x=1", "")).text();
    until_word(&gateway, &request("?x=1", ""), "HIT");
    for same in ["?x=1&utm_source=a", "?utm_a=&x=1&ref=7", "?ref&x=1"] {
        assert_eq!(ask(&gateway, &request(same, "")).text(), one, "{same}");
    }
    for other in ["?x=1&refs=7", "?x=1&UTM_a=", "", "?"] {
        assert_ne!(ask(&gateway, &request(other, "")).text(), one, "{other}");
    }
    for country in
        ["X-Country: jp\r\n", "X-Country: de\r\n", "X-Country: \r\n", "X-Country: jp\r\nX-Country: de\r\n"]
    {
        let answer = ask(&gateway, &request("?x=1", country));
        assert_eq!(word(&answer), "MISS", "{country}");
        assert_eq!(until_word(&gateway, &request("?x=1", country), "HIT").text(), answer.text());
    }
}

#[test]
fn routes_and_services_that_share_a_path_do_not_share_answers() {
    let (one, two) = (counting(|_, _| fresh("one")), counting(|_, _| fresh("two")));
    let gateway = Gateway::start(&format!(
        "services: {{ one: {{ endpoints: [{}] }}, two: {{ endpoints: [{}] }} }}\npolicies: {{ cache: {{}} }}\nroutes:\n  \
         - {{ path: /*, service: one }}\n  - {{ path: /*, service: two, headers: {{ X-Beta: yes }} }}\n",
        one.url(),
        two.url()
    ));
    for _ in 0..2 {
        assert_eq!(ask(&gateway, &get("/", "")).text(), "one");
        assert_eq!(ask(&gateway, &get("/", "X-Beta: yes\r\n")).text(), "two");
        until_word(&gateway, &get("/", ""), "HIT");
        until_word(&gateway, &get("/", "X-Beta: yes\r\n"), "HIT");
    }
    assert_eq!((one.requests(), two.requests()), (1, 1));
}

#[test]
fn answers_that_set_cookies_are_stored_as_the_operator_says() {
    for (setting, words, cookies) in
        [("refuse", ["MISS", "MISS"], 1), ("drop", ["MISS", "HIT"], 0), ("keep", ["MISS", "HIT"], 1)]
    {
        let service = counting(|times, _| {
            answer(&format!("Cache-Control: max-age=60\r\nSet-Cookie: id={times}\r\n"), "x")
        });
        let gateway = gateway(&service, &format!(", policies: {{ cache: {{ set_cookie: {setting} }} }}"), "");
        let first = ask(&gateway, &get("/", ""));
        assert_eq!(
            (word(&first), first.header("set-cookie")),
            (words[0], Some("id=1")),
            "it is the first client's"
        );
        let second = until_word(&gateway, &get("/", ""), words[1]);
        assert_eq!(second.headers_all("set-cookie").len(), cookies, "{setting}");
    }
}

#[test]
fn clients_are_told_nothing_where_the_operator_does_not_want_it() {
    let service = counting(|times, _| fresh(times.to_string()));
    let gateway = gateway(&service, ", policies: { cache: { headers: false } }", "");
    let first = ask(&gateway, &get("/", ""));
    let line = gateway.wait_log_of(&first);
    assert_eq!((&line["cache"], &line["cacheReason"]), (&"MISS".into(), &"empty".into()));
    for name in ["x-cache", "x-cache-key", "cache-status"] {
        assert_eq!(first.header(name), None);
    }
}
