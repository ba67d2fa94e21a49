//! Gateways that share a server: variants, lives, times, sizes, clusters.

use std::sync::Arc;
use std::time::Instant;

use super::server::RedisServer;
use super::*;

#[test]
fn what_one_gateway_stores_another_finds_with_all_that_belongs_to_it() {
    let server = RedisServer::start();
    let (one, two) = (redis(&server.url()), redis(&server.url()));
    run(async {
        let found = two.found("/a").await;
        assert_eq!((found.entries.len(), found.garbage), (0, 0));
        assert_eq!(one.fill("/a", "hello", &["t1", "t2"]).await, Put::Stored);
        let found = two.found("/a").await;
        let ([there], made) = (&found.entries[..], entry("/a", "en", "hello", &["t1", "t2"])) else {
            panic!("{} variants", found.entries.len())
        };
        assert_eq!(
            (there.head.bytes(), &there.body, &there.tags),
            (made.head.bytes(), &made.body, &made.tags)
        );
        assert_eq!((&there.facts, &there.target), (&made.facts, &made.target));
        assert_eq!(two.bodies("/b").await, [""; 0]);
        let (uri, user) = (key("/a", None), key("/a", Some("u")));
        assert!(two.look(0, &uri, &user).await.unwrap().entries.is_empty(), "another user's");
    });
    for name in server.ask(&["KEYS", "*"]).lines() {
        assert!(name.starts_with("sekisho:1:cache:"), "{name}");
        let ttl: i64 = server.ask(&["TTL", name]).parse().unwrap();
        assert!(ttl > 0, "{name} ends by itself");
    }
}

#[test]
fn variants_lie_side_by_side_and_the_same_one_gives_way() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    run(async {
        let ticket = redis.found("/a").await.ticket;
        for (language, body) in [("en", "1"), ("de", "2"), ("en", "3")] {
            assert_eq!(redis.store("/a", &entry("/a", language, body, &[]), &ticket).await, Put::Stored);
        }
        assert_eq!(redis.bodies("/a").await, ["2", "3"]);
        for number in 10..30 {
            let entry = entry("/a", &format!("l{number}"), number.to_string(), &[]);
            assert_eq!(redis.store("/a", &entry, &ticket).await, Put::Stored);
        }
        let newest: Vec<String> = (14..30).map(|number| number.to_string()).collect();
        assert_eq!(redis.bodies("/a").await, newest, "sixteen, and the newest");
        let large = |language| entry("/a", language, vec![b'x'; 900_000], &[]);
        for language in ["x", "y", "z"] {
            assert_eq!(redis.store("/a", &large(language), &ticket).await, Put::Stored);
        }
        let found = redis.found("/a").await;
        let bytes: usize = found.entries.iter().map(|entry| entry.body.len()).sum();
        assert!((1_800_000..2 << 20).contains(&bytes), "their bytes are bounded, too: {bytes}");
    });
}

#[test]
fn large_bodies_come_whole_and_too_large_ones_are_not_stored() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    run(async {
        let body: Vec<u8> = (0..250_000_u32).flat_map(u32::to_le_bytes).collect();
        assert!(body.len() as u64 > super::super::LARGEST);
        let ticket = redis.found("/a").await.ticket;
        assert_eq!(redis.store("/a", &entry("/a", "en", body.clone(), &[]), &ticket).await, Put::Stored);
        let found = redis.found("/a").await;
        assert!(found.entries[0].body == body);
        assert!(Arc::ptr_eq(&found.entries[0], &redis.found("/a").await.entries[0]), "held once");
        assert_eq!(redis.store("/a", &entry("/a", "en", "other", &[]), &ticket).await, Put::Stored);
        assert_eq!(redis.bodies("/a").await, ["other"], "and no longer than it lies there");
        assert!(found.entries[0].body == body);
        let large = entry("/b", "en", vec![0; super::super::LARGEST_RECORD], &[]);
        let ticket = redis.found("/b").await.ticket;
        assert_eq!(redis.store("/b", &large, &ticket).await, Put::TooLarge);
    });
}

#[test]
fn records_go_when_their_time_is_over() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    run(async {
        let (uri, ticket) = (key("/a", None), redis.found("/a").await.ticket);
        let made = entry("/a", "en", "1", &[]);
        let second = Duration::from_secs(1);
        assert_eq!(redis.put(0, &uri, &uri, &made, second, &ticket).await, Ok(Put::Stored));
        let began = Instant::now();
        while !server.ask(&["KEYS", "*cache:a:*"]).is_empty() {
            assert!(began.elapsed() < DEADLINE);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(redis.bodies("/a").await, [""; 0]);
        // A variant that is kept longer keeps the others.
        assert_eq!(redis.store("/a", &made, &ticket).await, Put::Stored);
        let other = entry("/a", "de", "2", &[]);
        assert_eq!(redis.put(0, &uri, &uri, &other, second, &ticket).await, Ok(Put::Stored));
    });
    for name in server.ask(&["KEYS", "*cache:[au]:*"]).lines() {
        let ttl: i64 = server.ask(&["TTL", name]).parse().unwrap();
        assert!(ttl > 300, "{name}: {ttl}");
    }
}

#[test]
fn a_cluster_has_the_keys_where_it_likes() {
    let args = ["--cluster-enabled", "yes"];
    let nodes = [RedisServer::start_with(&args), RedisServer::start_with(&args)];
    nodes[0].ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    nodes[1].ask(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &nodes[1].port.to_string()]);
    let began = Instant::now();
    while nodes.iter().any(|node| !node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
        assert!(began.elapsed() < DEADLINE, "{}", nodes[0].ask(&["CLUSTER", "INFO"]));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let url = format!("redis+cluster://127.0.0.1:{}", nodes[0].port);
    let (one, two) = (redis(&url), redis(&url));
    run(async {
        for number in 0..20 {
            let (path, tags) = (format!("/{number}"), [["even"], ["odd"]][number % 2]);
            assert_eq!(one.fill(&path, "x", &tags).await, Put::Stored);
            assert_eq!(two.bodies(&path).await, ["x"]);
        }
        two.forget(0, &key("/0", None)).await.unwrap();
        assert_eq!(two.purge(&Purge::Key(key("/1", None))).await, Ok(1));
        two.purge(&Purge::Tag("odd".into())).await.unwrap();
        assert_eq!(one.bodies("/0").await, [""; 0]);
        assert_eq!(one.bodies("/1").await, [""; 0]);
        assert_eq!(one.bodies("/2").await, ["x"]);
        assert_eq!(one.bodies("/3").await, [""; 0]);
    });
    for node in &nodes {
        assert_ne!(node.ask(&["KEYS", "*cache:a:*"]), "", "they lie on both");
    }
}
