//! Every row of the contract for 429, whole; and what is told on answers that pass.

use serde_json::json;

use super::{config, from, gateway, told};
use crate::access::api_key::hash;
use crate::access::{assert_problem, decided};
use crate::harness::{Gateway, Service};

/// The key `k-NAME` is the user NAME; ada's tier is premium.
fn keys() -> String {
    let key =
        |id: &str, more: &str| format!("{{ id: {id}, hash: 'sha256:{}'{more} }}", hash(&format!("k-{id}")));
    format!("api_key: {{ keys: [{}, {}] }}", key("ada", ", tier: premium"), key("bob", ""))
}

#[test]
fn an_address_over_its_limit_is_told_all_that_the_contract_says() {
    let service = Service::echo();
    let gateway = gateway(&service, "rate_limit: { rate: 1/15m, algorithm: fixed_window }", "");
    let passed = gateway.get("/");
    assert_eq!(passed.status, 200);
    assert_eq!(
        told(&passed),
        [
            "RateLimit-Limit: 1",
            "RateLimit-Remaining: 0",
            "RateLimit-Reset: 900",
            "RateLimit-Policy: \"rate_limit\";q=1;w=900",
            "RateLimit: \"rate_limit\";r=0;t=900",
        ]
    );
    let refused = gateway.get("/");
    let want = (429, "RATE_LIMITED", "Too many requests from this IP");
    let problem = assert_problem(&refused, want, &["retryAfter"]);
    assert_eq!(
        (&problem["retryAfter"], &problem["title"]),
        (&"15 minutes".into(), &"Too Many Requests".into())
    );
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((880..=900).contains(&seconds), "{seconds}");
    let all = told(&refused);
    assert!(all.contains(&format!("RateLimit-Reset: {seconds}")), "{all:?}");
    assert!(all.contains(&format!("RateLimit: \"rate_limit\";r=0;t={seconds}")), "{all:?}");
    assert_eq!(all.len(), 5, "each once: {all:?}");
    assert_eq!(decided(&gateway, &refused), ("rate_limit".to_owned(), "over_the_limit".to_owned()));
    assert_eq!(service.requests(), 1);
    let labels =
        |decision| [("route", "/*"), ("policy", "rate_limit"), ("mode", "enforce"), ("decision", decision)];
    gateway.wait_metric("gateway_policy_decisions_total", &labels("proceeded"), 1.0);
    gateway.wait_metric("gateway_policy_decisions_total", &labels("answered"), 1.0);
}

#[test]
fn a_user_over_the_quota_is_told_all_that_the_contract_says() {
    let service = Service::echo();
    let policies =
        format!("{}, quota: {{ rate: 1/15m, tiers: {{ premium: 2/h }}, algorithm: fixed_window }}", keys());
    let gateway = gateway(&service, &policies, "");
    let get = |ip: &str, name: &str| from(&gateway, ip, "/", &format!("X-API-Key: k-{name}\r\n"));
    assert_eq!(get("127.0.0.1", "bob").status, 200);
    let refused = get("127.0.0.2", "bob");
    let problem =
        assert_problem(&refused, (429, "RATE_LIMITED", "Too many requests for this user"), &["retryAfter"]);
    assert_eq!(problem["retryAfter"], "15 minutes");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((880..=900).contains(&seconds), "{seconds}");
    assert_eq!(
        told(&refused),
        [
            "RateLimit-Limit: 1".to_owned(),
            "RateLimit-Remaining: 0".to_owned(),
            format!("RateLimit-Reset: {seconds}"),
            "RateLimit-Policy: \"quota\";q=1;w=900".to_owned(),
            format!("RateLimit: \"quota\";r=0;t={seconds}"),
        ]
    );
    assert_eq!(decided(&gateway, &refused), ("quota".to_owned(), "over_the_limit".to_owned()));
    let statuses = [get("127.0.0.1", "ada"), get("127.0.0.2", "ada"), get("127.0.0.1", "ada")]
        .map(|answer| answer.status);
    assert_eq!(statuses, [200, 200, 429], "the tier has a rate of its own");
    assert_eq!(get("127.0.0.1", "ada").json()["retryAfter"], "1 hour");
    assert_eq!(get("127.0.0.1", "eve").status, 401, "who is not let in costs nobody anything");
}

