//! Endpoints that are taken away end what they have.

use std::sync::{Arc, Condvar, Mutex};

use super::{answered_by, config, named, told};
use crate::harness::{DEADLINE, Gateway, Service};

#[test]
fn a_removed_endpoint_ends_the_request_that_it_has() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let opens = Arc::clone(&gate);
    let slow = Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
            let open = opens.0.lock().unwrap();
            drop(opens.1.wait_timeout_while(open, DEADLINE, |open| !*open).unwrap());
            conn.write("done");
        }
    });
    let b = named("b");
    let text = format!("[{}]", slow.url());
    let gateway = Gateway::start_with(&config("discover: { file: up.yaml }"), &[], &[("up.yaml", &text)]);
    told(&gateway, "endpoints_changed");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    let head = client.head_only();
    assert_eq!(head.status, 200);
    let new = gateway.dir.join("new");
    std::fs::write(&new, format!("[{}]", b.url())).unwrap();
    std::fs::rename(new, gateway.dir.join("up.yaml")).unwrap();
    told(&gateway, ": +1 -1, 1 in all");
    answered_by(&gateway, &["b"]);
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    let answer = client.body_of(head);
    assert_eq!((answer.text().as_str(), answer.complete), ("halfdone", true));
    assert_eq!(slow.requests(), 1, "it gets nothing new");
}
