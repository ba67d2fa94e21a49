//! Clients that mean ill, each kind slow and few enough to cost the load's core little: what they cost is the gateway's time.
//! Who only holds a connection sleeps until something comes, and their process runs when nobody else would.
//!
//! They come from addresses of their own (127.0.0.2 and on) and ask for paths that nobody else asks for, so that neither
//! limits nor counts mix with those of good clients.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::pace::Stop;
use super::side_by_side;
use super::tally::Tally;

/// Who is attacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::bench) enum Attack {
    /// Nobody: each client wakes as it would, and connects to nothing.
    Nobody,
    /// The plain port, and the port of TLS.
    At { port: u16, tls: u16 },
}

/// How one kind of attacker behaves: what it says first, then byte after byte, and how it takes the answer.
#[derive(Debug, Clone)]
struct Kind {
    name: &'static str,
    /// Whether it does something each `pause`, or nothing until something comes.
    drips: bool,
    /// How many of them there are at once.
    clients: usize,
    /// Where it connects, if anywhere.
    port: Option<u16>,
    first: Vec<u8>,
    /// Said again and again, a byte each `pause`; nothing if empty.
    then: Vec<u8>,
    /// Between two bytes, or two looks at the answer.
    pause: Duration,
    /// Bytes of the answer taken each `pause`.
    takes: usize,
    /// A connection is given up after this long, and the next begun.
    life: Duration,
}

/// Kinds begin from here on, each with an address of its own.
const FIRST_ADDRESS: u8 = 2;

const SECOND: Duration = Duration::from_secs(1);

/// Attacks until it is time to stop.
pub(super) async fn run(order: Attack, tally: &Tally, stop: &Stop) -> Result<(), String> {
    let kinds = kinds(&order);
    let clients = kinds.into_iter().zip(FIRST_ADDRESS..).flat_map(|(kind, address)| {
        (0..kind.clients).map(move |number| (kind.clone(), Ipv4Addr::new(127, 0, 0, address), number))
    });
    let clients =
        clients.map(|(kind, address, number)| client(kind, address, number, tally.clone(), stop.clone()));
    side_by_side(clients).await
}

/// Everything that attacks.
fn kinds(order: &Attack) -> Vec<Kind> {
    let (port, tls) = match *order {
        Attack::Nobody => (None, None),
        Attack::At { port, tls } => (Some(port), Some(tls)),
    };
    let mut kinds = on_plain_port(port);
    kinds.extend(on_tls_port(tls));
    kinds
}

/// One client that connects, says nothing, and takes what comes.
fn silent(name: &'static str, port: Option<u16>) -> Kind {
    let (first, then) = (Vec::new(), Vec::new());
    Kind { name, drips: false, clients: 1, port, first, then, pause: SECOND, takes: 1024, life: 60 * SECOND }
}

/// As `silent`, but it says something and soon comes again.
fn brief(name: &'static str, port: Option<u16>, first: Vec<u8>) -> Kind {
    Kind { first, pause: SECOND / 10, life: SECOND / 2, ..silent(name, port) }
}

fn on_plain_port(port: Option<u16>) -> Vec<Kind> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        Kind {
            clients: 20,
            drips: true,
            first: text("GET /attack HTTP/1.1\r\nHost: a\r\nX-Slow: "),
            then: text("a"),
            ..silent("slow heads", port)
        },
        Kind {
            clients: 20,
            drips: true,
            first: text("POST /attack HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"),
            then: text("b"),
            ..silent("slow bodies", port)
        },
        Kind {
            clients: 10,
            drips: true,
            first: text("GET /1m HTTP/1.1\r\nHost: a\r\n\r\n"),
            ..silent("slow readers", port)
        },
        Kind { clients: 500, ..silent("idle connections", port) },
        Kind { clients: 2, ..brief("TLS on the plain port", port, client_hello()) },
        Kind { clients: 10, life: SECOND / 10, ..brief("floods", port, Vec::new()) },
    ]
}

