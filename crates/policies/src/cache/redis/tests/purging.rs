//! Purges and invalidation, by whichever gateway, with answers that come in meanwhile.

use super::server::RedisServer;
use super::*;

/// What is stored at the beginning, with its tags.
const STORED: [(&str, &[&str]); 4] =
    [("/a", &["one"]), ("/a/b", &["one", "two"]), ("/a/b/c", &[]), ("/x", &["two"])];

#[test]
fn a_purge_means_what_it_names_and_every_gateway_obeys_at_once() {
    let purges: [(Purge, u64, &[&str]); 9] = [
        (Purge::Key(key("/a/b", None)), 1, &["/a", "/a/b/c", "/x"]),
        (Purge::Key(key("/none", None)), 0, &["/a", "/a/b", "/a/b/c", "/x"]),
        (path(None, "/a/*"), 3, &["/x"]),
        (path(Some("shop.example"), "/a/{any}"), 1, &["/a", "/a/b/c", "/x"]),
        (path(Some("other.example"), "/a/*"), 0, &["/a", "/a/b", "/a/b/c", "/x"]),
        (Purge::Tag("one".into()), 2, &["/a/b/c", "/x"]),
        (Purge::Tag("two".into()), 2, &["/a", "/a/b/c"]),
        (Purge::Tag("three".into()), 0, &["/a", "/a/b", "/a/b/c", "/x"]),
        (Purge::All, 4, &[]),
    ];
    let server = RedisServer::start();
    let (one, two) = (redis(&server.url()), redis(&server.url()));
    run(async {
        for (purge, count, left) in purges {
            for (path, tags) in STORED {
                assert_eq!(one.fill(path, path, tags).await, Put::Stored);
                assert_eq!(two.bodies(path).await, [path]);
            }
            assert_eq!(two.purge(&purge).await, Ok(count), "{purge:?}");
            for (path, _) in STORED {
                let there = one.bodies(path).await == [path];
                assert_eq!(there, left.contains(&path), "{purge:?} {path}");
            }
        }
        assert_eq!(one.fill("/a", "again", &["one", "two"]).await, Put::Stored);
        assert_eq!(two.bodies("/a").await, ["again"], "what is asked for later is no business of old purges");
    });
    assert_eq!(
        server.ask(&["HLEN", &format!("sekisho:1:cache:a:{:?}", key("/x", None))]),
        "0",
        "memory comes back"
    );
}

#[test]
fn an_answer_that_was_asked_for_before_a_purge_is_not_stored_after_it() {
    let server = RedisServer::start();
    let (one, two) = (redis(&server.url()), redis(&server.url()));
    run(async {
        for purge in [Purge::Key(key("/a", None)), path(None, "/{any}"), Purge::Tag("t".into()), Purge::All] {
            let (ticket, other) = (one.found("/a").await.ticket, one.found("/b/c").await.ticket);
            two.purge(&purge).await.unwrap();
            let old = entry("/a", "en", "old", &["t"]);
            assert_eq!(one.store("/a", &old, &ticket).await, Put::Outdated, "{purge:?}");
            assert_eq!(one.bodies("/a").await, [""; 0]);
            let meant = matches!(purge, Purge::All);
            let put = one.store("/b/c", &entry("/b/c", "en", "other", &[]), &other).await;
            assert_eq!(put == Put::Outdated, meant, "{purge:?}");
            // And if it comes in between the last look at the log and the record.
            let (variant, record) =
                super::super::record::write(&key("/a", None), &old, &ticket, 9_999).unwrap();
            let write = sekisho_store::redis::Command::new("HSET").word(one.answers(&key("/a", None)));
            one.link.run(0, &[write.word(variant).word(record)]).await.unwrap();
            assert_eq!(two.bodies("/a").await, [""; 0], "{purge:?}");
        }
    });
}

#[test]
fn what_an_unsafe_method_invalidates_is_gone_for_every_user_and_what_was_under_way_is_not_stored() {
    let server = RedisServer::start();
    let (one, two) = (redis(&server.url()), redis(&server.url()));
    let (uri, user) = (key("/a", None), key("/a", Some("u")));
    run(async {
        let made = entry("/a", "en", "old", &[]);
        let before = one.look(0, &uri, &user).await.unwrap().ticket;
        assert_eq!(one.fill("/a", "old", &[]).await, Put::Stored);
        assert_eq!(one.put(0, &uri, &user, &made, KEEP, &before).await, Ok(Put::Stored));
        assert_eq!(one.fill("/b", "b", &[]).await, Put::Stored);
        two.forget(1, &uri).await.unwrap();
        assert_eq!(one.bodies("/a").await, [""; 0]);
        let found = one.look(0, &uri, &user).await.unwrap();
        assert!(found.entries.is_empty());
        assert_eq!(one.bodies("/b").await, ["b"]);
        assert_eq!(one.put(0, &uri, &user, &made, KEEP, &before).await, Ok(Put::Outdated));
        assert_eq!(one.put(0, &uri, &user, &made, KEEP, &found.ticket).await, Ok(Put::Stored));
        assert_eq!(two.look(0, &uri, &user).await.unwrap().entries.len(), 1);
        // Nothing was stored yet when it was invalidated, and nobody has looked since.
        let first = one.found("/c").await.ticket;
        two.forget(0, &key("/c", None)).await.unwrap();
        assert_eq!(one.store("/c", &entry("/c", "en", "old", &[]), &first).await, Put::Outdated);
    });
}

#[test]
fn a_log_that_is_full_forgets_old_answers_rather_than_old_purges() {
    let server = RedisServer::start();
    let (one, two) = (redis(&server.url()), redis(&server.url()));
    run(async {
        assert_eq!(one.fill("/old", "x", &["old"]).await, Put::Stored);
        assert_eq!(one.bodies("/old").await, ["x"]);
        let before = one.found("/new").await.ticket;
        for number in 0..super::super::log::MOST + 10 {
            one.append(&one.link, 0, format!("ttag{number}").as_bytes()).await.unwrap();
        }
        let kept: usize = server.ask(&["ZCARD", "sekisho:1:cache:purges"]).parse().unwrap();
        assert!((5_000..=super::super::log::MOST).contains(&kept), "{kept}");
        assert_eq!(one.bodies("/old").await, [""; 0]);
        assert_eq!(two.bodies("/old").await, [""; 0], "one that has read nothing before");
        assert_eq!(one.store("/new", &entry("/new", "en", "x", &[]), &before).await, Put::Outdated);
        assert_eq!(one.fill("/new", "x", &["tag5"]).await, Put::Stored);
        assert_eq!(two.bodies("/new").await, ["x"]);
        // The same again is one member.
        for _ in 0..10 {
            two.append(&two.link, 0, b"ttag8000").await.unwrap();
        }
        assert_eq!(one.bodies("/new").await, ["x"]);
        assert_eq!(one.purge(&Purge::Tag("tag5".into())).await, Ok(1));
        assert_eq!(two.bodies("/new").await, [""; 0]);
    });
}

#[test]
fn purges_of_kinds_to_come_are_purges_of_all() {
    let server = RedisServer::start();
    let redis = redis(&server.url());
    run(async {
        assert_eq!(redis.fill("/a", "x", &[]).await, Put::Stored);
        redis.append(&redis.link, 0, b"zwhatever").await.unwrap();
        assert_eq!(redis.bodies("/a").await, [""; 0]);
        assert_eq!(redis.fill("/a", "y", &[]).await, Put::Stored);
        assert_eq!(redis.bodies("/a").await, ["y"]);
    });
}
