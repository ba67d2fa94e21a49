//! Endpoints that fail their requests are left alone for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::harness::{Ends, Gateway, Service, ok, until};
use crate::health::{config, told, who};

fn named(name: &'static str) -> Service {
    Service::answering(move |_| ok("text/plain", name))
}

/// A service that reads and never answers.
fn hanging() -> Service {
    Service::raw(|mut conn| {
        if conn.next_head().is_some() {
            conn.wait_closed();
        }
    })
}

/// Statuses of the answers under a load of two clients, until `over`.
fn load(gateway: &Gateway, answered: &AtomicUsize, over: &AtomicBool) -> Vec<u16> {
    std::thread::scope(|scope| {
        let client = || {
            let mut client = gateway.connect();
            let mut statuses = Vec::new();
            while !over.load(SeqCst) {
                client.send("GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
                statuses.push(client.answer().status);
                answered.fetch_add(1, SeqCst);
            }
            statuses
        };
        let clients = [scope.spawn(client), scope.spawn(client)];
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// Stops the first of three services under load; gives the statuses, and waits until it is left alone.
fn kill_one(words: &str) -> Vec<u16> {
    let services = [named("a"), named("b"), named("c")];
    let gateway = Gateway::start(&config(&[&services[0], &services[1], &services[2]], words));
    let (answered, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let loaded = scope.spawn(|| load(&gateway, &answered, &over));
        {
            let _ends = Ends(&over);
            // So many that retries enough are allowed even if it takes a while until the endpoint is left alone.
            until("some requests", || (answered.load(SeqCst) > 1_000).then_some(()));
            services[0].stop();
            let line = told(&gateway, "endpoint_down", &services[0].addr.to_string());
            assert!(line.contains("(consecutive_failures)"), "{line}");
            let before = answered.load(SeqCst);
            until("more requests", || (answered.load(SeqCst) > before + 100).then_some(()));
        }
        loaded.join().unwrap()
    })
}

#[test]
fn an_endpoint_killed_under_load_costs_nothing_where_requests_are_tried_again() {
    // A ring is laid out by an errand, until which there may be more failures than the usual budget of retries allows.
    let ring = "balance: { algorithm: ring_hash, key: header.X-Session }, retry: { budget: 100% }";
    for words in ["health: off", ring] {
        let statuses = kill_one(words);
        assert!(statuses.iter().all(|status| *status == 200), "{words}: {statuses:?}");
    }
}

#[test]
fn without_retries_an_endpoint_killed_under_load_costs_what_finds_it_out() {
    let statuses = kill_one("retry: off");
    let failed = statuses.iter().filter(|status| **status != 200).count();
    // Two were in flight or on kept connections; five in a row end it.
    assert!((1..=9).contains(&failed), "{failed} of {}", statuses.len());
}

#[test]
fn of_three_the_one_that_hangs_is_left_alone_after_its_timeouts() {
    let services = [hanging(), named("b"), named("c")];
    let words = "timeouts: { first_byte: 1s }, outlier: { base_ejection: 1h, max_ejection: 1h }, retry: off";
    let gateway = Gateway::start(&config(&[&services[0], &services[1], &services[2]], words));
    let late = |count: usize| {
        let mut client = gateway.connect();
        let ask = |_| {
            client.send("GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
            client.answer().status
        };
        (0..count).map(ask).filter(|status| *status == 504).count()
    };
    assert_eq!(late(15), 5);
    told(&gateway, "endpoint_down", &services[0].addr.to_string());
    let asked = services[0].requests();
    assert_eq!((late(60), services[0].requests()), (0, asked), "later requests do not touch it");
    let endpoint = services[0].addr.to_string();
    gateway.wait_metric(
        "gateway_endpoint_ejections_total",
        &[("service", "up"), ("endpoint", endpoint.as_str())],
        1.0,
    );
}

#[test]
fn an_endpoint_that_fails_half_of_its_requests_is_left_alone_by_its_share() {
    let turn = AtomicUsize::new(0);
    let half = Service::answering(move |_| match turn.fetch_add(1, SeqCst) % 2 {
        0 => b"HTTP/1.1 500 Said\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => ok("text/plain", "a"),
    });
    let (b, c) = (named("b"), named("c"));
    let words = "outlier: { success_rate: { below: 85%, volume: 10, window: 1s } }, retry: off";
    let gateway = Gateway::start(&config(&[&half, &b, &c], words));
    let (answered, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| load(&gateway, &answered, &over));
        let _ends = Ends(&over);
        let line = told(&gateway, "endpoint_down", &half.addr.to_string());
        assert!(line.contains("(success_rate)"), "{line}");
    });
    let mut client = gateway.connect();
    for _ in 0..1_000 {
        client.send("GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
        assert_eq!(client.answer().status, 200, "after that nothing fails");
    }
}

#[test]
fn one_that_is_left_alone_returns_by_time_and_is_left_alone_longer_if_it_fails_again() {
    let down = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&down);
    let a = Service::raw(move |mut conn| {
        while conn.next_head().is_some() {
            if now.load(SeqCst) {
                return conn.reset();
            }
            conn.write(ok("text/plain", "a"));
        }
    });
    let b = named("b");
    let words = "outlier: { consecutive_failures: 1, base_ejection: 600ms, max_ejection: 10s, interval: 1h }";
    let gateway = Gateway::start(&config(&[&a, &b], words));
    let address = a.addr.to_string();
    let count = |event: &str| {
        gateway.stderr.all().iter().filter(|line| line.contains(event) && line.contains(&address)).count()
    };
    let mut lasted = Vec::new();
    for time in 1..=3 {
        let began = Instant::now();
        until("it to be left alone", || {
            assert_eq!(gateway.get("/").status, 200);
            (count("endpoint_down: ") == time).then_some(())
        });
        until("its return", || (count("endpoint_up: ") == time).then_some(()));
        lasted.push(began.elapsed());
    }
    for (time, lasted) in (1..).zip(&lasted) {
        assert!(*lasted >= Duration::from_millis(600) * time, "{lasted:?} the {time}. time");
    }
    down.store(false, SeqCst);
    assert_eq!(who(&gateway), "ab");
}

#[test]
fn the_last_endpoint_is_never_left_alone() {
    let a = hanging();
    let gateway = Gateway::start(&config(&[&a], "timeouts: { first_byte: 20ms }, retry: off"));
    for _ in 0..8 {
        assert_eq!(gateway.get("/").code(), "UPSTREAM_TIMEOUT");
    }
    let gone = named("b");
    let gateway = Gateway::start(&config(&[&a, &gone], "timeouts: { first_byte: 20ms }, retry: off"));
    gone.stop();
    for _ in 0..40 {
        gateway.get("/");
    }
    told(&gateway, "endpoint_down", "`up`");
    let down = gateway.stderr.all().iter().filter(|line| line.contains("endpoint_down: ")).count();
    assert_eq!(down, 1);
    assert!(!gateway.stderr.all().iter().any(|line| line.contains("no_healthy_endpoint")));
}

#[test]
fn it_can_be_switched_off() {
    let (a, gone) = (named("a"), named("b"));
    let gateway = Gateway::start(&config(&[&a, &gone], "outlier: off, retry: off"));
    gone.stop();
    let failed = (0..40).filter(|_| gateway.get("/").status == 503).count();
    assert_eq!(failed, 20);
}
