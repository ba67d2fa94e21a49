//! The load that wrk cannot make: `cargo xtask load WORK`, started by the bench itself and pinned to the load's core.
//!
//! One thread, one task a connection. Every request and message is accounted for: sent, answered rightly, refused or
//! lost. The work comes as JSON in one argument; the report goes to stdout as JSON in one line.

mod answers;
mod attackers;
mod cached;
mod echo;
mod frames;
pub(super) mod generator;
mod handshakes;
mod messages;
mod open;
mod pace;
mod requests;
mod tally;
pub(super) mod tls;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

pub(super) use attackers::Attack;
pub(super) use cached::{Cold, Keys};
pub(super) use handshakes::{Handshakes, Resumption};
pub(super) use messages::Messages;
pub(super) use open::endpoint::{Endpoint, Manner};
pub(super) use open::{Each, Open, micros_of_day};
pub(super) use requests::{Ask, Body, Requests, generation};
pub(super) use tally::Report;

use pace::Stop;
use tally::{Tally, Told};

/// What one generator does, and for how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) task: Task,
    /// Without it the work goes on until stdin ends.
    pub(super) seconds: Option<u64>,
}

/// The kinds of work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Task {
    /// Requests over kept connections.
    Requests(Requests),
    /// A connection, a TLS handshake, one request, the end; over and over.
    Handshakes(Handshakes),
    /// WebSocket messages, each awaiting its echo.
    Messages(Messages),
    /// No load but the service that echoes.
    Echo { port: u16 },
    /// Requests that come when they are due.
    Open(Open),
    /// No load but a service that gets into trouble.
    Endpoint(Endpoint),
    /// Clients that mean ill.
    Attack(Attack),
    /// Clients who ask for the same, before it is kept.
    Cold(Cold),
    /// More keys than can be kept.
    Keys(Keys),
}

/// `cargo xtask load WORK`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let [text] = arguments else {
        return Err(Failure::Usage("`load` takes one argument, and is started by `bench`".to_owned()));
    };
    let work: Work = serde_json::from_str(text).map_err(|e| Failure::Usage(format!("`load`: {e}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("no runtime: {e}"))?;
    let local = tokio::task::LocalSet::new();
    let report = local.block_on(&runtime, perform(work))?;
    let told = Told { latencies: report.latencies.clone(), report };
    println!("{}", serde_json::to_string(&told).map_err(|e| e.to_string())?);
    Ok(())
}

async fn perform(work: Work) -> Result<Report, String> {
    let stop = Stop::new(work.seconds);
    let tally = Tally::new();
    match work.task {
        Task::Requests(order) => requests::run(order, &tally, &stop).await?,
        Task::Handshakes(order) => handshakes::run(order, &tally, &stop).await?,
        Task::Messages(order) => messages::run(order, &tally, &stop).await?,
        Task::Echo { port } => echo::serve(port, &stop).await?,
        Task::Open(order) => open::run(order, &tally, &stop).await?,
        Task::Endpoint(order) => open::endpoint::serve(order, &tally, &stop).await?,
        Task::Attack(order) => attackers::run(order, &tally, &stop).await?,
        Task::Cold(order) => cached::run_cold(order, &tally).await?,
        Task::Keys(order) => cached::run_keys(order, &tally).await?,
    }
    Ok(tally.report())
}

/// Lets all clients of a load run side by side until each has ended.
async fn side_by_side<F: Future<Output = ()> + 'static>(
    clients: impl Iterator<Item = F>,
) -> Result<(), String> {
    let handles: Vec<_> = clients.map(tokio::task::spawn_local).collect();
    for handle in handles {
        handle.await.map_err(|e| format!("a client of the load broke down: {e}"))?;
    }
    Ok(())
}
