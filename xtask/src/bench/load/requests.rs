//! Requests over kept connections, each answer checked byte for byte.
//!
//! A connection is only replaced when its server said `Connection: close`: whatever else ends one is a loss.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use super::answers::{Answer, Client, trusting};
use super::pace::{Pace, Stop};
use super::side_by_side;
use super::tally::Tally;
use crate::bench::templates::service_body;

/// After a loss the client takes breath, so that a dead target is not hammered.
const BREATH: Duration = Duration::from_millis(20);

/// What is to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::bench) struct Requests {
    pub(in crate::bench) port: u16,
    /// With it TLS is spoken, and this authority (a PEM file) trusted.
    pub(in crate::bench) authority: Option<PathBuf>,
    pub(in crate::bench) connections: usize,
    /// Requests a second over all connections; without it, each follows the answer before.
    pub(in crate::bench) rate: Option<u64>,
    /// In turn.
    pub(in crate::bench) asks: Vec<Ask>,
    /// How long what is sent is not timed, because other generators still connect.
    pub(in crate::bench) settling: Duration,
}

impl Requests {
    /// To a plain port, as many as there can be, all of them timed.
    pub(in crate::bench) fn to(port: u16, connections: usize, asks: Vec<Ask>) -> Requests {
        Requests { port, authority: None, connections, rate: None, asks, settling: Duration::ZERO }
    }
}

/// A path, and the answer that is right there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::bench) struct Ask {
    pub(in crate::bench) path: String,
    pub(in crate::bench) body: Body,
}

/// The answers that are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::bench) enum Body {
    /// What the bench's service says.
    Service,
    /// The number of the configuration, which on one connection never goes back.
    Generation,
}

/// The text that a configuration's number is answered as.
pub(in crate::bench) fn generation(number: u64) -> String {
    format!("generation-{number}")
}

struct Plan {
    order: Requests,
    tls: Option<Arc<ClientConfig>>,
    /// Each ask with its request as bytes.
    asks: Vec<(Vec<u8>, Body)>,
    service: String,
    connected: Barrier,
}

/// Sends until it is time to stop; every request begun is seen through.
pub(super) async fn run(order: Requests, tally: &Tally, stop: &Stop) -> Result<(), String> {
    let head =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", order.port).into_bytes();
    let plan = Rc::new(Plan {
        tls: trusting(order.authority.as_deref(), 64)?,
        asks: order.asks.iter().map(|ask| (head(&ask.path), ask.body)).collect(),
        service: service_body(),
        connected: Barrier::new(order.connections),
        order,
    });
    let clients = (0..plan.order.connections)
        .map(|number| client(Rc::clone(&plan), number, tally.clone(), stop.clone()));
    side_by_side(clients).await
}

async fn client(plan: Rc<Plan>, number: usize, tally: Tally, stop: Stop) {
    let mut connection = connect(&plan, &tally).await.inspect_err(|what| tally.complain(what.clone())).ok();
    // Nobody sends before all are connected, so that no answer waits for another client's handshake.
    plan.connected.wait().await;
    let timed = Instant::now() + plan.order.settling;
    let mut pace = Pace::new(plan.order.rate, number, plan.order.connections);
    let mut highest = 0;
    for turn in number.. {
        let Some(since) = pace.turn(&stop).await else { break };
        tally.sent();
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => connect(&plan, &tally).await,
        };
        connection = match open {
            Ok(open) => {
                let took = || Some(since).filter(|since| *since >= timed).map(|since| since.elapsed());
                one(&plan, turn, open, took, &mut highest, &tally).await
            }
            Err(what) => {
                tally.lost(what);
                tokio::time::sleep(BREATH).await;
                None
            }
        };
    }
    if let Some(open) = connection {
        open.close().await;
    }
}

async fn connect(plan: &Plan, tally: &Tally) -> Result<Client, String> {
    let open = Client::open(plan.order.port, plan.tls.as_ref()).await?;
    tally.connected();
    Ok(open)
}

/// One request; returns the connection if it lives on.
async fn one(
    plan: &Plan,
    turn: usize,
    mut open: Client,
    took: impl FnOnce() -> Option<Duration>,
    highest: &mut u64,
    tally: &Tally,
) -> Option<Client> {
    let (request, body) = &plan.asks[turn % plan.asks.len()];
    match open.exchange(request).await {
        Err(what) => {
            tally.lost(what);
            tokio::time::sleep(BREATH).await;
            None
        }
        Ok(answer) => {
            match judge(&answer, *body, &plan.service, highest) {
                Ok(()) => tally.answered(answer.body.len(), took()),
                Err(what) => tally.refused(what),
            }
            let closes = answer.closes;
            (!closes).then_some(open)
        }
    }
}

fn judge(answer: &Answer<'_>, body: Body, service: &str, highest: &mut u64) -> Result<(), String> {
    if answer.status != 200 {
        let start = String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]);
        return Err(format!("status {}: {start}", answer.status));
    }
    match body {
        Body::Service if answer.body == service.as_bytes() => Ok(()),
        Body::Service => Err(format!("{} bytes that the service did not send", answer.body.len())),
        Body::Generation => {
            let text = String::from_utf8_lossy(answer.body);
            let number = text.strip_prefix("generation-").and_then(|digits| digits.parse().ok());
            let number: u64 = number.ok_or_else(|| format!("no generation but `{text}`"))?;
            if number < *highest {
                return Err(format!("generation {number} after {highest}"));
            }
            *highest = number;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::Answer;
    use super::{Body, generation, judge};

    #[test]
    fn only_the_right_answer_counts() {
        let mut highest = 4;
        for (status, body, text, right) in [
            (200, Body::Service, "yes", true),
            (200, Body::Service, "yet", false),
            (200, Body::Service, "", false),
            (404, Body::Service, "yes", false),
            (200, Body::Generation, &generation(4), true),
            (200, Body::Generation, &generation(6), true),
            (200, Body::Generation, &generation(5), false),
            (200, Body::Generation, "generation-", false),
        ] {
            let answer = Answer { status, body: text.as_bytes(), closes: false, hit: false };
            assert_eq!(judge(&answer, body, "yes", &mut highest).is_ok(), right, "{status} {text}");
        }
        assert_eq!(highest, 6);
    }
}
