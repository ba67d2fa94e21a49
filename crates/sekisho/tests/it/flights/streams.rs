//! Bodies on their way to several at once.

use std::sync::mpsc::sync_channel;

use super::{Deed, World, counting_conns, fresh, get, until_word, word};
use crate::framing::gateway;
use crate::harness::{Client, pattern, until, write_until_stuck};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

#[test]
fn whoever_waits_has_the_body_as_it_comes_and_who_comes_late_from_its_beginning() {
    let world = World::start("");
    let mut early = [world.ask("/"), world.ask("/")];
    world.wait_under_way(2);
    world.write(CHUNKED);
    world.write(chunk(b"one "));
    let heads = early.each_mut().map(|client| client.head_only());
    for client in &mut early {
        until("the first piece", || client.read_some().windows(4).any(|four| four == b"one ").then_some(()));
    }
    let mut late = world.ask("/");
    heads.iter().for_each(|head| assert_eq!(head.status, 200));
    let head = late.head_only();
    assert_eq!(word(&head), "MISS", "it comes in while the rest is awaited");
    world.write(chunk(b"two"));
    world.last("0\r\n\r\n");
    assert_eq!(late.body_of(head).text(), "one two");
    let stored = until_word(&world.gateway, &get("/", ""), "HIT");
    assert_eq!((stored.text().as_str(), stored.header("content-length")), ("one two", Some("7")));
    assert_eq!(world.service.requests(), 1);
}

#[test]
fn a_client_that_leaves_before_the_head_does_not_end_what_others_wait_for() {
    let world = World::start("");
    let leaver = world.ask("/");
    world.service.wait_seen(1);
    let mut stayer = world.ask("/");
    world.wait_under_way(2);
    leaver.reset();
    world.gateway.each_worker_answers();
    world.last(fresh("here"));
    let answer = stayer.answer();
    assert_eq!((answer.text().as_str(), word(&answer)), ("here", "MISS"));
    assert_eq!((world.service.requests(), world.service.connections()), (1, 1));
    until_word(&world.gateway, &get("/", ""), "HIT");
}

#[test]
fn a_client_for_whom_alone_a_service_was_asked_ends_that_when_it_leaves() {
    let world = World::start("");
    let client = world.ask("/");
    world.service.wait_seen(1);
    client.reset();
    world.gateway.wait_log(|line| line["statusCode"] == 499);
    world.deed(Deed::Close);
    let mut next = world.ask("/");
    world.service.wait_seen(2);
    world.last(fresh("next"));
    assert_eq!(next.answer().text(), "next", "nobody waits for what will not come");
}

#[test]
fn an_answer_whose_clients_have_left_is_stored_all_the_same() {
    let world = World::start("");
    let body = pattern(600_000);
    let whole = fresh(&body);
    let (first, rest) = whole.split_at(300_000);
    let mut client = world.ask("/");
    world.write(first);
    client.head_only();
    client.reset();
    world.gateway.wait_log(|line| line["reason"] == "client_gone");
    world.last(rest);
    let answer = until_word(&world.gateway, &get("/", ""), "HIT");
    assert!(answer.body == body);
    assert_eq!(world.service.requests(), 1);
}

#[test]
fn a_service_that_dies_in_the_middle_leaves_nothing_behind() {
    let whole = fresh(pattern(10_000));
    let chunked = [CHUNKED.as_bytes(), &chunk(&pattern(5_000))].concat();
    for (begun, deed) in [
        (&whole[..6_000], Deed::Close),
        (&whole[..6_000], Deed::Reset),
        (&chunked[..], Deed::Close),
        (&[&chunked[..], b"ff\r\nless"].concat(), Deed::Reset),
    ] {
        let world = World::start("");
        let mut clients = [world.ask("/"), world.ask("/")];
        world.wait_under_way(2);
        world.write(begun);
        let heads = clients.each_mut().map(Client::head_only);
        world.deed(deed);
        for (client, head) in clients.iter_mut().zip(heads) {
            assert!(!client.body_of(head).complete, "nobody takes it for whole");
        }
        let mut next = world.ask("/");
        world.service.wait_seen(2);
        world.last(fresh("whole"));
        let answer = next.answer();
        assert_eq!((answer.text().as_str(), word(&answer)), ("whole", "MISS"));
    }
}

#[test]
fn an_answer_that_only_the_end_of_its_connection_ends_is_not_stored() {
    let world = World::start("");
    for times in 1..=2 {
        let mut client = world.ask("/");
        world.service.wait_seen(times);
        world.write("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nhalf?");
        world.deed(Deed::Close);
        let answer = client.answer();
        assert_eq!(answer.text(), "half?");
        assert_eq!(world.gateway.wait_log_of(&answer)["notStored"], "unbounded");
    }
}

#[test]
fn an_answer_that_is_announced_too_long_is_not_stored_and_passes() {
    let world = World::start("max_body: 64KiB");
    for times in 1..=2 {
        let mut client = world.ask("/");
        world.service.wait_seen(times);
        let body = pattern(64 * 1024 + 1);
        world.last(fresh(&body));
        let answer = client.answer();
        assert!(answer.body == body);
        assert_eq!(world.gateway.wait_log_of(&answer)["notStored"], "too-large");
    }
}

#[test]
fn an_answer_that_turns_out_too_long_reaches_all_who_read_it_at_the_pace_of_the_slowest() {
    let body = pattern(64 << 20);
    let (whole, (tells, stuck)) = (body.clone(), sync_channel(1));
    let service = counting_conns(move |times, conn| {
        if times > 1 {
            conn.write(fresh("short"));
            return;
        }
        conn.write(CHUNKED);
        conn.write(format!("{:x}\r\n", whole.len()));
        let written = write_until_stuck(conn.stream(), &whole);
        tells.send(written).unwrap();
        conn.write(&whole[written..]);
        conn.write("\r\n0\r\n\r\n");
    });
    let gateway = gateway(&service, ", policies: { cache: { max_body: 64KiB } }", "");
    let mut slow = Client::connect_narrow(gateway.addr);
    slow.send(get("/", ""));
    let slow_head = slow.head_only();
    let written = stuck.recv().unwrap();
    assert!(written < body.len() / 2, "the service waits for its reader, but has written {written}");
    // Who comes when its beginning is gone asks for another.
    assert_eq!(gateway.request(get("/", "")).text(), "short");
    let slow = slow.body_of(slow_head);
    assert!(slow.complete && slow.body == body, "{}", slow.body.len());
    assert!(gateway.peak_kb() < 60 << 10, "{} KiB", gateway.peak_kb());
}

#[test]
fn who_has_an_answer_and_asks_once_more_finds_it_stored() {
    let service = counting_conns(|times, conn| {
        let chunked = [CHUNKED.as_bytes(), &chunk(b"x"), b"0\r\n\r\n"].concat();
        let answers = [
            fresh("x"),
            fresh(""),
            chunked,
            b"HTTP/1.1 204 No Content\r\nCache-Control: max-age=60\r\n\r\n".to_vec(),
        ];
        conn.write(&answers[times % 4]);
    });
    let gateway = gateway(&service, ", policies: { cache: {} }", "workers: 1");
    let mut client = gateway.connect();
    for number in 0..200 {
        for wanted in ["MISS", "HIT"] {
            client.send(get(&format!("/{number}"), ""));
            assert_eq!(word(&client.answer()), wanted, "{number}");
        }
    }
}
