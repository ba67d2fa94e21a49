//! Which worker gets a connection: the one with the fewest open.
//!
//! Kernel-side spreading (`SO_REUSEPORT`) hashes addresses, so a few clients with long-lived connections can leave one
//! core idle and another overloaded; counting cannot.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use sekisho_exchange::{Permit, Permits, Reply};
use sekisho_gateway::{Crowd, Door, Place, Site};
use sekisho_units::Tick;
use tokio::sync::Semaphore;

use super::overload::{Refusals, full};
use super::state::State;
use super::worker::{Arrival, Handle, Seat, Workers};
use crate::output::note;

/// Connections that may wait at once for others to make room for them.
const AT_THE_DOOR: usize = 256;
/// How long one waits for that.
const ROOM: Duration = Duration::from_secs(1);
/// Of all places so large a part is cleared at once, so that a flood need not look for each.
const CLEARED: usize = 64;

/// Files that a gateway has open besides connections: ports, logs, what wakes its threads, and operators' connections.
const OWN_FILES: usize = 48;
/// Of these for each worker.
const OF_A_WORKER: usize = 4;

/// Hands accepted connections to the workers.
pub(super) struct Dispatch {
    workers: Workers,
    /// Where the search begins, so that equally idle workers take turns.
    turn: AtomicUsize,
    /// A place for each connection that may be open.
    seats: Arc<Permits>,
    /// For how many there are files.
    most: usize,
    /// Who has how many.
    crowd: Arc<Crowd>,
    at_the_door: Arc<Semaphore>,
    refusals: Refusals,
    state: Arc<State>,
}

/// A connection that has no place yet.
struct Newcomer {
    stream: TcpStream,
    peer: SocketAddr,
    door: Arc<Door>,
    place: Option<Place>,
}

impl Dispatch {
    /// `files` can be open at once.
    pub(super) fn new(workers: Workers, site: &Site, state: Arc<State>, files: usize) -> Arc<Self> {
        let most = most_connections(files, site.settings.workers);
        if most < site.settings.connections {
            note(&format!(
                "only {files} files can be open at once, so that {most} clients can be connected and not {}; raise that \
                 limit (`ulimit -n`, `LimitNOFILE=`), or lower `limits.connections`",
                site.settings.connections
            ));
        }
        Arc::new(Self {
            most,
            workers,
            turn: AtomicUsize::new(0),
            seats: Permits::new(most.min(site.settings.connections)),
            crowd: Crowd::new(site.settings.connections_per_address),
            at_the_door: Arc::new(Semaphore::new(AT_THE_DOOR)),
            refusals: Refusals::new(site.security_lines(&state.clock)),
            state,
        })
    }

    /// The time, for those who hand over.
    pub(super) fn now(&self) -> Tick {
        self.state.clock.now()
    }

    /// The places of all connections.
    pub(super) fn seats(&self) -> &Arc<Permits> {
        &self.seats
    }

    /// From now on the limits of `site` hold.
    pub(super) fn settle(&self, site: &Site) {
        self.seats.rebound(self.most.min(site.settings.connections));
        self.crowd.rebound(site.settings.connections_per_address);
        self.refusals.settle(site.security_lines(&self.state.clock));
    }

    /// Gives a connection, set not to block, to a worker. If all places are taken, those who have waited longest for their
    /// client make room; if nobody waits, or every worker is stuck, it is turned away.
    pub(super) fn take(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, door: &Arc<Door>) {
        // Small answers must not wait for more to send with them; it fails only where the client has already left.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let mut newcomer = Newcomer { stream, peer, door: Arc::clone(door), place: None };
        if self.counts(&newcomer) {
            newcomer.place = self.crowd.enter(peer.ip());
            if newcomer.place.is_none() {
                return self.refuse(newcomer, Reply::crowded());
            }
        }
        match self.seats.try_take() {
            Some(permit) => self.seat(newcomer, permit),
            None => self.make_room(newcomer),
        }
    }

    /// Whether the other end counts as one client: a proxy brings many, and one with a PROXY header says whom.
    fn counts(&self, newcomer: &Newcomer) -> bool {
        let ip = newcomer.peer.ip().to_canonical();
        newcomer.door.listener().proxy_protocol.is_none()
            && !self.state.site.load().settings.trusted_proxies.iter().any(|range| range.contains(ip))
    }

