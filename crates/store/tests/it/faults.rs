//! A server that goes, hangs, forgets or refuses.

use std::time::{Duration, Instant};

use sekisho_store::Algorithm;
use sekisho_store::redis::{Away, Limits, Options, Presence};
use tokio::task::JoinSet;

use crate::server::RedisServer;
use crate::{DEADLINE, key, limits, link, patient, rule, run, until};

#[test]
fn a_server_killed_under_load_fails_operations_at_once_and_they_resume() {
    let mut server = RedisServer::start();
    let limits = limits(&server.url());
    let rule = rule(Algorithm::FixedWindow, 1_000_000, 3_600_000);
    run(async {
        limits.take(0, &rule, key("a"), 1, None).await.unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            tasks.spawn(limits.take(0, &rule, key("a"), 1, None));
        }
        tokio::task::yield_now().await;
        server.kill();
        let answers = tasks.join_all().await;
        assert!(!answers.contains(&Err(Away::Late)), "no operation waits for its time");
        until(limits.link(), "gone", |presence| matches!(presence, Presence::Gone(_))).await;
        assert!(limits.link().gone(0).is_some());
        for _ in 0..100 {
            assert!(matches!(limits.take(0, &rule, key("a"), 1, None).await, Err(Away::Gone(_))));
        }
        server.restart();
        until(limits.link(), "here", |presence| *presence == Presence::Here).await;
        assert!(limits.take(0, &rule, key("a"), 1, None).await.unwrap().allowed);
    });
}

#[test]
fn a_server_that_was_never_there_is_told_and_found_when_it_comes() {
    let mut server = RedisServer::start();
    server.kill();
    let limits = limits(&server.url());
    let rule = rule(Algorithm::SlidingWindow, 10, 60_000);
    run(async {
        assert_eq!(*limits.link().presence().borrow(), Presence::Untried);
        assert!(matches!(limits.take(0, &rule, key("a"), 1, None).await, Err(Away::Gone(_))));
        server.restart();
        until(limits.link(), "here", |presence| *presence == Presence::Here).await;
        assert!(limits.take(0, &rule, key("a"), 1, None).await.unwrap().allowed);
    });
}

#[test]
fn a_server_that_hangs_costs_an_operation_its_time_and_the_next_ones_nothing() {
    let server = RedisServer::start();
    let timeout = Duration::from_millis(200);
    let link = link(&server.url(), Options { timeout, ..Options::default() });
    let limits = Limits::new(link);
    let rule = rule(Algorithm::SlidingWindow, 10, 60_000);
    run(async {
        let began = Instant::now();
        while limits.take(0, &rule, key("a"), 1, None).await.is_err() {
            assert!(began.elapsed() < DEADLINE);
        }
        server.hang();
        let began = Instant::now();
        assert_eq!(limits.take(0, &rule, key("a"), 1, None).await, Err(Away::Late));
        assert!(began.elapsed() >= timeout);
        assert_eq!(*limits.link().presence().borrow(), Presence::Gone(Away::Late));
        let began = Instant::now();
        for _ in 0..100 {
            assert!(limits.take(0, &rule, key("a"), 1, None).await.is_err());
        }
        assert!(began.elapsed() < 100 * timeout, "each waited for its time: {:?}", began.elapsed());
        server.go_on();
        until(limits.link(), "here", |presence| *presence == Presence::Here).await;
    });
}

#[test]
fn a_connection_that_the_server_has_closed_is_remade_without_a_failure() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    let rule = rule(Algorithm::FixedWindow, 100, 3_600_000);
    run(async {
        for round in 1..=3 {
            let told = limits.take(0, &rule, key("a"), 1, None).await.unwrap();
            assert_eq!(told.remaining, 100 - round);
            server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
        assert_eq!(*limits.link().presence().borrow(), Presence::Here);
    });
}

#[test]
fn a_server_that_forgets_its_scripts_is_told_again() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    let rule = rule(Algorithm::FixedWindow, 100, 3_600_000);
    run(async {
        for round in 1..=3 {
            assert_eq!(limits.take(0, &rule, key("a"), 1, None).await.unwrap().remaining, 100 - round);
            server.ask(&["SCRIPT", "FLUSH"]);
        }
    });
}

#[test]
fn what_the_server_refuses_fails_that_operation_only() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    let rule = rule(Algorithm::FixedWindow, 100, 3_600_000);
    run(async {
        limits.take(0, &rule, key("a"), 1, None).await.unwrap();
        server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        let refused = limits.take(0, &rule, key("a"), 1, None).await;
        assert!(matches!(&refused, Err(Away::Refused(why)) if why.contains("maxmemory")), "{refused:?}");
        assert_eq!(*limits.link().presence().borrow(), Presence::Here);
        server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(limits.take(0, &rule, key("a"), 1, None).await.unwrap().remaining, 98);
    });
}

#[test]
fn no_more_operations_than_the_bound_are_under_way() {
    let server = RedisServer::start();
    let link = link(&server.url(), Options { under_way: 3, ..patient() });
    let limits = Limits::new(link);
    let rule = rule(Algorithm::FixedWindow, 100, 3_600_000);
    run(async {
        let mut tasks = JoinSet::new();
        for _ in 0..10 {
            tasks.spawn(limits.take(0, &rule, key("a"), 1, None));
        }
        let told = tasks.join_all().await;
        assert_eq!(told.iter().filter(|told| **told == Err(Away::Busy)).count(), 7, "{told:?}");
        assert!(limits.take(0, &rule, key("a"), 1, None).await.is_ok(), "the places come back");
    });
}

#[test]
fn connections_end_with_the_last_who_has_the_link() {
    let server = RedisServer::start();
    let count = || server.ask(&["CLIENT", "LIST", "TYPE", "normal"]).lines().count();
    let limits = limits(&server.url());
    let rule = rule(Algorithm::FixedWindow, 100, 3_600_000);
    run(async {
        for worker in [0, 1] {
            limits.take(worker, &rule, key("a"), 1, None).await.unwrap();
        }
        assert_eq!(count(), 3, "a connection for each worker, and the one that asks");
        drop(limits);
        let began = Instant::now();
        while count() > 1 {
            assert!(began.elapsed() < DEADLINE, "connections stay");
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_runtime_that_ends_takes_its_connection_with_it_and_another_makes_its_own() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    let rule = rule(Algorithm::FixedWindow, 100, 3_600_000);
    for round in 1..=3 {
        let told = run(limits.take(0, &rule, key("a"), 1, None)).unwrap();
        assert_eq!(told.remaining, 100 - round);
    }
}
