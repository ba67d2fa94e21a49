//! Several commands at once, scripts, whatever bytes, and connections of their own.

use std::time::{Duration, Instant};

use sekisho_store::redis::{Away, Command, Options, Presence, Reply, Script};

use crate::server::RedisServer;
use crate::{DEADLINE, link, patient, run, until};

const BYTES: &[u8] = b"\0\r\n\xff";

/// Sets the key to what it is given, and says how long that is.
const PUT: &str = "redis.call('SET', KEYS[1], ARGV[1]) return #ARGV[1]";

fn number(reply: &Result<Reply, Away>) -> i64 {
    reply.clone().unwrap().number().unwrap()
}

#[test]
fn several_commands_are_answered_in_their_order_and_fail_each_by_itself() {
    let server = RedisServer::start();
    let link = link(&server.url(), patient());
    let (key, other) = (link.key("a"), link.key("b"));
    let commands = [
        Command::new("SET").word(&key).word(BYTES),
        Command::new("GET").word(&key),
        Command::new("HGETALL").word(&key),
        Command::new("ZADD").word(&other).number(1_764_335_000_123_456).word(BYTES),
        Command::new("ZRANGE").word(&other).number(0).number(0).word("WITHSCORES"),
        Command::new("GET").word(link.key("c")),
    ];
    let replies = run(link.run(0, &commands)).unwrap();
    assert_eq!(replies[0], Ok(Reply::Bytes(b"OK".to_vec())));
    assert_eq!(replies[1], Ok(Reply::Bytes(BYTES.to_vec())));
    assert!(replies[2].as_ref().is_err_and(Away::is_wrong_type), "{replies:?}");
    assert_eq!(number(&replies[3]), 1);
    let pair = [BYTES, b"1764335000123456"].map(|bytes| Reply::Bytes(bytes.to_vec()));
    assert_eq!(replies[4], Ok(Reply::List(pair.to_vec())));
    assert_eq!(replies[5], Ok(Reply::Nothing));
}

#[test]
fn a_script_is_learned_by_a_server_that_does_not_know_it() {
    let server = RedisServer::start();
    let link = link(&server.url(), patient());
    let (script, key) = (Script::new(PUT), link.key("a"));
    run(async {
        for _ in 0..2 {
            let put = Command::script(&script, key.as_bytes()).word(BYTES);
            let replies = link.run(0, &[put, Command::new("STRLEN").word(&key)]).await.unwrap();
            assert_eq!((number(&replies[0]), number(&replies[1])), (4, 4));
            server.ask(&["SCRIPT", "FLUSH"]);
        }
    });
}

#[test]
fn what_is_large_does_not_hold_up_those_on_other_connections_and_all_know_when_the_server_is_gone() {
    let mut server = RedisServer::start();
    let link = link(&server.url(), patient());
    let apart = link.apart(2);
    run(async {
        let get = || [Command::new("GET").word(link.key("a"))];
        link.run(0, &get()).await.unwrap();
        apart.run(0, &get()).await.unwrap();
        assert_eq!(server.ask(&["CLIENT", "LIST", "TYPE", "normal"]).lines().count(), 3);
        server.kill();
        let began = Instant::now();
        while apart.gone(0).is_none() {
            assert!(apart.run(0, &get()).await.is_err() && began.elapsed() < DEADLINE);
        }
        assert!(matches!(*link.presence().borrow(), Presence::Gone(_)));
        assert!(matches!(apart.run(0, &get()).await, Err(Away::Gone(_))));
        let again = apart.apart(1);
        drop(apart);
        assert_eq!(*link.presence().borrow(), Presence::Untried, "nobody is left who has lost it");
        server.restart();
        let began = Instant::now();
        while again.run(0, &get()).await.is_err() {
            assert!(began.elapsed() < DEADLINE);
        }
        until(&link, "here", |presence| *presence == Presence::Here).await;
        assert_eq!(link.changes().0, 1);
    });
}

#[test]
fn more_commands_together_take_one_place_and_one_time() {
    let server = RedisServer::start();
    let link =
        link(&server.url(), Options { under_way: 1, timeout: Duration::from_secs(5), ..Options::default() });
    run(async {
        let many: Vec<Command> =
            (0..50).map(|at| Command::new("GET").word(link.key(&at.to_string()))).collect();
        assert_eq!(link.run(0, &many).await.unwrap().len(), 50);
        let (one, two) = tokio::join!(link.run(0, &many), link.run(0, &many));
        assert!(one.is_ok());
        assert_eq!(two, Err(Away::Busy));
    });
}
