//! A DNS server that says what a test wants (RFC 1035 §4), over UDP and TCP on one port of the loopback.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const A: u16 = 1;
pub(crate) const SRV: u16 = 33;

/// What is said to a question.
#[derive(Clone)]
pub(crate) enum Says {
    /// These, each with its time to live.
    Records(Vec<(u32, Vec<u8>)>),
    /// These, but by TCP only.
    TooLong(Vec<(u32, Vec<u8>)>),
    /// No more than this code.
    Code(u8),
    /// Nothing at all.
    Nothing,
}

/// There is no such name.
pub(crate) const NXDOMAIN: Says = Says::Code(3);
/// It cannot be told now.
pub(crate) const SERVFAIL: Says = Says::Code(2);

#[derive(Default)]
struct Zone {
    says: HashMap<(String, u16), Says>,
    asked: HashMap<(String, u16), usize>,
}

/// A running server. Its threads end with the test's process.
pub(crate) struct DnsServer {
    pub(crate) addr: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl DnsServer {
    pub(crate) fn start() -> Self {
        let (tcp, udp) = (0..20)
            .find_map(|_| {
                let tcp = TcpListener::bind("127.0.0.1:0").ok()?;
                let udp = UdpSocket::bind(tcp.local_addr().ok()?).ok()?;
                Some((tcp, udp))
            })
            .expect("a port for both");
        let addr = tcp.local_addr().unwrap();
        let zone = Arc::<Mutex<Zone>>::default();
        let (by_udp, by_tcp) = (Arc::clone(&zone), Arc::clone(&zone));
        std::thread::spawn(move || {
            let mut question = [0; 4096];
            while let Ok((count, from)) = udp.recv_from(&mut question) {
                if let Some(answer) = answer(&question[..count], &by_udp, false) {
                    let _ = udp.send_to(&answer, from);
                }
            }
        });
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                let Ok(mut stream) = stream else { return };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
                let mut length = [0; 2];
                while stream.read_exact(&mut length).is_ok() {
                    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                    if stream.read_exact(&mut question).is_err() {
                        break;
                    }
                    let Some(answer) = answer(&question, &by_tcp, true) else { break };
                    let length = (answer.len() as u16).to_be_bytes();
                    let _ = stream.write_all(&[&length[..], &answer].concat());
                }
            }
        });
        Self { addr, zone }
    }

    /// From now on this is said to questions for `name`.
    pub(crate) fn says(&self, name: &str, kind: u16, says: Says) {
        self.zone.lock().unwrap().says.insert((name.to_owned(), kind), says);
    }

    /// Addresses, with one time to live.
    pub(crate) fn addresses(&self, name: &str, ttl: u32, addresses: &[&str]) {
        let octets = |text: &&str| (ttl, text.parse::<Ipv4Addr>().unwrap().octets().to_vec());
        self.says(name, A, Says::Records(addresses.iter().map(octets).collect()));
    }

    /// How often it was asked for `name`.
    pub(crate) fn asked(&self, name: &str, kind: u16) -> usize {
        self.zone.lock().unwrap().asked.get(&(name.to_owned(), kind)).copied().unwrap_or(0)
    }
}

/// An SRV record's data (RFC 2782).
pub(crate) fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Vec<u8> {
    let mut data = [priority, weight, port].map(u16::to_be_bytes).concat();
    for label in target.split('.') {
        data.push(label.len() as u8);
        data.extend_from_slice(label.as_bytes());
    }
    data.push(0);
    data
}

/// The answer to a question, if there is one.
fn answer(message: &[u8], zone: &Mutex<Zone>, by_tcp: bool) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while let length @ 1.. = usize::from(*message.get(at)?) {
        labels.push(String::from_utf8_lossy(message.get(at + 1..at + 1 + length)?).to_lowercase());
        at += 1 + length;
    }
    let kind = u16::from_be_bytes([*message.get(at + 1)?, *message.get(at + 2)?]);
    let question = message.get(12..at + 5)?;
    let key = (labels.join("."), kind);
    let says = {
        let mut zone = zone.lock().unwrap();
        *zone.asked.entry(key.clone()).or_default() += 1;
        zone.says.get(&key).cloned().unwrap_or(Says::Records(Vec::new()))
    };
    let (records, code, cut) = match says {
        Says::Records(records) => (records, 0, false),
        Says::TooLong(records) if by_tcp => (records, 0, false),
        Says::TooLong(_) => (Vec::new(), 0, true),
        Says::Code(code) => (Vec::new(), code, false),
        Says::Nothing => return None,
    };
    let mut answer = message[..2].to_vec();
    // An answer to a question that asked for recursion, which there is.
    answer.extend_from_slice(&[0x81 | if cut { 2 } else { 0 }, 0x80 | code, 0, 1]);
    answer.extend_from_slice(&(records.len() as u16).to_be_bytes());
    answer.extend_from_slice(&[0; 4]);
    answer.extend_from_slice(question);
    for (ttl, data) in records {
        // The name is the question's.
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&kind.to_be_bytes());
        answer.extend_from_slice(&[0, 1]);
        answer.extend_from_slice(&ttl.to_be_bytes());
        answer.extend_from_slice(&(data.len() as u16).to_be_bytes());
        answer.extend_from_slice(&data);
    }
    Some(answer)
}
