//! What many compressed answers hold in memory while they are under way.

use super::accepting;
use crate::framing::gateway;
use crate::harness::{Client, Gateway, Service, pattern};

const STREAMS: usize = 200;
/// Each coding, and what one compressor takes at most, in KiB, as the settings' documentation says.
const COSTS: [(&str, usize); 3] = [("gzip", 768), ("zstd", 2_048), ("br", 3_584)];
/// What an exchange takes beside that, with its connections and their buffers, in KiB.
const EXCHANGE: usize = 256;
/// So much of each answer is sent; the client waits for nearly as much.
const SENT: usize = 160_000;

/// A service whose answers stop in the middle.
fn stopping() -> Service {
    Service::raw(|mut conn| {
        if conn.next_head().is_none() {
            return;
        }
        let length = SENT + 1;
        conn.write(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
        ));
        // Not to be compressed much, so that it is seen to come.
        pattern(SENT).chunks(20_000).for_each(|piece| _ = conn.write(piece));
        conn.wait_closed();
    })
}

/// Clients in the middle of their answers, and how many of those are compressed.
fn under_way(gateway: &Gateway, coding: &str) -> (Vec<Client>, usize) {
    let mut clients: Vec<Client> = (0..STREAMS).map(|_| gateway.connect()).collect();
    clients.iter_mut().for_each(|client| client.send(accepting(coding)));
    let mut compressed = 0;
    for client in &mut clients {
        compressed += usize::from(client.head_only().header("content-encoding") == Some(coding));
        let mut came = 0;
        while came < SENT * 3 / 4 {
            came += client.read_some().len();
        }
    }
    (clients, compressed)
}

fn grown(gateway: &Gateway, before: u64) -> usize {
    gateway.rss_kb().saturating_sub(before) as usize
}

#[test]
fn each_compressed_answer_takes_no_more_than_is_documented() {
    for (coding, cost) in COSTS {
        let service = stopping();
        let gateway = gateway(&service, ", policies: { compress: { memory: 1GiB } }", "");
        let before = gateway.rss_kb();
        let (_clients, compressed) = under_way(&gateway, coding);
        assert_eq!(compressed, STREAMS);
        let each = grown(&gateway, before) / STREAMS;
        assert!(each <= cost + EXCHANGE, "{coding}: {each} KiB an answer");
    }
}

#[test]
fn beyond_the_memory_that_is_allowed_answers_go_as_they_are() {
    for (coding, cost) in COSTS {
        let service = stopping();
        let gateway = gateway(&service, ", policies: { compress: { memory: 32MiB } }", "");
        let before = gateway.rss_kb();
        let (clients, compressed) = under_way(&gateway, coding);
        assert_eq!(compressed, 32 * 1024 / cost, "{coding}");
        let grown = grown(&gateway, before);
        assert!(grown <= 32 * 1024 + STREAMS * EXCHANGE, "{coding}: {grown} KiB");
        drop(clients);
        crate::harness::until("the memory to be free again", || {
            let mut client = gateway.connect();
            client.send(accepting(coding));
            (client.head_only().header("content-encoding") == Some(coding)).then_some(())
        });
    }
}
