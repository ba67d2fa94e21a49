//! Connections that live for one request: TCP, a TLS handshake, a GET, the end.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, HandshakeKind};
use serde::{Deserialize, Serialize};

use super::answers::{Client, trusting};
use super::pace::{Pace, Stop};
use super::side_by_side;
use super::tally::Tally;
use crate::bench::templates::service_body;

const BREATH: Duration = Duration::from_millis(20);
/// Tickets that a client keeps; one handshake takes one and the answer to it brings new ones.
const TICKETS: usize = 4;

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::bench) struct Handshakes {
    /// The port of TLS.
    pub(in crate::bench) port: u16,
    pub(in crate::bench) authority: PathBuf,
    /// Connections under way at once.
    pub(in crate::bench) connections: usize,
    /// Handshakes a second over all of them; without it, each follows the one before.
    pub(in crate::bench) rate: Option<u64>,
    pub(in crate::bench) resumption: Resumption,
}

/// Whether a client comes back with the ticket of its last visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::bench) enum Resumption {
    /// Every handshake is a full one.
    Never,
    /// Every handshake of a client but its first must be resumed.
    Always,
}

/// Makes handshakes until it is time to stop.
pub(super) async fn run(order: Handshakes, tally: &Tally, stop: &Stop) -> Result<(), String> {
    let order = Rc::new(order);
    let sessions = if order.resumption == Resumption::Always { TICKETS } else { 0 };
    let mut clients = Vec::new();
    for number in 0..order.connections {
        let tls = trusting(Some(&order.authority), sessions)?.ok_or("an authority was given")?;
        clients.push(client(Rc::clone(&order), tls, number, tally.clone(), stop.clone()));
    }
    side_by_side(clients.into_iter()).await
}

async fn client(order: Rc<Handshakes>, tls: Arc<ClientConfig>, number: usize, tally: Tally, stop: Stop) {
    let mut pace = Pace::new(order.rate, number, order.connections);
    let mut first = true;
    while let Some(since) = pace.turn(&stop).await {
        let wanted = match order.resumption {
            Resumption::Always if !first => HandshakeKind::Resumed,
            _ => HandshakeKind::Full,
        };
        first = false;
        tally.sent();
        if let Err(what) = visit(&order, &tls, wanted, since, &tally).await {
            tally.lost(what);
            tokio::time::sleep(BREATH).await;
        }
    }
}

/// One connection from its first to its last byte; an error if it was lost.
async fn visit(
    order: &Handshakes,
    tls: &Arc<ClientConfig>,
    wanted: HandshakeKind,
    since: Instant,
    tally: &Tally,
) -> Result<(), String> {
    let mut open = Client::open(order.port, Some(tls)).await?;
    tally.connected();
    let kind = open.handshake;
    let answer = open.exchange(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let bytes = answer.body.len();
    if answer.status != 200 || bytes != service_body().len() {
        tally.refused(format!("status {} and {bytes} bytes", answer.status));
    } else if kind != Some(wanted) {
        tally.refused(format!("the handshake was {kind:?}, not {wanted:?}"));
    } else {
        tally.answered(bytes, since.elapsed());
    }
    open.close().await;
    Ok(())
}
