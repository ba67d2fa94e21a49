//! `mode: shadow` watches without biting; `off` takes a policy away.

use super::gateway;
use crate::harness::{Gateway, Service};

#[test]
fn a_refusal_in_shadow_passes_and_is_counted_and_logged() {
    let service = Service::echo();
    let gateway = gateway(&service, "body_limit: { mode: shadow, max: 2B }", "");
    let bodies = [
        ("Content-Length: 5\r\n\r\nhello", 1),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 2),
    ];
    for (body, shadowed) in bodies {
        let answer = gateway.request(format!("POST / HTTP/1.1\r\nHost: a\r\n{body}"));
        assert_eq!((answer.status, &answer.json()["body"]), (200, &"hello".into()), "{body:?}");
        let line = gateway.wait_log_of(&answer);
        let want = serde_json::json!([{ "policy": "body_limit", "status": 413, "code": "BODY_TOO_LARGE" }]);
        assert_eq!(
            (&line["shadow"], &line["decided_by"], &line["reason"]),
            (&want, &"service".into(), &"ok".into()),
            "{line}"
        );
        let labels = [("policy", "body_limit"), ("mode", "shadow"), ("decision", "shadowed")];
        gateway.wait_metric("gateway_policy_decisions_total", &labels, f64::from(shadowed));
    }
    let fine = gateway.request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert!(gateway.wait_log_of(&fine).get("shadow").is_none());
}

#[test]
fn a_refusal_that_bites_is_counted_as_answered() {
    let service = Service::echo();
    let gateway = gateway(&service, "body_limit: { max: 2B }", "");
    let labels = [("policy", "body_limit"), ("mode", "enforce"), ("decision", "answered")];
    for (count, body) in [
        (1.0, "Content-Length: 3\r\n\r\nabc"),
        (2.0, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    ] {
        let answer = gateway.request(format!("POST / HTTP/1.1\r\nHost: a\r\n{body}"));
        assert_eq!(answer.status, 413, "{body:?}");
        gateway.wait_metric("gateway_policy_decisions_total", &labels, count);
    }
}

#[test]
fn edits_in_shadow_are_not_applied() {
    let service = Service::echo();
    let policies = "headers: { mode: shadow, request: { set: { X-Team: shop }, remove: [X-Kept] }, response: { set: { X-By: me } } }, \
                    rewrite: { mode: shadow, add_prefix: /v1 }, security_headers: { mode: shadow }, \
                    cors: { mode: shadow, origins: ['*'] }";
    let gateway = gateway(&service, policies, "");
    let answer = gateway.request("GET /x HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\nOrigin: https://b\r\n\r\n");
    let seen = service.last();
    assert_eq!((seen.header("x-team"), seen.header("x-kept"), &seen.target[..]), (None, Some("1"), "/x"));
    for name in ["x-by", "x-frame-options", "access-control-allow-origin", "vary"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[test]
fn a_preflight_in_shadow_reaches_the_service() {
    let service = Service::echo();
    let gateway = gateway(&service, "cors: { mode: shadow, origins: ['*'] }", "");
    let answer = gateway.request(
        "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://b\r\nAccess-Control-Request-Method: GET\r\n\r\n",
    );
    assert_eq!((answer.status, service.requests()), (200, 1));
    assert_eq!(gateway.wait_log_of(&answer)["shadow"][0]["policy"], "cors");
}

#[test]
fn off_takes_an_inherited_policy_away() {
    let service = Service::echo();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         policies: {{ security_headers: on, body_limit: {{ max: 1B }} }}\n\
         routes:\n\
         - {{ path: /on, service: a }}\n\
         - {{ path: /off, service: a, policies: {{ security_headers: off, body_limit: off }} }}\n\
         - {{ path: /mode, service: a, policies: {{ security_headers: {{ mode: off }}, body_limit: {{ mode: off }} }} }}\n",
        service.url()
    ));
    for (path, status, header) in [("/on", 413, Some("nosniff")), ("/off", 200, None), ("/mode", 200, None)] {
        let answer =
            gateway.request(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
        assert_eq!((answer.status, answer.header("x-content-type-options")), (status, header), "{path}");
    }
}

#[test]
fn access_log_and_ids_have_modes_too() {
    let service = Service::echo();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         routes:\n\
         - {{ path: /quiet, service: a, policies: {{ access_log: {{ mode: off }} }} }}\n\
         - {{ path: /plain, service: a, policies: {{ request_id: {{ mode: off }} }} }}\n",
        service.url()
    ));
    gateway.get("/quiet");
    assert_eq!(gateway.get("/plain").header("x-request-id"), None);
    let line = gateway.wait_log(|line| line["event"] == "request_end");
    assert_eq!(line["path"], "/plain", "the only line there is");
}

#[test]
fn a_log_in_shadow_writes_nothing_not_even_that_a_request_came() {
    let service = Service::echo();
    let log = "access_log: { mode: shadow, start: true }";
    let text = format!(
        "services:\n  s: {{ endpoints: ['http://{}'] }}\nroutes:\n  - {{ path: /shadowed, service: s, policies: {{ {log} }} }}\n  \
         - {{ path: /logged, service: s }}\n",
        service.addr
    );
    let gateway = Gateway::start(&text);
    assert_eq!(gateway.get("/shadowed").status, 200);
    let answer = gateway.get("/logged");
    gateway.wait_log_of(&answer);
    assert!(gateway.log_lines().iter().all(|line| line["path"] != "/shadowed"), "{:?}", gateway.log_lines());
}
