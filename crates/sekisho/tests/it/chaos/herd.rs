//! Those who waited for a service do not trample it down when it is back: one probe goes first, and whoever is new has little.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use super::process::Process;
use super::serve::Order;
use crate::harness::{Ends, Gateway, temp_dir, until};

const CLIENTS: usize = 16;

fn process(dir: &Path, host: u8) -> Process {
    let addrs = vec![([127, 77, 1, host], 0).into()];
    let ledger = dir.join(host.to_string());
    Process::start(Order { seed: 0, faulty: false, first: host.into(), addrs, ledger })
}

/// Requests that a service was asked.
fn asked(dir: &Path, host: u8) -> usize {
    let ledger = std::fs::read_to_string(dir.join(host.to_string())).unwrap();
    ledger.lines().filter(|line| line.starts_with("asked ")).count()
}

/// Asks until it is over; counts the answers that are well.
fn client(gateway: &Gateway, next: &AtomicU64, well: &AtomicU64, over: &AtomicBool) {
    let mut client = gateway.connect();
    while !over.load(SeqCst) {
        client.send(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", next.fetch_add(1, SeqCst)));
        let answer = client.answer();
        match answer.status {
            200 => _ = well.fetch_add(1, SeqCst),
            503 => {
                assert_eq!(answer.code(), "CIRCUIT_OPEN");
                assert_eq!(answer.header("retry-after"), Some("1"), "so that nobody comes sooner");
            }
            status => assert_eq!(status, 504),
        }
    }
}

#[test]
fn a_service_that_is_back_is_asked_by_one_probe_at_a_time_until_it_answers() {
    let dir = temp_dir();
    let service = process(&dir, 1);
    let gateway = Gateway::start(&format!(
        "workers: 2\nservices:\n  up: {{ endpoints: ['http://{}'], retry: off,\n    \
           breaker: {{ timeout: 500ms, reset: 200ms, volume: 2 }} }}\nroutes: [{{ path: /*, service: up, public: true }}]",
        service.addrs()[0]
    ));
    service.hold();
    assert_eq!([0; 2].map(|_| gateway.get("/0").status), [504; 2], "the breaker opens");
    let half_opened = || {
        let labels = [("service", "up"), ("change", "half_opened")];
        gateway.metric_where("gateway_circuit_breaker_changes_total", &labels)
    };
    let late = || gateway.metric_where("gateway_requests_total", &[("service", "up"), ("status", "504")]);
    let in_flight = || gateway.metric_where("gateway_endpoint_requests_in_flight", &[("service", "up")]);
    let (next, well, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _ends = Ends(&over);
        for _ in 0..CLIENTS {
            scope.spawn(|| client(&gateway, &next, &well, &over));
        }
        until("three probes", || {
            assert!(in_flight() <= 1.0);
            (half_opened() >= 3.0).then_some(())
        });
        // Besides the two that opened it.
        let (ended, begun) = (late() - 2.0, half_opened());
        assert!((1.0..=begun).contains(&ended), "{ended} probes were late, but {begun} were let through");
        service.go_on();
        until("all to be answered", || (well.load(SeqCst) >= 100).then_some(()));
    });
    let requests = next.load(SeqCst) as f64 + 2.0;
    gateway.wait_metric("gateway_requests_total", &[("service", "up")], requests);
    // What was sent while it was held it finds now; all of it is counted by the gateway as well.
    let sent = late() as usize + well.load(SeqCst) as usize;
    until("the service to have seen every request that was let through", || {
        (asked(&dir, 1) == sent).then_some(())
    });
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_endpoint_that_was_killed_and_is_back_has_a_small_share_at_first() {
    let dir = temp_dir();
    let mut services = [process(&dir, 2), process(&dir, 3)];
    let addrs = [services[0].addrs()[0], services[1].addrs()[0]];
    let gateway = Gateway::start(&format!(
        "services:\n  up: {{ endpoints: ['http://{}', 'http://{}'], slow_start: 1h, outlier: off,\n    \
           health: {{ interval: 100ms, healthy: 1, unhealthy: 1 }} }}\nroutes: [{{ path: /*, service: up, public: true }}]",
        addrs[0], addrs[1]
    ));
    let told = |event: &str| {
        let about = addrs[1].to_string();
        let line = gateway.stderr.find(|line| (line.contains(event) && line.contains(&about)).then_some(()));
        assert!(line.is_some(), "nobody was told of `{event}`");
    };
    let mut client = gateway.connect();
    let mut ask = |count: u64| {
        for number in 0..count {
            client.send(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
            assert_eq!(client.answer().status, 200);
        }
    };
    ask(100);
    assert_eq!([2, 3].map(|host| asked(&dir, host)), [50, 50]);
    services[1].kill();
    told("endpoint_down: ");
    ask(100);
    assert_eq!([2, 3].map(|host| asked(&dir, host)), [150, 50]);
    services[1].restart();
    told("endpoint_up: ");
    ask(110);
    assert_eq!([2, 3].map(|host| asked(&dir, host)), [250, 60], "a tenth of the other's");
    std::fs::remove_dir_all(dir).unwrap();
}
