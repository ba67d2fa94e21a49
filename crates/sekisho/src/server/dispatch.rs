//! Which worker gets a connection: the one with the fewest open.
//!
//! Kernel-side spreading (`SO_REUSEPORT`) hashes addresses, so a few clients with long-lived connections can leave one
//! core idle and another overloaded; counting cannot.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use sekisho_units::Tick;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::error::TrySendError;

use super::overload::Refusals;
use super::state::State;
use super::worker::{Arrival, Handle, Seat, Workers};

/// Hands accepted connections to the workers.
pub(super) struct Dispatch {
    workers: Workers,
    /// Where the search begins, so that equally idle workers take turns.
    turn: AtomicUsize,
    /// A permit for each connection that may be open.
    free: Arc<Semaphore>,
    refusals: Refusals,
    state: Arc<State>,
}

impl Dispatch {
    pub(super) fn new(workers: Workers, free: Arc<Semaphore>, state: Arc<State>) -> Self {
        Self { workers, turn: AtomicUsize::new(0), free, refusals: Refusals::default(), state }
    }

    /// The time, for those who hand over.
    pub(super) fn now(&self) -> Tick {
        self.state.clock.now()
    }

    /// Gives a connection, set not to block, to a worker, or turns it away if too many are open or every worker is stuck.
    pub(super) fn take(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            return self.refuse(stream);
        };
        // Small answers must not wait for more to send with them; it fails only where the client has already left.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let loads: Vec<_> = self.workers.iter().map(Handle::load).collect();
        let mut arrival = Arrival { stream, peer, seat: Seat::new(permit) };
        for index in by_load(&loads, self.turn.fetch_add(1, Relaxed)) {
            match self.workers[index].hand_over(arrival) {
                Ok(()) => return,
                Err(TrySendError::Full(back) | TrySendError::Closed(back)) => arrival = back,
            }
        }
        self.refuse(arrival.stream);
    }

    fn refuse(&self, stream: TcpStream) {
        self.state.refused.fetch_add(1, Relaxed);
        self.refusals.answer(stream, self.state.clock.wall());
    }
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
    use super::by_load;

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
