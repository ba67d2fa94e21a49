//! The service's side, in a process of its own: it answers as planned and writes down what it was asked before it does.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::{self, Fault};
use crate::harness::message::{Delimited, Reader, delimited, fields};

/// What one process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) seed: u64,
    /// Whether it misbehaves, rather than only die.
    pub(super) faulty: bool,
    /// The number of its first endpoint, and where each of them listens; port 0 for any.
    pub(super) first: u64,
    pub(super) addrs: Vec<SocketAddr>,
    /// What was asked and answered goes there, a line each.
    pub(super) ledger: PathBuf,
}

/// Between two pieces of what comes slowly.
const PAUSE: Duration = Duration::from_millis(10);

/// Serves until whoever started it goes.
pub(super) fn run(order: &Order) {
    let listeners: Vec<_> = order.addrs.iter().map(|addr| bind(*addr)).collect();
    let addrs: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let ledger = Arc::new(OpenOptions::new().append(true).create(true).open(&order.ledger).unwrap());
    for (listener, endpoint) in listeners.into_iter().zip(order.first..) {
        let (order, ledger) = (order.clone(), Arc::clone(&ledger));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (order, ledger) = (order.clone(), Arc::clone(&ledger));
                std::thread::spawn(move || Serving { order, endpoint, ledger }.connection(stream));
            }
        });
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "\n{}", serde_json::to_string(&addrs).unwrap()).unwrap();
    stdout.flush().unwrap();
    // It ends with what started it, however that ends.
    let _ = std::io::stdin().read(&mut [0]);
    std::process::exit(0);
}

fn bind(addr: SocketAddr) -> TcpListener {
    // Its port may still be held by connections that are ending.
    crate::harness::until("the port to be free", || TcpListener::bind(addr).ok())
}

struct Serving {
    order: Order,
    endpoint: u64,
    ledger: Arc<File>,
}

impl Serving {
    /// One write a line: it is there even if the process is killed after it.
    fn note(&self, what: &str, number: u64, rest: &str) {
        (&*self.ledger).write_all(format!("{what} {number} {rest}\n").as_bytes()).unwrap();
    }

    fn connection(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut reader = Reader::new(stream);
        while let Some(lines) = reader.head() {
            let mut words = lines[0].split(' ');
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            if target == "/health" {
                self.note("check", 0, "");
                if reader.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
                    return;
                }
                continue;
            }
            let number = target.rsplit('/').next().unwrap().parse().expect("a number");
            let choose = if self.order.faulty { Fault::of } else { Fault::none_of };
            let fault = choose(self.order.seed, number, self.endpoint);
            self.note("asked", number, &format!("{method} {fault:?}"));
            if fault == Fault::ResetBeforeHead {
                return reset(&reader.stream);
            }
            let body = reader.body(delimited(&fields(&lines[1..]), Delimited::Nothing));
            if !body.whole {
                return self.note("broken", number, "");
            }
            if method == "POST" && body.bytes != plan::upload(number) {
                self.note("strange", number, &String::from_utf8_lossy(&body.bytes));
            }
            if !self.answer(&mut reader, number, fault) {
                return;
            }
        }
    }

    /// Whether the connection stays open.
    fn answer(&self, reader: &mut Reader, number: u64, fault: Fault) -> bool {
        let body = plan::answer(number);
        let (half, length) = (body.len() / 2, body.len());
        let mut say = |bytes: &[u8]| reader.stream.write_all(bytes).is_ok();
        let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes();
        let whole = [head(&format!("Content-Length: {length}\r\n")), body.clone()].concat();
        let part = &whole[..whole.len() - length + half];
        let chunked = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
        let chunks = |end: &str| {
            let head = head("Transfer-Encoding: chunked\r\n");
            [head, chunked(&body[..half]), chunked(&body[half..]), end.into()].concat()
        };
        if fault.is_well() || fault == Fault::Busy {
            // Before the last byte goes out, so that nobody can have what is not written down.
            self.note("answered", number, "");
        }
        match fault {
            Fault::None => return say(&whole),
            Fault::Chunks => return say(&chunks("0\r\n\r\n")),
            Fault::Drip => {
                let piece = whole.len().div_ceil(4);
                return whole.chunks(piece).all(|piece| {
                    std::thread::park_timeout(PAUSE);
                    say(piece)
                });
            }
            Fault::Busy => {
                let head = format!("HTTP/1.1 503 Busy\r\nContent-Length: {length}\r\n\r\n");
                return say(&[head.as_bytes(), &body].concat());
            }
            Fault::UntilClose => say(&[head(""), body].concat()),
            Fault::HangUp => say(&whole),
            Fault::ResetBeforeHead | Fault::EndBeforeHead => true,
            Fault::EndInHead => say(b"HTTP/1.1 200 OK\r\nContent-Len"),
            Fault::Garbage => say(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
            Fault::ResetInBody | Fault::EndInBody | Fault::StallInBody => say(part),
            Fault::EndInChunks => say(&chunks("")),
            Fault::StallBeforeHead => true,
        };
        match fault {
            Fault::ResetInBody => reset(&reader.stream),
            Fault::StallBeforeHead | Fault::StallInBody => {
                while reader.fill().is_ok_and(|count| count > 0) {}
            }
            _ => {}
        }
        false
    }
}

/// Has the connection broken off, rather than closed, as soon as it is let go of.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
