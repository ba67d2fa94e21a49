//! WebSocket clients: each sends a message, waits for its echo, checks every byte, and sends the next.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use super::answers::{Client, trusting, within};
use super::frames::{ACCEPT, BINARY, CLOSE, KEY, parse, write};
use super::pace::{Pace, Stop};
use super::side_by_side;
use super::tally::Tally;

/// Bytes at the start of a message that tell it from every other.
const NUMBERS: usize = 16;

/// What is to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::bench) struct Messages {
    pub(in crate::bench) port: u16,
    /// With it TLS is spoken, and this authority (a PEM file) trusted.
    pub(in crate::bench) authority: Option<PathBuf>,
    pub(in crate::bench) connections: usize,
    pub(in crate::bench) bytes: usize,
    /// Messages a second over all connections; without it, each follows the echo before.
    pub(in crate::bench) rate: Option<u64>,
}

/// Sends until it is time to stop; every message begun is seen through, every tunnel closed in order.
pub(super) async fn run(order: Messages, tally: &Tally, stop: &Stop) -> Result<(), String> {
    if order.bytes < NUMBERS {
        return Err(format!("a message must have at least {NUMBERS} bytes"));
    }
    let tls = trusting(order.authority.as_deref(), 64)?;
    let order = Rc::new(order);
    let clients = (0..order.connections)
        .map(|number| client(Rc::clone(&order), tls.clone(), number, tally.clone(), stop.clone()));
    side_by_side(clients).await
}

/// One tunnel. It is never opened anew: one that is cut is a loss, and sends no more.
async fn client(
    order: Rc<Messages>,
    tls: Option<Arc<ClientConfig>>,
    number: usize,
    tally: Tally,
    stop: Stop,
) {
    let mut open = match upgrade(order.port, tls.as_ref()).await {
        Ok(open) => open,
        Err(what) => {
            tally.sent();
            return tally.lost(format!("no tunnel: {what}"));
        }
    };
    tally.connected();
    let mut pace = Pace::new(order.rate, number, order.connections);
    let mut payload = pattern(number as u64, order.bytes);
    let mut out = Vec::with_capacity(order.bytes + 14);
    let mut count = 0_u64;
    while let Some(since) = pace.turn(&stop).await {
        count += 1;
        payload[8..NUMBERS].copy_from_slice(&count.to_be_bytes());
        out.clear();
        write(&mut out, BINARY, &payload, Some(mask(count)));
        tally.sent();
        match within(echo(&mut open, &out, &payload)).await.and_then(|echo| echo) {
            Ok(Echo::Right) => tally.answered(payload.len(), since.elapsed()),
            Ok(Echo::Wrong(what)) => tally.refused(what),
            Err(what) => return tally.lost(format!("a tunnel was cut after {count} messages: {what}")),
        }
    }
    if let Err(what) = within(farewell(&mut open)).await.and_then(|end| end) {
        tally.complain(format!("a tunnel did not end in order: {what}"));
    }
}

/// Bytes that no other connection sends: its number, then a sequence begun from it.
fn pattern(number: u64, bytes: usize) -> Vec<u8> {
    let mut payload = vec![0; bytes];
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for byte in &mut payload[NUMBERS..] {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state as u8;
    }
    payload[..8].copy_from_slice(&number.to_be_bytes());
    payload
}

/// Another mask each time, as a client must choose it.
fn mask(count: u64) -> [u8; 4] {
    ((count as u32).wrapping_mul(0x9e37_79b1) | 1).to_be_bytes()
}

async fn upgrade(port: u16, tls: Option<&Arc<ClientConfig>>) -> Result<Client, String> {
    let mut open = Client::open(port, tls).await?;
    let request = format!(
        "GET /echo HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    let head = within(async {
        open.stream.write_all(request.as_bytes()).await.map_err(|e| format!("cannot send: {e}"))?;
        open.head().await
    })
    .await??;
    let text = String::from_utf8_lossy(&open.buffer[..head.bytes]).into_owned();
    if head.status != 101 || !text.contains(ACCEPT) {
        return Err(format!("the answer was: {}", text.trim_end()));
    }
    open.buffer.drain(..head.bytes);
    Ok(open)
}

/// How an echo came out.
enum Echo {
    Right,
    Wrong(String),
}

async fn echo(open: &mut Client, message: &[u8], payload: &[u8]) -> Result<Echo, String> {
    open.stream.write_all(message).await.map_err(|e| format!("cannot send: {e}"))?;
    loop {
        if let Some(frame) = parse(&open.buffer)? {
            let right = frame.opcode == BINARY
                && frame.mask.is_none()
                && open.buffer[frame.start..frame.end] == *payload
                && open.buffer.len() == frame.end;
            let wrong = format!("an echo of opcode {} and {} bytes differs", frame.opcode, open.buffer.len());
            open.buffer.drain(..frame.end);
            return Ok(if right { Echo::Right } else { Echo::Wrong(wrong) });
        }
        open.more().await?;
    }
}

/// The closing handshake (RFC 6455, section 7.1.2).
async fn farewell(open: &mut Client) -> Result<(), String> {
    let mut out = Vec::new();
    write(&mut out, CLOSE, &1000_u16.to_be_bytes(), Some(mask(0)));
    open.stream.write_all(&out).await.map_err(|e| format!("cannot send: {e}"))?;
    loop {
        match parse(&open.buffer)? {
            Some(frame) if frame.opcode == CLOSE => return Ok(()),
            Some(frame) => return Err(format!("opcode {} instead of a farewell", frame.opcode)),
            None => open.more().await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Echo, NUMBERS, echo, pattern};
    use crate::bench::load::answers::Client;
    use crate::bench::load::frames::{BINARY, write};
    use tokio::io::AsyncWriteExt;

    #[test]
    fn no_two_connections_send_the_same_bytes() {
        let (one, two) = (pattern(1, 64), pattern(2, 64));
        assert_ne!(one[..8], two[..8]);
        assert_ne!(one[NUMBERS..], two[NUMBERS..]);
        assert_eq!(one, pattern(1, 64));
    }

    #[tokio::test]
    async fn an_echo_must_be_the_same_in_every_byte() {
        let payload = pattern(7, 200);
        let mut other = payload.clone();
        other[199] ^= 1;
        for (sent, mask, right) in
            [(&payload, None, true), (&other, None, false), (&payload, Some([1, 2, 3, 4]), false)]
        {
            let (near, mut far) = tokio::io::duplex(4096);
            let mut client = Client { stream: Box::new(near), buffer: Vec::new(), handshake: None };
            let mut bytes = Vec::new();
            write(&mut bytes, BINARY, sent, mask);
            far.write_all(&bytes).await.unwrap();
            let found = echo(&mut client, b"", &payload).await.unwrap();
            assert_eq!(matches!(found, Echo::Right), right);
        }
    }
}
