//! Many reloads while requests go on: none is lost or refused, and nothing is left behind.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use crate::harness::{Client, Ends, Gateway, Service};

const ROUTES: usize = 200;
const RELOADS: usize = 200;

fn document(service: &Service, word: usize) -> String {
    with_routes(service, ROUTES, word)
}

fn with_routes(service: &Service, routes: usize, word: usize) -> String {
    let mut text = format!(
        "reload: {{ watch: off }}\npolicies: {{ access_log: off }}\nservices:\n  s: {{ endpoints: ['http://{}'] }}\nroutes:\n",
        service.addr
    );
    for route in 0..routes {
        text.push_str(&format!("  - {{ path: '/r{route}/*', service: s, public: true }}\n"));
    }
    text + &format!("  - {{ path: /word, respond: 'word {word}' }}\n")
}

/// Asks as long as it is told to; gives the number of answers.
fn load(gateway: &Gateway, path: &str, stop: &AtomicBool, answered: &AtomicUsize) -> usize {
    let mut client = Client::connect(gateway.addr);
    let mut count = 0;
    while !stop.load(SeqCst) {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.complete), (200, true), "{path} after {count} answers");
        assert_eq!(answer.header("connection"), None, "a reload closes no connection");
        count += 1;
        answered.fetch_add(1, SeqCst);
    }
    count
}

#[test]
fn two_hundred_reloads_lose_no_request_and_leave_nothing_behind() {
    let service = Service::echo();
    let gateway = Gateway::start(&document(&service, 0));
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut settled = 0;
    let counted: usize = thread::scope(|scope| {
        let ends = Ends(&stop);
        let paths = ["/r1/a", "/r199/b", "/word", "/r100/c"];
        let clients: Vec<_> =
            paths.map(|path| scope.spawn(|| load(&gateway, path, &stop, &answered))).into_iter().collect();
        for reload in 1..=RELOADS {
            gateway.reconfigure(&document(&service, reload));
            assert_eq!(gateway.get("/word").text(), format!("word {reload}"));
            // Between two reloads there were requests.
            let before = answered.load(SeqCst);
            crate::harness::until("requests to go on", || (answered.load(SeqCst) > before + 4).then_some(()));
            if reload == RELOADS / 4 {
                settled = gateway.rss_kb();
            }
        }
        drop(ends);
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    gateway.wait_metric("gateway_reloads_total", &[("result", "applied")], RELOADS as f64);
    let requests = (counted + RELOADS) as f64;
    crate::harness::until("every request to be counted", || {
        (gateway.metric_where("gateway_requests_total", &[("status", "200")]) == requests).then_some(())
    });
    assert_eq!(gateway.metric("gateway_errors_total{"), 0.0);
    let after = gateway.rss_kb();
    assert!(after < settled + settled / 4 + 4096, "{settled} KiB after some reloads, {after} KiB after many");
}

#[test]
fn a_reload_of_many_routes_holds_no_worker() {
    const MANY: usize = 3_000;
    const MOST: f64 = 0.05;
    let service = Service::echo();
    let gateway = Gateway::start(&format!("workers: 2\n{}", with_routes(&service, MANY, 0)));
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _ends = Ends(&stop);
        // Both workers have connections, and so use the configuration, take up the next and let go of the last.
        for path in ["/r1/a", "/r2999/b", "/word", "/r100/c"] {
            scope.spawn(|| load(&gateway, path, &stop, &answered));
        }
        for reload in 1..=3 {
            gateway.reconfigure(&format!("workers: 2\n{}", with_routes(&service, MANY, reload)));
            let before = answered.load(SeqCst);
            crate::harness::until("requests to go on", || {
                (answered.load(SeqCst) > before + 20).then_some(())
            });
        }
    });
    // By processor time, so that a machine with other things to do does not count. Compiling takes several times as long.
    for worker in ["0", "1"] {
        let stall = gateway.metric(&format!("gateway_worker_longest_stall_seconds{{worker=\"{worker}\"}}"));
        assert!(stall < MOST, "worker {worker} was held for {stall} s by one piece of work");
    }
}
