//! `access_log`: its lines, where they go, and rotation.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::gateway;
use crate::harness::{Gateway, Service, ok, until};

fn members(line: &Value) -> BTreeSet<&str> {
    line.as_object().unwrap().keys().map(String::as_str).collect()
}

const ALWAYS: &[&str] = &[
    "event",
    "timestamp",
    "requestId",
    "correlationId",
    "method",
    "path",
    "statusCode",
    "duration",
    "requestSize",
    "responseSize",
    "ip",
    "attempts",
    "decided_by",
    "reason",
];

#[test]
fn a_line_has_the_members_of_the_contract_and_no_secret() {
    let service = Service::fixed(ok("text/plain", "hello"));
    let gateway = Gateway::start(&format!(
        "services: {{ orders: {{ endpoints: [{}] }} }}\nroutes: [{{ path: '/orders/{{id}}', service: orders }}]\n",
        service.url()
    ));
    let answer = gateway.request(
        "POST /orders/%37?page=2&token=s3cret&Access_Token=s3cret HTTP/1.1\r\nHost: a\r\nUser-Agent: agent/1 \"x\"\r\n\
         Authorization: Bearer s3cret\r\nCookie: s3cret\r\nContent-Length: 3\r\n\r\nabc",
    );
    assert_eq!(answer.status, 200);
    let line = gateway.wait_log_of(&answer);
    let want: BTreeSet<&str> = ALWAYS
        .iter()
        .chain(&["query", "route", "userAgent", "service", "endpoint", "upstreamDuration"])
        .copied()
        .collect();
    assert_eq!(members(&line), want);
    for (member, value) in [
        ("event", "request_end".into()),
        ("correlationId", answer.header("x-correlation-id").into()),
        ("method", "POST".into()),
        ("path", "/orders/7".into()),
        ("query", "page=2&token=***&Access_Token=***".into()),
        ("route", "/orders/{id}".into()),
        ("statusCode", 200.into()),
        ("requestSize", 3.into()),
        ("responseSize", 5.into()),
        ("userAgent", "agent/1 \"x\"".into()),
        ("ip", "127.0.0.1".into()),
        ("service", "orders".into()),
        ("endpoint", service.addr.to_string().into()),
        ("attempts", 1.into()),
        ("decided_by", "service".into()),
        ("reason", "ok".into()),
    ] {
        assert_eq!(line[member], Value::clone(&value), "{member}");
    }
    let (all, upstream) = (line["duration"].as_f64().unwrap(), line["upstreamDuration"].as_f64().unwrap());
    assert!(upstream > 0.0 && all >= upstream && all < 10_000.0, "{line}");
    assert!(!gateway.stdout.all().concat().contains("s3cret"));
}

#[test]
fn whoever_decided_stands_in_the_line() {
    let service = Service::echo();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }}, gone: {{ endpoints: [http://127.0.0.1:1] }} }}\n\
         policies: {{ cors: {{ origins: ['*'] }} }}\n\
         routes:\n\
         - {{ path: /service, service: a }}\n\
         - {{ path: /gone, service: gone }}\n\
         - {{ path: /text, respond: hello }}\n\
         - {{ path: /away, redirect: {{ to: /text }} }}\n\
         - {{ path: /get, methods: [GET], respond: hello }}\n",
        service.url()
    ));
    let preflight = "OPTIONS /service HTTP/1.1\r\nHost: a\r\nOrigin: https://b\r\nAccess-Control-Request-Method: GET\r\n\r\n";
    for (raw, status, by, reason, route) in [
        ("GET /service HTTP/1.1\r\nHost: a\r\n\r\n", 200, "service", "ok", "/service"),
        ("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", 503, "upstream", "", "/gone"),
        ("GET /text HTTP/1.1\r\nHost: a\r\n\r\n", 200, "route", "respond", "/text"),
        ("GET /away HTTP/1.1\r\nHost: a\r\n\r\n", 308, "route", "redirect", "/away"),
        ("POST /get HTTP/1.1\r\nHost: a\r\n\r\n", 405, "router", "method_not_allowed", ""),
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404, "router", "no_route", ""),
        (preflight, 204, "cors", "", "/service"),
        ("GET /x HTTP/1.1\r\n\r\n", 400, "listener", "an HTTP/1.1 request must have a Host field", ""),
    ] {
        let answer = gateway.request(raw);
        assert_eq!(answer.status, status, "{raw:?}");
        let line = gateway.wait_log_of(&answer);
        assert_eq!((&line["statusCode"], &line["decided_by"]), (&status.into(), &by.into()), "{line}");
        assert_eq!(line["route"].as_str().unwrap_or_default(), route, "{line}");
        let said = line["reason"].as_str().unwrap_or_default();
        assert!(if reason.is_empty() { !said.is_empty() } else { said == reason }, "{line}");
    }
}

