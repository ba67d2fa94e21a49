//! Kinds of addresses: log-ins, databases, sockets, TLS, clusters.

use std::time::Instant;

use sekisho_store::Algorithm;
use sekisho_store::redis::{Away, Command, Limits, Options, Reply, Script, Tls};

use crate::server::RedisServer;
use crate::{DEADLINE, key, limits, link, patient, rule, run};

async fn counts(limits: &Limits) {
    let rule = rule(Algorithm::SlidingWindow, 1, 3_600_000);
    for name in ["a", "b", "c", "d"] {
        assert!(limits.take(0, &rule, key(name), 1, None).await.unwrap().allowed);
        assert!(!limits.take(0, &rule, key(name), 1, None).await.unwrap().allowed);
    }
}

#[test]
fn logs_in_with_a_password_or_as_a_user_and_chooses_a_database() {
    let user = ["--user", "gate", "on", ">word", "~sekisho:*", "+@all", "-flushall"];
    let server = RedisServer::start_with(&[&["--requirepass", "secret"][..], &user].concat());
    let port = server.port;
    run(async {
        counts(&limits(&format!("redis://:secret@127.0.0.1:{port}/3"))).await;
        counts(&limits(&format!("valkey://gate:word@127.0.0.1:{port}/4"))).await;
        let rule = rule(Algorithm::SlidingWindow, 1, 3_600_000);
        for wrong in ["", ":guess@", "gate:guess@"] {
            let limits = limits(&format!("redis://{wrong}127.0.0.1:{port}"));
            let told = limits.take(0, &rule, key("a"), 1, None).await;
            assert!(matches!(&told, Err(Away::Gone(why)) if !why.contains("guess")), "{wrong}: {told:?}");
        }
    });
}

#[test]
fn reaches_a_socket_in_the_file_system() {
    let server = RedisServer::start_with(&["--unixsocket", "{DIR}/socket"]);
    run(counts(&limits(&format!("unix://{}/socket", server.dir.display()))));
}

#[test]
fn speaks_tls_and_believes_whom_it_is_told_to() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = std::env::temp_dir().join(format!("sekisho-redis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = |name: &str, text: String| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name).display().to_string()
    };
    let certificate = file("certificate", made.cert.pem());
    let key_file = file("key", made.signing_key.serialize_pem());
    let tls_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = RedisServer::start_with(&[
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key_file,
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{tls_port}");
    let tls = Tls { authorities: Some(made.cert.pem().into_bytes()), ours: None };
    run(async {
        counts(&Limits::new(link(&url, Options { tls: Some(tls), ..patient() }))).await;
        let told = limits(&url).take(0, &rule(Algorithm::SlidingWindow, 1, 1_000), key("a"), 1, None).await;
        assert!(matches!(told, Err(Away::Gone(_))), "the system knows no such authority: {told:?}");
    });
    drop(server);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn counts_over_the_nodes_of_a_cluster() {
    let args = ["--cluster-enabled", "yes"];
    let nodes = [RedisServer::start_with(&args), RedisServer::start_with(&args)];
    nodes[0].ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    nodes[1].ask(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    nodes[1].ask(&["CONFIG", "SET", "cluster-node-timeout", "2000"]);
    nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &nodes[1].port.to_string()]);
    let began = Instant::now();
    while nodes.iter().any(|node| !node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
        assert!(began.elapsed() < DEADLINE, "{}", nodes[0].ask(&["CLUSTER", "INFO"]));
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    run(async {
        let limits = limits(&format!("redis+cluster://127.0.0.1:{},127.0.0.1:1", nodes[0].port));
        counts(&limits).await;
        let script = Script::new("return redis.call('INCR', KEYS[1])");
        let keys: Vec<String> = (0..20).map(|at| limits.link().key(&format!("together{at}"))).collect();
        let mut commands: Vec<_> = keys.iter().map(|key| Command::script(&script, key.as_bytes())).collect();
        commands.push(Command::new("HGETALL").word(&keys[0]));
        let replies = limits.link().run(0, &commands).await.unwrap();
        assert!(replies[..20].iter().all(|reply| *reply == Ok(Reply::Number(1))), "{replies:?}");
        assert!(replies[20].as_ref().is_err_and(Away::is_wrong_type), "{replies:?}");
    });
    for node in &nodes {
        assert_ne!(node.ask(&["DBSIZE"]), "0", "the keys lie on both");
    }
}