#[test]
fn an_address_is_limited_before_it_is_known_who_it_is_and_a_user_after() {
    let service = Service::echo();
    let policies = format!(
        "rate_limit: {{ rate: 4/h, algorithm: fixed_window }}, {}, quota: {{ rate: 2/h, algorithm: fixed_window }}",
        keys()
    );
    let gateway = gateway(&service, &policies, "");
    let get = |ip: &str, name: &str| from(&gateway, ip, "/", &format!("X-API-Key: k-{name}\r\n"));
    let first = get("127.0.0.1", "ada");
    assert_eq!(first.status, 200);
    assert_eq!(
        [first.headers_all("ratelimit-limit"), first.headers_all("ratelimit-remaining")],
        [vec!["2"], vec!["1"]],
        "the older draft tells of that of which less is left"
    );
    assert_eq!(first.headers_all("ratelimit-policy"), ["\"rate_limit\";q=4;w=3600", "\"quota\";q=2;w=3600"]);
    assert_eq!(first.headers_all("ratelimit"), ["\"rate_limit\";r=3;t=3600", "\"quota\";r=1;t=3600"]);
    assert_eq!(get("127.0.0.1", "wrong").status, 401, "a guess counts for the address");
    assert_eq!(get("127.0.0.1", "ada").status, 200);
    let over = get("127.0.0.1", "ada");
    assert_eq!(over.json()["error"], "Too many requests for this user");
    assert_eq!(over.headers_all("ratelimit").len(), 2);
    let crowded = get("127.0.0.1", "bob");
    assert_eq!((crowded.status, &crowded.json()["error"]), (429, &"Too many requests from this IP".into()));
    assert_eq!(crowded.headers_all("ratelimit-policy"), ["\"rate_limit\";q=4;w=3600"]);
    assert_eq!(get("127.0.0.2", "bob").status, 200);
}

#[test]
fn what_a_service_tells_of_its_own_limits_gives_way() {
    let service = Service::fixed(
        "HTTP/1.1 200 OK\r\nRateLimit-Limit: 7\r\nRateLimit: theirs\r\nRateLimit-Policy: theirs\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = Gateway::start(&config(&service, "rate_limit: { rate: 5/h }", ""));
    let answer = gateway.get("/");
    assert_eq!(
        (answer.headers_all("ratelimit-limit"), answer.headers_all("ratelimit").len()),
        (vec!["5"], 1)
    );
    gateway.reconfigure(&config(&service, "rate_limit: { rate: 5/h, headers: off }", ""));
    assert_eq!(
        told(&gateway.get("/")),
        ["RateLimit-Limit: 7", "RateLimit: theirs", "RateLimit-Policy: theirs"]
    );
}

#[test]
fn in_shadow_all_pass_untold_and_what_would_be_refused_is_logged_and_counted() {
    let service = Service::echo();
    let gateway = gateway(&service, "rate_limit: { mode: shadow, rate: 1/h }", "");
    for shadowed in [0, 1, 2] {
        let answer = gateway.get("/");
        assert_eq!((answer.status, told(&answer).len()), (200, 0));
        let line = gateway.wait_log_of(&answer);
        let want = json!([{ "policy": "rate_limit", "status": 429, "code": "RATE_LIMITED" }]);
        assert_eq!(line.get("shadow"), (shadowed > 0).then_some(&want), "{line}");
        let labels = [("policy", "rate_limit"), ("mode", "shadow"), ("decision", "shadowed")];
        gateway.wait_metric("gateway_policy_decisions_total", &labels, f64::from(shadowed));
    }
}

#[test]
fn malformed_requests_and_those_without_a_route_count_for_their_address() {
    let service = Service::echo();
    let config = format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\npolicies: {{ rate_limit: {{ rate: 3/h }} }}\n\
         routes: [{{ path: /a, service: a, public: true }}]\n",
        service.url()
    );
    let gateway = Gateway::start(&config);
    assert_eq!(gateway.get("/nowhere").status, 404);
    assert_eq!(gateway.request("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n").status, 400);
    let statuses =
        [gateway.get("/a"), gateway.get("/a"), gateway.get("/nowhere")].map(|answer| answer.status);
    assert_eq!(statuses, [200, 429, 429]);
}
