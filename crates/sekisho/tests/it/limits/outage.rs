//! The shared store goes away, hangs, and comes back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use super::{GET, gateway, store, wait_said};
use crate::access::assert_problem;
use crate::harness::{Client, Ends, Gateway, Service, until};
use crate::redis_server::RedisServer;

/// Keeps some clients asking; gives how many answers of each kind there were, and stops when it is dropped.
struct Load<'a> {
    passed: &'a AtomicUsize,
    refused: &'a AtomicUsize,
}

impl Load<'_> {
    fn counts(&self) -> (usize, usize) {
        (self.passed.load(SeqCst), self.refused.load(SeqCst))
    }

    /// Waits for so many more answers.
    #[track_caller]
    fn go_on(&self, more: usize) {
        let (passed, refused) = self.counts();
        until("more answers", || {
            let now = self.counts();
            (now.0 + now.1 >= passed + refused + more).then_some(())
        });
    }
}

/// Runs `test` while eight clients ask over and over; any answer but 200 and 429 fails it.
fn under_load(gateway: &Gateway, test: impl FnOnce(&Load<'_>)) {
    let (passed, refused, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::connect(gateway.addr);
                while !done.load(SeqCst) {
                    client.send(GET);
                    match client.answer() {
                        answer if answer.status == 200 => passed.fetch_add(1, SeqCst),
                        answer if answer.status == 429 => refused.fetch_add(1, SeqCst),
                        answer => panic!("{}: {}", answer.status, answer.text()),
                    };
                }
            });
        }
        let _ends = Ends(&done);
        test(&Load { passed: &passed, refused: &refused });
    });
}

#[test]
fn a_server_killed_and_restarted_under_load_costs_no_request_and_counts_again_by_itself() {
    let (service, mut server) = (Service::echo(), RedisServer::start());
    let policies = "rate_limit: { rate: 50/h, algorithm: fixed_window, headers: off }";
    let gateway = gateway(&service, policies, &format!("workers: 2\n{}", store(&server)));
    let by = |by: &str| gateway.metric_where("gateway_store_decisions_total", &[("by", by)]);
    under_load(&gateway, |load| {
        load.go_on(200);
        assert_eq!(load.counts().0, 50, "the shared count");
        server.kill();
        wait_said(&gateway, "store_away");
        load.go_on(200);
        until("counts in the process", || (by("local") > 100.0).then_some(()));
        until("the limit to hold", || (load.counts().0 == 100).then_some(()));
        load.go_on(200);
        assert_eq!(load.counts().0, 100, "and 50 more by counts in the process");
        gateway.wait_metric("gateway_store_up", &[], 0.0);
        server.restart();
        wait_said(&gateway, "store_back");
        until("the limit to hold again", || (load.counts().0 == 150).then_some(()));
        load.go_on(200);
        assert_eq!(load.counts().0, 150, "the server that came back had forgotten all");
    });
    assert_eq!((wait_said(&gateway, "store_away"), wait_said(&gateway, "store_back")), (1, 1));
    assert!(by("shared") > 100.0);
    assert!(gateway.metric_where("gateway_store_errors_total", &[("reason", "gone")]) > 0.0);
    for change in ["away", "back"] {
        gateway.wait_metric("gateway_store_changes_total", &[("change", change)], 1.0);
    }
    gateway.wait_metric("gateway_store_up", &[], 1.0);
}

#[test]
fn a_server_that_is_not_there_is_handled_as_the_policy_says() {
    let (service, mut server) = (Service::echo(), RedisServer::start());
    server.kill();
    for (failing, want) in [("local", [200, 429, 429]), ("allow", [200, 200, 200]), ("deny", [503, 503, 503])]
    {
        let policies = format!("rate_limit: {{ rate: 1/h, on_store_failure: {failing} }}");
        let gateway = gateway(&service, &policies, &store(&server));
        for want in want {
            let answer = gateway.get("/");
            assert_eq!(answer.status, want, "{failing}: {}", answer.text());
            let counted = answer.header("ratelimit-limit").is_some();
            assert_eq!(counted, failing == "local", "what nobody has counted nobody is told");
            if want == 503 {
                let want = (503, "DEPENDENCY_UNAVAILABLE", "Service temporarily unavailable");
                let problem = assert_problem(&answer, want, &["dependency"]);
                assert_eq!(problem["dependency"], "store");
                assert_eq!(gateway.wait_log_of(&answer)["reason"], "store_gone");
            }
        }
        gateway.wait_metric("gateway_store_decisions_total", &[("by", failing)], 3.0);
        assert_eq!(wait_said(&gateway, "store_away"), 1);
    }
}

#[test]
fn a_server_that_hangs_holds_up_no_request_for_longer_than_its_time() {
    let (service, server) = (Service::echo(), RedisServer::start());
    let top = format!("workers: 1\nstore: {{ url: '{}', timeout: 2s }}", server.url());
    let gateway = gateway(&service, "rate_limit: { rate: 1000/h }", &top);
    until("a decision of the server", || {
        gateway.get("/");
        (gateway.metric_where("gateway_store_decisions_total", &[("by", "shared")]) > 0.0).then_some(())
    });
    server.hang();
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(gateway.get("/").status, 200);
    }
    // One waits for its time, all others know better; nobody waits 50 times.
    assert!(began.elapsed().as_secs() < 50, "{:?}", began.elapsed());
    wait_said(&gateway, "store_away");
    server.go_on();
    wait_said(&gateway, "store_back");
}
