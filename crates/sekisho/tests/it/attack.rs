//! Those who hold connections without using them: gone within their limits, while everybody else is served.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::front::config;
use crate::harness::certificates::Authority;
use crate::harness::{Client, DEADLINE, Ends, Gateway, Service, ok, pattern, until};

const REQUEST: &[u8] = b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n";

/// Each connection is an open file, here as in the gateway.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// A connection that has sent these bytes and will send no more.
fn held(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&addr, DEADLINE).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// Asks again and again until it is told to stop; gives how many were answered.
fn good(addr: SocketAddr, stop: &AtomicBool) -> usize {
    let mut client = Client::connect(addr);
    let mut count = 0;
    while !stop.load(SeqCst) {
        client.send(REQUEST);
        let answer = client.answer();
        assert_eq!((answer.status, answer.complete), (200, true), "after {count} requests");
        count += 1;
    }
    count
}

#[test]
fn five_thousand_that_never_finish_their_heads_are_gone_within_their_limit() {
    const MANY: usize = 5_000;
    raise_open_files();
    let service = Service::fixed(ok("text/plain", "fine"));
    let top = "client: { head: 1s, idle: 3s }\nlimits: { connections_per_address: 9000 }\npolicies: { access_log: off }";
    let gateway = Gateway::start(&config(service.addr, "", top));
    let stop = AtomicBool::new(false);
    let began = Instant::now();
    let answered = std::thread::scope(|scope| {
        let ends = Ends(&stop);
        let client = scope.spawn(|| good(gateway.addr, &stop));
        let attackers: Vec<_> = (0..MANY)
            .map(|index| held(gateway.addr, if index % 2 == 0 { b"GET /slow HTTP/1.1\r\nX: " } else { b"" }))
            .collect();
        for (index, mut attacker) in attackers.into_iter().enumerate() {
            let mut answer = Vec::new();
            let ended = attacker.read_to_end(&mut answer);
            assert!(ended.is_ok(), "{index}: {ended:?}");
            let want: &[u8] = if index % 2 == 0 { b"HTTP/1.1 408 " } else { b"" };
            assert!(answer.starts_with(want) && answer.is_empty() == want.is_empty(), "{index}");
        }
        drop(ends);
        client.join().unwrap()
    });
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(answered > 20, "{answered}");
    gateway.wait_metric("gateway_connections", &[], 0.0);
}

