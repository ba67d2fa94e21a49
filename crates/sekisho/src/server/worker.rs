//! The threads that serve clients: one current-thread runtime each, and a connection lives and dies on one of them.

use std::future::poll_fn;
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use std::{io, thread};

use sekisho_exchange::Permit;
use sekisho_gateway::{Crowd, Door, Place, Worker, WorkerMeter};
use sekisho_units::Clock;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{mpsc, oneshot, watch};

use super::state::{Phase, State};
use crate::systemd::Watchdog;

/// Connections that may wait for a worker to take them.
const QUEUE: usize = 1024;

/// How long connections may take to end once they are cut.
const CUTTING: Duration = Duration::from_millis(500);

/// A client's connection on its way to a worker.
pub(super) struct Arrival {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) door: Arc<Door>,
    pub(super) crowd: Arc<Crowd>,
    pub(super) seat: Seat,
}

/// What a worker is asked to do.
enum Errand {
    Serve(Box<Arrival>),
    /// End so many of the connections that wait for their client, and say how many there were.
    Shed(usize, oneshot::Sender<usize>),
}

/// What a connection holds as long as it lives: its place among all connections, among those of its address, and in its
/// worker's load.
pub(super) struct Seat {
    load: Option<Arc<AtomicUsize>>,
    _permit: Permit,
    _place: Option<Place>,
}

impl Seat {
    /// A place among all connections, at no worker yet.
    pub(super) fn new(permit: Permit, place: Option<Place>) -> Self {
        Self { load: None, _permit: permit, _place: place }
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
    queue: mpsc::Sender<Errand>,
    load: Arc<AtomicUsize>,
}

impl Handle {
    /// Connections that it has, those in its queue included.
    pub(super) fn load(&self) -> usize {
        self.load.load(Relaxed)
    }

    /// Puts a connection into its queue, or gives it back if that is full.
    pub(super) fn hand_over(&self, mut arrival: Box<Arrival>) -> Result<(), Box<Arrival>> {
        arrival.seat.at(&self.load);
        self.queue.try_send(Errand::Serve(arrival)).map_err(|error| match error.into_inner() {
            Errand::Serve(arrival) => arrival,
            Errand::Shed(..) => unreachable!("what comes back is what was sent"),
        })
    }

