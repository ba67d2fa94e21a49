//! What is counted together, and what is kept of it.

use std::sync::Arc;
use std::time::Duration;

use sekisho_store::redis::Presence;
use sekisho_store::{Algorithm, Memory, OnFailure, Ruling, Store, Taken};
use sekisho_units::Tick;
use tokio::task::JoinSet;

use crate::server::RedisServer;
use crate::{ALGORITHMS, key, limits, link, patient, rule, run, until};

#[test]
fn two_gateways_of_two_workers_admit_exactly_the_limit() {
    let server = RedisServer::start();
    for algorithm in ALGORITHMS {
        let rule = rule(algorithm, 100, 3_600_000);
        let worker = |limits: sekisho_store::redis::Limits, worker: usize| {
            run(async move {
                let mut tasks = JoinSet::new();
                for _ in 0..50 {
                    tasks.spawn(limits.take(worker, &rule, key("all"), 1, None));
                }
                tasks.join_all().await.into_iter().filter(|told| told.as_ref().unwrap().allowed).count()
            })
        };
        let (one, other) = (limits(&server.url()), limits(&server.url()));
        let passed: usize = std::thread::scope(|scope| {
            let gateways = [(&one, 0), (&one, 1), (&other, 0), (&other, 1)];
            let threads = gateways.map(|(limits, index)| {
                let limits = limits.clone();
                scope.spawn(move || worker(limits, index))
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        // An aligned window may have ended between; then what passed before it still weighs, and none more passes.
        assert_eq!(passed, 100, "{algorithm:?}");
    }
}

#[test]
fn the_servers_clock_counts_and_every_key_ends_by_itself() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    run(async {
        for (algorithm, longest) in [
            (Algorithm::SlidingWindow, 120_000),
            (Algorithm::TokenBucket, 6_000),
            (Algorithm::FixedWindow, 60_000),
        ] {
            let rule = rule(algorithm, 10, 60_000);
            let told = limits.take(0, &rule, key("192.0.2.7"), 1, None).await.unwrap();
            assert_eq!((told.allowed, told.remaining), (true, 9));
            let keys = server.ask(&["KEYS", "*"]);
            assert!(keys.starts_with("sekisho:1:") && keys.lines().count() == 1, "{keys}");
            let left: i64 = server.ask(&["PTTL", &keys]).parse().unwrap();
            assert!(left > 0 && left <= longest, "{algorithm:?}: {left}");
            server.ask(&["FLUSHALL"]);
        }
    });
}

#[test]
fn looking_and_being_denied_leave_no_key() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    run(async {
        for algorithm in ALGORITHMS {
            let rule = rule(algorithm, 3, 60_000);
            assert!(limits.take(0, &rule, key("a"), 0, None).await.unwrap().allowed);
            assert!(!limits.take(0, &rule, key("a"), 4, None).await.unwrap().allowed);
            assert_eq!(server.ask(&["DBSIZE"]), "0", "{algorithm:?}");
        }
    });
}

#[test]
fn garbage_under_a_key_counts_as_nothing() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    run(async {
        for algorithm in ALGORITHMS {
            let rule = rule(algorithm, 3, 60_000);
            limits.take(0, &rule, key("a"), 1, None).await.unwrap();
            let name = server.ask(&["KEYS", "*"]);
            let long = "9".repeat(1_000);
            for garbage in [
                &["SET", &name, "garbage"][..],
                &["SET", &name, ""],
                &["SET", &name, "1:2"],
                &["SET", &name, "1:2:-3:4"],
                &["SET", &name, "9999999999999999:9999999999999999:9999999999999999:9999999999999999"],
                &["SET", &name, &long],
                &["LPUSH", &name, "an entry"],
                &["HSET", &name, "field", "value"],
            ] {
                server.ask(&["DEL", &name]);
                server.ask(garbage);
                let told = limits.take(0, &rule, key("a"), 1, None).await.unwrap();
                assert_eq!((told.allowed, told.remaining), (true, 2), "{algorithm:?} {garbage:?}");
                let told = limits.take(0, &rule, key("a"), 1, None).await.unwrap();
                assert_eq!((told.allowed, told.remaining), (true, 1), "{algorithm:?} {garbage:?}");
            }
            server.ask(&["FLUSHALL"]);
        }
    });
}

#[test]
fn texts_can_be_kept_and_taken_away() {
    let server = RedisServer::start();
    let link = link(&server.url(), patient());
    run(async {
        assert_eq!(link.get(0, "page").await, Ok(None));
        link.set(0, "page", b"\0\xff\r\n", Duration::from_secs(60)).await.unwrap();
        assert_eq!(link.get(1, "page").await, Ok(Some(b"\0\xff\r\n".to_vec())));
        let left: i64 = server.ask(&["TTL", "sekisho:1:page"]).parse().unwrap();
        assert!((1..=60).contains(&left), "{left}");
        link.delete(0, &["page", "no such"]).await.unwrap();
        assert_eq!(link.get(0, "page").await, Ok(None));
    });
}

#[test]
fn a_store_rules_by_redis_and_while_that_is_away_as_it_was_told() {
    let mut server = RedisServer::start();
    let shared = limits(&server.url());
    let link = shared.link().clone();
    let store = Arc::new(Store::redis(shared, Memory::new(100)));
    let rule = rule(Algorithm::FixedWindow, 2, 3_600_000);
    let take = async |failing| match store.take(&rule, key("a"), 1, Tick::ZERO, 0, failing) {
        Taken::Now(ruling) => ruling,
        Taken::Later(later) => later.await,
    };
    run(async {
        for (remaining, allowed) in [(1, true), (0, true), (0, false)] {
            let Ruling::Decided(told) = take(OnFailure::Local).await else { panic!("redis is there") };
            assert_eq!((told.remaining, told.allowed), (remaining, allowed));
        }
        server.kill();
        let Ruling::Local(told, _) = take(OnFailure::Local).await else { panic!("redis is away") };
        assert!(told.allowed, "this process counts from zero");
        until(&link, "gone", |presence| matches!(presence, Presence::Gone(_))).await;
        assert!(matches!(store.take(&rule, key("a"), 1, Tick::ZERO, 0, OnFailure::Local),
            Taken::Now(Ruling::Local(told, _)) if told.allowed && told.remaining == 0));
        let ruling = take(OnFailure::Local).await;
        assert!(!ruling.allowed() && ruling.away().is_some(), "two have passed here: {ruling:?}");
        let ruling = take(OnFailure::Allow).await;
        assert!(ruling.allowed() && ruling.decision().is_none() && ruling.away().is_some());
        let ruling = take(OnFailure::Deny).await;
        assert!(!ruling.allowed() && ruling.decision().is_none() && ruling.away().is_some());
        server.restart();
        until(&link, "here", |presence| *presence == Presence::Here).await;
        assert!(matches!(take(OnFailure::Deny).await, Ruling::Decided(told) if told.remaining == 1));
    });
}
