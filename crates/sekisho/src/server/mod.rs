//! A running gateway: from open ports to the last connection's end.
//!
//! Traffic runs on threads of its own, one runtime each (`worker`). Accepting, the admin port and all else run on one
//! background runtime, which can be slow without a request noticing.

mod accept;
mod dispatch;
mod errands;
mod health;
mod listen;
mod overload;
mod ports;
mod reload;
mod signals;
mod state;
mod worker;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_exchange::{Events, Permits};
use sekisho_gateway::compile::Carry;
use sekisho_gateway::{Listener, Mark, TUNNEL_LINGER};
use sekisho_upstream::Carry as Endpoints;
use tokio::runtime::Builder;

use self::dispatch::Dispatch;
pub(crate) use self::errands::Todo;
pub(crate) use self::listen::{ListenError, given_or_new, listen};
use self::ports::Ports;
use self::reload::Reloader;
pub(crate) use self::reload::{Origin, Outcome};
use self::signals::{Signal, Signals};
pub(crate) use self::state::{Phase, State};
use self::worker::{Ended, Workers};
use crate::alerts::{Alerts, watch_store};
use crate::metrics;
use crate::output::{Exit, Failure, note};
use crate::systemd::{self, Sockets, Watchdog};

/// How long it may take to tell operators what they were not told before the end.
const TELLING: Duration = Duration::from_secs(2);

/// How long threads and tasks may take to notice that all is over.
const ENDING: Duration = Duration::from_secs(2);

/// What outlives the configurations of a gateway that is to run: who runs errands, and who tells operators.
pub(crate) fn carried() -> (Carry, Todo, Arc<Alerts>) {
    let alerts = Arc::<Alerts>::default();
    let (errands, todo) = errands::errands(&alerts);
    let endpoints = Endpoints::telling(Arc::clone(&alerts) as Arc<dyn Events>);
    let endpoints = Arc::new(endpoints.running(Arc::clone(&errands)));
    (Carry { errands, endpoints, ..Carry::default() }, todo, alerts)
}

/// All that a gateway needs to begin: its configuration is good and its ports are open.
pub(crate) struct Start {
    /// The compiled configuration.
    pub(crate) site: sekisho_gateway::Site,
    /// What outlives it.
    pub(crate) carry: Carry,
    /// What it wants done apart from requests.
    pub(crate) todo: Todo,
    /// Who tells operators what happens.
    pub(crate) alerts: Arc<Alerts>,
    /// The file that it stands in, and all that it was made of as they were then; none if it is part of the program.
    pub(crate) file: Option<(PathBuf, HashMap<PathBuf, Mark>)>,
    /// Where clients connect, one for each listener of the site.
    pub(crate) traffic: Vec<TcpListener>,
    /// Where operators connect.
    pub(crate) admin: Option<TcpListener>,
    /// Sockets that systemd gave: ports that reloads may name again.
    pub(crate) given: Sockets,
    /// When the program began.
    pub(crate) begun: Instant,
}

/// Where a gateway can be reached, with the ports that the system chose where 0 was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Addresses {
    /// With `http` or `https`.
    pub(crate) traffic: Vec<(&'static str, SocketAddr)>,
    pub(crate) admin: Option<SocketAddr>,
}

/// Runs a gateway to its end; `on_ready` is called once it takes connections.
///
/// # Errors
/// A log cannot be opened, or the system has no threads or signals to give.
pub(crate) fn run(start: Start, on_ready: impl FnOnce(&Addresses)) -> Result<Exit, Failure> {
    let files = raise_open_files();
    let sinks = Arc::clone(&start.carry.sinks);
    sinks.open_all().map_err(|error| Failure::new(error.to_string()))?;
    let background = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("sekisho-background")
        .enable_all()
        .build()
        .map_err(|error| cannot("start the background threads", &error))?;
    let exit = background.block_on(live(start, files, on_ready));
    background.shutdown_timeout(ENDING);
    sinks.flush_and_close();
    exit
}

async fn live(start: Start, files: usize, on_ready: impl FnOnce(&Addresses)) -> Result<Exit, Failure> {
    let mut signals = Signals::new().map_err(|error| cannot("listen for signals", &error))?;
    let addresses = Addresses::of(&start).map_err(|error| cannot("read the address of a port", &error))?;
    let counts = (start.site.plans.len(), start.site.services.len());
    let Start { site, carry, todo, alerts, file, traffic, admin, given, begun } = start;
    let state = State::new(site, &carry, alerts);
    let site = state.site.load_full();

    let (alive, ended) = Ended::of_all();
    let workers =
        Workers::start(&state, &alive).map_err(|error| cannot("start the worker threads", &error))?;
    errands::start(todo, &state, alive).map_err(|error| cannot("start the thread for errands", &error))?;
    carry.errands.send(health::checks(Arc::clone(&state)));
    let dispatch = Dispatch::new(workers, &site, Arc::clone(&state), files);
    let mut ports = Ports::new(given, Arc::clone(&dispatch), Arc::clone(&state));
    let listeners: Vec<(Arc<Listener>, _)> = site.settings.listen.iter().cloned().zip(traffic).collect();
    ports.begin(listeners, site.settings.admin.zip(admin)).map_err(|error| cannot("watch a port", &error))?;
    drop(site);
    let reloader = file.map(|file| Reloader::new(file, carry, &dispatch, &state)).transpose();
    let reloader = reloader.map_err(|error| cannot("start the thread that reads configurations", &error))?;
    tokio::spawn(metrics::sample(Arc::clone(&state)));
    tokio::spawn(watch_store(Arc::clone(&state)));

    state.phase.send_replace(Phase::Ready);
    let line = ready_line(&addresses, counts, begun.elapsed());
    note(&line);
    if let Some(watchdog) = Watchdog::asked() {
        tokio::spawn(watchdog.watch(Arc::clone(&state)));
    }
    systemd::ready(&line);
    on_ready(&addresses);

    let told = tokio::select! {
        told = until_told(&state, &mut signals) => told,
        never = keep(reloader, &mut ports) => match never {},
    };
    systemd::stopping();
    Ok(end(told, &state, ports, dispatch.seats(), ended, &mut signals).await)
}