fn on_tls_port(port: Option<u16>) -> Vec<Kind> {
    let mut half = client_hello();
    half.truncate(half.len() / 2);
    let plain = b"GET /attack HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    vec![
        Kind { clients: 50, first: half, ..silent("half-open handshakes", port) },
        Kind { clients: 50, ..silent("silence on the TLS port", port) },
        Kind { clients: 2, ..brief("garbage on the TLS port", port, garbage()) },
        brief("plain HTTP on the TLS port", port, plain),
    ]
}

/// One attacker: connection after connection, each driven until it ends or its life is over.
async fn client(kind: Kind, address: Ipv4Addr, number: usize, tally: Tally, stop: Stop) {
    // Not all in the same instant: five hundred connects at once would be a load of their own.
    let begin = Instant::now() + Duration::from_millis(2 * number as u64);
    if !stop.reach(begin).await {
        return;
    }
    while !stop.now() {
        let until = Instant::now() + kind.life;
        let Some(port) = kind.port else {
            idle(&kind, until, &stop).await;
            continue;
        };
        if let Ok(mut stream) = connect(address, port).await {
            tally.counted(kind.name);
            tokio::select! {
                _ = drive(&kind, &mut stream) => {}
                _ = stop.reach(until) => {}
            }
        } else {
            tally.counted("connections that were not taken");
        }
        // Whoever is turned away at once comes again, but not at once.
        if !stop.reach(Instant::now() + kind.pause).await {
            return;
        }
    }
}

/// Wakes as often as one that is connected.
async fn idle(kind: &Kind, until: Instant, stop: &Stop) {
    while kind.drips && Instant::now() < until && stop.reach(Instant::now() + kind.pause).await {}
    stop.reach(until + kind.pause).await;
}

async fn connect(address: Ipv4Addr, port: u16) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // A small window makes a slow reader felt at once.
    socket.set_recv_buffer_size(4096)?;
    socket.bind(SocketAddr::from((address, 0)))?;
    let connect = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    tokio::time::timeout(5 * SECOND, connect).await.map_err(std::io::Error::from)?
}

/// Returns when the other side has closed.
async fn drive(kind: &Kind, stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(&kind.first).await?;
    let mut taken = vec![0; kind.takes];
    for at in 0.. {
        match kind.drips {
            true => tokio::time::sleep(kind.pause).await,
            false => stream.readable().await?,
        }
        if let Some(byte) = kind.then.get(at % kind.then.len().max(1)) {
            stream.write_all(&[*byte]).await?;
        }
        match stream.try_read(&mut taken) {
            Ok(0) => return Ok(()),
            Err(e) if e.kind() != std::io::ErrorKind::WouldBlock => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// The start of a handshake as any client sends it (RFC 8446, section 4.1.2), with one suite and no extensions.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([0x5a; 32]);
    hello.extend([0, 0, 2, 0x13, 0x02, 1, 0, 0, 0]);
    let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    record
}

/// Bytes without meaning, the same each time.
fn garbage() -> Vec<u8> {
    (0..512_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::{Attack, client_hello, kinds};

    #[test]
    fn every_kind_has_a_name_and_clients() {
        let both = kinds(&Attack::At { port: 1, tls: 2 });
        assert!(both.iter().all(|kind| !kind.name.is_empty() && kind.clients > 0));
        assert!([1, 2].iter().all(|port| both.iter().any(|kind| kind.port == Some(*port))));
        assert!(kinds(&Attack::Nobody).iter().all(|kind| kind.port.is_none()));
    }

    #[test]
    fn who_drips_does_so_slowly() {
        let kinds = kinds(&Attack::Nobody);
        let wakes: usize = kinds.iter().filter(|kind| kind.drips).map(|kind| kind.clients).sum();
        assert!(wakes <= 50 && kinds.iter().all(|kind| !kind.drips || kind.pause == super::SECOND));
        assert!(kinds.iter().all(|kind| kind.drips || kind.then.is_empty()));
    }

    #[test]
    fn the_hello_is_as_long_as_it_says() {
        let hello = client_hello();
        assert_eq!(usize::from(hello[4]), hello.len() - 5);
        assert_eq!(usize::from(hello[8]), hello.len() - 9);
    }
}