#[test]
fn with_few_files_to_open_those_who_wait_make_room_and_requests_still_find_services() {
    const MANY: usize = 200;
    let service = Service::fixed(ok("text/plain", "fine"));
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sekisho")]);
    let gateway = Gateway::start_by(shell, &config(service.addr, "", "workers: 1"), &[]);
    let said = "only 128 files can be open at once, so that 57 clients can be connected and not 10000; raise that limit \
                (`ulimit -n`, `LimitNOFILE=`), or lower `limits.connections`";
    until("it is said", || gateway.stderr.all().iter().any(|line| line.contains(said)).then_some(()));
    let idle: Vec<_> = (0..MANY).map(|_| held(gateway.addr, b"")).collect();
    // Whoever comes last is let in, and then there is a file for the service's connection, too.
    let served = || {
        let mut client = TcpStream::connect_timeout(&gateway.addr, DEADLINE).ok()?;
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client.write_all(b"GET /good HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).ok()?;
        answer.starts_with(b"HTTP/1.1 200 ").then_some(())
    };
    for _ in 0..3 {
        until("a request is served", served);
    }
    drop(idle);
}

#[test]
fn attackers_of_every_kind_are_ended_while_others_are_served() {
    let service = Service::answering(|request| match &request.target[..] {
        "/large" => ok("application/octet-stream", pattern(8_000_000)),
        _ => ok("text/plain", "fine"),
    });
    let authority = Authority::new("the clients' authority");
    let own = authority.certify(&["gateway.test"]);
    let top = "workers: 1\nlisten: [http://127.0.0.1:0, https://127.0.0.1:0]\n\
               tls: { certificates: [{ certificate: own.pem, key: own.key }] }\n\
               client: { handshake: 700ms, head: 700ms, idle: 1500ms, body_grace: 700ms, body_rate: 1MiB }";
    let files = [("own.pem", own.certificate.as_str()), ("own.key", own.key.as_str())];
    let gateway = Gateway::start_with(&config(service.addr, "", top), &[], &files);
    let (plain, secure) = (gateway.ports[0], gateway.ports[1]);
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    let kinds: [(SocketAddr, &[u8]); 6] = [
        (plain, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "),
        (plain, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nslow"),
        (plain, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"),
        (plain, b""),
        (secure, &hello),
        (secure, b""),
    ];
    let stop = AtomicBool::new(false);
    let answered = std::thread::scope(|scope| {
        let ends = Ends(&stop);
        let client = scope.spawn(|| good(plain, &stop));
        let mut attackers: Vec<_> =
            kinds.iter().flat_map(|(addr, bytes)| (0..40).map(|_| held(*addr, bytes))).collect();
        // They ask for much and read nothing of it.
        let readers: Vec<_> = (0..10)
            .map(|_| {
                let mut reader = Client::connect_narrow(plain);
                reader.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
                reader
            })
            .collect();
        for (index, attacker) in attackers.iter_mut().enumerate() {
            let mut rest = Vec::new();
            let ended = attacker.read_to_end(&mut rest);
            assert!(
                ended.is_ok() || matches!(&ended, Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset),
                "{index}: {ended:?}"
            );
        }
        until("only the good client to be left", || {
            (gateway.metric("gateway_connections ") == 1.0).then_some(())
        });
        drop(readers);
        drop(ends);
        client.join().unwrap()
    });
    assert!(answered > 20, "{answered}");
    // Slow heads and bodies are told so.
    gateway.wait_metric("gateway_requests_total", &[("status", "408")], 120.0);
    gateway.wait_metric("gateway_tls_handshakes_total", &[("result", "timeout")], 40.0);
}

#[test]
fn a_flood_from_one_address_leaves_room_for_others() {
    raise_open_files();
    let service = Service::fixed(ok("text/plain", "fine"));
    let top = "workers: 2\nlimits: { connections: 400 }\npolicies: { access_log: off }";
    let gateway = Gateway::start(&config(service.addr, "", top));
    let flood: Vec<_> = (0..1_000).map(|_| held(gateway.addr, b"")).collect();
    for _ in 0..20 {
        let mut client = Client::connect_from("127.0.0.2", gateway.addr);
        client.send(REQUEST);
        assert_eq!(client.answer().status, 200);
    }
    // Half of all places for one address; those of the others are given back.
    gateway.wait_metric("gateway_connections", &[], 200.0);
    gateway.wait_metric("gateway_connections_total", &[("result", "refused")], 800.0);
    drop(flood);
}

#[test]
fn a_flood_from_everywhere_gives_way_to_those_who_ask() {
    raise_open_files();
    let service = Service::fixed(ok("text/plain", "fine"));
    let top = "workers: 2\nlimits: { connections: 200, connections_per_address: 200 }\npolicies: { access_log: off }";
    let gateway = Gateway::start(&config(service.addr, "", top));
    let flood: Vec<_> = (0..400).map(|_| held(gateway.addr, b"")).collect();
    for _ in 0..50 {
        let mut client = Client::connect_from("127.0.0.2", gateway.addr);
        client.send(REQUEST);
        assert_eq!(client.answer().status, 200);
    }
    drop(flood);
}

#[test]
fn one_that_reads_slowly_delays_none_of_its_worker() {
    let service = Service::answering(|request| match &request.target[..] {
        "/large" => ok("application/octet-stream", pattern(8_000_000)),
        _ => ok("text/plain", "fine"),
    });
    let gateway = Gateway::start(&config(service.addr, "", "workers: 1"));
    let mut readers: Vec<_> = (0..20).map(|_| Client::connect_narrow(gateway.addr)).collect();
    for reader in &mut readers {
        reader.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(reader.head_only().status, 200);
    }
    let mut client = gateway.connect();
    for _ in 0..50 {
        client.send(REQUEST);
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn who_sends_byte_by_byte_has_no_more_time_than_others() {
    let service = Service::echo();
    let authority = Authority::new("the clients' authority");
    let own = authority.certify(&["gateway.test"]);
    let top = "listen: [http://127.0.0.1:0, https://127.0.0.1:0, { url: http://127.0.0.1:0, proxy_protocol: { from: [127.0.0.1] } }]\n\
               tls: { certificates: [{ certificate: own.pem, key: own.key }] }\n\
               client: { handshake: 400ms, head: 400ms, body_grace: 400ms, body_rate: 1KiB }";
    let files = [("own.pem", own.certificate.as_str()), ("own.key", own.key.as_str())];
    let gateway = Gateway::start_with(&config(service.addr, "", top), &[], &files);
    // Each has more to send than this takes of time, by far.
    let hello = [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[7; 500]].concat();
    let head = [b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec(), vec![b'x'; 500]].concat();
    let body =
        [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n".to_vec(), vec![b'x'; 500]].concat();
    let version_2 = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x02\x00"[..], &[1; 500]].concat();
    for (port, begun, bytes) in [(0, 1, head), (0, 52, body), (1, 1, hello), (2, 1, version_2)] {
        let mut client = Client::connect(gateway.ports[port]);
        client.send(&bytes[..begun]);
        // Nothing but the end, or an answer, makes it stop before all is sent.
        let ended = bytes[begun..]
            .iter()
            .any(|byte| !client.nothing_for(Duration::from_millis(30)) || client.try_send([*byte]).is_err());
        assert!(ended, "port {port}, {}", bytes[..begun + 20].escape_ascii());
    }
}

#[test]
fn those_who_never_pause_delay_none_of_their_worker() {
    let service = Service::raw(|mut conn| {
        let Some(request) = conn.next_head() else { return };
        if request.header("upgrade").is_some() {
            conn.write(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            );
        } else {
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n");
        }
        let piece = [b'x'; 64 * 1024];
        while conn.write(piece) {}
    });
    let top = "workers: 1\npolicies: { access_log: off, body_limit: off }";
    let routes = "  - { path: /good, respond: fine }\n";
    let gateway = Gateway::start(&(config(service.addr, "", top) + routes));
    let upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    std::thread::scope(|scope| {
        let mut all = Vec::new();
        for (asks, again) in [
            // Many requests in each piece, all of which the gateway answers itself.
            (&b""[..], REQUEST.repeat(500)),
            (b"GET /download HTTP/1.1\r\nHost: a\r\n\r\n", Vec::new()),
            (upgrade, Vec::new()),
        ] {
            for _ in 0..2 {
                let stream = held(gateway.addr, asks);
                all.push(stream.try_clone().unwrap());
                let (mut reader, mut writer, again) = (stream.try_clone().unwrap(), stream, again.clone());
                scope.spawn(move || while reader.read(&mut [0; 64 * 1024]).is_ok_and(|count| count > 0) {});
                scope.spawn(move || while !again.is_empty() && writer.write_all(&again).is_ok() {});
            }
        }
        let mut client = gateway.connect();
        for _ in 0..50 {
            client.send(REQUEST);
            assert_eq!(client.answer().status, 200);
        }
        for stream in all {
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
    });
}

#[test]
fn a_new_connection_goes_to_the_worker_with_the_fewest() {
    // Each worker has connections of its own to the service, and says by them which one it is.
    let service = Service::raw(|mut conn| {
        while conn.next_head().is_some() {
            conn.write(ok("text/plain", conn.index.to_string()));
        }
    });
    let gateway = Gateway::start(&config(service.addr, "", "workers: 2"));
    let worker = |client: &mut Client| {
        client.send(REQUEST);
        client.answer().text()
    };
    let mut first: Vec<_> = (0..6).map(|_| gateway.connect()).collect();
    assert_ne!(worker(&mut first[0]), worker(&mut first[1]), "equals take turns");
    let other = worker(&mut first[1]);
    let mut index = 0;
    first.retain(|_| {
        index += 1;
        index % 2 == 1
    });
    // Three at one worker and none at the other, as soon as it has noticed: by turns one of two would go to the fuller one.
    until("two to go to the empty worker", || {
        let mut next = [gateway.connect(), gateway.connect()];
        next.iter_mut().all(|client| worker(client) == other).then_some(())
    });
}
