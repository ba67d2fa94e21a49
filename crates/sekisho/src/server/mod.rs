//! A running gateway: from open ports to the last connection's end.
//!
//! Traffic runs on threads of its own, one runtime each (`worker`). Accepting, the admin port and all else run on one
//! background runtime, which can be slow without a request noticing.

mod accept;
mod dispatch;
mod listen;
mod overload;
mod signals;
mod state;
mod worker;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_policies::access_log::Sinks;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::dispatch::Dispatch;
pub(crate) use self::listen::{ListenError, listen};
use self::signals::{Signal, Signals};
pub(crate) use self::state::{Phase, State};
use self::worker::Workers;
use crate::output::{Exit, Failure, note};
use crate::{admin, metrics};

/// How long threads and tasks may take to notice that all is over.
const ENDING: Duration = Duration::from_secs(2);

/// All that a gateway needs to begin: its configuration is good and its ports are open.
pub(crate) struct Start {
    /// The compiled configuration.
    pub(crate) site: sekisho_gateway::Site,
    /// The log sinks that its policies write to.
    pub(crate) sinks: Arc<Sinks>,
    /// Where clients connect.
    pub(crate) traffic: Vec<TcpListener>,
    /// Where operators connect.
    pub(crate) admin: Option<TcpListener>,
    /// When the program began.
    pub(crate) begun: Instant,
}

/// Where a gateway can be reached, with the ports that the system chose where 0 was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Addresses {
    pub(crate) traffic: Vec<SocketAddr>,
    pub(crate) admin: Option<SocketAddr>,
}

/// Runs a gateway to its end; `on_ready` is called once it takes connections.
///
/// # Errors
/// A log cannot be opened, or the system has no threads or signals to give.
pub(crate) fn run(start: Start, on_ready: impl FnOnce(&Addresses)) -> Result<Exit, Failure> {
    raise_open_files();
    let sinks = Arc::clone(&start.sinks);
    sinks.open_all().map_err(|error| Failure::new(error.to_string()))?;
    let background = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("sekisho-background")
        .enable_all()
        .build()
        .map_err(|error| cannot("start the background threads", &error))?;
    let exit = background.block_on(live(start, on_ready));
    background.shutdown_timeout(ENDING);
    sinks.flush_and_close();
    exit
}

async fn live(start: Start, on_ready: impl FnOnce(&Addresses)) -> Result<Exit, Failure> {
    let mut signals = Signals::new().map_err(|error| cannot("listen for signals", &error))?;
    let addresses = Addresses::of(&start).map_err(|error| cannot("read the address of a port", &error))?;
    let counts = (start.site.plans.len(), start.site.services.len());
    let seats = start.site.settings.connections.clamp(1, u32::MAX as usize);
    let grace = start.site.settings.grace;
    let state = State::new(start.site, start.sinks);

    let (workers, ended) =
        Workers::start(&state).map_err(|error| cannot("start the worker threads", &error))?;
    let seats =
        Seats { all: u32::try_from(seats).unwrap_or(u32::MAX), free: Arc::new(Semaphore::new(seats)) };
    let dispatch = Arc::new(Dispatch::new(workers, Arc::clone(&seats.free), Arc::clone(&state)));
    let mut acceptors = JoinSet::new();
    for listener in start.traffic {
        let accepting = accept::accept(listener, Arc::clone(&dispatch), state.phase.subscribe());
        acceptors.spawn(accepting.map_err(|error| cannot("watch a port", &error))?);
    }
    if let Some(listener) = start.admin {
        let serving = admin::serve(listener, Arc::clone(&state))
            .map_err(|error| cannot("watch the admin port", &error))?;
        tokio::spawn(serving);
    }
    tokio::spawn(metrics::sample(Arc::clone(&state)));

    state.phase.send_replace(Phase::Ready);
    note(&ready_line(&addresses, counts, start.begun.elapsed()));
    on_ready(&addresses);

    let exit = match until_told(&state, &mut signals).await {
        Signal::Terminate => {
            state.phase.send_replace(Phase::Draining);
            // The ports are closed before the connections are counted, so that none comes in behind the count.
            while acceptors.join_next().await.is_some() {}
            drain(&state, &seats, grace, &mut signals).await
        }
        Signal::Interrupt | Signal::Reopen => Exit::Interrupted,
    };
    state.phase.send_replace(Phase::Over);
    ended.wait(ENDING).await;
    Ok(exit)
}

