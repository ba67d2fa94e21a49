//! Reloads that must not come into force, and moments in which one is asked for.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{said, saying};
use crate::front::config;
use crate::harness::{Gateway, Service, ok, until};

#[test]
fn a_file_with_errors_leaves_everything_as_it_was_and_says_why() {
    let gateway = Gateway::start(&saying("one"));
    gateway.configure("routes:\n  - { path: /, respnd: two }\n  - { path: /b, service: nowhere }\n");
    let (status, report) = gateway.reload();
    assert_eq!((status, report["outcome"].as_str()), (422, Some("refused")));
    let problems = report["problems"].as_array().unwrap();
    let told = |part: &str| problems.iter().any(|line| line.as_str().unwrap().contains(part));
    assert!(told("did you mean `respond`") && told("unknown service `nowhere`"), "{report:#}");
    assert_eq!(said(&gateway), "one");
    assert_eq!(gateway.admin_get("/readyz").status, 200);
    assert_eq!(gateway.metric("gateway_reloads_total{result=\"refused\"}"), 1.0);
    assert_eq!(gateway.metric("gateway_configuration_in_force "), 0.0);
    assert!(gateway.stderr.find(|line| line.contains("sekisho.yaml:4:16: error:").then_some(())).is_some());

    gateway.reconfigure(&saying("two"));
    assert_eq!(said(&gateway), "two");
    assert_eq!(gateway.metric("gateway_configuration_in_force "), 1.0);
}

#[test]
fn a_file_that_vanishes_is_told_of_once_and_taken_up_again() {
    let config = format!("reload: {{ watch: 100ms }}\n{}", saying("one"));
    let gateway = Gateway::start(&config);
    std::fs::remove_file(gateway.config()).unwrap();
    let line = gateway.stderr.find(|line| line.contains("cannot read").then(|| line.to_owned())).unwrap();
    assert!(line.contains("not reloaded (a file changed), all stays as it was"), "{line}");
    assert_eq!(said(&gateway), "one");
    gateway.configure(&config.replace("one", "two"));
    until("the new file to be in force", || (said(&gateway) == "two").then_some(()));
    let complaints = gateway.stderr.all().iter().filter(|line| line.contains("cannot read")).count();
    assert_eq!(complaints, 1);
}

#[test]
fn a_half_written_file_does_no_harm_and_its_rest_is_taken_up() {
    let gateway = Gateway::start(&format!("reload: {{ watch: 100ms }}\n{}", saying("one")));
    let text = std::fs::read_to_string(gateway.config()).unwrap().replace("one", "two");
    let half = text.find("respond").unwrap() + 3;
    std::fs::write(gateway.config(), &text[..half]).unwrap();
    gateway.stderr.find(|line| line.contains("not reloaded (a file changed)").then_some(())).unwrap();
    assert_eq!(said(&gateway), "one");
    std::fs::write(gateway.config(), &text).unwrap();
    until("the whole file to be in force", || (said(&gateway) == "two").then_some(()));
}

#[test]
fn a_port_that_is_taken_leaves_everything_as_it_was() {
    let gateway = Gateway::start(&saying("one"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap();
    gateway.configure(&format!("listen: [http://127.0.0.1:0, 'http://{port}']\n{}", saying("two")));
    let (status, report) = gateway.reload();
    assert_eq!(status, 422);
    assert!(report["reason"].as_str().unwrap().contains("another program listens there"), "{report:#}");
    assert_eq!(said(&gateway), "one");
}

#[test]
fn a_log_that_cannot_be_opened_leaves_everything_as_it_was() {
    let gateway = Gateway::start(&saying("one"));
    let log = "policies: { access_log: { to: '{DIR}/no/such/folder/log' } }\n";
    gateway.configure(&format!("{log}{}", saying("two")));
    let (status, report) = gateway.reload();
    assert_eq!(status, 422);
    assert!(report["reason"].as_str().unwrap().contains("cannot write the access log"), "{report:#}");
    assert_eq!(said(&gateway), "one");
    gateway.reconfigure(&saying("three"));
    assert_eq!(said(&gateway), "three");
}

#[test]
fn a_request_in_flight_ends_by_the_configuration_that_it_began_with() {
    let (go, wait) = sync_channel::<()>(1);
    let wait = Arc::new(Mutex::new(wait));
    let service = Service::answering(move |request| {
        let _ = wait.lock().unwrap().recv();
        ok("text/plain", &request.target)
    });
    let with = |name: &str| {
        format!(
            "policies: {{ headers: {{ response: {{ set: {{ x-config: {name} }} }} }} }}\n{}",
            config(service.addr, "", "")
        )
    };
    let gateway = Gateway::start(&with("old"));
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.reconfigure(&with("new"));
    go.send(()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("x-config"), answer.text().as_str()), (200, Some("old"), "/a"));
    // The connection lives on, by the new one.
    client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    go.send(()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.header("x-config"), answer.text().as_str()), (Some("new"), "/b"));
}

#[test]
fn a_gateway_that_drains_reloads_no_more() {
    let (go, wait) = sync_channel::<()>(1);
    let wait = Arc::new(Mutex::new(wait));
    let service = Service::answering(move |request| {
        let _ = wait.lock().unwrap().recv();
        ok("text/plain", &request.target)
    });
    let mut gateway = Gateway::start(&config(service.addr, "", ""));
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    service.wait_seen(1);
    gateway.signal("TERM");
    until("the drain to begin", || (gateway.admin_get("/readyz").status == 503).then_some(()));
    gateway.configure(&saying("two"));
    gateway.signal("HUP");
    assert!(gateway.stderr.find(|line| line.contains("the gateway is ending").then_some(())).is_some());
    let (status, report) = gateway.reload();
    assert_eq!((status, &report["code"]), (503, &json!("NO_RELOAD")));
    go.send(()).unwrap();
    assert_eq!(client.answer().status, 200);
    assert_eq!(gateway.wait_exit().code(), Some(0));
}

#[test]
fn more_workers_come_with_the_next_start_and_the_report_says_so() {
    let gateway = Gateway::start(&format!("workers: 1\n{}", saying("one")));
    gateway.configure(&format!("workers: 2\n{}", saying("two")));
    let (status, report) = gateway.reload();
    assert_eq!(status, 200);
    let told = report["problems"][0].as_str().unwrap_or_default();
    assert!(told.contains("warning: workers: ") && told.contains("restart"), "{report:#}");
    assert_eq!(said(&gateway), "two");
}