/// Carries out reloads until something else ends it.
async fn keep(reloader: Option<Reloader>, ports: &mut Ports) -> std::convert::Infallible {
    if let Some(reloader) = reloader {
        reloader.run(ports).await;
    }
    std::future::pending().await
}

/// From the signal to the end of the threads.
async fn end(
    told: Signal,
    state: &State,
    mut ports: Ports,
    seats: &Permits,
    ended: Ended,
    signals: &mut Signals,
) -> Exit {
    let exit = if told == Signal::Terminate {
        state.phase.send_replace(Phase::Draining);
        // The ports are closed before the connections are counted, so that none comes in behind the count.
        ports.close().await;
        drain(state, seats, signals).await
    } else {
        Exit::Interrupted
    };
    if exit == Exit::Fine {
        state.alerts.flush(TELLING).await;
    }
    state.phase.send_replace(Phase::Over);
    ended.wait(ENDING).await;
    exit
}

/// The signal that ends it: TERM lets requests in flight end first, INT does not.
async fn until_told(state: &State, signals: &mut Signals) -> Signal {
    loop {
        match signals.next().await {
            Signal::Reopen => state.sinks.reopen(),
            // Where nothing can be read anew, the end of the terminal is the end, as for any other program.
            Signal::Reload if !state.reloads.are_possible() => return Signal::Terminate,
            Signal::Reload if state.takes_reloads() => state.reloads.ask(Origin::Signal),
            Signal::Reload => note("not reloaded (HUP): the gateway is ending"),
            signal => return signal,
        }
    }
}

/// Until the last connection has ended, all graces are over, or a signal says that it is enough.
async fn drain(state: &State, seats: &Permits, signals: &mut Signals) -> Exit {
    let (grace, tunnels) = {
        let site = state.site.load();
        (site.settings.grace, site.settings.tunnels)
    };
    let mut line = format!("draining: {} open, at most {grace:?} left", counted(seats.taken(), "connection"));
    if let open @ 1.. = state.tunnels() {
        line.push_str(&format!(", {tunnels:?} for {} among them", counted(open, "tunnel")));
    }
    note(&line);
    systemd::status(&line);
    tokio::select! {
        () = seats.closed() => Exit::Fine,
        () = graces(state, grace, tunnels + TUNNEL_LINGER) => Exit::Fine,
        signal = until_told(state, signals) => match signal {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate | Signal::Reopen | Signal::Reload => Exit::Fine,
        },
    }
}

/// Cuts requests after `grace`; returns once tunnels have had their time, too.
async fn graces(state: &State, grace: Duration, tunnels: Duration) {
    tokio::time::sleep(grace).await;
    let (open, left) = (state.tunnels(), tunnels.saturating_sub(grace));
    let cut = counted(state.connections().saturating_sub(open), "connection");
    if open == 0 || left.is_zero() {
        note(&format!("the time is over: {cut} cut"));
        return;
    }
    let line = format!(
        "the time of requests is over: {cut} cut; at most {left:?} left for {}",
        counted(open, "tunnel")
    );
    note(&line);
    systemd::status(&line);
    state.phase.send_replace(Phase::Late);
    tokio::time::sleep(left).await;
}

impl Addresses {
    fn of(start: &Start) -> std::io::Result<Self> {
        Ok(Self {
            traffic: start
                .site
                .settings
                .listen
                .iter()
                .zip(&start.traffic)
                .map(|(listener, socket)| Ok((listener.scheme().as_str(), socket.local_addr()?)))
                .collect::<std::io::Result<_>>()?,
            admin: start.admin.as_ref().map(TcpListener::local_addr).transpose()?,
        })
    }
}

/// The line by which a person, or a program that started this one, learns that the gateway serves.
fn ready_line(addresses: &Addresses, (routes, services): (usize, usize), took: Duration) -> String {
    let traffic: Vec<_> =
        addresses.traffic.iter().map(|(scheme, address)| format!("{scheme}://{address}")).collect();
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

/// How many files may be open at once, and so connections: the soft limit is often 1,024 where the hard one is far higher.
fn raise_open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised =
        current == maximum || setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let files = if raised { maximum } else { current };
    files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_tells_ports_and_counts() {
        let one = Addresses {
            traffic: vec![("http", "127.0.0.1:8080".parse().unwrap())],
            admin: Some("127.0.0.1:9901".parse().unwrap()),
        };
        assert_eq!(
            ready_line(&one, (1, 2), Duration::from_millis(7)),
            "listening on http://127.0.0.1:8080, admin on http://127.0.0.1:9901, 1 route, 2 services, ready in 7 ms"
        );
        let two = Addresses {
            traffic: vec![("http", "[::1]:80".parse().unwrap()), ("https", "127.0.0.1:443".parse().unwrap())],
            admin: None,
        };
        assert_eq!(
            ready_line(&two, (2, 1), Duration::ZERO),
            "listening on http://[::1]:80 and https://127.0.0.1:443, 2 routes, 1 service, ready in 0 ms"
        );
    }
}