    fn seat(&self, newcomer: Newcomer, permit: Permit) {
        let Newcomer { stream, peer, door, place } = newcomer;
        let loads: Vec<_> = self.workers.iter().map(Handle::load).collect();
        let crowd = Arc::clone(&self.crowd);
        let mut arrival = Box::new(Arrival { stream, peer, door, crowd, seat: Seat::new(permit, place) });
        for index in by_load(&loads, self.turn.fetch_add(1, Relaxed)) {
            match self.workers[index].hand_over(arrival) {
                Ok(()) => return,
                Err(back) => arrival = back,
            }
        }
        let Arrival { stream, peer, door, .. } = *arrival;
        self.refuse(Newcomer { stream, peer, door, place: None }, full());
    }

    /// Waits, apart from those who come next, until there is a place.
    fn make_room(self: &Arc<Self>, newcomer: Newcomer) {
        let Ok(waiting) = Arc::clone(&self.at_the_door).try_acquire_owned() else {
            return self.refuse(newcomer, full());
        };
        let dispatch = Arc::clone(self);
        tokio::spawn(async move {
            let seats = Arc::clone(&dispatch.seats);
            let permit = match dispatch.clear().await {
                true => tokio::time::timeout(ROOM, seats.take()).await.ok(),
                false => seats.try_take(),
            };
            match permit {
                Some(permit) => dispatch.seat(newcomer, permit),
                None => dispatch.refuse(newcomer, full()),
            }
            drop(waiting);
        });
    }

    /// Ends the connections that have waited longest, of the worker that has most. `false`: none waits anywhere.
    pub(super) async fn clear(&self) -> bool {
        let count = (self.seats.taken() / CLEARED).max(1);
        let loads: Vec<_> = self.workers.iter().map(Handle::load).collect();
        let fullest_first = by_load(&loads, 0).collect::<Vec<_>>().into_iter().rev();
        for index in fullest_first {
            if self.workers[index].shed(count).await > 0 {
                return true;
            }
        }
        false
    }

    fn refuse(&self, newcomer: Newcomer, reply: Reply) {
        self.state.refused.fetch_add(1, Relaxed);
        // Who expects a handshake can read no answer.
        if newcomer.door.listener().tls.is_none() {
            self.refusals.answer(newcomer.stream, reply, self.state.clock.wall());
        }
    }
}

/// How many clients can be connected: the last of the files must not go to one who waits, as requests need connections to
/// services.
fn most_connections(files: usize, workers: usize) -> usize {
    let left = files.saturating_sub(OWN_FILES + OF_A_WORKER * workers);
    (left - left / 4).max(1)
}

/// Workers by load, least first; among equals the search begins at `turn`.
fn by_load(loads: &[usize], turn: usize) -> impl Iterator<Item = usize> {
    let count = loads.len();
    let mut order: Vec<_> = (0..count).map(|index| (index + turn) % count).collect();
    order.sort_by_key(|index| loads[*index]);
    order.into_iter()
}

#[cfg(test)]
mod tests {
    use super::{by_load, most_connections};

    #[test]
    fn a_quarter_of_the_files_is_left_for_services() {
        for (files, workers, want) in [(0, 2, 1), (64, 2, 6), (1_024, 4, 720), (20_000, 2, 14_958)] {
            assert_eq!(most_connections(files, workers), want, "{files} {workers}");
        }
    }

    #[test]
    fn the_least_loaded_comes_first_and_equals_take_turns() {
        for (loads, turn, want) in [
            (&[3, 1, 2][..], 0, &[1, 2, 0][..]),
            (&[0, 0, 0], 0, &[0, 1, 2]),
            (&[0, 0, 0], 1, &[1, 2, 0]),
            (&[0, 0, 0], 5, &[2, 0, 1]),
            (&[1, 0, 0], 2, &[2, 1, 0]),
            (&[7], usize::MAX, &[0]),
            (&[], 4, &[]),
        ] {
            assert_eq!(by_load(loads, turn).collect::<Vec<_>>(), want, "{loads:?} {turn}");
        }
    }
}
