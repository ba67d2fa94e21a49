//! Connections that change protocols, and answers that come bit by bit: nothing is held back, and nobody is left behind.

mod bounds;
mod ends;
mod events;
mod passing;
mod refused;
mod secure;

use crate::harness::{Answer, Client, Conn, Gateway, Service};

/// A client's opening handshake (RFC 6455 §4.1).
const ASK: &str = "GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// A service's.
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// A Close frame with 1001, from the service's side.
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

/// A gateway in front of `service`, called `s`: `words` are further words of the service, `route` of the route.
fn gateway(service: &Service, words: &str, route: &str, top: &str) -> Gateway {
    Gateway::start(&format!(
        "{top}\nservices:\n  s: {{ endpoints: ['{}'], {words} }}\nroutes:\n  - {{ path: '/*', service: s, public: true, {route} }}\n",
        service.url()
    ))
}

/// A service that agrees to every handshake and then does `serve`; other requests get 200.
fn chat(serve: impl Fn(Conn) + Send + Sync + 'static) -> Service {
    Service::raw(move |mut conn| {
        while let Some(request) = conn.next_head() {
            if request.header("upgrade").is_some() {
                conn.write(SWITCHED);
                return serve(conn);
            }
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
        }
    })
}

/// Sends everything back, and ends when the gateway does.
fn echo(mut conn: Conn) {
    loop {
        let piece = conn.read_some();
        if piece.is_empty() || !conn.write(&piece) {
            return;
        }
    }
}

/// A new connection that has become a tunnel, and the 101.
#[track_caller]
fn open(gateway: &Gateway) -> (Client, Answer) {
    let mut client = gateway.connect();
    client.send(ASK);
    let answer = client.head_only();
    assert_eq!(answer.status, 101, "{answer:?}");
    (client, answer)
}

/// The next `count` bytes.
#[track_caller]
fn take(client: &mut Client, count: usize) -> Vec<u8> {
    collect(count, || client.read_some())
}

/// The next `count` bytes at a service.
#[track_caller]
fn take_at(conn: &mut Conn, count: usize) -> Vec<u8> {
    collect(count, || conn.read_some())
}

#[track_caller]
fn collect(count: usize, mut read: impl FnMut() -> Vec<u8>) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < count {
        let piece = read();
        assert!(!piece.is_empty(), "the end after {} of {count} bytes", all.len());
        all.extend(piece);
    }
    assert_eq!(all.len(), count, "more than asked for");
    all
}

/// A text frame (RFC 6455 §5.2), as a client sends it if `masked`.
fn frame(payload: &str, masked: bool) -> Vec<u8> {
    const KEY: [u8; 4] = [7, 11, 13, 17];
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    let mut frame = vec![0x81, length | if masked { 0x80 } else { 0 }];
    if masked {
        frame.extend(KEY);
        frame.extend(payload.bytes().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        frame.extend(payload.bytes());
    }
    frame
}

/// Opcode and payload of a client's frame.
#[track_caller]
fn unmasked(frame: &[u8]) -> (u8, Vec<u8>) {
    let [first, length, a, b, c, d, payload @ ..] = frame else { panic!("no masked frame: {frame:?}") };
    assert_eq!(usize::from(*length), payload.len() | 0x80, "{frame:?}");
    let key = [a, b, c, d];
    (*first, payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ **key).collect())
}
