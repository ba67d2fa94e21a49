//! The service behind the tunnels: it takes WebSocket upgrades and sends back every message, as cheaply as it can.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::frames::{self, ACCEPT, CLOSE, KEY, PING, PONG, parse};
use super::pace::Stop;

const LONGEST_HEAD: usize = 16 << 10;
const BUFFER: usize = 16 << 10;
/// A mask is as long as what a server's header is shorter than a client's.
const MASK: usize = 4;

/// Serves until it is time to stop.
pub(super) async fn serve(port: u16, stop: &Stop) -> Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener =
        TcpListener::bind(address).await.map_err(|e| format!("cannot listen on {address}: {e}"))?;
    loop {
        tokio::select! {
            () = stop.wait() => return Ok(()),
            accepted = listener.accept() => {
                let (stream, _) = accepted.map_err(|e| format!("cannot accept: {e}"))?;
                tokio::task::spawn_local(async move {
                    // Whoever notices is the client, which counts.
                    let _ = tunnel(stream).await;
                });
            }
        }
    }
}

async fn tunnel(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(BUFFER);
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if buffer.len() > LONGEST_HEAD || stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    };
    if !asks_for_a_tunnel(&buffer[..end]) {
        return stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await;
    }
    buffer.drain(..end);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    loop {
        while let Some(reply) = reply(&mut buffer).map_err(std::io::Error::other)? {
            stream.write_all(&buffer[reply.from..reply.to]).await?;
            if reply.last {
                return stream.shutdown().await;
            }
            buffer.drain(..reply.to);
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

fn asks_for_a_tunnel(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    text.contains("\r\nupgrade: websocket\r\n") && text.contains(&KEY.to_ascii_lowercase())
}

/// Where in the buffer the answer to its first frame lies, which ends where the frame ended.
struct Reply {
    from: usize,
    to: usize,
    last: bool,
}

/// Turns the frame at the beginning of `buffer` into its answer where it lies.
fn reply(buffer: &mut [u8]) -> Result<Option<Reply>, String> {
    let Some(frame) = parse(buffer)? else { return Ok(None) };
    let mask = frame.mask.ok_or("a client's frame without a mask")?;
    frames::unmask(&mut buffer[frame.start..frame.end], mask);
    // The header without its mask moves up to the payload.
    buffer.copy_within(0..frame.start - MASK, MASK);
    buffer[MASK + 1] &= 0x7f;
    if frame.opcode == PING {
        buffer[MASK] = buffer[MASK] & 0xf0 | PONG;
    }
    Ok(Some(Reply { from: MASK, to: frame.end, last: frame.opcode == CLOSE }))
}

#[cfg(test)]
mod tests {
    use super::{asks_for_a_tunnel, reply};
    use crate::bench::load::frames::{BINARY, CLOSE, KEY, PING, PONG, write};

    #[test]
    fn answers_each_frame_with_its_own_payload_and_no_mask() {
        for length in [0, 5, 125, 126, 1024, 70_000] {
            let payload: Vec<u8> = (0..length).map(|at| (at % 7) as u8).collect();
            for (opcode, answer) in [(BINARY, BINARY), (PING, PONG), (CLOSE, CLOSE)] {
                let (mut bytes, mut want) = (Vec::new(), Vec::new());
                write(&mut bytes, opcode, &payload, Some([9, 8, 7, 6]));
                write(&mut want, answer, &payload, None);
                let found = reply(&mut bytes).unwrap().unwrap();
                assert_eq!(bytes[found.from..found.to], want, "{length} {opcode}");
                assert_eq!(found.last, opcode == CLOSE);
            }
        }
    }

    #[test]
    fn waits_for_the_rest_of_a_frame_and_refuses_one_without_a_mask() {
        let mut bytes = Vec::new();
        write(&mut bytes, BINARY, b"abc", Some([1, 2, 3, 4]));
        assert!(reply(&mut bytes[..5]).unwrap().is_none());
        let mut bare = Vec::new();
        write(&mut bare, BINARY, b"abc", None);
        assert!(reply(&mut bare).is_err());
    }

    #[test]
    fn only_an_upgrade_with_the_known_key_is_taken() {
        let head = format!("GET / HTTP/1.1\r\nupgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\n\r\n");
        assert!(asks_for_a_tunnel(head.as_bytes()));
        assert!(!asks_for_a_tunnel(head.replace("upgrade", "x-upgrade").as_bytes()));
        assert!(!asks_for_a_tunnel(b"GET / HTTP/1.1\r\n\r\n"));
    }
}
