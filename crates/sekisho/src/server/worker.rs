//! The threads that serve clients: one current-thread runtime each, and a connection lives and dies on one of them.

use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use std::{io, thread};

use sekisho_exchange::Scheme;
use sekisho_gateway::Worker;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::state::{Phase, State};

/// Connections that may wait for a worker to take them.
const QUEUE: usize = 1024;

/// How long connections may take to end once they are cut.
const CUTTING: Duration = Duration::from_millis(500);

/// A client's connection on its way to a worker.
pub(super) struct Arrival {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) seat: Seat,
}

/// What a connection holds as long as it lives: its place among all connections and in its worker's load.
pub(super) struct Seat {
    load: Option<Arc<AtomicUsize>>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    /// A place among all connections, at no worker yet.
    pub(super) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self { load: None, _permit: permit }
    }

    /// Moves to a worker.
    fn at(&mut self, load: &Arc<AtomicUsize>) {
        self.leave();
        load.fetch_add(1, Relaxed);
        self.load = Some(Arc::clone(load));
    }

    fn leave(&mut self) {
        if let Some(load) = self.load.take() {
            load.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// One worker as the dispatcher sees it.
pub(super) struct Handle {
    queue: mpsc::Sender<Arrival>,
    load: Arc<AtomicUsize>,
}

impl Handle {
    /// Connections that it has, those in its queue included.
    pub(super) fn load(&self) -> usize {
        self.load.load(Relaxed)
    }

    /// Puts a connection into its queue, or gives it back if that is full.
    pub(super) fn hand_over(&self, mut arrival: Arrival) -> Result<(), TrySendError<Arrival>> {
        arrival.seat.at(&self.load);
        self.queue.try_send(arrival)
    }
}

/// All workers.
pub(super) struct Workers(Box<[Handle]>);

impl Deref for Workers {
    type Target = [Handle];
    fn deref(&self) -> &[Handle] {
        &self.0
    }
}

/// Tells when all threads have ended: each holds the sending half until then.
pub(super) struct Ended(mpsc::Receiver<()>);

impl Ended {
    /// Waits for the threads, but not longer than `most`: one that is stuck must not keep the process.
    pub(super) async fn wait(mut self, most: Duration) {
        let _ = tokio::time::timeout(most, self.0.recv()).await;
    }
}

impl Workers {
    /// Starts a thread for each worker of the state.
    ///
    /// # Errors
    /// The system has no thread or no event queue to give.
    pub(super) fn start(state: &Arc<State>) -> io::Result<(Self, Ended)> {
        let (alive, ended) = mpsc::channel(1);
        let handles = (0..state.workers.len())
            .map(|index| spawn(index, state, alive.clone()))
            .collect::<io::Result<_>>()?;
        Ok((Self(handles), Ended(ended)))
    }
}

fn spawn(index: usize, state: &Arc<State>, alive: mpsc::Sender<()>) -> io::Result<Handle> {
    let (queue, arrivals) = mpsc::channel(QUEUE);
    // The runtime cannot leave its thread, so the thread makes it and says whether it could.
    let (says, told) = std::sync::mpsc::sync_channel(1);
    let state = Arc::clone(state);
    let phase = state.phase.subscribe();
    thread::Builder::new().name(format!("sekisho-worker-{index}")).spawn(move || {
        match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                let _ = says.send(Ok(()));
                work(&runtime, index, &state, arrivals, phase);
            }
            Err(error) => {
                let _ = says.send(Err(error));
            }
        }
        drop(alive);
    })?;
    told.recv().map_err(io::Error::other)??;
    Ok(Handle { queue, load: Arc::default() })
}

/// Serves what arrives until all is over. Ending the runtime cuts the connections that are left.
fn work(
    runtime: &LocalRuntime,
    index: usize,
    state: &State,
    mut arrivals: mpsc::Receiver<Arrival>,
    mut phase: watch::Receiver<Phase>,
) {
    runtime.block_on(async {
        let meter = Arc::clone(&state.workers[index]);
        let worker = Worker::new(index, state.clock.clone(), Arc::clone(&state.site), meter);
        worker.start();
        loop {
            tokio::select! {
                Some(arrival) = arrivals.recv() => admit(arrival, &worker),
                changed = phase.changed() => {
                    let now = *phase.borrow_and_update();
                    match now {
                        _ if changed.is_err() => return,
                        Phase::Over => {
                            worker.cut();
                            // What does not end when it is told to ends with the runtime.
                            let _ = tokio::time::timeout(CUTTING, worker.closed()).await;
                            return;
                        }
                        Phase::Draining => worker.drain(),
                        Phase::Starting | Phase::Ready => {}
                    }
                }
            }
        }
    });
}

fn admit(arrival: Arrival, worker: &Rc<Worker>) {
    let Arrival { stream, peer, seat } = arrival;
    // Where the worker's event queue has no place for it, closing is all that can be done.
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
    let worker = Rc::clone(worker);
    tokio::task::spawn_local(async move {
        sekisho_gateway::serve(stream, peer, Scheme::Http, worker).await;
        drop(seat);
    });
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn a_seat_counts_at_one_worker_only_and_is_given_back() {
        let free = Arc::new(Semaphore::new(1));
        let loads = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let counts = || [&loads[0], &loads[1]].map(|load| load.load(Relaxed));
        let mut seat = Seat::new(Arc::clone(&free).try_acquire_owned().unwrap());
        seat.at(&loads[0]);
        assert_eq!(counts(), [1, 0]);
        seat.at(&loads[1]);
        assert_eq!((counts(), free.available_permits()), ([0, 1], 0));
        drop(seat);
        assert_eq!((counts(), free.available_permits()), ([0, 0], 1));
    }
}