#[test]
fn the_start_is_logged_where_asked_for() {
    let service = Service::echo();
    let gateway = gateway(&service, "access_log: { start: true }", "");
    let answer = gateway.get("/a?b=c");
    let end = gateway.wait_log_of(&answer);
    let lines = gateway.log_lines();
    let [start, _] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(start["event"], "request_start");
    assert_eq!(
        members(start),
        ["event", "timestamp", "requestId", "correlationId", "method", "path", "query", "route", "ip"].into()
    );
    for member in ["requestId", "correlationId", "method", "path", "query", "route", "ip"] {
        assert_eq!(start[member], end[member], "{member}");
    }
}

#[test]
fn the_log_can_be_switched_off() {
    let service = Service::echo();
    let gateway = Gateway::start(&format!(
        "services: {{ a: {{ endpoints: [{}] }} }}\n\
         routes: [{{ path: /silent, service: a, policies: {{ access_log: off }} }}, {{ path: /loud, service: a }}]\n",
        service.url()
    ));
    gateway.get("/silent");
    let loud = gateway.get("/loud");
    gateway.wait_log_of(&loud);
    assert_eq!(gateway.log_lines().len(), 1);
    gateway.wait_metric("gateway_requests_total", &[("route", "/silent")], 1.0);
}

#[test]
fn the_combined_format_is_that_of_nginx() {
    let service = Service::fixed(ok("text/plain", "hello"));
    let gateway = gateway(&service, "access_log: { format: combined }", "");
    gateway.request("GET /a?b=c HTTP/1.1\r\nHost: a\r\nReferer: https://b/\r\nUser-Agent: x\"y\r\n\r\n");
    let line = gateway.stdout.find(|line| Some(line.to_owned())).unwrap();
    let (before, after) = line.split_once('[').unwrap();
    let (time, after) = after.split_once(']').unwrap();
    assert_eq!(before, "127.0.0.1 - - ");
    let shape: String = time.chars().map(|one| if one.is_ascii_digit() { '0' } else { one }).collect();
    assert!(shape.starts_with("00/") && shape.ends_with("/0000:00:00:00 +0000"), "{time}");
    assert_eq!(after, " \"GET /a?b=c HTTP/1.1\" 200 5 \"https://b/\" \"x\\x22y\"");
}

#[test]
fn a_template_makes_the_line() {
    let service = Service::fixed(ok("text/plain", "hello"));
    let template = "'{client.ip} {request.method} {request.path}{request.?query} {response.status} {response.bytes} {decided_by} {service}'";
    let gateway = gateway(&service, &format!("access_log: {{ format: {template} }}"), "");
    gateway.get("/a?token=x&b=c");
    gateway.get("/b");
    let line = |nth: &str| gateway.stdout.find(|line| line.contains(nth).then(|| line.to_owned())).unwrap();
    assert_eq!(line("/a"), "127.0.0.1 GET /a?token=***&b=c 200 5 service a");
    assert_eq!(line("/b"), "127.0.0.1 GET /b 200 5 service a");
}

#[test]
fn a_file_is_opened_anew_after_a_rotation() {
    let service = Service::echo();
    let gateway = gateway(&service, "access_log: { to: '{DIR}/access.log' }", "");
    let (log, old) = (gateway.dir.join("access.log"), gateway.dir.join("access.log.1"));
    let lines =
        |path| fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
    gateway.get("/before");
    until("the line of the first request", || (lines(&log).len() == 1).then_some(()));
    fs::rename(&log, &old).unwrap();
    gateway.signal("USR1");
    until("a new file", || log.exists().then_some(()));
    gateway.get("/after");
    until("the line of the second request", || (lines(&log).len() == 1).then_some(()));
    assert!(lines(&log)[0].contains("\"/after\"") && lines(&old)[0].contains("\"/before\""));
    assert_eq!(lines(&old).len(), 1);
    assert_eq!(gateway.stdout.all(), [""; 0]);
}

#[test]
fn lines_that_are_not_written_yet_are_written_at_the_end() {
    let service = Service::echo();
    let mut gateway = gateway(&service, "", "");
    for _ in 0..20 {
        gateway.get("/");
    }
    gateway.signal("TERM");
    assert!(gateway.wait_exit().success());
    assert_eq!(gateway.stdout.to_end().len(), 20);
}