    /// Ends up to `count` connections that wait for their client; says how many there were.
    pub(super) async fn shed(&self, count: usize) -> usize {
        let (says, told) = oneshot::channel();
        if self.queue.try_send(Errand::Shed(count, says)).is_err() {
            return 0;
        }
        told.await.unwrap_or(0)
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

/// What a thread holds for as long as it runs.
#[derive(Clone)]
pub(super) struct Alive {
    _thread: mpsc::Sender<()>,
}

/// Tells when all threads have ended.
pub(super) struct Ended(mpsc::Receiver<()>);

impl Ended {
    /// To be told of the end of those who hold the other half.
    pub(super) fn of_all() -> (Alive, Self) {
        let (thread, ended) = mpsc::channel(1);
        (Alive { _thread: thread }, Self(ended))
    }

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
    pub(super) fn start(state: &Arc<State>, alive: &Alive) -> io::Result<Self> {
        let handles = (0..state.workers.len()).map(|index| spawn(index, state, alive.clone()));
        Ok(Self(handles.collect::<io::Result<_>>()?))
    }
}

fn spawn(index: usize, state: &Arc<State>, alive: Alive) -> io::Result<Handle> {
    let (queue, errands) = mpsc::channel(QUEUE);
    let state = Arc::clone(state);
    let phase = state.phase.subscribe();
    let (meter, clock) = (Arc::clone(&state.workers[index]), state.clock.clone());
    let build = move || runtime(&meter, &clock);
    on_a_thread(format!("sekisho-worker-{index}"), alive, build, move |runtime| {
        work(runtime, index, &state, errands, phase);
    })?;
    Ok(Handle { queue, load: Arc::default() })
}

/// Runs `work` on a new thread with the runtime that `build` makes there. Ending the runtime cuts what it has not finished.
///
/// # Errors
/// The system has no thread or no event queue to give.
pub(super) fn on_a_thread(
    name: String,
    alive: Alive,
    build: impl FnOnce() -> io::Result<LocalRuntime> + Send + 'static,
    work: impl FnOnce(&LocalRuntime) + Send + 'static,
) -> io::Result<()> {
    // The runtime cannot leave its thread, so the thread makes it and says whether it could.
    let (says, told) = std::sync::mpsc::sync_channel(1);
    thread::Builder::new().name(name).spawn(move || {
        match build() {
            Ok(runtime) => {
                let _ = says.send(Ok(()));
                work(&runtime);
            }
            Err(error) => {
                let _ = says.send(Err(error));
            }
        }
        drop(alive);
    })?;
    told.recv().map_err(io::Error::other)?
}

/// The runtime of a worker, which notes when it wakes and when it goes to sleep.
fn runtime(meter: &Arc<WorkerMeter>, clock: &Clock) -> io::Result<LocalRuntime> {
    let (asleep, awake) = (Arc::clone(meter), Arc::clone(meter));
    let (evening, morning) = (clock.clone(), clock.clone());
    awake.stalls.wake(clock.now());
    Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || asleep.stalls.turn(evening.now()))
        .on_thread_unpark(move || awake.stalls.wake(morning.now()))
        .build_local(LocalOptions::default())
}

/// Serves what arrives until all is over.
fn work(
    runtime: &LocalRuntime,
    index: usize,
    state: &State,
    mut errands: mpsc::Receiver<Errand>,
    mut phase: watch::Receiver<Phase>,
) {
    runtime.block_on(async {
        let meter = Arc::clone(&state.workers[index]);
        let worker = Worker::new(index, state.clock.clone(), Arc::clone(&state.site), meter);
        worker.start();
        if let Some(watchdog) = Watchdog::asked() {
            worker.beat(watchdog.beat_every());
        }
        let mut sites = state.sites.subscribe();
        let mut closed = 0;
        loop {
            tokio::select! {
                Some(errand) = errands.recv() => match errand {
                    Errand::Serve(arrival) => admit(*arrival, &worker),
                    // Nobody may be waiting for the answer any more.
                    Errand::Shed(count, says) => drop(says.send(worker.local.alarms.shed(count))),
                },
                Ok(()) = sites.changed() => {
                    worker.renew();
                    let doors = sites.borrow_and_update().doors_closed;
                    if std::mem::replace(&mut closed, doors) != doors {
                        worker.local.alarms.wake_all();
                    }
                }
                changed = phase.changed() => {
                    let now = *phase.borrow_and_update();
                    match now {
                        _ if changed.is_err() => return,
                        Phase::Over => {
                            worker.end();
                            // What does not end when it is told to ends with the runtime.
                            let _ = tokio::time::timeout(CUTTING, worker.closed()).await;
                            return;
                        }
                        Phase::Draining => worker.drain(),
                        Phase::Late => worker.cut(),
                        Phase::Starting | Phase::Ready => {}
                    }
                }
            }
            worker.turn();
        }
    });
}

fn admit(arrival: Arrival, worker: &Rc<Worker>) {
    let Arrival { stream, peer, door, crowd, seat } = arrival;
    // Where the worker's event queue has no place for it, closing is all that can be done.
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
    let worker = Rc::clone(worker);
    let nest = Rc::clone(&worker.nest);
    // Nobody waits for its end.
    drop(nest.spawn(async move {
        let serving = sekisho_gateway::admit(stream, peer, door, crowd, Rc::clone(&worker));
        let mut serving = pin!(serving);
        poll_fn(|cx| {
            let poll = serving.as_mut().poll(cx);
            worker.turn();
            poll
        })
        .await;
        drop(seat);
    }));
}

#[cfg(test)]
mod tests {
    use sekisho_exchange::Permits;

    use super::*;

    #[test]
    fn a_seat_counts_at_one_worker_only_and_is_given_back() {
        let seats = Permits::new(1);
        let loads = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let counts = || [&loads[0], &loads[1]].map(|load| load.load(Relaxed));
        let mut seat = Seat::new(seats.try_take().unwrap(), None);
        seat.at(&loads[0]);
        assert_eq!(counts(), [1, 0]);
        seat.at(&loads[1]);
        assert_eq!((counts(), seats.taken()), ([0, 1], 1));
        drop(seat);
        assert_eq!((counts(), seats.taken()), ([0, 0], 0));
    }
}
