//! A server that is gone, slow, full, emptied, or holds what nobody of us wrote.

use std::time::Instant;

use super::server::RedisServer;
use super::*;

/// Waits until looking works again.
async fn until_back(redis: &Redis) {
    let began = Instant::now();
    while redis.look(0, &key("/", None), &key("/", None)).await.is_err() {
        assert!(began.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_server_that_was_killed_fails_everything_at_once_and_works_again_when_it_is_back() {
    let mut server = RedisServer::start();
    let redis = redis(&server.url());
    run(async {
        assert_eq!(redis.fill("/a", "x", &[]).await, Put::Stored);
        let ticket = redis.found("/b").await.ticket;
        server.kill();
        let began = Instant::now();
        let uri = key("/a", None);
        while redis.gone(0).is_none() {
            assert!(redis.look(0, &uri, &uri).await.is_err() && began.elapsed() < DEADLINE);
        }
        let b = key("/b", None);
        let put = redis.put(0, &b, &b, &entry("/b", "en", "x", &[]), KEEP, &ticket).await;
        assert!(matches!(put, Err(Away::Gone(_))), "{put:?}");
        assert!(redis.purge(&Purge::All).await.is_err());
        assert!(redis.forget(0, &uri).await.is_err());
        server.restart();
        until_back(&redis).await;
        assert_eq!(redis.bodies("/a").await, [""; 0]);
        let late = redis.store("/b", &entry("/b", "en", "x", &[]), &ticket).await;
        assert_eq!(late, Put::Outdated, "the new server knows nothing of purges before it");
        assert_eq!(redis.fill("/a", "y", &[]).await, Put::Stored);
        assert_eq!(redis.bodies("/a").await, ["y"]);
        assert_eq!(redis.purge(&Purge::All).await, Ok(1));
    });
}

#[test]
fn what_was_invalidated_while_the_server_hung_is_not_found_when_it_goes_on() {
    let server = RedisServer::start();
    let timeout = Duration::from_millis(100);
    let redis = redis_with(&server.url(), Options { timeout, ..Options::default() });
    run(async {
        until_back(&redis).await;
        let (a, b) = (key("/a", None), key("/b", None));
        for (uri, path) in [(a, "/a"), (b, "/b")] {
            let began = Instant::now();
            loop {
                assert!(began.elapsed() < DEADLINE);
                let Ok(found) = redis.look(0, &uri, &uri).await else { continue };
                let made = entry(path, "en", "x", &[]);
                if redis.put(0, &uri, &uri, &made, KEEP, &found.ticket).await == Ok(Put::Stored) {
                    break;
                }
            }
        }
        server.hang();
        assert!(redis.forget(0, &a).await.is_err());
        assert!(redis.look(0, &b, &b).await.is_err());
        server.go_on();
        until_back(&redis).await;
        let began = Instant::now();
        loop {
            // On a busy machine a look may be late, and that is a miss.
            if let (Ok(a), Ok(b)) = (redis.look(0, &a, &a).await, redis.look(0, &b, &b).await) {
                assert_eq!((a.entries.len(), b.entries.len()), (0, 1));
                break;
            }
            assert!(began.elapsed() < DEADLINE);
        }
    });
}

#[test]
fn a_server_that_is_full_stores_nothing_and_still_tells_what_it_has() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    run(async {
        assert_eq!(redis.fill("/a", "x", &[]).await, Put::Stored);
        let (b, ticket) = (key("/b", None), redis.found("/b").await.ticket);
        server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        assert_eq!(redis.bodies("/a").await, ["x"]);
        let put = redis.put(0, &b, &b, &entry("/b", "en", "x", &[]), KEEP, &ticket).await;
        assert!(matches!(&put, Err(Away::Refused(why)) if why.contains("maxmemory")), "{put:?}");
        let c = key("/c", None);
        assert!(matches!(redis.look(0, &c, &c).await, Err(Away::Refused(_))));
        assert!(redis.gone(0).is_none(), "it is there all the same");
        redis.forget(0, &key("/a", None)).await.unwrap();
        server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(redis.bodies("/a").await, [""; 0], "to forget needs no room");
        assert_eq!(redis.store("/b", &entry("/b", "en", "x", &[]), &ticket).await, Put::Stored);
    });
}

#[test]
fn a_server_that_lost_some_keys_has_lost_answers_and_no_purge() {
    let server = RedisServer::start();
    let (one, two) = (redis(&server.url()), redis(&server.url()));
    run(async {
        for lost in ["sekisho:1:cache:purges".to_owned(), format!("sekisho:1:cache:u:{:?}", key("/a", None))]
        {
            assert_eq!(one.fill("/a", "x", &[]).await, Put::Stored);
            assert_eq!(two.bodies("/a").await, ["x"]);
            let ticket = one.found("/a").await.ticket;
            assert_eq!(server.ask(&["DEL", &lost]), "1");
            assert_eq!(one.store("/a", &entry("/a", "en", "y", &[]), &ticket).await, Put::Outdated, "{lost}");
            assert_eq!(one.bodies("/a").await, [""; 0], "{lost}");
            assert_eq!(two.bodies("/a").await, [""; 0], "{lost}");
        }
        server.ask(&["FLUSHALL"]);
        assert_eq!(one.fill("/a", "z", &[]).await, Put::Stored);
        assert_eq!(two.bodies("/a").await, ["z"]);
    });
}

#[test]
fn garbage_under_our_keys_is_a_miss_that_is_counted_and_gives_way() {
    let server = RedisServer::start();
    let (redis, uri) = (redis(&server.url()), key("/a", None));
    let answers = format!("sekisho:1:cache:a:{uri:?}");
    run(async {
        let garbage: [&[&[&str]]; 6] = [
            &[&["DEL", &answers], &["SET", &answers, "garbage"]],
            &[&["DEL", &answers], &["LPUSH", &answers, "garbage"]],
            &[
                &["DEL", &answers],
                &["HSET", &answers, "0123456789abcdef", "garbage", "order", "0123456789abcdef"],
            ],
            &[&["DEL", &answers], &["HSET", &answers, "order", "odd", "0123456789abcdef", ""]],
            &[
                &["DEL", &answers],
                &["HSET", &answers, "0123456789abcdef", "SKC\u{1}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
            ],
            &[&["DEL", &answers], &["SADD", &answers, "a"]],
        ];
        for commands in garbage {
            assert_eq!(redis.fill("/a", "x", &[]).await, Put::Stored);
            commands.iter().for_each(|command| _ = server.ask(command));
            let before = redis.garbage();
            let found = redis.found("/a").await;
            assert_eq!((found.entries.len(), found.garbage), (0, 1), "{commands:?}");
            assert_eq!(redis.garbage(), before + 1);
            assert_eq!(redis.found("/a").await.garbage, 0, "it was taken away");
            commands.iter().for_each(|command| _ = server.ask(command));
            redis.purge(&Purge::Tag("t".into())).await.unwrap();
            assert_eq!(redis.fill("/a", "y", &[]).await, Put::Stored, "{commands:?}");
            assert_eq!(redis.bodies("/a").await, ["y"], "{commands:?}");
            assert_eq!(server.ask(&["HLEN", &answers]), "2", "{commands:?}");
        }
        // Another key's record.
        assert_eq!(redis.fill("/b", "b", &[]).await, Put::Stored);
        server.ask(&["COPY", &format!("sekisho:1:cache:a:{:?}", key("/b", None)), &answers, "REPLACE"]);
        let found = redis.found("/a").await;
        assert_eq!((found.entries.len(), found.garbage), (0, 1));
    });
}

#[test]
fn garbage_instead_of_a_life_or_the_log_is_replaced() {
    let server = RedisServer::start();
    let (one, two) = (redis(&server.url()), redis(&server.url()));
    let (life, log) = (format!("sekisho:1:cache:u:{:?}", key("/a", None)), "sekisho:1:cache:purges");
    run(async {
        let garbage: [&[&[&str]]; 6] = [
            &[&["SET", &life, "short"]],
            &[&["DEL", &life], &["LPUSH", &life, "garbage"]],
            &[&["SET", log, "garbage"]],
            &[&["DEL", log], &["ZADD", log, "17", "tag"]],
            &[&["DEL", log], &["ZADD", log, "-1", "a", "inf", "b"]],
            &[&["DEL", log], &["ZADD", log, "nonsense", "a"], &["ZADD", log, "1.5", "floor"]],
        ];
        for commands in garbage {
            assert_eq!(one.fill("/a", "x", &[]).await, Put::Stored);
            assert_eq!(two.bodies("/a").await, ["x"]);
            commands.iter().for_each(|command| _ = server.ask(command));
            assert_eq!(two.bodies("/a").await, [""; 0], "{commands:?}");
            assert_eq!(one.bodies("/a").await, [""; 0], "{commands:?}");
            assert_eq!(one.fill("/a", "y", &[]).await, Put::Stored, "{commands:?}");
            assert_eq!(two.bodies("/a").await, ["y"], "{commands:?}");
            two.purge(&Purge::All).await.unwrap();
            assert_eq!(one.bodies("/a").await, [""; 0], "{commands:?}");
        }
    });
}