/// A permit for each connection that clients may have open.
struct Seats {
    all: u32,
    free: Arc<Semaphore>,
}

impl Seats {
    fn taken(&self) -> usize {
        (self.all as usize).saturating_sub(self.free.available_permits())
    }

    /// Returns once no connection is open, after which none can be.
    async fn empty(&self) {
        if let Ok(all) = self.free.acquire_many(self.all).await {
            all.forget();
        }
    }
}

/// The signal that ends it: TERM lets requests in flight end first, INT does not.
async fn until_told(state: &State, signals: &mut Signals) -> Signal {
    loop {
        match signals.next().await {
            Signal::Reopen => state.sinks.reopen(),
            signal => return signal,
        }
    }
}

/// Until the last connection has ended, the grace is over, or a signal says that it is enough.
async fn drain(state: &State, seats: &Seats, grace: Duration, signals: &mut Signals) -> Exit {
    note(&format!("draining: {} open, at most {grace:?} left", counted(seats.taken(), "connection")));
    tokio::select! {
        () = seats.empty() => Exit::Fine,
        () = tokio::time::sleep(grace) => {
            note(&format!("the time is over: {} cut", counted(seats.taken(), "connection")));
            Exit::Fine
        }
        signal = until_told(state, signals) => match signal {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate | Signal::Reopen => Exit::Fine,
        },
    }
}

impl Addresses {
    fn of(start: &Start) -> std::io::Result<Self> {
        Ok(Self {
            traffic: start.traffic.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?,
            admin: start.admin.as_ref().map(TcpListener::local_addr).transpose()?,
        })
    }
}

/// The line by which a person, or a program that started this one, learns that the gateway serves.
fn ready_line(addresses: &Addresses, (routes, services): (usize, usize), took: Duration) -> String {
    let traffic: Vec<_> = addresses.traffic.iter().map(|address| format!("http://{address}")).collect();
    let admin = addresses.admin.map(|address| format!(", admin on http://{address}")).unwrap_or_default();
    let (routes, services) = (counted(routes, "route"), counted(services, "service"));
    format!(
        "listening on {}{admin}, {routes}, {services}, ready in {} ms",
        traffic.join(" and "),
        took.as_millis()
    )
}

/// `1 route`, `2 routes`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what}: {error}"))
}

/// Every connection is an open file, and the soft limit is often 1,024 where the hard one is far higher.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        note("cannot raise the limit of open files; connections are limited by it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_tells_ports_and_counts() {
        let one = Addresses {
            traffic: vec!["127.0.0.1:8080".parse().unwrap()],
            admin: Some("127.0.0.1:9901".parse().unwrap()),
        };
        assert_eq!(
            ready_line(&one, (1, 2), Duration::from_millis(7)),
            "listening on http://127.0.0.1:8080, admin on http://127.0.0.1:9901, 1 route, 2 services, ready in 7 ms"
        );
        let two = Addresses {
            traffic: vec!["[::1]:80".parse().unwrap(), "127.0.0.1:80".parse().unwrap()],
            admin: None,
        };
        assert_eq!(
            ready_line(&two, (2, 1), Duration::ZERO),
            "listening on http://[::1]:80 and http://127.0.0.1:80, 2 routes, 1 service, ready in 0 ms"
        );
    }

    #[tokio::test]
    async fn seats_are_empty_once_the_last_is_given_back() {
        let seats = Seats { all: 2, free: Arc::new(Semaphore::new(2)) };
        let taken = Arc::clone(&seats.free).try_acquire_owned().unwrap();
        assert_eq!(seats.taken(), 1);
        let mut empty = std::pin::pin!(seats.empty());
        let before =
            tokio::select! { biased; () = &mut empty => true, () = tokio::task::yield_now() => false };
        assert!(!before);
        drop(taken);
        empty.await;
        assert_eq!(seats.taken(), 2, "nobody sits down any more");
    }
}
