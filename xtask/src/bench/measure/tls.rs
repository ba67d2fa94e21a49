//! What a target negotiates, and whether clients may come back without a full handshake.
//!
//! Two targets are only comparable if they do the same work: the same version, suite and group for the same client.

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};

use super::super::http::read_answer;
use super::super::load::tls::{self, Offer};

const TIMEOUT: Duration = Duration::from_secs(5);

/// What came of one handshake and the request after it.
struct Visit {
    negotiated: String,
    kind: Option<HandshakeKind>,
}

/// What a target did for each kind of client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// Version, suite and group, for each offer in turn.
    pub(super) negotiated: Vec<String>,
    /// What should have been resumed and was not.
    pub(super) problems: Vec<String>,
}

/// Visits the target's port of TLS twice with each offer: the second visit of each must be resumed.
pub(super) fn probe(name: &str, port: u16, authority: &Path) -> Result<Probe, String> {
    let mut probe = Probe { negotiated: Vec::new(), problems: Vec::new() };
    for offer in [Offer::Open, Offer::Tls13, Offer::Tls12] {
        let config = tls::client(authority, offer, 4)?;
        let at = |e: String| format!("{name}, {offer:?}: {e}");
        let first = visit(port, &config).map_err(at)?;
        let second = visit(port, &config).map_err(at)?;
        if first.kind != Some(HandshakeKind::Full) {
            probe.problems.push(at(format!("the first handshake was {:?}", first.kind)));
        }
        if second.kind != Some(HandshakeKind::Resumed) {
            probe.problems.push(at(format!("the second handshake was {:?}, not resumed", second.kind)));
        }
        probe.negotiated.push(first.negotiated);
    }
    Ok(probe)
}

fn visit(port: u16, config: &Arc<ClientConfig>) -> Result<Visit, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let tcp = TcpStream::connect_timeout(&address, TIMEOUT).map_err(|e| e.to_string())?;
    tcp.set_read_timeout(Some(TIMEOUT)).map_err(|e| e.to_string())?;
    tcp.set_write_timeout(Some(TIMEOUT)).map_err(|e| e.to_string())?;
    let client = ClientConnection::new(Arc::clone(config), tls::name()).map_err(|e| e.to_string())?;
    let mut stream = StreamOwned::new(client, tcp);
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).map_err(|e| e.to_string())?;
    // The answer brings the tickets along.
    let mut stream = BufReader::new(stream);
    let answer = read_answer(&mut stream)?;
    if answer.status != 200 {
        return Err(format!("the answer was {}", answer.status));
    }
    let mut stream = stream.into_inner();
    stream.conn.send_close_notify();
    let _ = stream.flush();
    Ok(Visit { negotiated: negotiated(&stream.conn), kind: stream.conn.handshake_kind() })
}

fn negotiated(client: &ClientConnection) -> String {
    let version = client.protocol_version().and_then(|version| version.as_str()).unwrap_or("no version");
    let suite =
        client.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("no suite");
    let group = client.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()));
    format!("{version}, {suite}, {}", group.as_deref().unwrap_or("no group"))
}

/// Complaints if a target negotiates something else than the reference.
pub(super) fn differences(name: &str, reference: &Probe, own: &Probe) -> Vec<String> {
    let pairs = reference.negotiated.iter().zip(&own.negotiated).filter(|(theirs, ours)| theirs != ours);
    pairs.map(|(theirs, ours)| format!("{name} negotiates {ours}, the reference {theirs}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Probe, differences};

    #[test]
    fn targets_must_negotiate_the_same() {
        let probe = |suites: [&str; 2]| Probe {
            negotiated: suites.map(str::to_owned).to_vec(),
            problems: Vec::new(),
        };
        assert!(differences("x", &probe(["a", "b"]), &probe(["a", "b"])).is_empty());
        let found = differences("x", &probe(["a", "b"]), &probe(["a", "c"]));
        assert_eq!(found, ["x negotiates c, the reference b"]);
    }
}
