//! A limit that is found out: a slow service gets fewer requests at once and the others are turned away at once, and it gets more
//! again when it has recovered.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{limit, shed, wait_in_flight};
use crate::breaker::Moody;
use crate::front::{config, gateway, logged};
use crate::harness::{Ends, Gateway, Service, ok, until};
use crate::pool::ask;

/// Milliseconds that differ by more than a busy machine makes of the first.
const QUICK: u64 = 20;
const SLOW: u64 = 300;

/// A service that takes so many milliseconds; what the gateway measures is time, so that time must pass.
struct Paced {
    service: Service,
    pace: Arc<(Mutex<u64>, Condvar)>,
}

impl Paced {
    fn new() -> Self {
        let pace = Arc::new((Mutex::new(QUICK), Condvar::new()));
        let gate = Arc::clone(&pace);
        let service = Service::answering(move |request| {
            let began = Instant::now();
            let mut millis = gate.0.lock().unwrap();
            // Whom it was slow with it lets go when it is quick again.
            while let Some(left) = Duration::from_millis(*millis).checked_sub(began.elapsed())
                && !left.is_zero()
            {
                millis = gate.1.wait_timeout(millis, left).unwrap().0;
            }
            drop(millis);
            ok("text/plain", &request.target)
        });
        Self { service, pace }
    }

    fn takes(&self, millis: u64) {
        *self.pace.0.lock().unwrap() = millis;
        self.pace.1.notify_all();
    }
}

/// Asks by so many clients for as long as `watch` goes on. Whatever they get is an answer, or 503.
fn under_load(gateway: &Gateway, clients: usize, watch: impl FnOnce()) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _ends = Ends(&over);
        for _ in 0..clients {
            scope.spawn(|| {
                let mut client = gateway.connect();
                while !over.load(SeqCst) {
                    client.send("GET /load HTTP/1.1\r\nHost: a\r\n\r\n");
                    let answer = client.answer();
                    if answer.status == 503 {
                        assert_eq!(answer.code(), "OVERLOADED");
                        let after = answer.header("retry-after").and_then(|text| text.parse::<u64>().ok());
                        assert!(after.is_some_and(|after| after >= 1), "{after:?}");
                        // Who comes again at once would keep the machine busy, and make the service slow.
                        thread::park_timeout(Duration::from_millis(20));
                    } else {
                        assert_eq!(answer.status, 200);
                    }
                }
            });
        }
        watch();
    });
}

fn turned_away(gateway: &Gateway) -> f64 {
    shed(gateway, "queue")
}

/// Looks less often than [`until`] asks: metrics are work as well.
fn slowly(look: fn(&Gateway) -> f64) -> impl Fn(&Gateway) -> f64 {
    move |gateway| {
        thread::park_timeout(Duration::from_millis(20));
        look(gateway)
    }
}

fn baseline(gateway: &Gateway) -> f64 {
    gateway.metric_where("gateway_service_baseline_seconds", &super::SERVICE)
}

fn falls_and_grows(algorithm: &str) {
    let paced = Paced::new();
    let settings = format!("algorithm: {algorithm}, min: 4, max: 64, initial: 40, window: 20ms");
    let service = format!("limit: {{ adaptive: {{ {settings} }}, queue: 0 }}");
    let gateway = gateway(paced.service.addr, &service, "workers: 2\npolicies: { access_log: off }");
    // It is known with little to do, and then has more.
    under_load(&gateway, 2, || until("answers", || (paced.service.requests() > 100).then_some(())));
    under_load(&gateway, 24, || {
        paced.takes(SLOW);
        until("the limit to fall", || (slowly(limit)(&gateway) <= 10.0).then_some(()));
        until("requests to be turned away", || (slowly(turned_away)(&gateway) > 100.0).then_some(()));
        paced.takes(QUICK);
        until("the limit to grow", || (slowly(limit)(&gateway) >= 16.0).then_some(()));
    });
    wait_in_flight(&gateway, 0);
    let services = gateway.admin_get("/api/services").json();
    let told = &services[0]["limit"];
    assert_eq!((&told["in_flight"], &told["queued"]), (&0.into(), &0.into()), "{services:#}");
    assert_eq!((&told["adaptive"]["min"], &told["adaptive"]["max"]), (&4.into(), &64.into()));
    assert!(told["shed"]["queue"].as_u64().unwrap() > 100 && told["shed"]["wait"] == 0);
    let baseline = baseline(&gateway);
    assert_eq!(told["adaptive"]["baseline"].is_null(), baseline == 0.0);
    assert_eq!(baseline >= 0.019, algorithm.starts_with("gradient"), "{baseline}");
}

#[test]
fn a_slow_service_gets_less_and_after_that_more_by_gradient() {
    falls_and_grows("gradient, tolerance: 100%, remeasure: 60s");
}

#[test]
fn a_slow_service_gets_less_and_after_that_more_by_aimd() {
    falls_and_grows("aimd, latency: 150ms, backoff: 70%");
}

#[test]
fn a_service_that_says_it_has_too_much_to_do_gets_less_and_a_reload_does_not_forget_it() {
    let moody = Moody::new(503);
    let words = |more: &str| format!("retry: off, limit: {{ adaptive: {{ window: 10ms{more} }}, queue: 0 }}");
    let gateway = gateway(moody.service.addr, &words(", min: 2"), "");
    assert_eq!(limit(&gateway), 100.0);
    let mut client = gateway.connect();
    until("the limit to fall", || {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 503);
        (limit(&gateway) <= 80.0).then_some(())
    });
    let learned = limit(&gateway);
    gateway.reconfigure(&config(moody.service.addr, &words(", min: 3"), ""));
    assert_eq!(limit(&gateway), learned);
    assert_eq!(shed(&gateway, "queue"), 0.0, "it was asked each time");
    moody.turns(200);
    until("the limit to grow", || {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
        (limit(&gateway) >= 100.0).then_some(())
    });
}

#[test]
fn a_service_that_hangs_takes_no_more_than_the_limit_and_the_others_know_at_once() {
    let gate = crate::pool::Gate::new();
    let service = "limit: { adaptive: { min: 2, initial: 6, max: 8 }, queue: 0 }";
    let gateway = gateway(gate.service.addr, service, "workers: 2");
    let mut held: Vec<_> = (0..6).map(|index| ask(&gateway, &format!("/{index}"))).collect();
    gate.service.wait_seen(6);
    let answer = gateway.get("/beyond");
    assert_eq!((answer.status, answer.code().as_str()), (503, "OVERLOADED"));
    assert_eq!(logged(&gateway, "/beyond")["reason"], "limit_queue");
    gate.open();
    assert!(held.iter_mut().all(|client| client.answer().status == 200));
}

#[test]
fn the_time_that_clients_take_to_send_is_not_held_against_the_service() {
    let service = Service::echo();
    let gateway = gateway(service.addr, "limit: { adaptive: { min: 30, window: 10ms } }", "workers: 2");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _ends = Ends(&over);
        for _ in 0..20 {
            scope.spawn(|| {
                let mut client = gateway.connect();
                while !over.load(SeqCst) {
                    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
                    // It is the client who takes this time.
                    assert!(client.nothing_for(Duration::from_millis(400)));
                    client.send("cd");
                    assert_eq!(client.answer().status, 200);
                }
            });
        }
        let less = || (0.000_001..0.3).contains(&baseline(&gateway)).then_some(());
        until("the service to be known for its own time", less);
    });
}
